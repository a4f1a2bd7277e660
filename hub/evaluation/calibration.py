"""Calibration of probabilities at even odds, and thresholds on them.

A calibration scales the logits and, of two classes, moves the log odds by an offset. Classes weigh the same
in every fit, so that the likelihood ratio is what is calibrated: Bayes' rule (`hub.prevalence`) makes the
probability for any prevalence from it.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize, minimize_scalar
from scipy.special import log_softmax
from sklearn.metrics import roc_curve

from hub.errors import InputError
from hub.evaluation.bootstrap import resamples

DRAWS = 200  # of the bootstrap, for the covariance


class Calibration(NamedTuple):
    """A scale of the logits, and an offset that the log odds of two classes then get."""

    scale: float = 1.0
    offset: float = 0.0


def fit(logits: np.ndarray, labels: np.ndarray, offset: bool = True) -> Calibration:
    """Return the calibration of a network: Platt scaling, or a temperature.

    `logits` is float [N, classes], `labels` int [N]. More classes than two get a temperature, and so does a
    network whose last layer has no bias to put an `offset` into. Which calibration and which images are best
    was chosen by `python -m hub.analysis calibration`.
    """
    if offset and logits.shape[1] == 2:
        return fit_platt(logits, labels)
    return Calibration(1 / fit_temperature(logits, labels))


def apply(calibration: Calibration, logits: np.ndarray) -> np.ndarray:
    """Return calibrated logits, float64 [N, classes]."""
    scaled = calibration.scale * logits.astype(np.float64)
    if calibration.offset:  # of two classes only
        scaled += np.array([-0.5, 0.5]) * calibration.offset
    return scaled


def combine(later: Calibration, earlier: Calibration) -> Calibration:
    """Return two calibrations, one after the other, as one."""
    return Calibration(later.scale * earlier.scale, later.scale * earlier.offset + later.offset)


def folded(metrics: dict) -> Calibration:
    """Return the calibration in the last layer of a model folder, by its metrics.

    Folders from before `python -m hub calibrate` have a temperature. Raises InputError where it is not known.
    """
    try:
        if "calibration" in metrics:
            values = metrics["calibration"]["scale"], metrics["calibration"]["offset"]
        else:
            values = 1 / metrics["training"].get("temperature", 1.0), 0.0
        found = Calibration(*map(float, values))
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError):
        found = Calibration(0, 0)
    if not (0 < found.scale < math.inf and math.isfinite(found.offset)):
        raise InputError("metrics.json does not say how the model was calibrated; get the model again.")
    return found


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """Return the temperature that gives the logits the least log loss.

    `logits` is float [N, classes], `labels` int [N]; logits are to be divided by the temperature. Temperature
    scaling (Guo et al. 2017) with equal weight for each class.
    """
    weights = _class_weights(labels)

    def loss(exponent: float) -> float:
        scaled = log_softmax(logits.astype(np.float64) * np.exp(-exponent), axis=1)
        return -np.average(scaled[np.arange(len(labels)), labels], weights=weights)

    return float(np.exp(minimize_scalar(loss, bounds=(-3, 3), method="bounded").x))


def fit_platt(logits: np.ndarray, labels: np.ndarray) -> Calibration:
    """Return the scale and offset that give the log odds the least log loss.

    `logits` is float [N, 2], `labels` int [N]. Platt scaling (Platt 1999) with equal weight for each class,
    and with his targets a little away from 0 and 1, which keep the scale finite where all are right.
    """
    log_odds = np.diff(logits.astype(np.float64))[:, 0]
    negatives, positives = np.bincount(labels, minlength=2)
    targets = np.where(labels == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    weights = _class_weights(labels)

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        scale = np.exp(parameters[0])  # a network that ranks the wrong way round stays wrong
        moved = scale * log_odds + parameters[1]
        error = weights * (1 / (1 + np.exp(-np.clip(moved, -500, 500))) - targets)
        value = weights @ (np.logaddexp(0, moved) - targets * moved)
        return value, np.array([error @ (scale * log_odds), error.sum()])

    found = minimize(loss, np.zeros(2), jac=True, bounds=[(-3, 3), (-20, 20)], method="L-BFGS-B").x
    return Calibration(float(np.exp(found[0])), float(found[1]))


def _class_weights(labels: np.ndarray) -> np.ndarray:
    """Return weights that sum to 1, and to the same for each class that is there."""
    counts = np.bincount(labels)
    return 1 / counts[labels] / np.count_nonzero(counts)


def covariance(logits: np.ndarray, labels: np.ndarray, patients: Sequence[str]) -> list[list[float]]:
    """Return the covariance of scale and offset of two classes, [2, 2].

    It is that of `DRAWS` fits to the calibrated `logits`, float [N, 2], of a bootstrap over `patients`, one
    per image.
    """
    fits = [
        fit_platt(logits[sample], labels[sample])
        for sample in resamples(patients, DRAWS, "Interval of the calibration")
        if len(np.unique(labels[sample])) == 2
    ]
    return np.cov(np.array(fits).T).tolist() if len(fits) > 1 else [[0.0, 0.0], [0.0, 0.0]]


def choose_operating_points(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Return thresholds on the positive probability of two classes, by name.

    `probabilities` is float [N, 2], `labels` int [N]. `screening` is the highest threshold with a sensitivity
    of at least 98 %; `balanced` has the largest mean of sensitivity and specificity (Youden 1950). Both lie
    midway between two neighbouring probabilities.
    """
    false_positive, sensitivity, thresholds = roc_curve(labels, probabilities[:, 1], drop_intermediate=False)
    thresholds = np.append(np.minimum(thresholds, 1), 0)
    indices = {
        "screening": np.argmax(sensitivity >= 0.98),
        "balanced": np.argmax(sensitivity - false_positive),
    }
    return {name: float((thresholds[i] + thresholds[i + 1]) / 2) for name, i in indices.items()}
