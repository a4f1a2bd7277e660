"""Metrics against other people's code, and their intervals."""

import numpy as np
import pytest
from predictions import answers
from sklearn import metrics as sk

from hub.evaluation import metrics
from hub.evaluation.metrics import calibration_error, format_metrics, measure
from hub.files import write_json
from hub.models.folder import read_json


@pytest.fixture(autouse=True)
def few_draws(monkeypatch):
    """50 draws are enough where a test is not about how good an interval is."""
    monkeypatch.setattr(metrics, "RESAMPLES", 50)


def each_alone(labels):
    return [f"patient {index}" for index in range(len(labels))]


def values(measured):
    return {name: metric["value"] for name, metric in measured.items() if isinstance(metric, dict)}


def at_prevalence(positive, share):
    """The positive probability at another prevalence, from that at even odds."""
    odds = positive / (1 - positive) * share / (1 - share)
    return odds / (1 + odds)


def expected_calibration_error(confidence, hits):
    """By its definition, one bin after another."""
    bins = (np.floor(confidence * 15) == number for number in range(16))
    gaps = [bin.sum() * abs(confidence[bin].mean() - hits[bin].mean()) for bin in bins if bin.any()]
    return sum(gaps) / len(confidence)


def test_two_classes_are_measured_as_scikit_learn_does():
    probabilities, labels = answers(120, 2)
    positive, predicted = probabilities[:, 1].astype(float), probabilities.argmax(1)
    moved = at_prevalence(positive, labels.mean())
    measured = measure(probabilities, labels, each_alone(labels), ["NORMAL", "PNEUMONIA"])
    assert values(measured) == pytest.approx(
        {
            "accuracy": sk.accuracy_score(labels, predicted),
            "sensitivity": sk.recall_score(labels, predicted),
            "specificity": sk.recall_score(labels, predicted, pos_label=0),
            "auc": sk.roc_auc_score(labels, positive),
            "balanced_accuracy": sk.balanced_accuracy_score(labels, predicted),
            "f1": sk.f1_score(labels, predicted),
            "brier": sk.brier_score_loss(labels, moved),
            "log_loss": sk.log_loss(labels, moved),
            "ece": expected_calibration_error(moved, labels),
        },
        abs=1e-6,
    )
    assert measured["prevalence"] == labels.mean()


def test_perfectly_calibrated_odds_are_so_at_any_prevalence(monkeypatch):
    monkeypatch.setattr(metrics, "RESAMPLES", 1)
    random = np.random.default_rng(0)
    for share in (0.1, 0.5, 0.8):
        labels = (random.random(20_000) < share).astype(int)
        log_odds = 2 * random.normal(2 * labels - 1, 1)  # two Gaussians, 2 apart
        positive = 1 / (1 + np.exp(-log_odds))
        measured = measure(np.stack([1 - positive, positive], 1), labels, each_alone(labels), ["a", "b"])
        assert measured["ece"]["value"] < 0.015
        for row in measured["reliability"]:
            if row["count"] > 500:
                assert row["probability"] == pytest.approx(row["share"], abs=0.06)


def test_the_reliability_diagram_counts_every_image_once_with_an_interval():
    probabilities, labels = answers(200, 2)
    bins = measure(probabilities, labels, each_alone(labels), ["a", "b"])["reliability"]
    assert sum(row["count"] for row in bins) == 200
    assert sum(row["count"] * row["share"] for row in bins) == pytest.approx(labels.sum())
    for row in bins:
        assert row["low"] <= row["probability"] <= row["high"]
        assert 0 <= row["share_low"] <= row["share"] <= row["share_high"] <= 1
        assert row["share_low"] < row["share_high"]


def test_three_classes_are_measured_as_scikit_learn_does():
    probabilities, labels = answers(120, 3)
    predicted = probabilities.argmax(1)
    measured = measure(probabilities, labels, each_alone(labels), ["a", "b", "c"])
    assert values(measured) == pytest.approx(
        {
            "accuracy": sk.accuracy_score(labels, predicted),
            "auc": sk.roc_auc_score(labels, probabilities, multi_class="ovr"),
            "f1": sk.f1_score(labels, predicted, average="macro"),
            "ece": expected_calibration_error(probabilities.max(1), predicted == labels),
        }
    )
    assert measured["confusion"] == sk.confusion_matrix(labels, predicted).tolist()


@pytest.mark.parametrize(
    ("probabilities", "labels", "expected"),
    [
        # Of one bin each: gaps of 0.3, 0.1 and 0.05.
        ([[0.7, 0.3], [0.1, 0.9], [0.05, 0.95]], [0, 1, 1], 0.15),
        # Of one bin together: 0.62 on average, and two thirds positive.
        ([[0.39, 0.61], [0.38, 0.62], [0.37, 0.63]], [1, 0, 1], 0.046667),
        # Probabilities of 0 and 1, right and wrong.
        ([[1, 0], [0, 1], [1, 0], [0, 1]], [0, 1, 1, 1], 0.25),
        # 1 is in no bin with 0.99: where it is right and that is wrong, gaps do not make up for each other.
        ([[0, 1], [0.01, 0.99]], [1, 0], 0.495),
        # The largest of three counts, whether it is right or not.
        ([[0.5, 0.3, 0.2], [0.2, 0.3, 0.5], [0, 0, 1]], [0, 1, 2], 0.0),
        ([[0.8, 0.1, 0.1], [0.1, 0.1, 0.8]], [1, 0], 0.8),
    ],
)  # fmt: skip
def test_the_calibration_error_is_what_torchmetrics_gave(probabilities, labels, expected):
    assert calibration_error(np.array(probabilities), np.array(labels)) == pytest.approx(expected, abs=1e-6)


def test_rows_of_the_confusion_are_the_truth():
    probabilities = np.array([[0.1, 0.9]] * 3 + [[0.8, 0.2]] * 5 + [[0.3, 0.7]] * 2)
    labels = np.array([0] * 3 + [1] * 5 + [1] * 2)
    measured = measure(probabilities, labels, each_alone(labels), ["NORMAL", "PNEUMONIA"])
    assert measured["confusion"] == [[0, 3], [5, 2]]
    assert measured["specificity"]["value"] == 0
    assert measured["sensitivity"]["value"] == pytest.approx(2 / 7)


def test_images_patients_and_classes_are_counted():
    probabilities, labels = answers(60, 2)
    patients = [f"patient {index % 20}" for index in range(60)]
    measured = measure(probabilities, labels, patients, ["NORMAL", "PNEUMONIA"])
    assert (measured["n"], measured["patients"]) == (60, 20)
    assert measured["classes"] == ["NORMAL", "PNEUMONIA"]
    assert "60 images of 20 patients" in format_metrics(measured | {"split": "test", "dataset": "images"})


def test_every_interval_holds_its_value():
    for classes in (2, 3):
        probabilities, labels = answers(150, classes)
        measured = measure(probabilities, labels, each_alone(labels), list("abc")[:classes])
        for name in values(measured):
            if name != "ece":  # never below 0, it is larger in a draw than in the whole
                assert measured[name]["low"] < measured[name]["value"] < measured[name]["high"], name


def test_the_interval_of_the_accuracy_is_as_wide_as_the_binomial_one(monkeypatch):
    monkeypatch.setattr(metrics, "RESAMPLES", 150)
    probabilities, labels = answers(400, 2)
    measured = measure(probabilities, labels, each_alone(labels), ["a", "b"])["accuracy"]
    expected = 2 * 1.96 * np.sqrt(measured["value"] * (1 - measured["value"]) / 400)
    assert measured["high"] - measured["low"] == pytest.approx(expected, rel=0.25)


def test_intervals_are_wider_where_patients_have_many_images_each():
    probabilities, labels = answers(25, 2)
    probabilities, labels = np.repeat(probabilities, 8, axis=0), np.repeat(labels, 8)
    alone = measure(probabilities, labels, each_alone(labels), ["a", "b"])
    together = measure(probabilities, labels, [f"patient {i // 8}" for i in range(200)], ["a", "b"])
    assert values(alone) == values(together)
    for name in ("accuracy", "auc", "f1", "brier"):
        width, wider = (m[name]["high"] - m[name]["low"] for m in (alone, together))
        assert wider > 1.5 * width, name  # in the limit, by the root of 8


def test_the_same_seed_gives_the_same_intervals_and_another_seed_others():
    probabilities, labels = answers(60, 2)
    first, again, other = (
        measure(probabilities, labels, each_alone(labels), ["a", "b"], seed) for seed in (0, 0, 1)
    )
    assert first == again != other
    assert values(first) == values(other)


def test_it_does_not_matter_in_which_order_images_come():
    probabilities, labels = answers(60, 2)
    patients = np.array([f"patient {index % 20}" for index in range(60)])
    order = np.random.default_rng(0).permutation(60)
    first = measure(probabilities, labels, patients, ["a", "b"])
    again = measure(probabilities[order], labels[order], patients[order], ["a", "b"])
    for name in values(first):
        assert again[name] == pytest.approx(first[name], abs=1e-6)


@pytest.mark.parametrize("classes", [2, 3])
def test_perfect_answers_are_measured_without_doubt(classes):
    labels = np.arange(30) % classes
    measured = measure(np.eye(classes)[labels], labels, each_alone(labels), list("abc")[:classes])
    for name in ("accuracy", "auc", "f1"):
        assert measured[name] == {"value": 1, "low": 1, "high": 1}
    assert measured["ece"]["value"] == 0


@pytest.mark.parametrize("classes", [2, 3])
def test_the_same_answer_to_everything_is_measured_as_worthless(classes):
    labels = np.arange(30) % classes
    measured = measure(np.full((30, classes), 1 / classes), labels, each_alone(labels), list("abc")[:classes])
    assert measured["auc"] == {"value": 0.5, "low": 0.5, "high": 0.5}
    assert measured["accuracy"]["value"] == pytest.approx(1 / classes)
    assert [sum(column) for column in zip(*measured["confusion"], strict=True)] == [30] + [0] * (classes - 1)


def test_few_images_of_a_class_leave_no_gap_in_any_interval():
    probabilities, labels = answers(20, 2)
    labels[:] = 0
    labels[3] = 1  # in every third draw no image is positive
    measured = measure(probabilities, labels, each_alone(labels), ["a", "b"])
    for name in values(measured):
        assert np.isfinite(list(measured[name].values())).all(), name


def test_subtypes_and_operating_points_are_measured_beside_the_argmax():
    probabilities, labels = answers(200, 2)
    subtypes = np.where(labels == 0, "none", np.where(np.arange(200) % 3 == 0, "virus", "bacteria"))
    measured = measure(probabilities, labels, each_alone(labels), ["a", "b"], 0, subtypes, {"screening": 0.2})
    for subtype in ("virus", "bacteria"):
        mine = subtypes == subtype
        found = sk.recall_score(labels[mine], probabilities[mine].argmax(1))
        assert measured[f"sensitivity_{subtype}"]["value"] == pytest.approx(found)
    positive = probabilities[:, 1] >= 0.2
    assert measured["screening_sensitivity"]["value"] == pytest.approx(positive[labels == 1].mean())
    assert measured["screening_specificity"]["value"] == pytest.approx((~positive[labels == 0]).mean())
    assert "sensitivity_none" not in measured


def test_names_of_images_are_no_subtypes_and_neither_are_those_of_other_classes_than_two():
    probabilities, labels = answers(300, 2)
    named = np.array([f"film {index}" for index in range(300)])
    few = np.array(["a", "b"])[np.arange(300) % 2]
    three, of_three = answers(300, 3)
    for given in ((probabilities, labels, named), (three, of_three, few)):
        scores, truth, subtypes = given
        measured = measure(scores, truth, each_alone(truth), [*"xyz"][: scores.shape[1]], 0, subtypes)
        assert not [name for name in measured if name.startswith("sensitivity_")]


def test_of_a_thousand_classes_metrics_json_stays_small_enough_to_be_read(monkeypatch, tmp_path):
    monkeypatch.setattr(metrics, "RESAMPLES", 2)
    labels = np.arange(1000)
    names = [f"class {label}" for label in labels]
    measured = measure(np.eye(1000)[labels], labels, each_alone(labels), names)
    write_json(tmp_path / "metrics.json", {split: measured for split in ("validation", "test", "train")})
    assert read_json(tmp_path / "metrics.json")["test"]["accuracy"]["value"] == 1
