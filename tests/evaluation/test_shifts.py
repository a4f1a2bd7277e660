"""Shifted views: what another machine would have made of the same films."""

import io
import math

import numpy as np
import pytest
import torch
import torchvision.transforms.v2.functional as F
from PIL import Image

from hub.evaluation.shifts import STRENGTHS, SWAPS, VIEWS, in_turn, shift, swap
from hub.imaging.synthetic import sample_radiographs


@pytest.fixture(scope="module")
def films():
    return torch.from_numpy(np.stack([np.asarray(film) for film in sample_radiographs(4)[0]]))[:, None]


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_changes_the_film_and_more_so_the_stronger_it_is(view, films):
    before = films.clone()
    changes = []
    for strength in STRENGTHS:
        shifted = shift(films, view, strength)
        assert (shifted.shape, shifted.dtype) == (films.shape, torch.uint8)
        assert torch.equal(shifted, shift(films, view, strength))
        changes.append((shifted.float() - films).abs().mean().item())
    assert 0 < changes[0] < changes[1] < changes[2]
    assert torch.equal(films, before)


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_shifts_are_what_pillow_encodes_and_decodes(channels, films):
    images = films if channels == 1 else torch.cat([films, films.flip(2), 255 - films], 1)
    for quality, shifted in zip((40, 20, 10), (shift(images, "JPEG", s) for s in STRENGTHS), strict=True):
        for before, after in zip(images, shifted, strict=True):
            file = io.BytesIO()
            F.to_pil_image(before).save(file, "JPEG", quality=quality)
            assert torch.equal(after, F.pil_to_tensor(Image.open(file)))


def test_erased_corners_leave_the_rest_alone(films):
    shifted = shift(films, "no markers", 1)
    assert torch.equal(shifted[..., 30:-30, :], films[..., 30:-30, :])
    assert shifted[0, 0, :20, :20].unique().numel() == 1


@pytest.mark.parametrize("view", SWAPS)
def test_a_swapped_view_takes_its_cues_from_a_film_of_the_other_class(view):
    dark, bright = torch.randint(0, 100, (3, 1, 224, 224)), torch.randint(156, 256, (5, 1, 224, 224))
    films = torch.cat([dark, bright]).to(torch.uint8)
    labels = torch.tensor([0] * 3 + [1] * 5)
    swapped = swap(films, labels, view)
    assert (swapped.shape, swapped.dtype) == (films.shape, torch.uint8)
    assert torch.equal(swapped, swap(films, labels, view))
    share, grey_values = SWAPS[view]
    width = math.ceil(224 * share)
    frame = torch.ones(224, 224, dtype=torch.bool)
    frame[width : 224 - width, width : 224 - width] = False
    from_other_class = (swapped > 128) != (films > 128)
    assert from_other_class[..., frame].all()
    assert (
        from_other_class[..., ~frame].all()
        if grey_values
        else torch.equal(swapped[..., ~frame], films[..., ~frame])
    )


def test_grey_values_change_and_the_order_of_brightness_does_not(films):
    labels = torch.tensor([0, 0, 1, 1])
    swapped = swap(films, labels, "grey values").flatten(1).float()
    for before, after in zip(films.flatten(1).float(), swapped, strict=True):
        order = before.argsort()
        assert (after[order].diff() >= 0).all()


def test_swapping_takes_two_classes(films):
    with pytest.raises(ValueError, match="two classes"):
        swap(films, torch.zeros(4, dtype=torch.long), "wide frame")


def test_views_take_turns_and_every_film_comes_with_three_of_them_and_a_swapped_one(films):
    classes = torch.tensor([0, 1, 0, 1])
    images, labels = in_turn(films, classes)
    assert len(images) == 4 * (1 + 3 + 1)
    assert torch.equal(images[:4], films) and torch.equal(labels[:4], classes)
    assert labels.bincount().tolist() == [10, 10]
    assert all((images[4:] != film).flatten(1).any(1).all() for film in films)
