"""`python -m hub calibrate`."""

import shutil

import numpy as np
import pytest

from hub.export import onnx
from hub.inference.classifier import Classifier
from hub.models.digests import DIGESTS
from hub.models.folder import BUNDLED, read_config, read_metrics
from hub.prevalence import log_odds


def test_a_folder_is_calibrated_anew_and_keeps_no_figure_of_before(
    run, tmp_path, monkeypatch, radiograph, kaggle_folder
):
    monkeypatch.setattr(onnx, "CALIBRATION_IMAGES", 8)
    model = tmp_path / "model"
    shutil.copytree(BUNDLED, model)
    code, out, err = run("calibrate", model, "--dataset", kaggle_folder)
    assert code == 0, err
    before, after = read_metrics(BUNDLED), read_metrics(model)
    assert after.keys() & {"test", "others", "heatmaps", "robustness_test"} == set()
    assert after["training"] == before["training"] and after["scope"] == before["scope"]
    assert after["calibration"]["images"] == 5 * after["validation"]["n"]  # with four views of each
    assert f"{after['validation']['ece']['value']:.4f}" in out
    onnx.verify(model)
    old, new = (Classifier(folder, precision="fp32") for folder in (BUNDLED, model))  # the check loads too
    odds = [log_odds(answer(radiograph).probabilities["PNEUMONIA"]) for answer in (old, new)]
    scale = after["calibration"]["scale"] / before["calibration"]["scale"]
    offset = after["calibration"]["offset"] - scale * before["calibration"]["offset"]
    assert odds[1] == pytest.approx(scale * odds[0] + offset, abs=1e-3)
    assert read_config(model)["operating_points"].keys() == {"balanced", "screening"}
    assert np.linalg.eigvalsh(read_config(model)["calibration_covariance"]).min() >= 0


def test_what_train_did_not_make_is_refused(run, tmp_path):
    code, out, err = run("calibrate", tmp_path, "--dataset", "synthetic")
    assert (code, out) == (2, "") and "not a model folder" in err


def test_a_folder_that_does_not_say_how_it_was_trained_is_refused(run, tmp_path):
    model = tmp_path / "model"
    shutil.copytree(BUNDLED, model, ignore=shutil.ignore_patterns(DIGESTS))
    (model / "metrics.json").write_text("{}")
    code, _, err = run("calibrate", model, "--dataset", "synthetic")
    assert code == 2 and "is not as train.py writes it" in err
