"""What of the machine a process may use, and that it keeps the memory it has. No torch here."""

import ctypes
import math
import os
import platform
from pathlib import Path

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # glibc's malloc.h


def usable_cores(groups: Path = Path("/sys/fs/cgroup")) -> int:
    """Return how many cores this process may keep busy: fewer than the machine has, in many a container.

    `groups` is where Linux tells the quota, of which a fraction counts as a core.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        if (groups / "cpu.max").is_file():
            quota, period = (groups / "cpu.max").read_text().split()
        else:  # of older systems
            quota, period = (
                (groups / "cpu" / f"cpu.cfs_{what}_us").read_text() for what in ("quota", "period")
            )
        limit = math.ceil(int(quota) / int(period))
    except (OSError, ValueError, ZeroDivisionError):
        return cores  # no quota, which "max" says, too
    return min(cores, limit) if limit > 0 else cores


def keep_memory() -> None:
    """Let this process use its freed memory again; call it before torch is imported.

    Every step of training frees and takes the same gigabytes. glibc hands blocks above 32 MB back to the
    system at once (mallopt(3)), which then clears every page of the next ones: half the time of a step at
    224 px. Kept in pages of 2 MB, where Linux has them on request, they cost nothing. Elsewhere than with
    glibc, and on a GPU, nothing changes. The process keeps the most memory that it ever had.
    """
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")  # torch's, read at its first allocation
    if platform.libc_ver()[0] == "glibc":
        library = ctypes.CDLL(None)
        library.mallopt(M_MMAP_MAX, 0)
        library.mallopt(M_TRIM_THRESHOLD, -1)
