"""The coursework's networks and the recipes that train them."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from datasets import ClassLabel, Dataset, Features, Image
from PIL import Image as PillowImage
from sklearn.datasets import load_digits

from hub.inference.classifier import Classifier
from hub.models import architectures
from hub.models.forward import normalize, predict_logits
from hub.training import augmentation, recipes

ROOT = Path(__file__).parents[2]


def create(architecture, channels, size):
    return timm.create_model(
        architecture, num_classes=10, pretrained_cfg_overlay={"input_size": (channels, size, size)}
    ).eval()


@pytest.mark.parametrize(
    ("architecture", "channels", "size", "parameters"),
    [
        # 3*3*32+32, 3*3*32*64+64, 5*5*64*128+128, 128*10+10
        ("simple_cnn", 1, 28, 320 + 18_496 + 204_928 + 1_290),
        ("simple_cnn", 3, 32, 896 + 18_496 + 295_040 + 1_290),
        # LeCun et al. 1998, figure 2, but every filter of the second layer sees all six maps
        ("lenet5", 1, 32, 156 + 2_416 + 48_120 + 10_164 + 850),
    ],
)
def test_the_networks_have_as_many_parameters_as_the_arithmetic_says(
    architecture, channels, size, parameters
):
    model = create(architecture, channels, size)
    assert sum(parameter.numel() for parameter in model.parameters()) == parameters


@pytest.mark.parametrize("architecture", ["simple_cnn", "lenet5", "airbench_small"])
def test_they_are_what_timm_expects_of_a_network(architecture):
    model = create(architecture, 1, 40)
    pixels = torch.randn(2, 1, 40, 40)
    features, maps = model.forward_intermediates(pixels)
    assert torch.equal(features, model.forward_features(pixels))
    assert torch.equal(maps[-1], features)
    assert torch.equal(model.forward_head(features), model(pixels))
    assert model.forward_head(features, pre_logits=True).shape == (2, model.num_features)
    model.reset_classifier(3)
    assert model(pixels).shape == (2, 3)
    assert model.get_classifier().out_features == model.num_classes == 3


def test_whitened_filters_give_uncorrelated_maps_of_deviation_one():
    model = create("airbench_small", 3, 32)
    smooth = torch.randint(0, 256, (64, 3, 8, 8)).float()
    images = torch.nn.functional.interpolate(smooth, 32, mode="bilinear").to(torch.uint8)
    pixels = normalize(images / 255, model)
    architectures.whiten(model, pixels)
    conv = model.stages[0][0]
    maps = conv(pixels).detach()[:, :12]  # later ones are held down as noise
    second_moments = torch.einsum("nchw,ndhw->cd", maps, maps) / maps[:, 0].numel()
    assert torch.allclose(second_moments, torch.eye(12), atol=0.1)
    assert torch.equal(conv.weight[16:], -conv.weight[:16])
    assert not conv.weight.requires_grad


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
        assert not recipe.frozen or not architectures.is_own(recipe.architecture)


@pytest.mark.parametrize("kind", augmentation.AUGMENTATIONS)
def test_every_augmentation_keeps_pixels_in_range_and_changes_most_pictures(kind):
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


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """1,797 real digits of UCI, 8 x 8, in the layout of the Hub's MNIST: 28 x 28 greys as Parquet."""
    folder = tmp_path_factory.mktemp("data") / "mnist"
    folder.mkdir()
    found = load_digits()
    pictures = [
        PillowImage.fromarray((picture * 15.9).astype(np.uint8)).resize((28, 28)) for picture in found.images
    ]
    features = Features({"image": Image(), "label": ClassLabel(names=[*"0123456789"])})
    for split, rows in (("train", slice(0, 1400)), ("test", slice(1400, None))):
        columns = {"image": pictures[rows], "label": found.target[rows]}
        Dataset.from_dict(columns, features=features).to_parquet(folder / f"{split}-00000-of-00001.parquet")
    return folder


@pytest.fixture(scope="module")
def digit_reader(digits):
    """What `train.py --dataset mnist` leaves, of two epochs on so few digits."""
    command = [sys.executable, str(ROOT / "train.py"), "--dataset", str(digits), "--epochs", "2"]
    done = subprocess.run([*command, "--batch-size", "32"], cwd=digits.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return digits.parent / "runs" / "mnist"


def test_a_data_set_called_mnist_makes_a_digit_reader_of_one_channel(digit_reader, digits):
    classifier = Classifier.from_pretrained(digit_reader)
    assert (classifier.channels, classifier.size, classifier.classes) == (1, 28, [*"0123456789"])
    recipe = json.loads((digit_reader / "metrics.json").read_text())["training"]["recipe"]
    assert (recipe["name"], recipe["architecture"], recipe["epochs"]) == ("mnist", "simple_cnn", 2)
    stored = Dataset.from_parquet(str(digits / "test-00000-of-00001.parquet"))
    answers = classifier(stored["image"][:200])
    right = [int(answer.label) == label for answer, label in zip(answers, stored["label"][:200], strict=True)]
    assert np.mean(right) > 0.8


def test_timm_loads_it_and_agrees(digit_reader):
    model = timm.create_model(f"local-dir:{digit_reader}", pretrained=True).eval()
    classifier = Classifier.from_pretrained(digit_reader)
    pixels = torch.randint(0, 256, (4, 1, 28, 28), dtype=torch.uint8)
    expected = predict_logits(model, pixels).softmax(1)
    answers = classifier([picture[0].numpy() for picture in pixels])
    given = torch.tensor([list(answer.probabilities.values()) for answer in answers])
    assert torch.allclose(given, expected, atol=1e-5)
    card = (digit_reader / "README.md").read_text()
    assert "import hub.architectures" in card
    assert "pipeline(" not in card


def test_it_is_measured_as_any_model_is(digit_reader, digits):
    command = [sys.executable, "-m", "hub", "evaluate", str(digit_reader), "--dataset", str(digits), "--save"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    metrics = json.loads((digit_reader / "metrics.json").read_text())
    assert metrics["test"]["n"] == 397
    assert metrics["test"]["accuracy"]["value"] > 0.8
