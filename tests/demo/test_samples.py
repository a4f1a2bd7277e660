"""The samples of both pages: each is what its caption says, by the model's own answer."""

import math
from types import SimpleNamespace

import pytest
from PIL import Image

from hub.demo.samples import FILE_NAMES, write_samples
from hub.inference.classifier import Classifier
from hub.inference.decision import operating_points, report
from hub.inference.input_check import UNLIKE
from hub.prevalence import log_odds


@pytest.fixture(scope="module")
def samples(classifier, tmp_path_factory):
    """The samples of the bundled model, by name."""
    return {sample.name: sample for sample in write_samples(classifier, tmp_path_factory.mktemp("samples"))}


@pytest.fixture(scope="module")
def reports(classifier, samples):
    """What the model says of each file, by the sample's name."""
    predictions = classifier([sample.path for sample in samples.values()])
    return {
        name: report(classifier, prediction) for name, prediction in zip(samples, predictions, strict=True)
    }


def test_there_is_a_picture_for_each_kind_of_answer(samples):
    assert list(samples) == ["normal", "pneumonia", "uncertain", "adult", "upside_down", "picture"]
    for name, sample in samples.items():
        assert sample.path.name == FILE_NAMES[name]
        with Image.open(sample.path) as image:
            assert min(image.size) >= 300


@pytest.mark.parametrize(
    ("name", "finding"),
    [
        ("normal", "no sign of pneumonia"),
        ("pneumonia", "signs of pneumonia"),
        ("uncertain", "uncertain"),
    ],
)
def test_an_answer_is_as_the_sample_says_and_passes_the_check(reports, name, finding):
    assert reports[name]["finding"] == finding
    assert reports[name]["verdict"]["status"] == "fine"


@pytest.mark.parametrize(("name", "reason"), [("adult", UNLIKE), ("upside_down", "turned")])
def test_the_check_warns_of_a_sample_for_the_reason_that_it_shows(reports, name, reason):
    assert (reports[name]["verdict"]["status"], reports[name]["verdict"]["reason"]) == ("warned", reason)


def test_the_check_refuses_a_picture_that_is_no_radiograph(reports):
    assert reports["picture"]["verdict"]["status"] == "refused"
    assert reports["picture"]["label"] is None


def test_the_uncertain_one_lies_between_the_other_two(classifier, reports):
    threshold = log_odds(classifier.operating_points[operating_points(classifier)[0]])
    normal, uncertain, sick = (
        math.log(reports[name]["likelihood_ratio"]) for name in ("normal", "uncertain", "pneumonia")
    )
    assert normal < uncertain < sick
    assert abs(uncertain - threshold) < min(threshold - normal, sick - threshold)


def test_samples_are_the_same_each_time(classifier, samples, tmp_path):
    again = write_samples(classifier, tmp_path)
    assert [sample.path.read_bytes() for sample in again] == [
        sample.path.read_bytes() for sample in samples.values()
    ]


def test_a_model_leaves_out_the_samples_that_it_cannot_show(tmp_path):
    unchecked = Classifier.from_pretrained()
    unchecked.check = None
    names = [sample.name for sample in write_samples(unchecked, tmp_path)]
    assert names == ["normal", "pneumonia", "uncertain"]
    unchecked.operating_points = {}
    assert write_samples(unchecked, tmp_path) == []


def test_a_model_of_something_else_has_no_samples(tmp_path):
    assert write_samples(SimpleNamespace(radiograph=False), tmp_path) == []
