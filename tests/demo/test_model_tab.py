"""The tab "The model": what it says of a model folder's figures, and of whatever else lies there."""

import copy
import json
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.testclient import TestClient

from hub.demo import gradio_model, model_names, model_panels, model_tab
from hub.demo.words import LANGUAGES, words_in
from hub.models.folder import BUNDLED

POINTS = {"balanced": 0.18, "screening": 0.02}
RADIOGRAPHS = SimpleNamespace(classes=["NORMAL", "PNEUMONIA"], operating_points=POINTS, radiograph=True)
DIGITS = SimpleNamespace(classes=[*"0123456789"], operating_points={}, radiograph=False)
WORDS = words_in("en")


def metric(value, low=0.0, high=1.0):
    return {"value": value, "low": low, "high": high}


def bins(*shares):
    return [
        {
            "low": number / 10,
            "high": number / 10 + 0.1,
            "count": 7 + number,
            "probability": number / 10 + 0.05,
            "share": share,
            "share_low": share / 2,
            "share_high": (1 + share) / 2,
        }
        for number, share in enumerate(shares)
    ]


MEASURED = {
    "test": {
        "n": 624,
        "patients": 428,
        "prevalence": 0.625,
        "accuracy": metric(0.9439, 0.926, 0.961),
        "accuracy_at_balanced": metric(0.9519, 0.934, 0.968),
        "sensitivity": metric(0.94),
        "balanced_sensitivity": metric(0.9795, 0.964, 0.992),
        "balanced_specificity": metric(0.906, 0.865, 0.942),
        "screening_sensitivity": metric(0.9897),
        "screening_specificity": metric(0.8034),
        "auc": metric(0.9856),
        "ece": metric(0.0234),
        "brier": metric(0.0345),
        "log_loss": metric(1.2345, 1.1, 1.3),
        "confusion": [[219, 15], [20, 370]],
        "confusion_at_balanced": [[212, 22], [8, 382]],
        "reliability": bins(0.02, 0.17, 0.31),
    },
    "others": {"adult_chest_xray": {"n": 200, "auc": metric(0.439)}},
    "scope": {"test": {"other_medical/Hand": {"n": 20, "warned": 0.25, "refused": 0.75}}},
}


@pytest.fixture
def read(tmp_path):
    """A function that writes a metrics.json and reads it back."""

    def read(metrics):
        (tmp_path / "metrics.json").write_text(json.dumps(metrics))
        return model_tab.read_metrics(tmp_path)

    return read


def tab(metrics, classifier=RADIOGRAPHS, pictures=(), words=WORDS):
    return str(model_panels.tab(classifier, metrics, pictures, words))


def text(html):
    return re.sub(r"[ \n]+", " ", re.sub(r"<[^>]*>", " ", html))


def test_three_figures_of_a_hundred_come_first_each_with_its_interval(read):
    shown = text(tab(read(MEASURED)))
    first = shown[: shown.index(WORDS("model.charts"))]
    for count, phrase, low, high in ((98, "found", 96, 99), (91, "cleared", 86, 94), (95, "right", 93, 97)):
        assert f"{count} {WORDS(f'model.{phrase}')}" in first
        assert WORDS("model.interval", low=low, high=high) in first
    assert WORDS("model.measured_patients", n=624, patients=428) in first
    assert WORDS("model.share", count=62) in first
    for line in ("made_for", "not_for", "limits"):
        assert WORDS(f"model.{line}_what") in first


@pytest.mark.parametrize(("share", "count"), [(0, 0), (0.001, 1), (0.9795, 98), (0.999, 99), (1, 100)])
def test_all_of_a_hundred_and_none_are_said_only_where_it_is_so(share, count):
    assert model_panels.of_hundred(share) == count


def test_figures_at_the_operating_points_stand_beside_those_of_argmax(read):
    table = text(tab(read(MEASURED)).partition('data-table="answers"')[2])
    assert table.index(WORDS("point.balanced")) < table.index(WORDS("point.screening"))
    assert table.index(WORDS("point.screening")) < table.index(WORDS("model.argmax"))
    for figure in ("0.952", "0.944", "0.980", "0.940", "0.906", "0.803", "0.22", "1.234"):
        assert figure in table


def test_charts_are_drawn_from_the_figures_and_replace_their_pictures(read):
    pictures = [("a", "reliability_test", True), ("b", "confusion_test", True), ("c", "roc_test", True)]
    drawn = tab(read(MEASURED), pictures=pictures)
    assert re.findall('data-chart="(.*?)"', drawn) == ["points", "mistakes", "reliability"]
    assert re.findall('src="(.*?)"', drawn) == ["c"]
    assert drawn.count('class="dot"') == drawn.count('class="whisker"') == 3
    assert "left:5.00%;bottom:2.00%" in drawn
    cells = [int(cell) for cell in re.findall(r"<td class=.*?<strong>(\d+)</strong>", drawn)]
    assert cells == [382, 8, 212, 22, 370, 20, 219, 15]
    assert re.findall('src="(.*?)"', tab({}, pictures=pictures)) == ["a", "b", "c"]


def test_what_an_older_folder_has_not_measured_is_left_out(read):
    older = copy.deepcopy(MEASURED)
    for name in (
        "prevalence",
        "accuracy_at_balanced",
        "confusion_at_balanced",
        "reliability",
        "log_loss",
        "auc",
    ):
        del older["test"][name]
    older["test"]["ece"] = metric(None)
    older["test"]["patients"] = None
    shown = tab(read(older))
    assert WORDS("model.right") not in shown
    assert WORDS("model.log_loss") not in shown and WORDS("model.calibration_at") not in shown
    assert "0.023" not in shown and 'data-chart="reliability"' not in shown
    assert WORDS("model.measured", n=624) in shown
    assert WORDS("model.share", count=62) in shown  # by the confusion


def test_a_model_of_something_else_has_accuracy_auc_and_calibration_and_says_nothing_of_pneumonia(read):
    words = words_in("en", radiograph=False)
    pictures = [(f"{name}.png", name.partition(".")[0], True) for name in model_tab.PICTURES]
    shown = tab(read(MEASURED), DIGITS, pictures, words)
    assert f"94 {words('model.right')}" in text(shown)
    for name in ("accuracy", "auc", "ece"):
        assert words(f"model.{name}") in shown
    for name in ("sensitivity", "brier", "log_loss"):
        assert words(f"model.{name}") not in shown
    assert shown.count("<img") == len(pictures)
    assert "pneumonia" not in shown.lower() and "data-chart" not in shown


def test_every_picture_that_the_bundled_model_was_measured_on_is_named_for_people():
    metrics = model_tab.read_metrics(BUNDLED)
    for name in (*metrics["others"], *metrics["scope"]):
        assert name in model_names.PHRASES
        assert model_names.name_of(name, WORDS) != name


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("other_medical/Hand", "Hand X-rays"),
        ("cat_pictures/big__ones", "Cat pictures: big ones"),
        ("\ud800\u202e", "?"),
        ("", "?"),
        ("x" * 10_000, "X" + "x" * 58 + "…"),
    ],
)
def test_an_unknown_name_is_shown_in_a_readable_form(name, shown):
    assert model_names.name_of(name, WORDS) == shown


def test_names_in_a_model_folder_are_text_on_the_page(read):
    name = "<img src=x onerror=alert(1)>"
    row = MEASURED["scope"]["test"]["other_medical/Hand"]
    shown = tab(
        read({"others": {name: MEASURED["others"]["adult_chest_xray"]}, "scope": {"test": {name: row}}})
    )
    assert "<img" not in shown and shown.count("&lt;img src=x") == 2


@pytest.mark.parametrize("written", ["[1", "[" * 100_000, "[]", "null", '"text"', '{"test": {"n": 1e999}}'])
def test_a_file_of_something_else_is_no_measurement(tmp_path, written):
    (tmp_path / "metrics.json").write_text(written)
    assert WORDS("model.empty") in tab(model_tab.read_metrics(tmp_path))


def test_a_folder_without_a_file_holds_no_measurements_and_no_pictures(tmp_path):
    assert model_tab.read_metrics(tmp_path) == {}
    assert model_tab.read_pictures(tmp_path) == {}
    assert WORDS("model.empty") in tab({})


def test_a_link_to_another_file_of_the_server_is_no_picture(tmp_path):
    (tmp_path / "roc_test.png").symlink_to(BUNDLED / "config.json")
    (tmp_path / "failures.jpg").symlink_to(BUNDLED / "failures.jpg")
    (tmp_path / "heatmaps.jpg").mkdir()
    assert [*model_tab.read_pictures(tmp_path)] == ["failures.jpg"]


def test_pictures_are_served_when_their_folder_is_gone_at_an_address_that_does_not_tell_it(tmp_path):
    shutil.copy(BUNDLED / "roc_test.png", tmp_path)
    middleware = gradio_model.middleware(tmp_path)
    (tmp_path / "roc_test.png").unlink()
    client = TestClient(Starlette(middleware=[middleware]))
    answer = client.get("/model_pictures/roc_test.png")
    assert answer.content == (BUNDLED / "roc_test.png").read_bytes()
    assert answer.headers["content-type"] == "image/png"
    for name in ("", "failures.jpg", "../config.json", "%2e%2e/config.json"):
        assert client.get(f"/model_pictures/{name}").status_code == 404


def places(metrics):
    """Return the path of every value in nested dictionaries and lists."""
    items = metrics.items() if isinstance(metrics, dict) else enumerate(metrics)
    return [
        path
        for key, value in items
        for path in [
            (key,),
            *([(key, *rest) for rest in places(value)] if isinstance(value, dict | list) else []),
        ]
    ]


def changed(path, value):
    """Return `MEASURED` with another value in one place."""
    metrics = copy.deepcopy(MEASURED)
    part = metrics
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    return metrics


STRANGE = st.one_of(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=9), st.integers(), max_size=3),
    st.sampled_from([10**400, "9" * 9**5, [[1, 2], [3, True]], [[0, 0], [0, 0]], {"\ud800": {"n": 3}}]),
)


@settings(max_examples=100, deadline=None)
@given(path=st.sampled_from(places(MEASURED)), value=STRANGE)
def test_whatever_a_file_holds_the_tab_is_laid_out(tmp_path_factory, path, value):
    folder = tmp_path_factory.getbasetemp()
    (folder / "metrics.json").write_text(json.dumps(changed(path, value)))
    shown = tab(model_tab.read_metrics(folder))
    shown.encode()
    assert len(shown) < 30_000
    assert all(
        0 <= float(place) <= 100 for place in re.findall(r"(?:left|bottom|width|height):([^%;]*)%", shown)
    )


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("classifier", [RADIOGRAPHS, DIGITS])
def test_the_tab_is_laid_out_in_every_language(read, language, classifier):
    words = words_in(language, classifier.radiograph)
    pictures = [("x.png", name.partition(".")[0], chart) for name, chart in model_tab.PICTURES.items()]
    assert words("model.title") in tab(read(MEASURED), classifier, pictures, words)


def test_a_dark_page_is_shown_charts_in_its_colours_and_photographs_as_they_are():
    assert 'class="model on-dark"' in str(model_panels.tab(RADIOGRAPHS, {}, [], WORDS, dark=True))
    pictures = [
        (name, Path(name).stem, model_tab.PICTURES[name]) for name in model_tab.read_pictures(BUNDLED)
    ]
    shown = tab({}, pictures=pictures)
    charts = re.findall(r'<img class="chart"[^>]*src="(.*?)"', shown)
    assert "roc_test.png" in charts and not {"heatmaps.jpg", "failures.jpg"} & {*charts}
    assert "heatmaps.jpg" in shown
