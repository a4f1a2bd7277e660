"""Copies, and probes of features other than lungs."""

import shutil

import numpy as np

from hub.analysis import shortcuts
from hub.data.splits import load_splits


def test_copies_are_counted_within_and_across_splits(kaggle_folder):
    splits = load_splits(kaggle_folder)
    assert shortcuts.count_copies(splits) == {"groups": 0, "across_splits": 0}
    first = sorted((kaggle_folder / "train" / "NORMAL").iterdir())[0]
    for split, name in (("train", "IM-0900-0001.jpeg"), ("test", "IM-0901-0001.jpeg")):
        shutil.copy(first, kaggle_folder / split / "NORMAL" / name)
    assert shortcuts.count_copies(load_splits(kaggle_folder)) == {"groups": 1, "across_splits": 1}


def test_the_border_probe_does_not_see_the_inside():
    images = np.random.default_rng(0).integers(0, 256, (2, 1, 224, 224), dtype=np.uint8)
    border = shortcuts._border(images)
    images[..., 12:-12, 12:-12] = 0
    assert np.array_equal(border, shortcuts._border(images))
    images[..., :12, :] = 0
    assert not np.array_equal(border, shortcuts._border(images))
