"""From an image to a finding, which stays, and a probability, which moves with the prevalence."""

import json
import math
from types import SimpleNamespace

import pytest
from scipy.special import expit

from hub.demo import panels, report_panel
from hub.demo.words import words_in
from hub.inference import decision
from hub.inference.batch import Result, to_csv
from hub.inference.classifier import Classifier, Prediction
from hub.inference.decision import OPERATING_POINTS, interval, report
from hub.inference.input_check import Verdict
from hub.prevalence import posterior


@pytest.mark.parametrize("point", OPERATING_POINTS)
def test_a_prevalence_moves_probability_and_threshold_and_no_finding(classifier, radiograph, point):
    prediction = classifier(radiograph)
    even, rare = (report(classifier, prediction, point, prevalence) for prevalence in (0.5, 0.1))
    for name in ("label", "finding", "likelihood_ratio", "threshold_likelihood_ratio"):
        assert even[name] == rare[name]
    for answer, prevalence in ((even, 0.5), (rare, 0.1)):
        assert answer["probability"] == pytest.approx(posterior(answer["likelihood_ratio"], prevalence))
        assert answer["threshold"] == pytest.approx(
            posterior(answer["threshold_likelihood_ratio"], prevalence)
        )
        low, high = answer["interval"]
        assert low < answer["probability"] < high
        assert answer["probabilities"]["PNEUMONIA"] == pytest.approx(answer["probability"])


def test_a_classifier_at_a_prevalence_answers_as_a_report_for_it(classifier, radiograph):
    rare = Classifier.from_pretrained(prevalence=0.1)
    prediction, even = rare(radiograph), classifier(radiograph)
    assert prediction.label == even.label
    assert prediction.likelihood_ratio == pytest.approx(even.likelihood_ratio)
    expected = report(classifier, even, prevalence=0.1)
    assert report(rare, prediction) == {
        name: pytest.approx(value) if isinstance(value, float | list) else value
        for name, value in expected.items()
    } | {"probabilities": pytest.approx(expected["probabilities"])}


def test_an_interval_is_wider_the_less_the_calibration_is_known():
    unknown, exact, vague = (
        SimpleNamespace(calibration_covariance=covariance)
        for covariance in (None, [[0, 0], [0, 0]], [[0, 0], [0, 0.25]])
    )
    assert interval(unknown, 4) is None
    assert interval(exact, 4) == pytest.approx((4, 4))
    low, high = interval(vague, 4)
    assert math.log(high / 4) == pytest.approx(math.log(4 / low)) == pytest.approx(1.96 * 0.5)


@pytest.mark.parametrize("log_ratio", [-1e9, -700, -100, 0, 100, 700, 1e9])
@pytest.mark.parametrize("prevalence", [1e-9, 0.5, 1 - 1e-9])
def test_no_evidence_is_too_strong_for_json_and_the_page(classifier, log_ratio, prevalence):
    probabilities = {"NORMAL": float(expit(-log_ratio)), "PNEUMONIA": float(expit(log_ratio))}
    prediction = Prediction("PNEUMONIA", probabilities, {}, Verdict("fine"))
    for point in decision.operating_points(classifier):
        answer = report(classifier, prediction, point, prevalence)
        json.dumps(answer, allow_nan=False)
        low, high = answer["interval"]
        assert low <= answer["probability"] <= high
        words = words_in()
        shown = panels.card(answer, "a film", words) + panels.decided(answer, {}, words)
        shown += report_panel.report(classifier, answer, "a film", words)
        assert "inf" not in to_csv([(Result("a film", prediction), answer)])
        assert not any(text in shown.lower() for text in ("nan%", "inf%", "nan ", "inf "))
