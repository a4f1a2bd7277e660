"""Cores, memory and file names, as the operating system has them. No torch here."""

import ctypes
import errno
import math
import os
import platform
from pathlib import Path

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # glibc's malloc.h
AT_FDCWD, RENAME_EXCHANGE = -100, 2  # Linux's fcntl.h and fs.h


def usable_cores(groups: Path = Path("/sys/fs/cgroup")) -> int:
    """Return the number of cores that this process may use.

    In many containers it is less than the machine has. `groups` is the folder of control groups, where Linux
    states the quota; a fraction of a core counts as one.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        if (groups / "cpu.max").is_file():
            quota, period = (groups / "cpu.max").read_text("ascii").split()
        else:  # control groups, version 1
            quota, period = (
                (groups / "cpu" / f"cpu.cfs_{name}_us").read_text("ascii") for name in ("quota", "period")
            )
        limit = math.ceil(int(quota) / int(period))
    except (OSError, ValueError, ZeroDivisionError):
        return cores  # no quota: no such file, or "max" in it
    return min(cores, limit) if limit > 0 else cores


def keep_memory() -> None:
    """Reuse freed memory within this process; call this before torch is imported.

    Every training step frees and allocates the same gigabytes. glibc returns blocks above 32 MB to the system
    at once (mallopt(3)), which then clears every page of the next ones: half the time of a step at 224 px.
    Blocks that are kept, in pages of 2 MB where Linux gives them on request, cost nothing. The price is that
    the process stays at its peak memory. Without glibc, and on a GPU, nothing changes.
    """
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")  # torch reads it at its first allocation
    if platform.libc_ver()[0] == "glibc":
        library = ctypes.CDLL(None)
        library.mallopt(M_MMAP_MAX, 0)
        library.mallopt(M_TRIM_THRESHOLD, -1)


def return_memory() -> None:
    """Return freed memory to the system, also what `keep_memory` has kept.

    Between two parts of a run, whose blocks have other sizes: the holes of one would add to the other.
    """
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)


def exchange_names(one: Path, other: Path) -> bool:
    """Let two files or folders of a disk change places in one step (renameat2(2)).

    Returns False, and changes nothing, where the system or the disk cannot do that. Raises OSError where it
    fails.
    """
    library = ctypes.CDLL(None, use_errno=True) if platform.libc_ver()[0] == "glibc" else None
    if not hasattr(library, "renameat2"):
        return False
    names = AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other)
    if library.renameat2(*names, RENAME_EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.ENOSYS, errno.EINVAL):
        return False
    raise OSError(code, os.strerror(code), str(other))
