"""Bayes' rule: from a likelihood ratio and a prevalence to a probability."""

import math
from fractions import Fraction

import numpy as np
import pytest

from hub.errors import InputError
from hub.prevalence import EVEN, MOST_EVIDENCE, check_prevalence, evidence, log_odds, move, posterior


def test_of_a_thousand_images_as_many_are_positive_as_by_counting():
    # 100 of 1,000 are positive. 80 % of them look like this, and 20 % of the others do.
    assert posterior(0.8 / 0.2, 100 / 1000) == pytest.approx(80 / (80 + 180))


@pytest.mark.parametrize(("ratio", "probability"), [(0, 0), (1, 0.3), (MOST_EVIDENCE, 1)])
def test_a_ratio_of_one_says_nothing_and_the_ends_say_all(ratio, probability):
    assert posterior(ratio, 0.3) == pytest.approx(probability)


def test_moved_probabilities_are_those_of_bayes_rule_and_move_back():
    even = np.array([[0.99, 0.01], [0.5, 0.5], [0.2, 0.8], [0.0, 1.0]])
    rare = move(even, 0.1)
    assert rare[:, 1] == pytest.approx([posterior(evidence(*pair), 0.1) for pair in even])
    assert move(rare, EVEN, before=0.1) == pytest.approx(even)
    assert move(even, EVEN) == pytest.approx(even)


def test_log_odds_are_finite_and_change_sign_with_the_class():
    assert log_odds(0.8) == pytest.approx(math.log(4))
    assert log_odds(0.2) == pytest.approx(-log_odds(0.8))
    assert math.isfinite(log_odds(0)) and math.isfinite(log_odds(1))


@pytest.mark.parametrize("share", [np.float32(0.25), np.float64(0.25), Fraction(1, 4)], ids=repr)
def test_any_real_number_may_be_a_prevalence(share):
    assert check_prevalence(share) == 0.25


@pytest.mark.parametrize(
    "given", ["0.1", "", None, True, float("nan"), 0, 1, 10**400, [0.1], np.array([0.1])]
)
def test_what_is_no_share_is_one_sentence(given):
    with pytest.raises(
        InputError, match=r"^The prevalence .* is not a share between 0 and 1; .*one in ten.$"
    ):
        check_prevalence(given)


@pytest.mark.parametrize("given", [5e-324, 1e-310, 0.9e-9, 1 - 1e-16])
def test_a_share_that_leaves_nothing_of_a_ratio_is_refused(given):
    with pytest.raises(InputError, match=r"^The prevalence .* is too close to 0 or 1; .*one in ten.$"):
        check_prevalence(given)
    assert check_prevalence(1e-9) == 1e-9


def test_a_prevalence_is_for_two_classes():
    assert check_prevalence(0.1) == 0.1
    assert check_prevalence(EVEN, classes=10) == EVEN
    with pytest.raises(InputError, match="10"):
        check_prevalence(0.1, classes=10)
