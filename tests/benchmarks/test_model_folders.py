"""Broken model folders, a few of each kind: all of them take a minute."""

import pytest

from benchmarks.reliability import model_folders


def refused(count):
    figures = model_folders.measure(count)
    assert (figures["exceptions"], figures["taken"]) == ([], [])
    assert figures["refused"] == figures["folders"]
    return figures


def test_broken_folders_are_refused_in_one_sentence():
    figures = refused(16)
    assert figures["folders"] == 16 and figures["sentences"] > 6


@pytest.mark.slow
def test_two_hundred_broken_folders_are_refused_and_take_no_memory():
    figures = refused(None)
    assert figures["folders"] >= 200
    assert figures["memory"] < 500
