"""A folder from the Hub may hold anything in its config.json."""

import json

import numpy as np
import pytest

from hub.errors import InputError
from hub.inference import decision
from hub.inference.classifier import Classifier
from hub.models.folder import BUNDLED, read_config

NAN = float("nan")


@pytest.fixture
def folder(tmp_path):
    """A function that returns a folder of the bundled network with other entries in its config.json."""

    def write(**entries):
        config = json.loads((BUNDLED / "config.json").read_text())
        data = {name: config["pretrained_cfg"][name] for name in ("input_size", "mean", "std")}
        config["pretrained_cfg"] = data | entries.pop("pretrained_cfg", {})
        (tmp_path / "config.json").write_text(json.dumps(config | entries))
        if not (tmp_path / "onnx").exists():
            (tmp_path / "onnx").symlink_to(BUNDLED / "onnx")
        return tmp_path

    return write


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("label_names", [None, [], ["A"], ["A", "A"], "AB", {"0": "A", "1": "B"}, [1, 2], [["A"], ["B"]]]),
        ("num_classes", [None, 0, "2", 2.0, True, 3, 10**9]),
        ("label_names", [["A", "\ud800"], ["A", "\x1b[2J"], ["A", "B" * 5000]]),
        ("architecture", ["", "hf-hub:someone/model", "a\nb", "../model"]),
        ("model_args", [5, [], {"width": 10**6}, {"img_size": 99999}]),
        ("radiograph", [None, "false", 1]),
        ("operating_points", [5, [], "balanced", {"balanced": 2}, {"balanced": "0.5"}, {"balanced": NAN}]),
        ("calibration_covariance", ["x", [], {}, [[1]], [["a", "b"], ["c", "d"]], [[NAN, 0], [0, 1]]]),
        ("pretrained_cfg", [{"mean": [0, 0]}, {"mean": None}, {"std": [1, 1, 0]}, {"std": [1e-30] * 3}]),
        (
            "pretrained_cfg",
            [{"input_size": size} for size in ([], -1, [5, 224, 224], [3, 99999, 99999])],
        ),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_a_damaged_entry_is_named_in_one_sentence(folder, name, values):
    for value in values:
        with pytest.raises(InputError, match=f"damaged at {name}.*; get the model again") as caught:
            Classifier(folder(**{name: value}))
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "entries",
    [{"label_names": [*"ABC"], "num_classes": 3}, {"pretrained_cfg": {"input_size": [3, 112, 112]}}],
    ids=str,
)
def test_a_network_of_other_classes_or_another_input_is_refused(folder, entries):
    with pytest.raises(InputError, match="does not fit its config"):
        Classifier(folder(**entries))


@pytest.mark.parametrize("written", ["", "null", "[" * 100_000, '{"a":' * 100_000, "{" + " " * 10**7 + "}"])
def test_a_config_that_is_no_object_of_json_is_one_sentence(folder, tmp_path, written):
    (folder() / "config.json").write_text(written)
    with pytest.raises(InputError, match=r"is not a model folder: it has no readable config\.json\.$"):
        Classifier(tmp_path)


def test_a_config_without_its_part_for_timm_is_refused(tmp_path):
    for part in ({}, {"pretrained_cfg": []}, {"pretrained_cfg": None}):
        (tmp_path / "config.json").write_text(json.dumps({"architecture": "lenet5"} | part))
        with pytest.raises(InputError, match="damaged at pretrained_cfg; get the model again"):
            read_config(tmp_path)


def test_a_network_that_gives_no_numbers_is_refused(folder, monkeypatch):
    classifier = Classifier(folder(), check=False)
    monkeypatch.setattr(classifier, "run", lambda images, outputs: [np.full((1, 2), NAN)] * len(outputs))
    with pytest.raises(InputError, match="damaged"):
        classifier.predict([np.zeros((224, 224, 3), np.uint8)])


def test_there_is_a_finding_only_where_pneumonia_is_the_second_of_two_classes(folder, radiograph):
    swapped = Classifier(folder(label_names=["PNEUMONIA", "NORMAL"]))
    report = decision.report(swapped, swapped(radiograph))
    assert decision.operating_points(swapped) == []
    assert (report["finding"], report["probability"], report["label"]) == (None, None, "NORMAL")


def test_an_interval_ends_at_0_and_1_however_uncertain_the_calibration_is(folder, radiograph):
    unsure = Classifier(folder(calibration_covariance=[[9e5, 0], [0, 9e5]]))
    assert decision.report(unsure, unsure(radiograph))["interval"] == [pytest.approx(0), 1]
