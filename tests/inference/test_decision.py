"""Answers at the ends of what numbers can say."""

import json
from fractions import Fraction

import numpy as np
import pytest
from scipy.special import expit

from hub.demo import panels, report_panel
from hub.demo.words import words_in
from hub.errors import InputError
from hub.inference import decision
from hub.inference.batch import Result, to_csv
from hub.inference.classifier import Prediction
from hub.inference.input_check import Verdict
from hub.prevalence import check_prevalence


@pytest.mark.parametrize("log_ratio", [-1e9, -700, -100, 0, 100, 700, 1e9])
@pytest.mark.parametrize("prevalence", [1e-9, 0.5, 1 - 1e-9])
def test_no_evidence_is_too_strong_for_json_and_the_page(classifier, log_ratio, prevalence):
    probabilities = {"NORMAL": float(expit(-log_ratio)), "PNEUMONIA": float(expit(log_ratio))}
    prediction = Prediction("PNEUMONIA", probabilities, {}, Verdict("fine"))
    for point in decision.operating_points(classifier):
        report = decision.report(classifier, prediction, point, prevalence)
        json.dumps(report, allow_nan=False)
        low, high = report["interval"]
        assert low <= report["probability"] <= high
        words = words_in()
        shown = panels.card(report, "a film", words) + panels.decided(report, {}, words)
        shown += report_panel.report(classifier, report, "a film", words)
        assert "inf" not in to_csv([(Result("a film", prediction), report)])
        assert not any(text in shown.lower() for text in ("nan%", "inf%", "nan ", "inf "))


@pytest.mark.parametrize("share", [np.float32(0.25), np.float64(0.25), Fraction(1, 4)], ids=repr)
def test_any_real_number_may_be_a_prevalence(share):
    assert check_prevalence(share) == 0.25


@pytest.mark.parametrize(
    "given", ["0.1", "", None, True, float("nan"), 0, 1, 10**400, [0.1], np.array([0.1])]
)
def test_what_is_no_share_is_one_sentence(given):
    with pytest.raises(InputError, match=r"^The prevalence .* is not a share between 0 and 1; .*\.$"):
        check_prevalence(given)
