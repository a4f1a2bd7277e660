"""What is prepared of a network shows the same as torch does, and needs no torch."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import timm
import torch

import hub.models.architectures  # noqa: F401 (timm then knows them)
from hub.errors import InputError
from hub.explorer import network as networks
from hub.explorer.effective_receptive_field import effective_receptive_field
from hub.explorer.feature_maps import feature_maps
from hub.explorer.layer_tracing import list_layers
from hub.explorer.prepared import look_into, open_prepared
from hub.explorer.preparing import prepare, write_network
from hub.inference.classifier import Classifier
from hub.models.factory import load_network
from hub.models.folder import BUNDLED
from hub.models.folder_writer import save_folder

ROOT = Path(__file__).parents[2]


class Served:
    """As much of a `Classifier` as the tab asks for."""

    def __init__(self, folder):
        self.folder, self.radiograph = folder, False
        self.normalize = lambda images: np.float32(images.transpose(0, 3, 1, 2))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model folder of a small network, prepared."""
    folder = tmp_path_factory.mktemp("models") / "digits"
    folder.mkdir()
    torch.manual_seed(0)
    model = timm.create_model("simple_cnn", num_classes=3)
    metrics = json.loads((BUNDLED / "metrics.json").read_text())
    save_folder(folder, model.eval(), ["a", "b", "c"], False, {"training": metrics["training"]})
    assert "their effective receptive fields" in prepare(folder)
    return folder


@pytest.fixture(scope="module")
def noise(folder):
    shape = json.loads((folder / "config.json").read_text())["pretrained_cfg"]["input_size"]
    return torch.randn(1, *shape, generator=torch.Generator().manual_seed(0))


def test_every_layer_is_there_with_its_costs_and_its_field(folder):
    assert open_prepared(Served(folder)).layers == list_layers(load_network(folder))


def test_what_is_prepared_names_no_folder_of_this_machine(folder):
    written = (folder / "inside" / "network.onnx").read_bytes()
    assert not [place for place in (str(ROOT), sys.prefix, "site-packages") if place.encode() in written]


def test_maps_their_steps_and_fields_are_those_of_torch(folder, noise):
    network, model = open_prepared(Served(folder)), load_network(folder)
    assert network.maps and not network.trouble
    for layer in network.maps:
        expected, steps = feature_maps(model, noise, layer.name)
        maps, found = network.feature_maps(noise.numpy(), layer.name)
        assert found == steps
        np.testing.assert_allclose(maps, expected, atol=1e-4 * abs(expected).max())
        for cell in ((0, 0), tuple(side - 1 for side in layer.output[1:])):
            expected = effective_receptive_field(model, noise, layer.name, *cell)
            field = network.effective_field(noise.numpy(), layer.name, *cell)
            np.testing.assert_allclose(field, expected, atol=1e-3 * abs(expected).max())


def test_the_filters_are_those_of_the_weights(folder):
    network = open_prepared(Served(folder))
    np.testing.assert_array_equal(
        network.after, load_network(folder).state_dict()["stages.0.0.weight"].numpy()
    )
    assert network.before is None


def test_where_nothing_was_prepared_or_a_file_is_damaged_a_sentence_says_so(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(networks, "has_torch", lambda: False)
    classifier = Classifier(BUNDLED)
    classifier.folder = tmp_path
    assert "has no model.safetensors" in networks.open_network(classifier).trouble
    with pytest.raises(InputError, match="python -m hub inside FOLDER"):
        open_prepared(Served(tmp_path))
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "layers.json").write_text("{}")
    with pytest.raises(InputError, match="is damaged"):
        open_prepared(Served(tmp_path))
    weights = {"other": np.zeros(1, np.float32)}
    with pytest.raises(InputError, match="does not fit"):
        look_into(folder / "inside" / "network.onnx", weights, {})


def test_it_is_read_without_torch(folder):
    script = (
        "import sys; sys.modules.update(torch=None, timm=None)\n"
        "from hub.explorer.prepared import look_into, read_layer\n"
        "from hub.explorer.network import has_torch\n"
        "from hub.demo import explorer_tab, streamlit_explorer\n"
        "from hub.demo.words import words_in\n"
        "assert not has_torch()\n"
        "assert 'MobileNetV2' in explorer_tab.architectures({}, words_in())\n"
        "assert 'Conv2d(1, 1, 3' in explorer_tab.slide(12, 3, 'valid', 0, 1, 1, words_in())\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True)


@pytest.mark.slow  # each is traced and exported
@pytest.mark.parametrize("name", ["mobilenetv2_100", "resnet18", "mobilenetv3_small_100", "convnext_atto"])
def test_networks_of_timm_can_be_prepared(name, tmp_path):
    model = timm.create_model(name).eval()
    layers, pixels = list_layers(model), torch.randn(1, 3, 224, 224)
    steps = write_network(model, layers, tmp_path / "network.onnx")
    weights = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    look = look_into(tmp_path / "network.onnx", weights, steps)
    for layer in (list(steps)[1], list(steps)[-1]):
        for found, expected in (
            (look["feature_maps"](pixels.numpy(), layer)[0], feature_maps(model, pixels, layer)[0]),
            (
                look["effective_field"](pixels.numpy(), layer, 0, 0),
                effective_receptive_field(model, pixels, layer, 0, 0),
            ),
        ):
            np.testing.assert_allclose(found, expected, atol=0.01 * abs(expected).max())
