"""Distribution shifts: the same images as another machine would have made them."""

import io
import math

import numpy as np
import pytest
import torch
import torchvision.transforms.v2.functional as F
from PIL import Image

from hub.evaluation.shifts import SHIFTS, STRENGTHS, SWAPS, add_shifts, shift, swap
from hub.imaging.synthetic import sample_radiographs


@pytest.fixture(scope="module")
def radiographs():
    return torch.from_numpy(np.stack([np.asarray(image) for image in sample_radiographs(4)[0]]))[:, None]


@pytest.mark.parametrize("name", SHIFTS)
def test_a_shift_changes_the_image_and_more_so_the_stronger_it_is(name, radiographs):
    before = radiographs.clone()
    changes = []
    for strength in STRENGTHS:
        shifted = shift(radiographs, name, strength)
        assert (shifted.shape, shifted.dtype) == (radiographs.shape, torch.uint8)
        assert torch.equal(shifted, shift(radiographs, name, strength))
        changes.append((shifted.float() - radiographs).abs().mean().item())
    assert 0 < changes[0] < changes[1] < changes[2]
    assert torch.equal(radiographs, before)


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_shifts_are_what_pillow_encodes_and_decodes(channels, radiographs):
    images = radiographs.expand(-1, channels, -1, -1).clone()
    images[:, -1] = images[:, -1].flip(1)
    for quality, shifted in zip((40, 20, 10), (shift(images, "JPEG", s) for s in STRENGTHS), strict=True):
        for before, after in zip(images, shifted, strict=True):
            file = io.BytesIO()
            F.to_pil_image(before).save(file, "JPEG", quality=quality)
            assert torch.equal(after, F.pil_to_tensor(Image.open(file)))


def test_erased_corners_leave_the_rest_alone(radiographs):
    shifted = shift(radiographs, "no markers", 1)
    assert torch.equal(shifted[..., 30:-30, :], radiographs[..., 30:-30, :])
    assert shifted[0, 0, :20, :20].unique().numel() == 1


@pytest.mark.parametrize("name", SWAPS)
def test_a_swap_takes_its_cues_from_an_image_of_the_other_class(name):
    dark, bright = torch.randint(0, 100, (3, 1, 224, 224)), torch.randint(156, 256, (5, 1, 224, 224))
    radiographs = torch.cat([dark, bright]).to(torch.uint8)
    labels = torch.tensor([0] * 3 + [1] * 5)
    swapped = swap(radiographs, labels, name)
    assert (swapped.shape, swapped.dtype) == (radiographs.shape, torch.uint8)
    assert torch.equal(swapped, swap(radiographs, labels, name))
    share, grey_values = SWAPS[name]
    width = math.ceil(224 * share)
    frame = torch.ones(224, 224, dtype=torch.bool)
    frame[width : 224 - width, width : 224 - width] = False
    from_other_class = (swapped > 128) != (radiographs > 128)
    assert from_other_class[..., frame].all()
    assert (
        from_other_class[..., ~frame].all()
        if grey_values
        else torch.equal(swapped[..., ~frame], radiographs[..., ~frame])
    )


def test_grey_values_change_and_the_order_of_brightness_does_not(radiographs):
    labels = torch.tensor([0, 0, 1, 1])
    swapped = swap(radiographs, labels, "grey values").flatten(1).float()
    for before, after in zip(radiographs.flatten(1).float(), swapped, strict=True):
        order = before.argsort()
        assert (after[order].diff() >= 0).all()


def test_swapping_takes_two_classes(radiographs):
    with pytest.raises(ValueError, match="two classes"):
        swap(radiographs, torch.zeros(4, dtype=torch.long), "wide frame")


def test_shifts_take_turns_and_every_image_comes_with_three_of_them_and_a_swap(radiographs):
    classes = torch.tensor([0, 1, 0, 1])
    images, labels, rows = add_shifts(radiographs, classes)
    assert len(images) == 4 * (1 + 3 + 1)
    assert torch.equal(images[:4], radiographs) and torch.equal(labels[:4], classes)
    assert labels.bincount().tolist() == [10, 10]
    assert torch.equal(labels, classes[rows]) and rows.bincount().tolist() == [5] * 4
    assert all((images[4:] != radiograph).flatten(1).any(1).all() for radiograph in radiographs)
