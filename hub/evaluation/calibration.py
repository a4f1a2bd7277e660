"""Temperature scaling, and thresholds on calibrated probabilities."""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.metrics import roc_curve


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """Return the temperature by which to divide `logits`, float [N, classes], so that they lose least.

    Temperature scaling (Guo et al. 2017), every class weighing the same: the probabilities are those of
    classes equally common beforehand, as the training loss has it. No class gets a bias (Alexandari et
    al. 2020): fitted on films like those in training it moves normals unlike them towards pneumonia.
    """
    weights = 1 / np.bincount(labels)[labels]

    def loss(exponent: float) -> float:
        scaled = log_softmax(logits.astype(np.float64) * np.exp(-exponent), axis=1)
        return -np.average(scaled[np.arange(len(labels)), labels], weights=weights)

    return float(np.exp(minimize_scalar(loss, bounds=(-3, 3), method="bounded").x))


def uncalibrated(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Return what the probabilities [N, classes] were before they were divided by the temperature."""
    tiny = np.finfo(probabilities.dtype).tiny
    return softmax(np.log(np.maximum(probabilities, tiny)) * temperature, axis=1)


def choose_operating_points(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Return thresholds on the positive probability of two classes, float [N, 2], by name.

    `screening` finds 98 % of the positives, or just more; `balanced` has the largest mean of
    sensitivity and specificity (Youden 1950). Both lie midway between two neighbouring answers.
    """
    false_positive, sensitivity, thresholds = roc_curve(labels, probabilities[:, 1], drop_intermediate=False)
    thresholds = np.append(np.minimum(thresholds, 1), 0)
    chosen = {
        "screening": np.argmax(sensitivity >= 0.98),
        "balanced": np.argmax(sensitivity - false_positive),
    }
    return {name: float((thresholds[i] + thresholds[i + 1]) / 2) for name, i in chosen.items()}
