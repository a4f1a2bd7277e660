"""From a calibrated probability to a finding at an operating point."""

import math

from hub.errors import InputError
from hub.inference.classifier import Classifier, Prediction

OPERATING_POINTS = {
    "balanced": "weighs a missed pneumonia and a false alarm alike",
    "screening": "misses as little pneumonia as it can, at the price of more false alarms",
}
UNCERTAIN_FACTOR = 2  # odds within this factor of the threshold's are too close to call


def operating_points(classifier: Classifier) -> list[str]:
    """Return the names of the operating points to choose from.

    The default comes first; [] if the model has none.
    """
    if "PNEUMONIA" not in classifier.classes:
        return []
    return [name for name in OPERATING_POINTS if name in classifier.operating_points]


def heatmap_class(prediction: Prediction) -> str | None:
    """Return the class whose heatmap is shown."""
    return "PNEUMONIA" if "PNEUMONIA" in prediction.heatmaps else prediction.label


def finding(probability: float, threshold: float) -> str:
    """Return the finding in words.

    It is "signs of pneumonia", "no sign of pneumonia", or "uncertain" near the threshold.
    """
    distance = log_odds(probability) - log_odds(threshold)
    if abs(distance) < math.log(UNCERTAIN_FACTOR):
        return "uncertain"
    return "signs of pneumonia" if distance > 0 else "no sign of pneumonia"


def log_odds(probability: float) -> float:
    """Return the natural logarithm of the odds, finite for 0 and 1 too."""
    probability = min(max(probability, 1e-9), 1 - 1e-9)
    return math.log(probability / (1 - probability))


def report(classifier: Classifier, prediction: Prediction, operating_point: str | None = None) -> dict:
    """Return the answer at one operating point as plain JSON, as the API gives it.

    `label` is the class: PNEUMONIA from the threshold up, by argmax if the model has no operating points.
    `finding` is that of `finding`, `probability` the calibrated probability of pneumonia; both are None for
    other models and, like `label`, if the input check refuses. `verdict` is that of the input check. Without
    `operating_point`, the default one is used. Raises InputError for an operating point that the model does
    not have.
    """
    points = operating_points(classifier)
    if operating_point is not None and points and operating_point not in points:
        given = f"{operating_point!s:.40}"  # by clients of the API, which may send anything
        raise InputError(f"There is no operating point {given}; give {' or '.join(points)}.")
    name = (operating_point or points[0]) if points else None
    threshold = classifier.operating_points[name] if points else None
    probability = prediction.probabilities.get("PNEUMONIA")
    decided = points and probability is not None
    label = prediction.label
    if decided:
        label = "PNEUMONIA" if probability >= threshold else "NORMAL"
    verdict = prediction.verdict
    return {
        "label": label,
        "finding": finding(probability, threshold) if decided else None,
        "probability": probability,
        "probabilities": dict(prediction.probabilities),
        "operating_point": name,
        "threshold": threshold,
        "verdict": {"status": verdict.status, "reason": verdict.reason, "sentence": verdict.sentence},
    }
