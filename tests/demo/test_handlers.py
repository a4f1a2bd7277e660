"""What both apps say, before any page shows it."""

import math
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from hub.demo import handlers
from hub.errors import InputError
from hub.inference import decision
from hub.inference.classifier import Prediction
from hub.inference.heatmap import overlay
from hub.inference.input_check import Verdict
from hub.models.folder import BUNDLED
from hub.prevalence import log_odds
from hub.text import percent

FINE = Verdict("fine")
DIGITS = SimpleNamespace(classes=[*"0123456789"], operating_points={}, radiograph=False, prevalence=0.5)


def predict(probability, verdict=FINE):
    label = "PNEUMONIA" if probability > 0.5 else "NORMAL"
    return Prediction(label, {"NORMAL": 1 - probability, "PNEUMONIA": probability}, {}, verdict)


@pytest.mark.parametrize(
    ("factor", "finding"),
    [
        (0.1, "no sign of pneumonia"),
        (0.49, "no sign of pneumonia"),
        (0.51, "uncertain"),
        (1, "uncertain"),
        (1.99, "uncertain"),
        (2.01, "signs of pneumonia"),
        (1e12, "signs of pneumonia"),
    ],
)
@pytest.mark.parametrize("threshold", [0.02, 0.5, 9])
def test_a_finding_is_uncertain_within_a_factor_of_two_of_the_threshold(factor, finding, threshold):
    assert decision.finding(factor * threshold, threshold, "balanced") == finding


@pytest.mark.parametrize(
    ("factor", "finding"),
    [(0.99, "no sign of pneumonia"), (1, "flagged for a second look"), (9, "flagged for a second look")],
)
def test_screening_flags_from_its_threshold_up(factor, finding):
    assert decision.finding(factor * 0.02, 0.02, "screening") == finding


def test_the_operating_point_decides_what_the_same_probability_means(classifier):
    points = classifier.operating_points
    probability = 1.1 * points["screening"]
    balanced = decision.report(classifier, predict(probability))
    assert (balanced["operating_point"], balanced["label"]) == ("balanced", "NORMAL")
    assert balanced["finding"] == "no sign of pneumonia"
    screening = decision.report(classifier, predict(probability), "screening")
    assert (screening["label"], screening["finding"]) == ("PNEUMONIA", "flagged for a second look")
    assert screening["probability"] == balanced["probability"] == pytest.approx(probability)
    assert screening["threshold"] == pytest.approx(points["screening"])
    close = decision.report(classifier, predict(balanced["threshold"]))
    assert close["finding"] == "uncertain"


@pytest.mark.parametrize("operating_point", ["balanced", "screening"])
@pytest.mark.parametrize("probability", [0.003, 0.2, 0.6, 0.99])
def test_a_finding_does_not_move_with_the_prevalence_and_the_probability_does(
    classifier, operating_point, probability
):
    reports = [
        decision.report(classifier, predict(probability), operating_point, prevalence)
        for prevalence in (0.1, 0.5, 0.75)
    ]
    for name in ("label", "finding", "likelihood_ratio", "threshold_likelihood_ratio"):
        assert len({report[name] for report in reports}) == 1
    odds = [report["probability"] / (1 - report["probability"]) for report in reports]
    assert odds[0] * 9 == pytest.approx(odds[1]) == pytest.approx(odds[2] / 3)
    for report in reports:
        assert report["probabilities"]["PNEUMONIA"] == pytest.approx(report["probability"])
        assert (report["label"] == "PNEUMONIA") == (report["probability"] >= report["threshold"])


def test_an_operating_point_that_is_not_there_is_one_sentence(classifier):
    with pytest.raises(InputError, match="no operating point best; give balanced or screening"):
        decision.report(classifier, predict(0.5), "best")


@pytest.mark.parametrize(
    ("share", "shown"),
    [(0.5, "50 %"), (0.003, "0.3 %"), (0.9994, "99.9 %"), (1, "100 %"), (0.99999, "over 99.9 %")],
)
def test_a_share_never_breaks_before_its_sign(share, shown):
    assert percent(share) == shown.replace(" %", "\u00a0%")


def test_the_model_is_the_environments_else_the_published_one_else_the_bundled_one(tmp_path, monkeypatch):
    for name in ("published", "environment"):
        shutil.copytree(BUNDLED, tmp_path / name)
    monkeypatch.setattr(handlers, "MODEL_FILE", tmp_path / "model.txt")
    monkeypatch.delenv("MODEL", raising=False)
    assert handlers.load_model().folder == BUNDLED
    (tmp_path / "model.txt").write_text(f"{tmp_path / 'published'}\n")
    assert handlers.load_model().folder == tmp_path / "published"
    monkeypatch.setenv("MODEL", str(tmp_path / "environment"))
    assert handlers.load_model().folder == tmp_path / "environment"


@pytest.mark.parametrize(("odds", "low", "high"), [(0.01, 0, 0), (1, 0, 0), (5, 0, 20), (8000, 100, 200)])
def test_weak_evidence_hardly_tints_a_radiograph_and_strong_evidence_reddens_it(odds, low, high):
    flat = np.zeros((7, 7), np.float32)
    probabilities = {"NORMAL": 1 / (1 + odds), "PNEUMONIA": odds / (1 + odds)}
    prediction = Prediction("PNEUMONIA", probabilities, {"NORMAL": flat, "PNEUMONIA": flat})
    tinted = np.asarray(overlay(Image.new("RGB", (64, 48), (120, 120, 120)), prediction, "PNEUMONIA"))
    red = tinted[..., 0].astype(int) - tinted[..., 2]
    assert low <= red.min() <= red.max() <= high


def test_log_odds_are_finite():
    assert log_odds(0.5) == 0
    assert all(map(math.isfinite, (log_odds(0), log_odds(1))))
