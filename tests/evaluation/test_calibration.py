"""Temperatures and operating points."""

import numpy as np
import pytest
from predictions import answers
from scipy.special import softmax

from hub.evaluation.calibration import choose_operating_points, fit_temperature, undo_temperature


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
    random = np.random.default_rng(0)
    labels = (random.random(20_000) < common).astype(int)
    # Two Gaussians of variance 1 that lie 2 apart: the log odds are twice the distance from the middle.
    log_odds = 2 * random.normal(2 * labels - 1, 1)
    found = fit_temperature(np.stack([0 * log_odds, log_odds], 1) * 1.5, labels)
    assert found == pytest.approx(1.5, rel=0.1)


def test_the_temperature_of_answers_that_are_always_right_or_always_wrong_is_finite():
    logits = np.array([[9.0, 0.0], [0.0, 9.0]])
    assert 0 < fit_temperature(logits, np.array([0, 1])) < 1
    assert 1 < fit_temperature(logits, np.array([1, 0])) < np.inf


def test_calibration_can_be_taken_back():
    probabilities, _ = answers(50, 2)
    logits = np.log(probabilities.astype(np.float64))
    assert np.allclose(undo_temperature(softmax(logits / 1.7, axis=1), 1.7), probabilities, atol=1e-6)


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
