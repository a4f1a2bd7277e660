"""The filters of the first layer, before training and after."""

import shutil
import sys

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import load_file, save_file

from hub.cli import main
from hub.errors import InputError
from hub.inference.classifier import Classifier
from hub.models import factory, filters
from hub.models.folder import BUNDLED, FILTERS, read_metrics
from hub.models.folder_writer import save_folder


@pytest.fixture(scope="module")
def model():
    """The network of the bundled model."""
    return factory.load_network(BUNDLED)


def test_a_grey_kernel_comes_back_from_the_three_of_a_package(model):
    kernels = filters.first_layer_filters(model, radiograph=True)
    assert kernels.shape == (32, 1, 3, 3)
    rgb = filters.first_layer_filters(model)
    assert rgb.shape == (32, 3, 3, 3)
    torch.testing.assert_close(rgb[:, 1:2], 0.587 * kernels)


def test_filters_from_before_training_are_written_into_the_folder(tmp_path):
    assert filters.load_filters(tmp_path) is None
    before = torch.randn(4, 1, 3, 3)
    filters.save_filters(tmp_path, before)
    assert np.array_equal(filters.load_filters(tmp_path), before.numpy())
    assert [path.name for path in tmp_path.iterdir()] == [FILTERS]
    save_file({"other": before}, tmp_path / FILTERS)
    with pytest.raises(InputError, match=r"filters\.safetensors is damaged"):
        filters.load_filters(tmp_path)
    (tmp_path / FILTERS).write_bytes(b"nothing")
    with pytest.raises(InputError, match="is damaged"):
        filters.load_filters(tmp_path)


def test_training_changed_the_filters_of_the_bundled_model_a_little(model):
    before, after = filters.load_filters(BUNDLED), filters.first_layer_filters(model, radiograph=True).numpy()
    assert before.shape == after.shape
    change = np.linalg.norm(after - before) / np.linalg.norm(before)
    assert 0 < change < 0.5
    assert Classifier.from_pretrained().radiograph


@pytest.mark.real_data
def test_the_command_writes_the_filters_of_weights_into_the_folder(shared, tmp_path, monkeypatch, capsys):
    weights = shared / "weights" / "mobilenetv2_100_imagenet.safetensors"
    shutil.copytree(BUNDLED, tmp_path / "model")
    (tmp_path / "model" / FILTERS).unlink()
    monkeypatch.setattr(sys, "argv", ["hub", "filters", str(tmp_path / "model"), "--weights", str(weights)])
    assert main.main() == 0
    assert "32 filters; training changed them by" in capsys.readouterr().out
    kept = load_file(tmp_path / "model" / FILTERS)["before"]
    torch.testing.assert_close(kept, load_file(weights)["conv_stem.weight"].sum(1, keepdim=True))
    assert np.array_equal(kept.numpy(), filters.load_filters(BUNDLED))


def test_the_filters_of_a_network_that_reads_grey_are_written_too(tmp_path, capsys):
    metrics, trained = read_metrics(BUNDLED), []
    for name in ("before", "after"):
        (tmp_path / name).mkdir()
        trained.append(timm.create_model("simple_cnn", num_classes=3).eval())
        save_folder(tmp_path / name, trained[-1], [*"abc"], False, {"training": metrics["training"]})
    command = ["filters", str(tmp_path / "after"), "--weights", str(tmp_path / "before")]
    assert main.main(command) == 0, capsys.readouterr().err
    kept = filters.load_filters(tmp_path / "after")
    assert np.array_equal(kept, trained[0].stages[0][0].weight.detach().numpy())
