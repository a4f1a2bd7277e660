"""What a benchmark says of the machine and of a process."""

import mmap

import numpy as np

from benchmarks import machine


def test_watched_memory_is_the_most_that_was_held_without_mapped_files(tmp_path):
    path = tmp_path / "mapped"
    with path.open("wb") as file:
        file.truncate(100_000_000)
    mapped = np.memmap(path, np.uint8, "r")
    with machine.watched(machine.held_memory) as held:
        before = held()
        assert mapped.sum() == 0
        assert held() < before + 50
        block = mmap.mmap(
            -1, 100_000_000, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        )  # none that was freed before
        np.frombuffer(block, np.uint8)[:] = 1
        assert held() > before + 90
        block.close()
        assert held() > before + 90
