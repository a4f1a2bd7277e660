"""What figures of speed depend on: processor, its peak, memory of a process."""

import platform
import re
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import numpy as np

from hub.system import usable_cores

MULTIPLY_ADDS = 0.30e9  # of MobileNetV2 at 224 px (Sandler et al. 2018, table 4)


def describe() -> dict[str, str | int]:
    """Return the processor, the cores that this process may use, and versions."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": names[0] if names else platform.processor() or platform.machine(),
        "cores": usable_cores(),
        "python": platform.python_version(),
        "torch": version("torch"),
        "timm": version("timm"),
    }


def sentence(description: dict) -> str:
    """Return the description of a machine, from `describe`, as a sentence."""
    return f"{description['cpu']}, {description['cores']} cores, torch {description['torch']}."


def peak() -> float:
    """Return the multiply-adds per second of a large fp32 matrix product."""
    side = 3072
    left, right = np.random.default_rng(0).standard_normal((2, side, side), dtype=np.float32)
    seconds = []
    for _ in range(6):
        start = time.perf_counter()
        left @ right
        seconds.append(time.perf_counter() - start)
    return side**3 / statistics.median(seconds[1:])


def peak_memory(process: int | str = "self") -> int:
    """Return the peak memory of a process in megabytes; 0 on systems without /proc.

    `resource.getrusage` would count what the process was before it became another program.
    """
    return _memory(process, "VmHWM")


def held_memory() -> int:
    """Return the megabytes that this process holds; 0 on systems without /proc.

    Files that are mapped do not count, as the system takes their pages back whenever it needs memory.
    """
    return _memory("self", "RssAnon")


@contextmanager
def watched(measure: Callable[[], int]) -> Iterator[Callable[[], int]]:
    """Call `measure` again and again in the block; yield what returns its peak."""
    most, ended = measure(), threading.Event()

    def look() -> int:
        nonlocal most
        most = max(most, measure())
        return most

    def watch() -> None:
        while not ended.wait(0.01):
            look()

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield look
    finally:
        ended.set()
        watcher.join()


def _memory(process: int | str, name: str) -> int:
    """Return an entry of /proc/PROCESS/status in megabytes, 0 without such a file."""
    status = Path(f"/proc/{process}/status")
    match = re.search(rf"{name}:\s+(\d+) kB", status.read_text("ascii")) if status.is_file() else None
    return round(int(match[1]) / 1e3) if match else 0
