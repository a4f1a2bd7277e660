"""Broken model folders: each is refused in one sentence."""

import pytest

from benchmarks.reliability import model_folders
from hub.errors import InputError


@pytest.mark.slow
def test_two_hundred_broken_folders_are_refused_and_take_no_memory():
    figures = model_folders.measure(None)
    assert (figures["exceptions"], figures["taken"]) == ([], [])
    assert figures["refused"] == figures["folders"] >= 200
    assert figures["memory"] < 500


def test_a_count_below_one_is_refused():
    with pytest.raises(InputError, match="--count of 1 or more"):
        model_folders.main(["--count", "-1"])
