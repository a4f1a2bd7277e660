"""What figures of speed depend on, and where they are kept."""

import importlib.util
import json
import platform
import re
import shlex
import statistics
import subprocess
import sys
import time
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import numpy as np

from hub import files
from hub.errors import InputError
from hub.system import usable_cores

RECORD = Path(__file__).with_name("results.json")
OURS, THEIRS = "#c2410c", "#94a3b8"  # colours in the charts
MULTIPLY_ADDS = 0.30e9  # of MobileNetV2 at 224 px (Sandler et al. 2018, table 4)


def describe() -> dict[str, str | int]:
    """Return the processor, the cores that this process may use, and versions."""
    about = Path("/proc/cpuinfo")
    lines = about.read_text().splitlines() if about.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": names[0] if names else platform.processor() or platform.machine(),
        "cores": usable_cores(),
        "python": platform.python_version(),
        "torch": version("torch"),
        "timm": version("timm"),
    }


def sentence(about: dict) -> str:
    """Return what `describe` gave in words."""
    return f"{about['cpu']}, {about['cores']} cores, torch {about['torch']}."


def peak() -> float:
    """Return the most multiply-adds a second that a large fp32 matrix product reaches here."""
    side = 3072
    left, right = np.random.default_rng(0).standard_normal((2, side, side), dtype=np.float32)
    seconds = []
    for _ in range(6):
        started = time.perf_counter()
        left @ right
        seconds.append(time.perf_counter() - started)
    return side**3 / statistics.median(seconds[1:])


def peak_memory(process: int | str = "self") -> int:
    """Return the most memory that a process has had, in megabytes; 0 where /proc does not tell.

    `resource.getrusage` would count what the process was before it became another program.
    """
    status = Path(f"/proc/{process}/status")
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.is_file() else None
    return round(int(found[1]) / 1e3) if found else 0


def run(arguments: list[str]) -> tuple[float, int]:
    """Run Python with `arguments`, its output shown; return the seconds and its most memory in megabytes.

    Raises InputError where it fails.
    """
    shown = f"python {shlex.join(arguments)}"
    print(f"\n{shown}", flush=True)
    started, megabytes = time.perf_counter(), 0
    with subprocess.Popen([sys.executable, *arguments]) as process:
        while process.poll() is None:
            megabytes = peak_memory(process.pid) or megabytes
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.5)
    if process.returncode:
        raise InputError(f"`{shown}` ended with {process.returncode}; what it says above is why.")
    return time.perf_counter() - started, megabytes


def ask(arguments: list[str]) -> dict:
    """Run Python with `arguments`; return the JSON object that is the last line it prints.

    Raises InputError where it fails.
    """
    found = subprocess.run([sys.executable, *arguments], stdout=subprocess.PIPE, text=True)
    if found.returncode:
        shown = f"python {shlex.join(arguments)}"
        raise InputError(f"`{shown}` ended with {found.returncode}; what it says above is why.")
    return json.loads(found.stdout.splitlines()[-1])


def need_tensorflow() -> None:
    """Raise InputError where TensorFlow is not installed."""
    if not importlib.util.find_spec("tensorflow"):
        raise InputError(
            "TensorFlow is not installed; `pip install -r benchmarks/requirements.txt` brings it."
        )


def load(name: str) -> dict:
    """Return a section of results.json; {} where there is none yet."""
    return json.loads(RECORD.read_text()).get(name, {}) if RECORD.is_file() else {}


def load_here(name: str) -> dict:
    """Return a section of results.json to add to; raises InputError where another machine measured it."""
    section = load(name)
    if section and section["machine"] != describe():
        raise InputError(f"{RECORD.name} holds figures of another machine or versions; leave --only out.")
    return section


def save(name: str, section: dict) -> None:
    """Put a section into results.json; the others stay as they are."""
    kept = json.loads(RECORD.read_text()) if RECORD.is_file() else {}
    files.write_json(RECORD, kept | {name: section})


def subplots(*arguments, **keywords):
    """Return a figure and its axes, as matplotlib's `subplots` does, for a file rather than a screen."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.rcParams |= {"axes.spines.top": False, "axes.spines.right": False}
    return plt.subplots(*arguments, **keywords, layout="constrained")


def save_figure(figure, name: str) -> None:
    """Write a figure of `subplots` beside results.json, through a temporary name, and close it."""
    import matplotlib.pyplot as plt

    path = RECORD.with_name(name)
    partial = path.with_name(f".{name}")
    figure.savefig(partial, dpi=160, metadata={"Software": None})
    plt.close(figure)
    partial.replace(path)
