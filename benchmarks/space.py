"""Measure a Space: its environment, its start and its memory.

  python -m benchmarks.space                  builds two environments, of Gradio and of Streamlit; minutes
  python -m benchmarks.space --save           also writes docs/space.md

The Space is the dry run of `python -m hub publish space`, with the bundled model beside it.
"""

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import venv
from pathlib import Path
from statistics import median

from benchmarks import records
from hub import files
from hub.errors import InputError, run_command
from hub.models.folder import BUNDLED
from hub.text import file_size, number

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "space.md"
PATIENCE = 300  # seconds for a page to come
TURNS = 5  # of which the median counts
HEAD = """\
# A Space without PyTorch

`python -m hub publish space` writes a Space without PyTorch: ONNX Runtime answers, and the tab "Inside the
network" shows what `train.py`, or `python -m hub inside FOLDER`, prepared of the layers. The Streamlit page
alone takes [requirements-streamlit.txt](../requirements-streamlit.txt). Each page in a new environment, on
{cores} CPU cores, the median of {turns} starts after a first one, by `python -m benchmarks.space --save`:

| page | environment | import | from there to the first page | memory at the first page |
| --- | --- | --- | --- | --- |
"""


def main(arguments: list[str] | None = None) -> None:
    """Measure both pages, print a row of each, and save them with `--save`."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.space",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--save", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    save = parser.parse_args(arguments).save
    records.check(save, PAGE)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name in ("gradio", "streamlit"):
            rows.append(measure(name, Path(folder) / name))
            print(rows[-1], flush=True)
    if save:
        head = HEAD.format(cores=os.cpu_count(), turns=TURNS)
        files.write_text(PAGE, head + "".join(f"{row}\n" for row in rows))


def measure(name: str, folder: Path) -> str:
    """Return the row of a page: size of environment, start and memory."""
    space = folder / "space"
    command = ["publish", "space", "someone/demo", "--model", "someone/model", "--dry-run", str(space)]
    subprocess.run([sys.executable, "-m", "hub", *command], cwd=ROOT, check=True, capture_output=True)
    requirements = space / "requirements.txt"
    app = [str(space / "app.py")]
    if name == "streamlit":
        requirements = ROOT / "requirements-streamlit.txt"
        (space / "streamlit_app.py").write_bytes((ROOT / "streamlit_app.py").read_bytes())
        app = ["-m", "streamlit", "run", str(space / "streamlit_app.py"), "--server.headless=true"]
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", "-r", requirements], check=True)
    subprocess.run([python, "-m", "pip", "uninstall", "-qy", "pip", "setuptools"], check=True)
    size = sum(path.stat().st_size for path in (folder / "venv").rglob("*") if path.is_file())
    command = [python, "-c", f"import {name}"]
    subprocess.run(command, check=True)  # from now on its files are in memory
    imported = median(_seconds(command) for _ in range(TURNS))
    starts = [start([str(python), *app], space) for _ in range(1 + TURNS)][1:]
    started, memory = median(seconds for seconds, _ in starts), max(memory for _, memory in starts)
    times = f"{number(imported, 1)} s | {number(started - imported, 1)} s"
    return f"| {name.capitalize()} | {file_size(size)} | {times} | {file_size(memory)} |"


def _seconds(command: list) -> float:
    """Return how long a command takes."""
    started = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - started


def start(command: list[str], folder: Path) -> tuple[float, int]:
    """Return the seconds until a page answers, and the most bytes of memory by then."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    settings = {"MODEL": str(BUNDLED), "GRADIO_SERVER_PORT": port, "STREAMLIT_SERVER_PORT": port}
    started = time.perf_counter()
    with subprocess.Popen(
        command, cwd=folder, env=os.environ | settings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            while not _answers(f"http://127.0.0.1:{port}"):
                if process.poll() is not None or time.perf_counter() - started > PATIENCE:
                    raise InputError(f"`{' '.join(command)}` serves no page; run it by hand.")
                time.sleep(0.05)
            seconds = time.perf_counter() - started
            status = Path(f"/proc/{process.pid}/status").read_text("ascii")
        finally:
            process.kill()
    return seconds, 1024 * int(status.split("VmHWM:")[1].split()[0])


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return response.status == 200
    except OSError:
        return False


if __name__ == "__main__":
    run_command("python -m benchmarks.space", main)
