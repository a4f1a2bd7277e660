"""The viewer of an image and its printed report, before any page shows them."""

import re
import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from hub.demo import answer_words, handlers, model_tab
from hub.demo.film_panel import film
from hub.demo.report_panel import report, report_file, version
from hub.demo.words import words_in
from hub.imaging.synthetic import sample_radiographs
from hub.inference import decision
from hub.inference.classifier import Classifier
from hub.models.folder import BUNDLED
from hub.text import percent

WORDS = words_in("en")
MODES = ("original", "heatmap", "side_by_side")


@pytest.fixture(scope="module")
def answer(classifier):
    """The answer to a wide image of a child with pneumonia."""
    return handlers.answer(classifier, sample_radiographs(2)[0][1].resize((400, 300)))


def checked(html):
    return re.findall(r'value="(\w+)" checked', html)


def test_the_picture_is_shown_alone_under_its_heatmap_and_side_by_side(answer):
    html = film(answer, "film.png", WORDS)
    assert re.findall(r'type="radio" name="\S+" value="(\w+)"', html) == list(MODES)
    assert checked(html) == ["heatmap"]
    assert (html.count('class="grey"'), html.count('class="heat"')) == (2, 1)


def test_the_box_has_the_proportions_of_the_picture(answer):
    assert f"--ratio:{400 / 300:.4f}" in film(answer, "film.png", WORDS)


def test_a_warned_film_begins_without_its_heatmap(answer):
    html = film(answer, "film.png", WORDS, warned=True)
    assert checked(html) == ["original"] and "data-warned" in html


def test_where_nothing_is_coloured_the_viewer_says_so_and_offers_no_heatmap(answer):
    html = film(replace(answer, heat=None), "film.png", WORDS, metrics=metrics())
    assert WORDS("film.nothing") in html and WORDS("film.why") not in html
    assert 'type="radio"' not in html and 'class="heat"' not in html


def test_a_network_without_heatmaps_shows_the_picture_and_says_nothing_of_colours(answer):
    html = film(replace(answer, heat=None, prediction=replace(answer.prediction, heatmaps={})), "a", WORDS)
    assert WORDS("film.nothing") not in html and WORDS("film.meaning") not in html
    assert 'class="grey"' in html


def metrics():
    return model_tab.read_metrics(BUNDLED)


def test_why_it_is_outside_the_lungs_is_answered_by_what_was_measured(answer):
    measured = metrics()["heatmaps"]
    html = film(answer, "film.png", WORDS, metrics=metrics())
    sick = measured["PNEUMONIA"]
    assert percent(sick["heat_in_lungs"]) in html and percent(sick["area_of_lungs"]) in html
    assert f"{measured['films']} " in html


@pytest.mark.parametrize(
    "section", [None, [], {}, {"films": 3}, {"films": 3, "PNEUMONIA": {"heat_in_lungs": "?"}}]
)
def test_without_a_measurement_the_question_is_left_out(answer, section):
    assert WORDS("film.why") not in film(answer, "film.png", WORDS, metrics={"heatmaps": section})


def test_without_scripts_there_are_only_tools_that_work(answer):
    html = film(answer, "film.png", WORDS, scripts=False)
    assert "<button" not in html and 'type="range"' not in html and "tabindex" not in html
    assert html.count('type="radio"') == len(MODES)


def test_two_films_of_one_page_do_not_share_their_choices(answer):
    keys = {re.search(r'data-film="(\w+)"', film(answer, name, WORDS))[1] for name in ("a.png", "b.png")}
    assert len(keys) == 2


def test_names_of_files_are_text_in_viewer_and_report(classifier, answer):
    name = "<img src=x onerror=alert(1)>'\".png"
    answered = decision.report(classifier, answer.prediction)
    for html in (
        film(answer, name, WORDS, metrics=metrics()),
        report(classifier, answered, name, WORDS),
        report_file(classifier, answered, answer, name, "today", WORDS),
    ):
        assert "<img src=x" not in html and "'\".png" not in html


def test_a_model_of_something_else_does_not_speak_of_pneumonia(answer):
    other = Classifier.from_pretrained()
    other.classes, other.radiograph, other.operating_points, other.check = ["cat", "dog"], False, {}, None
    words = words_in("en", radiograph=False)
    answer = handlers.answer(other, answer.image)
    answered = decision.report(other, answer.prediction)
    shown = film(answer, "film.png", words) + report(other, answered, "film.png", words)
    assert not re.search(
        "pneumonia|X-ray|lung", re.sub(r"data:[^\"]+|<style>.*?</style>", "", shown, flags=re.S)
    )


def test_the_report_says_answer_check_settings_and_model(classifier, answer):
    answered = decision.report(classifier, answer.prediction, "balanced", 0.25)
    html = report(classifier, answered, "film.png", WORDS)
    for sentence in (
        answer_words.verdict(answered, WORDS),
        answer_words.check(answered, WORDS),
        answer_words.threshold(answered, WORDS),
        answer_words.probability(answered, WORDS),
        version(classifier, WORDS),
        WORDS("page.disclaimer"),
    ):
        assert sentence in html
    assert "data:" not in html  # pictures and date come from the browser


def test_the_report_of_a_warned_film_gives_no_number_and_no_heatmap(classifier, answer):
    answered = decision.report(classifier, answer.prediction)
    answered["verdict"] = {"status": "warned", "reason": "turned", "sentence": ""}
    html = report(classifier, answered, "film.png", WORDS)
    assert WORDS("card.not_reliable") in html and WORDS("card.check_turned") in html
    assert percent(answered["probability"]) not in html and "report-heat" not in html.split("</style>")[1]


def test_a_refused_file_has_no_report(classifier):
    refused = handlers.answer(classifier, Image.new("RGB", (50, 40), "green")).prediction
    assert report(classifier, decision.report(classifier, refused), "film.png", WORDS) == ""


def test_the_report_as_a_file_has_everything_in_itself(classifier, answer):
    answered = decision.report(classifier, answer.prediction)
    html = report_file(classifier, answered, answer, "film.png", "27 November", WORDS)
    assert html.startswith("<!doctype html>") and "27 November" in html
    assert html.count("data:image/jpeg") == 2 and html.count("data:image/png") == 1
    assert "http" not in html and "hidden>" not in html


def test_a_model_is_named_by_its_hub_id_or_folder_and_the_first_digits_of_its_weights(classifier, tmp_path):
    assert WORDS("report.bundled") in version(classifier, WORDS)
    cached = tmp_path / "models--someone--chest-x-ray" / "snapshots" / "0123abc"
    shutil.copytree(BUNDLED, cached)
    assert version(Classifier.from_pretrained(cached), WORDS).startswith("someone/chest-x-ray, ")
    own = SimpleNamespace(folder=tmp_path / "runs" / "mine", session=classifier.session)
    assert version(own, WORDS).startswith("mine, ")
    assert re.search(r"\b[0-9a-f]{12}\b", version(own, WORDS))


def test_the_answer_under_its_heatmap_is_the_image_where_nothing_is_coloured(answer):
    assert answer.overlay.size == answer.image.size
    assert np.any(np.asarray(answer.overlay) != np.asarray(answer.image))
    assert replace(answer, heat=None).overlay is answer.image
