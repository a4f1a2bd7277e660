"""From a likelihood ratio to a finding at an operating point.

Operating points are thresholds on the likelihood ratio, so a finding does not move with the prevalence, and
neither do the sensitivity and specificity that were measured for it. The probability does.
"""

import math

from hub.errors import InputError
from hub.inference.classifier import Classifier, Prediction
from hub.prevalence import check_prevalence, log_odds, move, posterior

OPERATING_POINTS = ("balanced", "screening")
# Each finding in words, and its name where it is one of several kinds of answer.
FINDINGS = {
    "signs of pneumonia": "signs",
    "no sign of pneumonia": "no_sign",
    "uncertain": "uncertain",
    "flagged for a second look": "flagged",
}
UNCERTAIN_FACTOR = 2  # likelihood ratios within this factor of the balanced threshold are too close to call
NORMAL_QUANTILE = 1.96  # 95 % of a normal distribution lie within so many standard deviations


def operating_points(classifier: Classifier) -> list[str]:
    """Return the names of the operating points to choose from.

    The default comes first; [] if the model has none, or if its second class of two is not pneumonia.
    """
    if [*classifier.classes[1:]] != ["PNEUMONIA"]:
        return []
    return [name for name in OPERATING_POINTS if name in classifier.operating_points]


def heatmap_class(prediction: Prediction) -> str | None:
    """Return the class whose heatmap is shown."""
    return "PNEUMONIA" if "PNEUMONIA" in prediction.heatmaps else prediction.label


def finding(likelihood_ratio: float, threshold: float, operating_point: str) -> str:
    """Return the finding in words.

    Balanced: "signs of pneumonia", "no sign of pneumonia", or "uncertain" near the threshold, itself a
    likelihood ratio. Screening asks who needs a second look, and near its threshold everyone does: "flagged
    for a second look" from the threshold up, else "no sign of pneumonia".
    """
    if operating_point == "screening":
        return "flagged for a second look" if likelihood_ratio >= threshold else "no sign of pneumonia"
    if threshold / UNCERTAIN_FACTOR < likelihood_ratio < threshold * UNCERTAIN_FACTOR:
        return "uncertain"
    return "signs of pneumonia" if likelihood_ratio > threshold else "no sign of pneumonia"


def interval(classifier: Classifier, likelihood_ratio: float) -> tuple[float, float] | None:
    """Return the 95 % interval of a likelihood ratio.

    It says how well the validation images determine the scale and offset of the log odds (Platt 1999), by
    the delta method. None if the model folder does not say.
    """
    if classifier.calibration_covariance is None:
        return None
    log_ratio = math.log(likelihood_ratio)
    (scale, both), (_, offset) = classifier.calibration_covariance
    deviation = math.sqrt(max(log_ratio**2 * scale + 2 * log_ratio * both + offset, 0))
    bounds = (log_ratio + sign * NORMAL_QUANTILE * deviation for sign in (-1, 1))
    return tuple(math.exp(min(max(bound, -700), 700)) for bound in bounds)  # math.exp has no more room


def report(
    classifier: Classifier,
    prediction: Prediction,
    operating_point: str | None = None,
    prevalence: float | None = None,
) -> dict:
    """Return the answer at one operating point as plain JSON, as the API gives it.

    `label` is the class: PNEUMONIA from the threshold up, by argmax if the model has no operating points.
    `finding` is that of `finding`, `probability` that of pneumonia at `prevalence`, `interval` the 95 %
    interval of it, [low, high], and `likelihood_ratio` what the image itself says. `threshold` is the
    probability at this prevalence from which `label` is PNEUMONIA, `threshold_likelihood_ratio` the ratio.
    All are None for other models and, like `label`, if the input check refuses. `verdict` is that of the
    input check. Without `operating_point` and `prevalence`, the default point and the prevalence of the
    classifier are used. Raises InputError for an operating point that the model does not have, and for a
    prevalence that is not between 0 and 1.
    """
    classes = len(classifier.classes)
    prevalence = classifier.prevalence if prevalence is None else check_prevalence(prevalence, classes)
    points = operating_points(classifier)
    if operating_point is not None and points and operating_point not in points:
        given = f"{operating_point!s:.40}"  # by clients of the API, which may send anything
        raise InputError(f"There is no operating point {given}; give {' or '.join(points)}.")
    name = (operating_point or points[0]) if points else None
    verdict = prediction.verdict
    answer = {
        "label": prediction.label,
        "finding": None,
        "probability": None,
        "interval": None,
        "prevalence": prevalence,
        "likelihood_ratio": None,
        "probabilities": _probabilities(prediction, prevalence),
        "operating_point": name,
        "threshold": None,
        "threshold_likelihood_ratio": None,
        "verdict": {"status": verdict.status, "reason": verdict.reason, "sentence": verdict.sentence},
    }
    if points:
        threshold = math.exp(log_odds(classifier.operating_points[name]))
        answer["threshold"] = posterior(threshold, prevalence)
        answer["threshold_likelihood_ratio"] = threshold
        if prediction.likelihood_ratio is not None:
            answer |= _answer(classifier, prediction.likelihood_ratio, threshold, name, prevalence)
    return answer


def _answer(classifier: Classifier, ratio: float, threshold: float, name: str, prevalence: float) -> dict:
    """Return what `report` says of an image that has an answer."""
    probability, bounds = posterior(ratio, prevalence), interval(classifier, ratio)
    return {
        "label": classifier.classes[ratio >= threshold],
        "finding": finding(ratio, threshold, name),
        "probability": probability,
        "interval": bounds and [posterior(bound, prevalence) for bound in bounds],
        "likelihood_ratio": ratio,
    }


def _probabilities(prediction: Prediction, prevalence: float) -> dict[str, float]:
    """Return the probability of each class at `prevalence`."""
    if len(prediction.probabilities) != 2 or prevalence == prediction.prevalence:
        return dict(prediction.probabilities)
    moved = move([*prediction.probabilities.values()], prevalence, prediction.prevalence)
    return dict(zip(prediction.probabilities, moved.tolist(), strict=True))
