"""`training.augmentation`: every image its own way."""

import torch

from hub.evaluation.shifts import swap_partners
from hub.training.augmentation import augment, swap_shortcuts


def test_augmentation_leaves_pixels_in_range_and_changes_every_image():
    images = torch.randint(0, 256, (8, 1, 48, 48), dtype=torch.uint8)
    first, second = (augment(images, 40, torch.Generator().manual_seed(seed)) for seed in (0, 1))
    assert first.shape == (8, 1, 40, 40)
    assert first.min() >= 0 and first.max() <= 1
    assert all((a != b).any() for a, b in zip(first, second, strict=True))


def test_a_share_of_images_gets_frame_or_greys_of_the_other_class_and_keeps_its_lungs():
    labels = torch.arange(200) % 2
    images = (40 + 160 * labels).view(-1, 1, 1, 1).expand(-1, 1, 48, 48).to(torch.uint8)
    images = images + torch.arange(48, dtype=torch.uint8)  # so that greys have an order
    batch, generator = torch.arange(150), torch.Generator().manual_seed(0)
    swapped = swap_shortcuts(images[batch], images, swap_partners(labels), batch, 0.3, generator)
    changed = (swapped != images[batch]).flatten(1).any(1)
    assert 0.2 < changed.float().mean() < 0.4
    frames = swapped[:, 0, 0, 0] // 128 != labels[batch]
    centres = swapped[:, 0, 24, 24] // 128 != labels[batch]
    assert (frames[changed] | centres[changed]).all()
    assert not (frames[~changed] | centres[~changed]).any()
    assert {(True, False), (True, True)} == set(
        zip(frames[changed].tolist(), centres[changed].tolist(), strict=True)
    )
