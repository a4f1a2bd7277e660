"""The order of an epoch, and its images from memory, a disk or a device."""

import pytest
import torch

from hub.data.stored_images import StoredImages
from hub.training import image_feed


@pytest.fixture
def images():
    return torch.randint(0, 256, (100, 1, 4, 4), dtype=torch.uint8)


@pytest.fixture
def stored(images, tmp_path):
    (tmp_path / "images").write_bytes(images.numpy().tobytes())
    return StoredImages(tmp_path / "images", 0, tuple(images.shape))


def seeded():
    return torch.Generator().manual_seed(5)


def test_images_of_one_window_are_shuffled_whole(images, stored):
    for kind in (images, stored):
        (order,) = image_feed.shuffled_windows(kind, seeded())
        assert torch.equal(order, torch.randperm(100, generator=seeded()))


def test_of_more_each_window_takes_few_blocks_and_all_images_are_taken_once(stored, monkeypatch):
    monkeypatch.setattr(image_feed, "BLOCK", 4 * 16)  # four images
    windows = image_feed.shuffled_windows(stored, seeded(), window=20 * 16)
    assert [len(window) for window in windows] == [20] * 5
    assert sorted(torch.cat(windows).tolist()) == list(range(100))
    for window in windows:
        assert len({row // 4 for row in window.tolist()}) == 5
        assert window.tolist() != sorted(window.tolist())
    again = image_feed.shuffled_windows(stored, seeded(), window=20 * 16)
    assert all(map(torch.equal, windows, again))


@pytest.mark.parametrize("window", [1 << 20, 20 * 16])
def test_every_batch_is_fed_in_order_from_the_disk_as_from_memory(images, stored, window, monkeypatch):
    monkeypatch.setattr(image_feed, "BLOCK", 4 * 16)
    windows = image_feed.shuffled_windows(stored, seeded(), window)
    batches = torch.cat(windows).split(12)
    asked = []
    monkeypatch.setattr(StoredImages, "read_ahead", lambda self, rows: asked.append(sorted(rows)))
    for kind in (images, stored):
        fed = [*image_feed.feed(kind, windows, batches, torch.device("cpu"))]
        assert all(torch.equal(pixels, images[batch]) for pixels, batch in zip(fed, batches, strict=True))
    assert asked == [sorted(window.tolist()) for window in windows[1:]]


def test_images_lie_on_the_device_where_half_its_free_memory_holds_them(images, stored):
    cpu = torch.device("cpu")
    assert image_feed.place(stored, cpu, free=2 * images.nbytes - 1) is stored
    placed = image_feed.place(stored, cpu, free=2 * images.nbytes)
    assert torch.equal(placed, images)
    assert image_feed.free_memory(cpu) == 0
