"""ONNX files answer as torch does, in 32 bits and nearly so in 8."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import timm
import torch
from onnxruntime import InferenceSession
from safetensors.torch import load_file, save_file

from hub import files
from hub.cli.main import main
from hub.errors import InputError
from hub.export import quantization
from hub.export.onnx import TOLERANCE, Served, as_good, export, sign, to_input, verify, write_onnx
from hub.inference.classifier import Classifier
from hub.inference.session import session_options
from hub.models import factory, folder_writer
from hub.models.factory import load_network
from hub.models.folder import BUNDLED

ROOT = Path(__file__).parents[2]


def radiographs(count):
    labels = torch.arange(count) % 2
    grey = torch.randint(0, 256, (count, 1, 64, 64), generator=torch.Generator().manual_seed(count))
    return grey.to(torch.uint8), labels


def write_folder(folder, architecture="mobilenetv2_050", size=64):
    """Write the folder of an untrained network with no ONNX beside it."""
    torch.manual_seed(0)
    model = factory.create_model(architecture, 2, "none", radiograph=False, size=size).eval()
    torch.nn.init.normal_(model.get_classifier().weight)
    for name, parameter in model.named_parameters():
        if "bn" in name and name.endswith("bias"):  # which training would leave at 0 nowhere
            torch.nn.init.normal_(parameter, std=0.2)
    metrics = json.loads((BUNDLED / "metrics.json").read_text())
    folder.mkdir(exist_ok=True)
    folder_writer.save_folder(folder, model, ["cat", "dog"], False, {"training": metrics["training"]})
    return folder


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Return a model folder with its ONNX files, and the section of `export`."""
    folder = write_folder(tmp_path_factory.mktemp("models") / "model")
    return folder, export(folder, radiographs(8)[0], radiographs(16))


@pytest.fixture
def copy(exported, tmp_path):
    """Return a copy of that folder, to be changed."""
    shutil.copytree(exported[0], tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def exported_before(exported, monkeypatch):
    """The same network is not written as ONNX again, which takes seconds."""
    written = exported[0] / "onnx" / "model.onnx"
    monkeypatch.setattr("hub.export.onnx.write_onnx", lambda model, file: shutil.copy(written, file))


@pytest.mark.parametrize("count", [1, 3])
def test_the_outputs_are_torchs_for_every_batch_size(exported, count):
    folder, section = exported
    model = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
    pixels = torch.rand(count, 3, 64, 64)
    session = InferenceSession(folder / "onnx" / "model.onnx")
    assert [value.name for value in session.get_inputs()] == ["pixel_values"]
    names = [value.name for value in session.get_outputs()]
    outputs = dict(zip(names, session.run(names, {"pixel_values": pixels.numpy()}), strict=True))
    with torch.inference_mode():
        logits = model(pixels).numpy()
        stages = model.forward_intermediates(pixels, intermediates_only=True)
    assert outputs["logits"] == pytest.approx(logits, rel=1e-4, abs=1e-4)
    bias = model.get_classifier().bias.detach().numpy()
    assert outputs["heatmap"].shape == (count, 2, 2, 2)
    assert outputs["heatmap"].mean((2, 3)) + bias == pytest.approx(logits, rel=1e-4, abs=1e-4)
    means = torch.cat([stage.mean((2, 3)) for stage in stages], 1).numpy()
    deviations = torch.cat([stage.flatten(2).std(2, correction=0) for stage in stages], 1).numpy()
    assert outputs["statistics"] == pytest.approx(np.stack([means, deviations], 2), rel=1e-3, abs=1e-4)
    assert section["difference"] <= TOLERANCE


def test_eight_bits_are_smaller_and_have_the_same_outputs(exported):
    folder, section = exported
    full, small = (InferenceSession(folder / "onnx" / f"model{name}.onnx") for name in ("", "_int8"))
    assert [v.name for v in full.get_outputs()] == [v.name for v in small.get_outputs()]
    assert section["int8"]["bytes"] < section["fp32"]["bytes"] / 2
    types = {node.op_type for node in onnx.load(folder / "onnx" / "model_int8.onnx").graph.node}
    assert {"QuantizeLinear", "DequantizeLinear"} <= types


def test_eight_bits_go_into_the_answer_and_not_into_the_statistics_of_it(exported):
    nodes = onnx.load(exported[0] / "onnx" / "model_int8.onnx").graph.node
    maker = {output: node for node in nodes for output in node.output}

    def leads_to(output, stop):
        """Return the operators that lead to an output, back to the first one in `stop`."""
        found, names = set(), [output]
        while names:
            node = maker.get(names.pop())
            if node and node.op_type not in stop:
                found.add(node.op_type)
                names += node.input
        return found

    assert "QuantizeLinear" in leads_to("logits", {"Conv"})
    # The maps themselves come in 8 bits, out of DequantizeLinear.
    assert "QuantizeLinear" not in leads_to("statistics", {"DequantizeLinear"})
    assert {"Mul", "Sqrt", "Concat"} <= leads_to("statistics", {"DequantizeLinear"})


def test_in_8_bits_different_images_have_different_logits(exported):
    folder, _ = exported
    session = InferenceSession(folder / "onnx" / "model_int8.onnx")
    inputs = to_input(radiographs(64)[0], load_network(folder))
    (logits,) = session.run(["logits"], {"pixel_values": inputs})
    assert len(np.unique(logits[:, 0])) == len(np.unique(logits[:, 1])) == 64


def test_in_8_bits_every_channel_keeps_its_mean(exported, tmp_path, monkeypatch):
    folder, _ = exported
    full, small = folder / "onnx" / "model.onnx", tmp_path / "small.onnx"
    inputs = to_input(radiographs(16)[0], load_network(folder))

    def shifts():
        """Return how far the means of channels are from those of 32 bits."""
        quantization.write_int8(full, small, inputs)
        means = [
            InferenceSession(file, session_options(1))
            .run(["statistics"], {"pixel_values": inputs})[0][..., 0]
            .mean(0)
            for file in (full, small)
        ]
        return np.abs(means[0] - means[1]).mean()

    corrected = shifts()
    monkeypatch.setattr(quantization, "correct_biases", lambda full, small, inputs: small)
    assert corrected < shifts() / 2


@pytest.mark.parametrize(
    ("auc", "accuracy", "kept"),
    [(0.99, 0.95, True), (0.981, 0.94, True), (0.979, 0.95, False), (0.99, 0.93, False)],
)
def test_eight_bits_may_cost_two_thousandths_of_auc_and_three_of_accuracy(auc, accuracy, kept):
    assert as_good({"auc": auc, "accuracy": accuracy}, {"auc": 0.982, "accuracy": 0.942}) == kept


@pytest.mark.slow
def test_eight_bits_that_lose_too_much_are_left_out(copy, exported_before, monkeypatch):
    monkeypatch.setattr("hub.export.onnx.AUC_LOSS", -1)
    section = export(copy, radiographs(8)[0], radiographs(16))
    assert not section["int8_kept"]
    assert [file.name for file in (copy / "onnx").iterdir()] == ["model.onnx"]
    folder_writer.save_metrics(copy, "onnx", section)
    assert "8 bits: loses too much, left out" in (copy / "README.md").read_text()


@pytest.mark.slow
def test_an_export_that_fails_leaves_the_older_one(copy, exported_before, monkeypatch):
    before = (copy / "onnx" / "model.onnx").read_bytes()
    monkeypatch.setattr("hub.export.onnx.TOLERANCE", -1)
    with pytest.raises(InputError, match="ONNX Runtime and torch differ"):
        export(copy, radiographs(8)[0], radiographs(16))
    assert (copy / "onnx" / "model.onnx").read_bytes() == before
    assert sorted(path.name for path in copy.iterdir() if path.name.startswith(".")) == []


def test_a_folder_and_its_onnx_are_verified_to_be_one_network(copy):
    def measured():
        """Record the files in metrics.json as they are."""
        found = {file.name: files.sha256(file) for file in sorted((copy / "onnx").glob("model*.onnx"))}
        record = json.loads((copy / "metrics.json").read_text())
        files.write_json(copy / "metrics.json", record | {"onnx": {"sha256": found}})

    measured()
    verify(copy)
    weights = load_file(copy / "model.safetensors")
    weights["conv_stem.weight"] *= 1.1
    save_file(weights, copy / "model.safetensors")
    with pytest.raises(InputError, match=r"was not made from the model\.safetensors beside it"):
        verify(copy)
    for file in (copy / "onnx").iterdir():
        sign(file, copy)
    with pytest.raises(InputError, match="are not those that were measured"):
        verify(copy)
    measured()
    with pytest.raises(InputError, match=r"differs from model\.safetensors"):
        verify(copy)
    (copy / "model.safetensors").unlink()
    with pytest.raises(InputError, match=r"has no model\.safetensors"):
        load_network(copy)
    (copy / "onnx" / "model.onnx").unlink()
    with pytest.raises(InputError, match=r"has no onnx/model\.onnx; run python -m hub export"):
        verify(copy)


def test_the_bundled_folder_is_one_network():
    verify(BUNDLED)
    assert json.loads((BUNDLED / "metrics.json").read_text())["onnx"]["int8_kept"]


@pytest.mark.parametrize("architecture", ["tf_efficientnet_lite0", "resnet10t", "convnext_atto"])
def test_heatmaps_of_other_networks_add_up_to_their_logits_too(architecture):
    torch.manual_seed(0)
    model = factory.create_model(architecture, 2, "none", radiograph=False, size=64).eval()
    for name, parameter in model.named_parameters():
        if parameter.ndim == 1 and "norm" in name:  # which are 1 and 0 before training
            torch.nn.init.normal_(parameter, 1 if name.endswith("weight") else 0, 0.3)
    torch.nn.init.normal_(model.get_classifier().weight)
    served, pixels = Served(model), torch.from_numpy(to_input(radiographs(2)[0], model))
    with torch.inference_mode():
        answers = dict(zip(served.outputs, served(pixels), strict=True))
    logits, maps = answers["logits"], answers["heatmap"]
    assert torch.allclose(maps.mean((2, 3)) + model.get_classifier().bias, logits, atol=1e-3)
    assert (maps.amax((2, 3)) > maps.amin((2, 3))).all()


def test_a_transformer_that_answers_from_a_token_has_no_class_activation_maps():
    model = factory.create_model("test_vit", 2, "none", radiograph=False, size=160).eval()
    assert Served(model).outputs == ["logits", "statistics"]


@pytest.mark.parametrize(
    ("architecture", "size"), [("simple_cnn", 28), pytest.param("test_vit", 160, marks=pytest.mark.slow)]
)
def test_a_network_without_class_activation_maps_has_no_heatmap(architecture, size, tmp_path):
    folder = write_folder(tmp_path / "model", architecture, size)
    write_onnx(timm.create_model(f"local-dir:{folder}", pretrained=True).eval(), tmp_path / "model.onnx")
    names = [value.name for value in InferenceSession(tmp_path / "model.onnx").get_outputs()]
    assert names == ["logits", "statistics"]
    (folder / "onnx").mkdir()
    shutil.move(tmp_path / "model.onnx", folder / "onnx")
    prediction = Classifier.from_pretrained(folder)(np.zeros((size, size, 3), np.uint8))
    assert prediction.heatmap is None
    assert sum(prediction.probabilities.values()) == pytest.approx(1)


def test_onnx_files_name_no_folder_of_this_machine(exported):
    for file in (exported[0] / "onnx").glob("*.onnx"):
        written = file.read_bytes()
        assert not [place for place in (str(ROOT), sys.prefix, "site-packages") if place.encode() in written]


@pytest.mark.slow
def test_the_command_exports_and_says_what_it_costs(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("hub.export.onnx.CALIBRATION_IMAGES", 12)  # 200 take two minutes
    shutil.copytree(BUNDLED, tmp_path / "model", ignore=shutil.ignore_patterns("onnx"))
    assert main(["export", str(tmp_path / "model"), "--dataset", "synthetic"]) == 0
    out = capsys.readouterr().out
    verify(tmp_path / "model")
    section = json.loads((tmp_path / "model" / "metrics.json").read_text())["onnx"]
    assert section["calibration_images"] == 12
    assert f"validation AUC {section['fp32']['auc']:.4f}" in out
    assert f"| {section['int8']['auc']:.4f} |" in (tmp_path / "model" / "README.md").read_text()


@pytest.mark.slow
def test_a_folder_that_is_no_model_or_of_other_classes_is_refused(copy, tmp_path, capsys):
    for folder, sentence in (
        (tmp_path, "not a model folder"),
        (copy, "give the data that it was trained on"),
    ):
        assert main(["export", str(folder), "--dataset", "synthetic"]) == 2
        errors = capsys.readouterr().err
        assert sentence in errors and errors.count("\n") == 1
