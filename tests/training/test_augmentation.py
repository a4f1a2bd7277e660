"""`training.augmentation`: every image its own way."""

import torch

from hub.training.augmentation import augment


def test_augmentation_leaves_pixels_in_range_and_changes_every_image():
    images = torch.randint(0, 256, (8, 1, 48, 48), dtype=torch.uint8)
    first, second = (augment(images, 40, torch.Generator().manual_seed(seed)) for seed in (0, 1))
    assert first.shape == (8, 1, 40, 40)
    assert first.min() >= 0 and first.max() <= 1
    assert all((a != b).any() for a, b in zip(first, second, strict=True))
