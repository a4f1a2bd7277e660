"""`models.factory`: networks to train, and the weights they begin with."""

import json
import resource
import shutil
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import load_file, save_file

from hub.errors import InputError
from hub.models import factory
from hub.models.digests import DIGESTS
from hub.models.folder import BUNDLED, WEIGHTS

HUB = Path(factory.__file__).parents[1]


def test_training_goes_on_from_a_model_folder_with_the_same_function():
    model = factory.create_model("mobilenetv2_100", 2, str(BUNDLED), radiograph=True, size=224).eval()
    rgb = timm.create_model(f"local-dir:{BUNDLED}", pretrained=True).eval()
    grey = torch.rand(1, 1, 224, 224)
    with torch.inference_mode():
        assert torch.allclose(model(grey), rgb(grey.expand(1, 3, 224, 224)), atol=1e-4)


@pytest.mark.parametrize(
    ("weights", "sentence"),
    [
        ("missing.safetensors", "There are no weights at"),
        (__file__, "pickled weights can run code"),
        (str(HUB), "not a model folder"),
        (str(HUB / "imaging" / "synthetic.safetensors"), "does not fit"),
    ],
)
def test_weights_that_cannot_be_used_are_refused(weights, sentence):
    with pytest.raises(InputError, match=sentence):
        factory.create_model("mobilenetv2_100", 2, weights, radiograph=True, size=224)


def test_damaged_weights_are_refused(tmp_path):
    path = tmp_path / "weights.safetensors"
    path.write_bytes((BUNDLED / "model.safetensors").read_bytes()[:100_000])
    with pytest.raises(InputError, match="damaged or does not fit"):
        factory.create_model("mobilenetv2_100", 2, str(path), radiograph=True, size=224)


def test_an_unknown_architecture_is_refused():
    with pytest.raises(InputError, match="knows no architecture"):
        factory.create_model("mobilenet_v99", 2, "none", radiograph=True, size=224)


@pytest.mark.parametrize("architecture", ["deepseek_vit_412m_enc", "gemma4_vit_570m_enc"])
def test_an_architecture_that_only_encodes_is_refused(architecture):
    with torch.device("meta"), pytest.raises(InputError, match="choose another"):  # it takes no memory there
        factory.create_model(architecture, 2, "none", radiograph=True, size=224)


@pytest.fixture
def folder(tmp_path):
    """A function that returns a copy of the bundled folder, and lets tensors of it be changed."""
    shutil.copytree(BUNDLED, tmp_path / "model", ignore=shutil.ignore_patterns(DIGESTS))

    def change(**tensors):
        file = tmp_path / "model" / WEIGHTS
        save_file(load_file(file) | tensors, file)
        return tmp_path / "model"

    return change


@pytest.mark.parametrize(
    "tensors",
    [
        {"conv_stem.weight": torch.zeros(32, 1, 3, 3)},  # which timm would convert
        {"classifier.weight": torch.zeros(3, 1280)},
        {"more": torch.zeros(1)},
        {"conv_stem.weight": torch.full((32, 3, 3, 3), float("nan"))},
    ],
    ids=lambda tensors: next(iter(tensors)),
)
def test_a_folder_whose_tensors_are_not_those_of_its_network_is_refused(folder, tensors):
    with pytest.raises(InputError, match=r"The weights in .* are damaged"):
        factory.load_network(folder(**tensors))


@pytest.mark.parametrize("architecture", ["vit_giant_patch14_dinov2", "no_such_network", "hf_hub"])
def test_a_folder_that_names_another_network_takes_no_memory_for_it(folder, architecture):
    path = folder() / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"architecture": architecture}))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError, match="damaged or of another network"):
        factory.load_network(folder())
    assert (
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000
    )  # kB; it has 4.5 GB of weights


def test_pickled_weights_are_not_looked_for(folder):
    place = folder()
    (place / WEIGHTS).rename(place / "pytorch_model.bin")
    with pytest.raises(InputError, match=r"has no model\.safetensors"):
        factory.load_network(place)


def test_a_network_without_a_linear_last_layer_is_refused():
    with pytest.raises(InputError, match="one linear layer"):
        factory.create_model("levit_128s", 2, "none", radiograph=False, size=224)


def test_pixels_that_a_network_cannot_take_are_refused_before_it_is_trained():
    model = factory.create_model("vit_tiny_patch16_224", 2, "none", radiograph=False, size=224)
    factory.check_sizes(model, [224], channels=3)
    assert model.training
    with pytest.raises(InputError, match="does not take images of 96 pixels; give another --size"):
        factory.check_sizes(model, [224, 96], channels=3)
