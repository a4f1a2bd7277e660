"""What both apps say, before any page shows it."""

import math
import shutil
from types import SimpleNamespace

import dicom_files
import numpy as np
import pytest
from PIL import Image

from hub.demo import batch_panel, handlers, model_tab, panels, wording
from hub.errors import InputError
from hub.inference import decision, input_check
from hub.inference.batch import Result
from hub.inference.classifier import Prediction
from hub.inference.heatmap import overlay
from hub.inference.input_check import Verdict
from hub.models.folder import BUNDLED
from hub.prevalence import log_odds
from hub.text import percent

FINE = Verdict("fine")
DIGITS = SimpleNamespace(classes=[*"0123456789"], operating_points={}, radiograph=False, prevalence=0.5)


def predict(probability, verdict=FINE):
    label = "PNEUMONIA" if probability > 0.5 else "NORMAL"
    return Prediction(label, {"NORMAL": 1 - probability, "PNEUMONIA": probability}, {}, verdict)


@pytest.mark.parametrize(
    ("factor", "finding"),
    [
        (0.1, "no sign of pneumonia"),
        (0.49, "no sign of pneumonia"),
        (0.51, "uncertain"),
        (1, "uncertain"),
        (1.99, "uncertain"),
        (2.01, "signs of pneumonia"),
        (1e12, "signs of pneumonia"),
    ],
)
@pytest.mark.parametrize("threshold", [0.02, 0.5, 9])
def test_a_finding_is_uncertain_within_a_factor_of_two_of_the_threshold(factor, finding, threshold):
    assert decision.finding(factor * threshold, threshold, "balanced") == finding


@pytest.mark.parametrize(
    ("factor", "finding"),
    [(0.99, "no sign of pneumonia"), (1, "flagged for a second look"), (9, "flagged for a second look")],
)
def test_screening_flags_from_its_threshold_up(factor, finding):
    assert decision.finding(factor * 0.02, 0.02, "screening") == finding


def test_the_operating_point_decides_what_the_same_probability_means(classifier):
    points = classifier.operating_points
    probability = 1.5 * points["screening"]
    balanced = decision.report(classifier, predict(probability))
    assert (balanced["operating_point"], balanced["label"]) == ("balanced", "NORMAL")
    assert balanced["finding"] == "no sign of pneumonia"
    screening = decision.report(classifier, predict(probability), "screening")
    assert (screening["label"], screening["finding"]) == ("PNEUMONIA", "flagged for a second look")
    assert screening["probability"] == balanced["probability"] == pytest.approx(probability)
    assert screening["threshold"] == pytest.approx(points["screening"])
    close = decision.report(classifier, predict(balanced["threshold"]))
    assert close["finding"] == "uncertain"


@pytest.mark.parametrize("operating_point", ["balanced", "screening"])
@pytest.mark.parametrize("probability", [0.003, 0.2, 0.6, 0.99])
def test_a_finding_does_not_move_with_the_prevalence_and_the_probability_does(
    classifier, operating_point, probability
):
    reports = [
        decision.report(classifier, predict(probability), operating_point, prevalence)
        for prevalence in (0.1, 0.5, 0.75)
    ]
    for name in ("label", "finding", "likelihood_ratio", "threshold_likelihood_ratio"):
        assert len({report[name] for report in reports}) == 1
    odds = [report["probability"] / (1 - report["probability"]) for report in reports]
    assert odds[0] * 9 == pytest.approx(odds[1]) == pytest.approx(odds[2] / 3)
    for report in reports:
        assert report["probabilities"]["PNEUMONIA"] == pytest.approx(report["probability"])
        assert (report["label"] == "PNEUMONIA") == (report["probability"] >= report["threshold"])


def test_an_operating_point_that_is_not_there_is_one_sentence(classifier):
    with pytest.raises(InputError, match="no operating point best; give balanced or screening"):
        decision.report(classifier, predict(0.5), "best")


def test_an_operating_point_is_explained_by_the_measured_figures(classifier):
    says = wording.explain_point("screening", model_tab.read_metrics(BUNDLED))
    assert "misses as little" in says
    assert "On validation films: sensitivity 98\u00a0%" in says
    assert "On test films: 99\u00a0% and 80\u00a0%" in says
    assert wording.explain_point("screening", {}).startswith("Screening misses")


def test_what_the_input_check_refuses_has_no_answer(classifier):
    report = decision.report(classifier, Prediction(None, {}, {}, input_check.verdict("blank")))
    assert (report["label"], report["finding"], report["probability"]) == (None, None, None)
    assert report["probabilities"] == {}
    assert wording.headline(report) == "No answer"
    card = panels.card(report)
    assert input_check.verdict("blank").sentence in card
    assert "probability" not in card


def test_what_the_input_check_warns_of_comes_before_the_answer(classifier):
    verdict = input_check.verdict("unlike the training films")
    card = panels.card(decision.report(classifier, predict(0.9, verdict)))
    assert card.index(verdict.sentence) < card.index("Signs of pneumonia") < card.index("90\u00a0%")
    assert "a film like those it knows" in panels.card(decision.report(classifier, predict(0.9)))
    assert "this model has none" in panels.card(
        decision.report(classifier, predict(0.9, Verdict("unchecked")))
    )


def test_an_oblique_film_is_warned_of_on_the_page_as_by_the_api(classifier, radiograph, tmp_path):
    image = dicom_files.dataset(np.asarray(radiograph), ViewPosition="LAO")
    (tmp_path / "film.dcm").write_bytes(dicom_files.stored(image))
    shown = handlers.answer(classifier, str(tmp_path / "film.dcm"))
    verdict = decision.report(classifier, shown.prediction)["verdict"]
    assert (verdict["status"], verdict["reason"]) == ("warned", "oblique")
    assert "at an angle by its header" in panels.card(decision.report(classifier, shown.prediction))


def test_a_model_of_something_else_says_nothing_of_pneumonia():
    shares = {name: 0.05 for name in DIGITS.classes} | {"7": 0.55}
    report = decision.report(DIGITS, Prediction("7", shares, {}))
    assert report["label"] == "7"
    assert report["operating_point"] is report["finding"] is report["probability"] is None
    assert decision.operating_points(DIGITS) == []
    card = panels.card(report)
    assert "<h2>7</h2>" in card
    assert card.count("<li>") == 5
    shown = card + str(wording.words(DIGITS))
    assert "pneumonia" not in shown.lower()


@pytest.mark.parametrize(
    ("share", "shown"),
    [(0.5, "50 %"), (0.003, "0.3 %"), (0.9994, "99.9 %"), (1, "100 %"), (0.99999, "over 99.9 %")],
)
def test_a_share_never_breaks_before_its_sign(share, shown):
    assert percent(share) == shown.replace(" %", "\u00a0%")


def test_names_of_files_are_text_on_the_page(classifier):
    name = "<img src=x onerror=alert(1)>'\".png"
    image = Image.new("RGB", (40, 40))
    row = Result(name, error=f"{name} is empty")
    for html in (
        panels.image(
            handlers.Answer(predict(0.5), image, image, np.asarray(image)),
            name,
            wording.words(classifier),
        ),
        panels.refusal(name),
        batch_panel.batch_table([(row, None)]),
    ):
        assert "<img src=x" not in html
        assert "'\".png" not in html


def test_the_model_is_the_environments_else_the_published_one_else_the_bundled_one(tmp_path, monkeypatch):
    for name in ("published", "environment"):
        shutil.copytree(BUNDLED, tmp_path / name)
    monkeypatch.setattr(handlers, "MODEL_FILE", tmp_path / "model.txt")
    monkeypatch.delenv("MODEL", raising=False)
    assert handlers.load_model().folder == BUNDLED
    (tmp_path / "model.txt").write_text(f"{tmp_path / 'published'}\n")
    assert handlers.load_model().folder == tmp_path / "published"
    monkeypatch.setenv("MODEL", str(tmp_path / "environment"))
    assert handlers.load_model().folder == tmp_path / "environment"


def test_examples_are_clear_and_always_the_same(classifier, tmp_path):
    paths = handlers.write_examples(classifier, tmp_path)
    assert len(paths) == 6
    for path, prediction in zip(paths, classifier(paths), strict=True):
        assert prediction.label.lower() in path.name
        assert prediction.warnings == []
        report = decision.report(classifier, prediction)
        assert report["finding"] != "uncertain"
        assert not 0.1 < report["probability"] < 0.9
    (tmp_path / "again").mkdir()
    again = handlers.write_examples(classifier, tmp_path / "again")
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in paths]
    assert handlers.write_examples(DIGITS, tmp_path) == []


@pytest.mark.parametrize(("shape", "size"), [((900, 1500), (768, 461)), ((2048, 1668), (626, 768))])
def test_radiograph_and_heatmap_are_alike_in_size_whatever_the_file(classifier, shape, size):
    answer = handlers.answer(classifier, np.random.default_rng(0).integers(0, 4096, shape, dtype=np.uint16))
    assert answer.image.size == answer.overlay.size == size
    assert answer.image.mode == answer.overlay.mode == "RGB"


@pytest.mark.parametrize(("odds", "low", "high"), [(0.01, 0, 0), (1, 0, 0), (5, 0, 20), (400, 100, 200)])
def test_weak_evidence_hardly_tints_a_radiograph_and_strong_evidence_reddens_it(odds, low, high):
    flat = np.zeros((7, 7), np.float32)
    probabilities = {"NORMAL": 1 / (1 + odds), "PNEUMONIA": odds / (1 + odds)}
    prediction = Prediction("PNEUMONIA", probabilities, {"NORMAL": flat, "PNEUMONIA": flat})
    tinted = np.asarray(overlay(Image.new("RGB", (64, 48), (120, 120, 120)), prediction, "PNEUMONIA"))
    red = tinted[..., 0].astype(int) - tinted[..., 2]
    assert low <= red.min() <= red.max() <= high


def test_what_is_left_out_is_a_row_that_counts_as_no_file(classifier):
    notes = [(Result("films.zip", note="left out 2 files: 1 `.csv`, 1 `.txt`"), None)]
    film = Result("a.png", predict(0.9))
    table = batch_panel.batch_table([*handlers.with_reports(classifier, [film], "balanced"), *notes])
    assert "1 file." in table and "unreadable" not in table
    assert "left out 2 files: 1 `.csv`, 1 `.txt`" in table and "Left out" in table
    unreadable = batch_panel.batch_table([(Result("b.png", error="b.png is empty."), None), *notes])
    assert "1 file, 1 of them unreadable" in unreadable


def test_log_odds_are_finite():
    assert log_odds(0.5) == 0
    assert all(map(math.isfinite, (log_odds(0), log_odds(1))))
