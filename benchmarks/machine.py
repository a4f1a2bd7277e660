"""What figures of speed depend on, and where they are kept."""

import json
import os
import platform
import re
import statistics
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np

from hub import files

RECORD = Path(__file__).with_name("results.json")
MULTIPLY_ADDS = 0.30e9  # of MobileNetV2 at 224 px (Sandler et al. 2018, table 4)


def describe() -> dict[str, str | int]:
    """Return the processor, the cores that this process may use, and versions."""
    about = Path("/proc/cpuinfo")
    lines = about.read_text().splitlines() if about.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": names[0] if names else platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "python": platform.python_version(),
        "torch": version("torch"),
        "timm": version("timm"),
    }


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


def save(name: str, section: dict) -> None:
    """Put a section into results.json; the others stay as they are."""
    kept = json.loads(RECORD.read_text()) if RECORD.is_file() else {}
    files.write_json(RECORD, kept | {name: section})
