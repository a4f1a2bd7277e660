"""`onnx/answer.onnx` answers from pixels as `Classifier` does, verdict and heatmap too."""

import json
import shutil

import numpy as np
import onnx
import pytest
from onnxruntime import InferenceSession
from PIL import Image, ImageOps
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from hub.cli.main import main
from hub.demo.samples import sailing_boat
from hub.errors import InputError
from hub.export.answer import build, verify_answer, write_answer
from hub.files import write_json
from hub.imaging.synthetic import sample_radiographs
from hub.inference.classifier import Classifier
from hub.inference.heatmap import local_log_odds
from hub.inference.session import session_options
from hub.models.digests import check_digests
from hub.models.folder import ANSWER, BUNDLED, INPUT_CHECK, METRICS


@pytest.fixture(scope="module")
def session():
    """The graph of the bundled model."""
    return InferenceSession(build(BUNDLED).SerializeToString(), session_options(1))


@pytest.fixture(scope="module")
def alike(session):
    """The bundled model, in the precision of its graph."""
    return Classifier(BUNDLED, precision=session.get_modelmeta().custom_metadata_map["precision"])


@pytest.fixture
def copy(tmp_path):
    """A copy of the bundled model folder."""
    return shutil.copytree(BUNDLED, tmp_path / "model")


def ask(session, image):
    """Return the outputs of the graph for an image, by name."""
    pixels = np.asarray(image)
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    names = [put.name for put in session.get_outputs()]
    return dict(zip(names, session.run(names, {"pixels": pixels}), strict=True))


def reason_of(session, outputs):
    return json.loads(session.get_modelmeta().custom_metadata_map["reasons"])[outputs["reason"]]


def assert_alike(session, classifier, source):
    """Compare an image of the size of the network's input, where both see the same pixels."""
    image = classifier.open(source).resize((classifier.size, classifier.size), Image.Resampling.BICUBIC)
    outputs, (prediction,) = ask(session, image), classifier.predict([classifier.squash(image)], always=True)
    assert np.array_equal(outputs["input"], classifier.squash(image))
    assert outputs["log_odds"] == pytest.approx(np.log(prediction.likelihood_ratio), abs=1e-4)
    assert outputs["heatmap"] == pytest.approx(local_log_odds(prediction, "PNEUMONIA"), abs=1e-3)
    assert reason_of(session, outputs) == (prediction.verdict.reason or "fine")
    return prediction.verdict


def test_it_answers_and_judges_as_the_classifier_does(session, alike):
    child = sample_radiographs(2)[0][1]
    tint = ImageOps.colorize(child, "black", (255, 120, 60))
    blank = Image.new("L", (300, 200), 90)
    given = [child, child.rotate(180), ImageOps.invert(child), tint, blank, sailing_boat()]
    verdicts = [assert_alike(session, alike, image) for image in given]
    assert {verdict.status for verdict in verdicts} == {"fine", "warned", "refused"}
    assert verdicts[4].reason == "blank"


@pytest.mark.real_data
def test_it_does_on_real_radiographs_of_children_adults_and_other_pictures(session, alike, shared):
    folders = [*(shared / "data" / "chest_xray" / "test").iterdir()]
    folders += (shared / "data" / "out_of_scope").rglob("*")
    paths = [path for folder in folders if folder.is_dir() for path in sorted(folder.glob("*.*"))[:3]]
    statuses = {assert_alike(session, alike, path).status for path in paths}
    assert statuses == {"fine", "warned", "refused"}


def test_its_resize_is_that_of_pillow_but_for_a_level_here_and_there(session, alike):
    noise = np.random.default_rng(0).integers(0, 256, (400, 530), dtype=np.uint8)
    for image in (Image.fromarray(noise), Image.fromarray(noise[:120, :90])):
        apart = np.abs(ask(session, image)["input"].astype(int) - alike.squash(image))
        assert apart.max() <= 1
        assert (apart > 0).mean() < 0.001


def test_grey_pixels_may_come_as_one_channel_or_as_three(session, radiograph):
    one, three = ask(session, radiograph), ask(session, radiograph.convert("RGB"))
    assert {name: value.tolist() for name, value in one.items()} == {
        name: value.tolist() for name, value in three.items()
    }


def test_the_command_writes_it_and_its_digest_and_it_is_on_the_card(copy, capsys):
    assert main(["export", str(copy), "--format", "answer"]) == 0
    assert "answer.onnx" in capsys.readouterr().out
    check_digests(copy)
    assert ANSWER in (copy / "SHA256SUMS").read_text()
    assert ANSWER in (copy / "README.md").read_text()
    onnx.checker.check_model(onnx.load(copy / ANSWER), full_check=True)
    verify_answer(copy)


def test_it_is_made_of_the_precision_that_the_classifier_takes(copy):
    def precision():
        write_answer(copy)
        entries = {entry.key: entry.value for entry in onnx.load(copy / ANSWER).metadata_props}
        return entries["precision"]

    record = json.loads((copy / METRICS).read_text())
    counts = {"test_labels_changed": 0, "test_verdicts_changed": 0}
    for changed, expected in ((0, "int8"), (99, "fp32")):
        write_json(
            copy / METRICS, record | {"onnx": record["onnx"] | counts | {"test_labels_changed": changed}}
        )
        assert precision() == expected
    uncounted = {name: value for name, value in record["onnx"].items() if name not in counts}
    write_json(copy / METRICS, record | {"onnx": uncounted})
    assert precision() == "int8"


def test_one_that_was_made_of_another_input_check_is_found(copy):
    verify_answer(copy)  # without one there is nothing to find
    write_answer(copy)
    (copy / INPUT_CHECK).unlink()
    with pytest.raises(InputError, match="was not made from the files beside it; run python -m hub export"):
        verify_answer(copy)
    write_answer(copy)
    verify_answer(copy)
    outputs = {put.name for put in InferenceSession(copy / ANSWER).get_outputs()}
    assert outputs == {"log_odds", "logits", "input", "heatmap"}


def test_a_check_of_other_weights_is_refused(copy):
    with safe_open(copy / INPUT_CHECK, "np") as file:
        metadata = file.metadata()
    save_file(load_file(copy / INPUT_CHECK), copy / INPUT_CHECK, metadata | {"network": "another"})
    (copy / ANSWER).unlink(missing_ok=True)
    with pytest.raises(InputError, match="was made for another network"):
        write_answer(copy)
    assert not (copy / ANSWER).exists()


def test_models_of_other_pictures_have_none(copy, capsys):
    config = json.loads((copy / "config.json").read_text())
    write_json(copy / "config.json", config | {"radiograph": False})
    assert not write_answer(copy)
    assert main(["export", str(copy), "--format", "answer"]) == 2
    assert "is for radiographs of two classes" in capsys.readouterr().err
