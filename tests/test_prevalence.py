"""Bayes' rule: from a likelihood ratio and a prevalence to a probability."""

import math

import numpy as np
import pytest

from hub.errors import InputError
from hub.prevalence import EVEN, check_prevalence, log_odds, move, posterior


def test_of_a_thousand_images_as_many_are_positive_as_by_counting():
    # 100 of 1,000 are positive. 80 % of them look like this, and 20 % of the others do.
    assert posterior(0.8 / 0.2, 100 / 1000) == pytest.approx(80 / (80 + 180))


@pytest.mark.parametrize(("ratio", "probability"), [(0, 0), (1, 0.3), (math.inf, 1)])
def test_a_ratio_of_one_says_nothing_and_the_ends_say_all(ratio, probability):
    assert posterior(ratio, 0.3) == pytest.approx(probability)


def test_moved_probabilities_are_those_of_bayes_rule_and_move_back():
    even = np.array([[0.99, 0.01], [0.5, 0.5], [0.2, 0.8], [0.0, 1.0]])
    rare = move(even, 0.1)
    ratios = [positive / negative if negative else math.inf for negative, positive in even]
    assert rare[:, 1] == pytest.approx([posterior(ratio, 0.1) for ratio in ratios])
    assert move(rare, EVEN, before=0.1) == pytest.approx(even)
    assert move(even, EVEN) == pytest.approx(even)


def test_log_odds_are_finite_and_change_sign_with_the_class():
    assert log_odds(0.8) == pytest.approx(math.log(4))
    assert log_odds(0.2) == pytest.approx(-log_odds(0.8))
    assert math.isfinite(log_odds(0)) and math.isfinite(log_odds(1))


@pytest.mark.parametrize("wrong", [0, 1, -0.1, 50, math.nan, math.inf, "half", None])
def test_what_is_no_share_is_refused(wrong):
    with pytest.raises(InputError, match="between 0 and 1"):
        check_prevalence(wrong)


def test_a_prevalence_is_for_two_classes():
    assert check_prevalence(0.1) == 0.1
    assert check_prevalence(EVEN, classes=10) == EVEN
    with pytest.raises(InputError, match="10"):
        check_prevalence(0.1, classes=10)
