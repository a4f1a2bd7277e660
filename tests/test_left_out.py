"""Files that are left out of folders and archives."""

import pytest

from hub.left_out import CLUTTER, is_clutter, left_out

HIDDEN = {".ipynb_checkpoints", ".DS_Store", "._film.png", ".Trash-1000", ".git", ".@__thumb"}


@pytest.mark.parametrize("name", sorted(CLUTTER | HIDDEN))
def test_hidden_and_system_names_are_clutter_in_any_case(name):
    assert is_clutter(name) and is_clutter(name.upper())


@pytest.mark.parametrize("name", ["NORMAL", "film.png", "thumbs", "__unknown__", "..", ".", "recycled_films"])
def test_other_names_are_not(name):
    assert not is_clutter(name)


def test_left_out_files_are_counted_by_suffix():
    names = ["a.dcm", "b.txt", "c.DCM", "README", "folder.x/d.dcm"]
    assert left_out(names) == "left out 5 files: 3 `.dcm`, 1 without a suffix, 1 `.txt`"
    assert left_out(["a.dcm"]) == "left out 1 file: 1 `.dcm`"


def test_of_many_suffixes_the_most_frequent_are_named():
    names = [f"core.{number}" for number in range(100)] + ["a.txt", "b.txt"]
    assert left_out(names) == (
        "left out 102 files: 2 `.txt`, 1 `.0`, 1 `.1`, 1 `.10`, 1 `.11`, 1 `.12`, 95 of other kinds"
    )
