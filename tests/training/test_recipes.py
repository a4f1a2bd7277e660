"""Recipes, and the networks and augmentations that they name."""

import pytest
import timm
import torch

from hub.models.own_names import is_own
from hub.training import augmentation, recipes


def test_a_recipe_goes_by_the_last_part_of_the_name():
    names = {
        "ylecun/mnist": "mnist",
        "../shared/data/MNIST": "mnist",
        "uoft-cs/cifar10": "cifar10",
        "hf-vision/chest-xray-pneumonia": "xray",
        "synthetic": "xray",
        "holiday/pictures": "folder",
    }
    assert {source: recipes.name_of(source) for source in names} == names
    assert recipes.output_name("holiday/pictures/") == "pictures"
    assert recipes.output_name("ylecun/mnist") == "mnist"


def test_every_recipe_names_what_there_is():
    for recipe in recipes.RECIPES.values():
        assert timm.is_model(recipe.architecture)
        assert recipe.augmentation in augmentation.AUGMENTATIONS
        assert recipe.small_epochs < recipe.epochs
        assert recipe.small_size <= recipe.size
        assert not recipe.frozen or not is_own(recipe.architecture)


@pytest.mark.parametrize("kind", augmentation.AUGMENTATIONS)
def test_every_augmentation_keeps_pixels_in_range_and_changes_most_images(kind):
    pixels = torch.randint(0, 256, (16, 3, 32, 32), dtype=torch.uint8)
    varied = augmentation.augment(pixels, 24, torch.Generator().manual_seed(0), kind)
    assert varied.shape == (16, 3, 24, 24)
    assert varied.min() >= 0 and varied.max() <= 1
    same_size = augmentation.augment(pixels, 32, torch.Generator().manual_seed(0), kind)
    assert ((same_size - pixels / 255).abs().amax((1, 2, 3)) > 0.1).sum() >= 12


def test_objects_are_moved_by_whole_pixels_so_that_they_stay_sharp():
    pixels = torch.randint(0, 256, (16, 3, 32, 32), dtype=torch.uint8)
    varied = 255 * augmentation.augment(pixels, 32, torch.Generator().manual_seed(0), "objects")
    assert torch.allclose(varied, varied.round(), atol=0.01)
