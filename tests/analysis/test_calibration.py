"""How the calibration is chosen: candidates, folds by patient, the rule."""

import json

import numpy as np
import pytest

from hub.analysis import calibration
from hub.analysis.calibration import CANDIDATES, choose, measure


def views(scale, offset, count=600, seed=0):
    """Logits whose true log odds are scale * log odds + offset, of images and one noisy view of each."""
    random = np.random.default_rng(seed)
    labels = (random.random(count) < 0.7).astype(int)
    truth = np.concatenate([2 * random.normal(2 * labels - 1, 1), 2 * random.normal(2 * labels - 1, 1)])
    log_odds = (truth - offset) / scale
    images = np.tile(np.arange(count), 2)
    patients = np.array([f"patient {index // 2}" for index in range(count)])[images]
    return np.stack([0 * log_odds, log_odds], 1), np.tile(labels, 2), images, patients


def test_what_needs_no_calibration_gets_as_good_as_none():
    rows = {row["candidate"]: row for row in measure(*views(1, 0))}
    assert rows.keys() == CANDIDATES.keys()
    assert rows["none"]["log_loss"] == pytest.approx(rows["Platt, with views"]["log_loss"], abs=0.01)
    assert rows["Platt, with views"]["scale"] == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize(("scale", "offset", "kind"), [(2.5, 0, "temperature"), (1.5, 2, "Platt")])
def test_the_candidate_that_can_mend_it_does_so_on_patients_left_out(scale, offset, kind):
    rows = measure(*views(scale, offset))
    assert kind in choose(rows) or "Platt" in choose(rows)
    best = min(rows, key=lambda row: row["log_loss"])
    none = next(row for row in rows if row["candidate"] == "none")
    assert best["log_loss"] < none["log_loss"] - 0.02 and best["ece"] < none["ece"]
    assert best["scale"] == pytest.approx(scale, rel=0.25)
    assert best["offset"] == pytest.approx(offset, abs=0.4)


def test_the_rule_weighs_images_and_views_alike():
    rows = [
        {"candidate": "plain", "log_loss": 0.10, "log_loss_views": 0.30},
        {"candidate": "both", "log_loss": 0.15, "log_loss_views": 0.20},
    ]
    assert choose(rows) == "both"


def test_a_calibration_in_a_folder_is_taken_back(tmp_path):
    (tmp_path / "metrics.json").write_text(json.dumps({"training": {"temperature": 0.5}}))
    logits = np.array([[1.0, -2.0]])
    assert calibration.undo(tmp_path, logits / 0.5) == pytest.approx(logits)
    record = {"training": {}, "calibration": {"scale": 2.0, "offset": 3.0}}
    (tmp_path / "metrics.json").write_text(json.dumps(record))
    assert calibration.undo(tmp_path, 2 * logits + [-1.5, 1.5]) == pytest.approx(logits)
