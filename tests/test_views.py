"""Shifted views: what another machine would have made of the same films."""

import numpy as np
import pytest
import torch

from hub.synthetic import sample_radiographs
from hub.views import STRENGTHS, VIEWS, in_turn, shift


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


def test_erased_corners_leave_the_rest_alone(films):
    shifted = shift(films, "no markers", 1)
    assert torch.equal(shifted[..., 30:-30, :], films[..., 30:-30, :])
    assert shifted[0, 0, :20, :20].unique().numel() == 1


def test_views_take_turns_and_every_film_comes_with_three_of_them(films):
    images, labels = in_turn(films, torch.arange(4))
    assert torch.equal(images[:4], films)
    assert labels.bincount().tolist() == [4, 4, 4, 4]
    assert all((image != films[label]).any() for image, label in zip(images[4:], labels[4:], strict=True))
