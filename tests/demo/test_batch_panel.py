"""The work list of a batch, before any page shows it."""

import base64
import io
import json
import re
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from hub.demo import batch_film, batch_panel, handlers
from hub.demo.batch_panel import View
from hub.demo.words import words_in
from hub.inference import input_check
from hub.inference.batch import Result
from hub.inference.classifier import Prediction
from hub.inference.input_check import Verdict
from hub.text import percent

WORDS = words_in("en")
FINE, WARNED, REFUSED = Verdict("fine"), input_check.verdict("blurred"), input_check.verdict("blank")
DIGITS = SimpleNamespace(classes=[*"0123456789"], operating_points={}, radiograph=False, prevalence=0.5)


def predict(ratio, verdict=FINE):
    probability = ratio / (1 + ratio)
    maps = {"NORMAL": np.zeros((7, 7), np.float32), "PNEUMONIA": np.eye(7, dtype=np.float32) * 9 - 1}
    return Prediction("-", {"NORMAL": 1 - probability, "PNEUMONIA": probability}, maps, verdict)


def film(name, ratio=1.0, verdict=FINE):
    prediction = Prediction(None, {}, {}, verdict) if verdict is REFUSED else predict(ratio, verdict)
    buffer = io.BytesIO()
    Image.new("L", (64, 48), 90).save(buffer, "JPEG")
    return Result(name, prediction, thumbnail=Image.new("L", (96, 72)), picture=buffer.getvalue())


@pytest.fixture
def results(classifier):
    """One result of each kind."""
    threshold = classifier.operating_points["balanced"] / (1 - classifier.operating_points["balanced"])
    return [
        film("film-10.png", 9 * threshold),
        film("film-9.png", threshold),
        film("a.png", threshold / 9),
        film("warned.png", 99 * threshold, WARNED),
        film("blank.png", verdict=REFUSED),
        Result("broken.png", error="broken.png is empty."),
        Result("films.zip", note="left out 1 file: 1 `.csv`"),
    ]


@pytest.fixture
def reports(classifier, results):
    return handlers.with_reports(classifier, results, "balanced")


def names(rows):
    return [row["name"] for row in rows]


def sorted_names(reports, **view):
    return names(batch_panel.choose(batch_panel.rows(reports, WORDS), View(**view)))


def chips(html):
    return re.findall(r'data-group="([^"]*)" aria-pressed="(\w+)"><b>(\d+)</b>', html)


def test_each_kind_of_answer_is_a_group_with_its_words(reports):
    rows = batch_panel.rows(reports, WORDS)
    assert [row["kind"] for row in rows] == [
        "signs", "uncertain", "no_sign", "not_reliable", "refused", "unreadable", "left_out"
    ]  # fmt: skip
    assert rows[0]["answer"] == WORDS("card.signs")
    assert rows[3]["answer"] == WORDS("card.not_reliable")
    assert rows[4]["answer"] == rows[5]["answer"] == WORDS("card.no_answer")
    assert [row["probability"] is None for row in rows] == [False] * 4 + [True] * 3
    assert [row["reliable"] for row in rows] == [True] * 3 + [False] + [True] * 3
    assert rows[5]["check"] == "broken.png is empty."


def test_screening_flags_and_another_prevalence_moves_the_probability_alone(classifier, results):
    rows = {}
    for prevalence in (0.1, 0.5):
        reports = handlers.with_reports(classifier, results, "screening", prevalence)
        rows[prevalence] = batch_panel.rows(reports, WORDS)
    assert rows[0.1][0]["kind"] == rows[0.5][0]["kind"] == "flagged"
    assert rows[0.1][0]["probability"] < rows[0.5][0]["probability"]


def test_what_has_no_value_comes_last_either_way(reports):
    unanswered = ["warned.png", "blank.png", "broken.png", "films.zip"]
    for column in ("probability", "answer"):
        for descending in (False, True):
            order = sorted_names(reports, sort=column, descending=descending)
            assert order[3:] == unanswered
            expected = ["a.png", "film-9.png", "film-10.png"]
            if column == "answer":
                expected.reverse()
            assert order[:3] == (expected[::-1] if descending else expected)


def test_names_sort_as_people_count(reports):
    order = sorted_names(reports, sort="name")
    assert order.index("film-9.png") < order.index("film-10.png")
    assert sorted_names(reports) == names(batch_panel.rows(reports, WORDS))


def test_filter_and_search_go_over_all_rows(reports):
    assert sorted_names(reports, group="signs") == ["film-10.png"]
    assert sorted_names(reports, search=" FILM- ") == ["film-10.png", "film-9.png"]
    assert sorted_names(reports, group="signs", search="9") == []


def test_chips_count_each_group_and_say_which_is_chosen(reports):
    shown = chips(batch_panel.batch_table(reports, View(group="signs"), WORDS))
    assert shown[0] == ("", "false", "6")  # what is left out of a ZIP is no file
    assert ("signs", "true", "1") in shown
    assert [group for group, _, _ in shown[1:]] == [row["kind"] for row in batch_panel.rows(reports, WORDS)]


def test_a_group_that_is_gone_at_another_operating_point_shows_all(classifier, results):
    reports = handlers.with_reports(classifier, results, "screening")
    table = batch_panel.batch_table(reports, View(group="uncertain"), WORDS)
    assert chips(table)[0][:2] == ("", "true")
    assert table.count("data-index=") == len(results)


def test_a_page_has_fifty_rows_and_only_their_thumbnails(classifier):
    reports = handlers.with_reports(classifier, [film(f"{index}.png") for index in range(120)], "balanced")
    for page, count in ((0, 50), (2, 20), (99, 20)):
        table = batch_panel.batch_table(reports, View(page=page), WORDS)
        assert table.count("data-index=") == table.count("<img") == count
        shown = min(page, 2)
        assert json.loads(re.search('data-view="([^"]*)"', table)[1].replace("&#34;", '"'))["page"] == shown
        assert WORDS("batch.shown", first=50 * shown + 1, last=50 * shown + count, total=120) in table


def test_the_number_of_a_warned_film_is_folded_away(reports):
    table = batch_panel.batch_table(reports, View(group="not_reliable"), WORDS)
    number = percent(reports[3][1]["probability"])
    assert table.index("<details>") < table.index(number) < table.index("</details>")
    assert 'class="bar"' not in table


@pytest.mark.parametrize(
    "data",
    [None, 5, [], {"sort": "x", "page": "2", "descending": 1}, {"page": -3, "sort": ["name"], "group": None}],
)
def test_a_view_may_be_anything(data):
    assert batch_panel.view_of(data) == View()
    assert batch_film.index_of(data) == -1


def test_names_of_files_are_text():
    name = "<img src=x onerror=alert(1)>'\".png"
    reports = [(Result(name, error=f"{name} is empty"), None)]
    for html in (batch_panel.batch_table(reports, View(), WORDS), batch_panel.csv_data(reports)):
        assert "<img src=x" not in html
        assert "'\".png" not in html


def test_a_page_without_scripts_has_the_same_rows_and_nothing_to_press(reports):
    table = batch_panel.plain_table(reports, View(), WORDS)
    with_scripts = batch_panel.batch_table(reports, View(), WORDS)
    checks = re.findall('<td class="check">(.*?)</td>', table)
    assert len(checks) == len(reports)
    assert checks == re.findall('<td class="check">(.*?)</td>', with_scripts)
    assert "<button" not in table and "<button" in with_scripts


def test_an_opened_film_knows_those_before_and_after_it_in_the_view(reports):
    view = View(sort="probability", descending=True)
    html = batch_film.film(reports, view, 1, WORDS)
    assert re.findall('data-open="([^"]*)"', html) == ["0", "2"]
    assert WORDS("batch.place", place=2, total=5) in html
    first, last = batch_film.film(reports, view, 0, WORDS), batch_film.film(reports, view, 4, WORDS)
    assert re.findall('data-open="([^"]*)"', first) == ["", "1"]
    assert re.findall('data-open="([^"]*)"', last) == ["3", ""]


def test_an_opened_film_shows_the_heatmap_as_a_layer_that_is_clear_where_nothing_is_found(results):
    uri = batch_film.heat_uri(results[0])
    with Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))) as heat:
        assert heat.width * 96 == heat.height * 128
        opacity = np.asarray(heat.convert("RGBA"))[..., 3]
    assert opacity.min() == 0 < opacity.max()
    assert batch_film.heat_uri(film("a.png", 1e-6)) is None


def test_an_opened_film_that_was_refused_has_neither_a_number_nor_a_heatmap(reports):
    html = batch_film.film(reports, View(), 4, WORDS)
    assert reports[4][1]["label"] is None
    for phrase in ("batch.probability", "film.meaning", "film.nothing"):
        assert WORDS(phrase) not in html
    assert 'class="toggle" hidden' in html


def test_a_film_that_is_no_longer_kept_is_said_to_be_gone():
    html = batch_film.film([], View(), 3, WORDS)
    assert WORDS("batch.expired") in html and "<img" not in html


def test_a_model_of_something_else_has_its_classes_as_groups():
    words = words_in("en", radiograph=False)
    shares = {name: 0.05 for name in DIGITS.classes} | {"7": 0.55}
    result = Result("seven.png", Prediction("7", shares, {}), thumbnail=Image.new("L", (28, 28)))
    reports = handlers.with_reports(DIGITS, [result], None)
    (row,) = batch_panel.rows(reports, words)
    assert (row["answer"], row["probability"], row["kind"]) == ("7", 0.55, "label")
    table = batch_panel.batch_table(reports, View(), words)
    assert chips(table)[1][2] == "1" and "pneumonia" not in table.lower()


@pytest.mark.parametrize("language", ["es", "zh"])
def test_every_state_is_said_in_other_languages(classifier, results, language):
    words = words_in(language)
    reports = handlers.with_reports(classifier, results, "balanced")
    for html in (
        batch_panel.drop_zone(words),
        batch_panel.batch_table(reports, View(), words),
        batch_film.film(reports, View(), 0, words),
        batch_panel.progress(1, 3, 2.0, words),
        batch_panel.finished(3, 1.5, words),
        batch_panel.stopped(3, words),
    ):
        for phrase in ("card.signs", "batch.probability", "batch.choose", "batch.stop", "batch.all"):
            assert f">{WORDS(phrase)}<" not in html
