"""Calibration, its uncertainty, and operating points."""

import numpy as np
import pytest
from predictions import answers
from sklearn.linear_model import LogisticRegression

from hub.evaluation import calibration
from hub.evaluation.calibration import (
    Calibration,
    apply,
    choose_operating_points,
    combine,
    covariance,
    fit,
    fit_platt,
    fit_temperature,
)


def two_gaussians(count, common=0.5, seed=0):
    """Logits of two Gaussians of variance 1 that lie 2 apart, and labels: the true log odds at even odds."""
    random = np.random.default_rng(seed)
    labels = (random.random(count) < common).astype(int)
    log_odds = 2 * random.normal(2 * labels - 1, 1)
    return np.stack([0 * log_odds, log_odds], 1), labels


@pytest.mark.parametrize("temperature", [0.5, 1, 2, 5])
def test_the_temperature_of_sampled_labels_is_found(temperature):
    random = np.random.default_rng(0)
    logits = random.normal(size=(20_000, 3)) * 3 * temperature
    # The largest of logits with Gumbel noise is a draw from their softmax.
    labels = (logits / temperature + random.gumbel(size=logits.shape)).argmax(1)
    found = fit_temperature(logits.astype(np.float32), labels)
    assert found == pytest.approx(temperature, rel=0.07)


@pytest.mark.parametrize("common", [0.5, 0.8])
def test_the_temperature_is_the_same_however_common_each_class_is(common):
    logits, labels = two_gaussians(20_000, common)
    assert fit_temperature(logits * 1.5, labels) == pytest.approx(1.5, rel=0.1)


def test_the_temperature_of_answers_that_are_always_right_or_always_wrong_is_finite():
    logits = np.array([[9.0, 0.0], [0.0, 9.0]])
    assert 0 < fit_temperature(logits, np.array([0, 1])) < 1
    assert 1 < fit_temperature(logits, np.array([1, 0])) < np.inf


@pytest.mark.parametrize("common", [0.2, 0.5, 0.9])
def test_scale_and_offset_are_found_however_common_each_class_is(common):
    logits, labels = two_gaussians(40_000, common)
    found = fit_platt((logits - [0, 1.5]) / 0.8, labels)  # undone by a scale of 0.8 and an offset of 1.5
    assert found.scale == pytest.approx(0.8, rel=0.1)
    assert found.offset == pytest.approx(1.5, abs=0.15)


def test_scale_and_offset_are_those_of_a_logistic_regression():
    logits, labels = two_gaussians(5_000, 0.7)
    other = LogisticRegression(C=np.inf, class_weight="balanced").fit(np.diff(logits), labels)
    found = fit_platt(logits, labels)
    assert found.scale == pytest.approx(other.coef_[0, 0], rel=0.01)  # but for Platt's targets
    assert found.offset == pytest.approx(other.intercept_[0], abs=0.01)


def test_answers_that_are_all_right_have_a_finite_scale():
    labels = np.arange(40) % 2
    found = fit_platt(9.0 * np.eye(2)[labels], labels)
    assert np.isfinite(found).all() and 0 < found.scale < 9


def test_a_calibration_moves_the_log_odds_and_nothing_else():
    logits = np.array([[1.0, 3.0], [0.0, -2.0]], dtype=np.float32)
    moved = apply(Calibration(2.0, 0.5), logits)
    assert np.diff(moved)[:, 0] == pytest.approx([4.5, -3.5])
    assert moved.sum(1) == pytest.approx(2 * logits.sum(1))


@pytest.mark.parametrize(
    ("classes", "offset", "moves"), [(2, True, True), (2, False, False), (3, True, False)]
)
def test_only_two_classes_with_a_bias_get_an_offset(classes, offset, moves):
    probabilities, labels = answers(300, classes)
    found = fit(np.log(probabilities) - np.eye(classes)[0], labels, offset)
    assert (found.offset != 0) == moves
    assert found.scale != 1


def test_the_covariance_is_that_of_fits_to_other_patients(monkeypatch):
    monkeypatch.setattr(calibration, "DRAWS", 60)
    logits, labels = two_gaussians(400)
    each_alone = [f"patient {index}" for index in range(400)]
    found = np.sqrt(np.diag(covariance(logits, labels, each_alone)))
    fits = [fit_platt(*two_gaussians(400, seed=seed)) for seed in range(1, 61)]
    assert found == pytest.approx(np.std(fits, axis=0), rel=0.4)
    copies = np.repeat(logits, 4, axis=0), np.repeat(labels, 4), np.repeat(each_alone, 4)
    assert np.sqrt(np.diag(covariance(*copies))) == pytest.approx(found, rel=0.4)


def test_operating_points_keep_what_they_promise():
    probabilities, labels = answers(500, 2)
    points = choose_operating_points(probabilities, labels)
    positive, score = labels == 1, probabilities[:, 1].astype(np.float64)
    assert (score[positive] >= points["screening"]).mean() >= 0.98
    # The next higher image in line would miss the promise.
    higher = score[positive & (score >= points["screening"])].min() + 1e-9
    assert (score[positive] >= higher).mean() < 0.98

    def balanced_accuracy(threshold):
        return (score[positive] >= threshold).mean() + (score[~positive] < threshold).mean()

    best = max(balanced_accuracy(threshold) for threshold in np.unique(score))
    assert balanced_accuracy(points["balanced"]) == pytest.approx(best)


def test_operating_points_of_perfect_answers_lie_between_the_classes():
    labels = np.arange(40) % 2
    assert choose_operating_points(np.eye(2)[labels], labels) == {"screening": 0.5, "balanced": 0.5}


def test_two_calibrations_are_one():
    logits = np.random.default_rng(0).normal(size=(5, 2))
    first, second = Calibration(1.5, 0.3), Calibration(0.7, -2.0)
    assert apply(combine(second, first), logits) == pytest.approx(apply(second, apply(first, logits)))
