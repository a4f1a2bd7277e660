"""Streamlit's page without a browser: what is asked last is answered, under its own name."""

import html
import io
import re
from pathlib import Path

import pytest
import streamlit as st
from PIL import Image, ImageOps
from servers import write_dicom
from streamlit.testing.v1 import AppTest

from hub.demo import answer_words, batch_panel, handlers, page_names, samples
from hub.demo.words import words_in
from hub.inference import decision
from hub.inference.classifier import Classifier

ROOT = Path(__file__).parents[2]
WORDS = words_in("en")


@pytest.fixture
def page():
    return open_page()


def open_page():
    page = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=120).run()
    assert not page.exception
    return page


def give(page, name, data):
    page.file_uploader[0].set_value(None if name is None else (name, data, "")).run()
    assert not page.exception


def click(page, key):
    page.button(key=key).click().run()
    assert not page.exception


def open_tab(page, name):
    page.session_state["tab"] = WORDS(f"tabs.{name}")
    page.run()
    assert not page.exception


def png(image):
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def written(page):
    return [element.proto.body for element in page.get("html")]


def card(page):
    """Return the name on the card, and its headline."""
    (found,) = [body for body in written(page) if body.startswith("<section")]
    parts = (re.search(rf"<{tag}>(.*?)</", found)[1] for tag in ('p class="name"', "h2"))
    return tuple(html.unescape(part) for part in parts)


def batch_names(page):
    """Return the name in each row of the batch's table."""
    return re.findall(r'<th scope="row" class="name">(.*?)</th>', "".join(written(page)))


def headline(classifier, source, point=None):
    report = decision.report(classifier, classifier(source), point)
    if report["verdict"]["status"] == "warned":
        return WORDS("card.not_reliable")
    return answer_words.verdict(report, WORDS)


def sample_name(name):
    return WORDS("samples.shown", name=WORDS(f"samples.{name}"))


def test_it_opens_on_a_finished_sample_and_answers_each_of_the_others(page, classifier, tmp_path):
    written_samples = samples.write_samples(classifier, tmp_path)
    opening = page_names.opening_sample(written_samples)
    assert card(page) == (sample_name(opening.name), headline(classifier, opening.path))
    for sample in written_samples:
        click(page, f"sample {sample.name}")
        assert card(page) == (sample_name(sample.name), headline(classifier, sample.path))


def test_a_sample_is_classified_once_for_all_visitors(monkeypatch, new_server):
    asked, answer = [], handlers.answer
    monkeypatch.setattr(handlers, "answer", lambda *given: asked.append(given[1]) or answer(*given))
    for _ in range(2):
        click(open_page(), "sample normal")
    assert len(asked) == len(set(asked)) == 2


def test_what_is_given_last_is_answered_and_the_picker_holds_nothing_else(page, classifier, radiograph):
    give(page, "film.png", png(radiograph))
    assert card(page) == ("film.png", headline(classifier, radiograph))
    click(page, "sample normal")
    assert card(page)[0] == sample_name("normal")
    assert page.file_uploader[0].value is None
    inverted = ImageOps.invert(radiograph.convert("L"))
    for image in (radiograph, radiograph, inverted):  # the same name each time
        give(page, "film.png", png(image))
        assert card(page) == ("film.png", headline(classifier, image))


def test_an_upload_that_is_taken_away_leaves_the_opening_sample(page, radiograph):
    before = card(page)
    give(page, "film.png", png(radiograph))
    give(page, None, None)
    assert card(page) == before


def test_an_upload_that_is_taken_away_after_a_sample_was_chosen_changes_nothing(page, radiograph):
    give(page, "film.png", png(radiograph))
    click(page, "sample uncertain")
    page.run()
    assert card(page)[0] == sample_name("uncertain")


@pytest.mark.parametrize("name", ["broken.png", "<b>film</b>.png", "films.zip"])
def test_a_file_that_is_no_image_is_named_and_explained(page, name):
    give(page, name, b"nothing")
    assert card(page) == (name, WORDS("card.no_answer"))
    assert "<b>" not in "".join(written(page)).split("</style>")[-1]
    assert not page.get("download_button")


def test_inside_the_network_stays_the_last_film_that_could_be_read(page, radiograph):
    give(page, "film.png", png(radiograph))
    give(page, "broken.png", b"nothing")
    open_tab(page, "inside")
    (shown,) = [body for body in written(page) if 'class="shown"' in body]
    assert WORDS("inside.shown", title="film.png") in html.unescape(shown)


def test_a_film_on_its_head_is_turned_until_it_is_upright(page, classifier, radiograph):
    give(page, "film.png", png(radiograph.rotate(180)))
    assert card(page) == ("film.png", WORDS("card.not_reliable"))
    click(page, "turn")
    click(page, "turn")
    name = WORDS("card.turned_name", name="film.png", degrees=180)
    assert card(page) == (name, headline(classifier, radiograph))


@pytest.mark.real_data
def test_an_inverted_film_is_inverted(page, classifier, shared):
    path = sorted((shared / "data/chest_xray/test/NORMAL").iterdir())[0]
    with Image.open(path) as film:
        give(page, "film.png", png(ImageOps.invert(film.convert("L"))))
    assert card(page) == ("film.png", WORDS("card.not_reliable"))
    click(page, "invert")
    name = WORDS("card.inverted_name", name="film.png")
    assert card(page) == (name, headline(classifier, path))


def test_a_film_under_its_heatmap_is_warned_of_as_coloured(page, classifier, radiograph):
    give(page, "overlay.png", png(handlers.answer(classifier, radiograph).overlay))
    assert card(page)[1] == WORDS("card.not_reliable")
    assert WORDS("card.check_coloured") in "".join(written(page))


def test_a_dicom_file_is_answered(page, classifier, radiograph, tmp_path):
    path = tmp_path / "film.dcm"
    write_dicom(radiograph, path)
    give(page, path.name, path.read_bytes())
    assert card(page) == (path.name, headline(classifier, path))


@pytest.mark.parametrize(
    ("folder", "expected"),
    [("adult_chest_xray/pneumonia", "card.not_reliable"), ("photo", "card.no_answer")],
)
@pytest.mark.real_data
def test_what_is_out_of_scope_is_said_to_be(page, shared, folder, expected):
    path = sorted((shared / "data/out_of_scope" / folder).iterdir())[0]
    give(page, path.name, path.read_bytes())
    assert card(page) == (path.name, WORDS(expected))


def test_settings_change_the_card_and_are_the_same_in_all_tabs(page, classifier, radiograph):
    give(page, "film.png", png(radiograph))
    page.radio(key="prevalence").set_value("rare").run()
    page.radio(key="point").set_value("screening").run()
    report = decision.report(classifier, classifier(radiograph), "screening", page_names.PREVALENCES["rare"])
    assert card(page)[1] == answer_words.verdict(report, WORDS)
    assert answer_words.of_hundred(report, WORDS) in "".join(written(page))
    for tab in ("batch", "model", "batch", "image"):
        open_tab(page, tab)
        if tab != "model":
            settings = {key: page.radio(key=key).value for key in ("prevalence", "point")}
            assert settings == {"prevalence": "rare", "point": "screening"}
    assert card(page) == ("film.png", answer_words.verdict(report, WORDS))


def test_a_batch_is_filtered_searched_and_sorted(page, write_radiographs, tmp_path):
    files = [(path.name, path.read_bytes(), "") for path in write_radiographs(tmp_path, 4)]
    open_tab(page, "batch")
    page.file_uploader[1].set_value([("broken.png", b"nothing", ""), *files]).run()
    assert not page.exception
    names = ["broken.png", *(name for name, *_ in files)]
    assert batch_names(page) == names
    page.selectbox(key="batch order").set_value("batch.sort_name").run()
    assert batch_names(page) == sorted(names)
    page.text_input(key="batch search").set_value("film-1").run()
    assert batch_names(page) == ["film-1.png"]
    page.text_input(key="batch search").set_value("").run()
    page.button_group(key="answers").set_value("unreadable").run()
    assert batch_names(page) == ["broken.png"]
    open_tab(page, "image")
    open_tab(page, "batch")
    page.radio(key="point").set_value("screening").run()
    assert batch_names(page) == ["broken.png"]
    page.button_group(key="answers").set_value("flagged").run()
    assert "broken.png" not in batch_names(page)
    page.radio(key="point").set_value("balanced").run()  # where there is no such answer
    assert not page.exception
    assert batch_names(page) == sorted(names)


def test_a_row_of_a_batch_says_the_whole_reason(page, radiograph):
    open_tab(page, "batch")
    page.file_uploader[1].set_value([("film.png", png(radiograph.rotate(180)), "")]).run()
    assert WORDS("batch.turned") in html.unescape("".join(written(page)))


def test_a_long_batch_has_pages(page, write_radiographs, tmp_path, monkeypatch):
    monkeypatch.setattr(batch_panel, "PAGE", 2)
    files = [(path.name, path.read_bytes(), "") for path in write_radiographs(tmp_path, 3)]
    open_tab(page, "batch")
    page.file_uploader[1].set_value(files).run()
    assert batch_names(page) == ["film-0.png", "film-1.png"]
    assert WORDS("batch.shown", first=1, last=2, total=3) in "".join(written(page))
    page.session_state["batch page"] = 2
    page.run()
    assert batch_names(page) == ["film-2.png"]


def test_a_batch_keeps_so_many_rows_and_says_that_there_were_more(
    page, write_radiographs, tmp_path, monkeypatch
):
    monkeypatch.setattr(batch_panel, "ROWS", 3)
    files = [(path.name, path.read_bytes(), "") for path in write_radiographs(tmp_path, 4)]
    open_tab(page, "batch")
    page.file_uploader[1].set_value(files[:3]).run()
    assert len(batch_names(page)) == 3 and not page.warning
    page.file_uploader[1].set_value(files).run()
    for tab in ("batch", "image", "batch"):
        open_tab(page, tab)
    assert not page.exception
    assert batch_names(page) == [name for name, *_ in files[:3]]
    assert [warning.value for warning in page.warning] == [WORDS("batch.full", most="3")]


def test_the_pickers_hide_no_file(page):
    assert [picker.allowed_type for picker in page.file_uploader] == [[], []]


def test_it_speaks_the_language_of_the_browser(monkeypatch):
    monkeypatch.setattr(type(st.context), "locale", "es-MX")
    words = words_in("es")
    page = open_page()
    assert [tab.label for tab in page.tabs] == [
        words(f"tabs.{name}") for name in ("image", "batch", "inside", "model")
    ]
    assert words("samples.pneumonia") in card(page)[0]


def test_a_model_of_other_pictures_shows_its_classes(monkeypatch, radiograph, new_server):
    other = Classifier.from_pretrained()
    other.classes, other.radiograph, other.operating_points = ["cat", "![](dog)"], False, {}
    monkeypatch.setattr(handlers, "load_model", lambda: other)
    page = open_page()
    assert not page.radio
    give(page, "pet.png", png(radiograph))
    assert card(page)[0] == "pet.png"
    assert card(page)[1] in other.classes
    open_tab(page, "batch")


def test_a_model_that_is_not_there_is_explained(monkeypatch, new_server):
    monkeypatch.setenv("MODEL", "no/such/model")
    page = open_page()
    assert "no/such/model" in page.error[0].value
    assert not page.tabs
