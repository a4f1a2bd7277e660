"""Bayes' rule for two classes, from a likelihood ratio to a probability.

The prevalence is the pre-test probability: the share of positives among all images where one was taken. A
test multiplies its odds by the likelihood ratio, and the result is the post-test probability. The ratio says
how many times more often positives look like this image than negatives do; it is the same at any prevalence.
"""

import math
import numbers
from typing import TYPE_CHECKING

from hub.errors import InputError

if TYPE_CHECKING:  # for EVEN alone the command line needs no NumPy
    import numpy as np

EVEN = 0.5  # the prevalence that the softmax of a model folder is for
RAREST = 1e-9  # the prevalence that is closest to 0, and as close to 1: beyond, probabilities lose the ratio
MOST_EVIDENCE = 1e30  # the largest likelihood ratio, either way: JSON has no infinity


def check_prevalence(prevalence: float, classes: int = 2) -> float:
    """Return a prevalence; raise InputError if it is not between 0 and 1.

    Neither may it be closer to them than `RAREST`. A network of another number of `classes` than two takes
    none but `EVEN`, the default.
    """
    if not isinstance(prevalence, numbers.Real) or not 0 < prevalence < 1:
        raise InputError(
            f"The prevalence {_shown(prevalence)} is not a share between 0 and 1; give 0.1 for one in ten."
        )
    if not RAREST <= prevalence <= 1 - RAREST:
        raise InputError(
            f"The prevalence {_shown(prevalence)} is too close to 0 or 1; give 0.1 for one in ten."
        )
    if classes != 2 and prevalence != EVEN:
        raise InputError(f"A prevalence is for two classes, and this model has {classes}; leave it out.")
    return float(prevalence)


def _shown(value: object) -> str:
    """Return a value, which may be anything, for a sentence: text in quotes."""
    return (repr(value) if isinstance(value, str) else str(value))[:40]


def evidence(negative: float, positive: float) -> float:
    """Return the likelihood ratio of two probabilities at even odds.

    It is finite and above 0.
    """
    ratio = positive / max(negative, 1 / MOST_EVIDENCE)
    return min(max(ratio, 1 / MOST_EVIDENCE), MOST_EVIDENCE)


def log_odds(probability: float) -> float:
    """Return the natural logarithm of the odds, finite for 0 and 1 too."""
    probability = min(max(probability, 1e-9), 1 - 1e-9)
    return math.log(probability / (1 - probability))


def posterior(likelihood_ratio: float, prevalence: float) -> float:
    """Return the probability of the positive class after the test."""
    odds = likelihood_ratio * prevalence / (1 - prevalence)
    return odds / (1 + odds)


def move(probabilities: "np.ndarray", prevalence: float, before: float = EVEN) -> "np.ndarray":
    """Return probabilities at another prevalence than the one `before`.

    `probabilities` and the result are float [..., 2], the positive class last.
    """
    import numpy as np

    weights = np.array([(1 - prevalence) / (1 - before), prevalence / before])
    odds = np.asarray(probabilities, np.float64) * weights
    return odds / odds.sum(-1, keepdims=True)
