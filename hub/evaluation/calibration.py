"""Temperature scaling, and thresholds on calibrated probabilities."""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.metrics import roc_curve


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """Return the temperature that gives the logits the least log loss.

    `logits` is float [N, classes], `labels` int [N]; logits are to be divided by the temperature. Temperature
    scaling (Guo et al. 2017) with equal weight for each class, so that the probabilities assume a balanced
    prior, as the training loss does. There is no bias per class (Alexandari et al. 2020): fitted on images
    like the training images, it moves normal radiographs unlike them towards pneumonia.
    """
    weights = 1 / np.bincount(labels)[labels]

    def loss(exponent: float) -> float:
        scaled = log_softmax(logits.astype(np.float64) * np.exp(-exponent), axis=1)
        return -np.average(scaled[np.arange(len(labels)), labels], weights=weights)

    return float(np.exp(minimize_scalar(loss, bounds=(-3, 3), method="bounded").x))


def undo_temperature(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Return probabilities as they were before temperature scaling.

    `probabilities` and the result are float [N, classes].
    """
    tiny = np.finfo(probabilities.dtype).tiny
    return softmax(np.log(np.maximum(probabilities, tiny)) * temperature, axis=1)


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
