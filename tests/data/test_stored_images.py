"""Images in a file give what the same images in memory give."""

import os
import pickle

import numpy as np
import pytest
import torch

from hub.data.stored_images import StoredImages


@pytest.fixture
def both(tmp_path):
    """The same images in memory and in a file, behind a header of seven bytes."""
    images = torch.randint(0, 256, (10, 2, 5, 6), dtype=torch.uint8)
    (tmp_path / "images").write_bytes(b"7 bytes" + images.numpy().tobytes())
    return images, StoredImages(tmp_path / "images", 7, tuple(images.shape))


@pytest.mark.parametrize(
    "index",
    [3, -1, slice(2, 7), slice(None), slice(8, 99), slice(9, 2), slice(1, 9, 3), torch.tensor([7, 0, 7]),
     np.array([4, 9]), torch.tensor([], dtype=torch.int64)],
)  # fmt: skip
def test_an_index_gives_the_images_that_a_tensor_gives(both, index):
    images, stored = both
    assert torch.equal(stored[index], images[index])


def test_they_are_counted_and_iterated_as_a_tensor_is(both):
    images, stored = both
    assert (len(stored), stored.shape, stored.nbytes) == (10, images.shape, images.nbytes)
    assert torch.equal(torch.stack([*stored]), images)
    with pytest.raises(IndexError):
        stored[10]


def test_another_process_gets_the_file_and_not_its_contents(both):
    images, stored = both
    sent = pickle.dumps(stored)
    assert len(sent) < 300
    assert torch.equal(pickle.loads(sent)[:], images)


def test_a_file_that_was_cut_short_is_an_error_and_no_wrong_image(both):
    _, stored = both
    os.truncate(stored.path, 50)
    with pytest.raises(OSError, match="ends before"):
        stored[2]


def test_reading_ahead_changes_nothing(both):
    images, stored = both
    stored.read_ahead([9, 0, 3])
    assert torch.equal(stored[:], images)
