"""Cores that a process may use, and memory that it keeps."""

import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from hub.system import usable_cores

ROOT = Path(__file__).parents[1]
# Page faults of each round in which blocks of 12 to 64 MB are allocated, written and freed.
PAGE_FAULTS = """
import resource
import torch

for _ in range(11):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    blocks = [torch.ones(number * 1_000_000) for number in (3, 16, 9, 12)]
    del blocks
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.parametrize(
    ("files", "limit"),
    [
        ({"cpu.max": "100000 100000\n"}, 1),
        ({"cpu.max": "50000 100000\n"}, 1),
        ({"cpu.max": "max 100000\n"}, None),
        ({"cpu.max": "99900000 100000\n"}, None),  # more than the machine has
        ({"cpu.max": "nonsense"}, None),
        ({"cpu/cpu.cfs_quota_us": "100000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 1),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ({}, None),
    ],
)
def test_a_container_may_use_fewer_cores_than_the_machine_has(files, limit, tmp_path):
    (tmp_path / "cpu").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert usable_cores(tmp_path) == (limit or len(os.sched_getaffinity(0)))


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library than glibc is left as it is")
def test_memory_that_was_freed_is_used_again_without_the_system():
    keep = "from hub.system import keep_memory\nkeep_memory()\n"
    # Small pages, of which each is a fault, whatever the system is set to.
    environment = os.environ | {"THP_MEM_ALLOC_ENABLE": "0"}
    command = [sys.executable, "-c", keep + PAGE_FAULTS]
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    first, *later = map(int, run.stdout.split())
    assert first > 30_000  # or there was nothing to save
    # A small object may settle between two blocks: the memory then grows by a block, once.
    assert statistics.median(later) < first / 100
