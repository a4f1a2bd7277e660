"""The Streamlit app: its script, and the page that a browser gets."""

import csv
import re
import zipfile
from pathlib import Path

import pytest
import streamlit as st
from playwright.sync_api import expect
from servers import open_page, screenshot, sideways_scroll, violations, windows, write_dicom
from streamlit.testing.v1 import AppTest

from hub.demo import handlers, wording
from hub.inference import decision
from hub.text import percent

ROOT = Path(__file__).parents[2]
WAIT = 30_000  # ms
FRAMEWORK = {}  # rules that Streamlit 1.67 itself breaks


@pytest.fixture(params=windows("desktop-light", "phone-dark"))
def page(request, browser, streamlit_url):
    """The demo, open in a new window."""
    with open_page(browser, streamlit_url, request.param) as page:
        expect(page.get_by_role("heading", name="Is it pneumonia?")).to_be_visible(timeout=WAIT)
        yield page


desktop = pytest.mark.parametrize("page", windows("desktop-light"), indirect=True)


def give(page, *files, tab="One film"):
    page.get_by_role("tab", name=tab).click()
    panel = page.get_by_role("tabpanel", name=tab)
    # While the script runs, the upload may be drawn anew and what was put into it lost.
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    panel.locator("input[type=file]").set_input_files(list(files))


def headline(page, text):
    heading = page.locator(".card").get_by_role("heading", name=text, exact=True)
    expect(heading).to_be_visible(timeout=WAIT)
    return heading


def operate(page, point, tab="One film"):
    page.get_by_role("tabpanel", name=tab).get_by_test_id("stRadioGroup").get_by_text(point).click()


def test_a_visitor_uploads_a_radiograph_and_reads_the_answer_of_the_classifier(
    page, classifier, radiograph, tmp_path
):
    expect(page.get_by_text("Research software, not a diagnosis")).to_be_visible()
    assert violations(page, FRAMEWORK) == []
    screenshot(page, "streamlit-start")
    radiograph.save(tmp_path / "film.png")
    give(page, tmp_path / "film.png")
    report = decision.report(classifier, classifier(radiograph))
    headline(page, wording.headline(report))
    expect(page.locator(".probability strong")).to_have_text(percent(report["probability"]))
    scale = page.locator(".card").get_by_role("img", name="Calibrated probability of pneumonia")
    expect(scale).to_have_accessible_name(re.compile("threshold 18\u00a0%"))
    expect(page.get_by_text(wording.check_sentence(report))).to_be_visible()
    assert violations(page, FRAMEWORK) == []
    assert sideways_scroll(page) == 0
    screenshot(page, "streamlit-answer")


@desktop
def test_an_example_is_answered_and_reworded_at_another_operating_point(page):
    page.get_by_role("combobox").click()
    page.get_by_role("option", name="synthetic-normal-1").click()
    headline(page, "No sign of pneumonia")
    operate(page, "Screening")
    headline(page, "Uncertain")


@desktop
def test_the_radiograph_lies_beside_its_answer_without_scrolling_on_a_low_screen_too(page):
    page.set_viewport_size({"width": 1280, "height": 720})
    page.get_by_role("combobox").click()
    page.get_by_role("option", name="synthetic-pneumonia-1").click()
    expect(headline(page, "Signs of pneumonia")).to_be_in_viewport(ratio=1)
    expect(page.get_by_alt_text("The film under its heatmap")).to_be_in_viewport(ratio=1, timeout=WAIT)


@pytest.mark.parametrize(("scheme", "theme"), [("light", "dark"), ("dark", "light")])
@pytest.mark.browser
def test_the_answer_follows_streamlits_theme_and_not_the_browsers(browser, streamlit_url, scheme, theme):
    colours = {"light": "rgb(82, 82, 91)", "dark": "rgb(180, 180, 189)"}
    with open_page(browser, streamlit_url, f"desktop-{scheme}") as page:
        page.goto(f"{streamlit_url}/?embed=true&embed_options={theme}_theme")
        answer = page.get_by_text("The answer appears here")
        expect(answer).to_have_css("color", colours[theme], timeout=WAIT)
        assert violations(page, FRAMEWORK) == []


@desktop
def test_a_dicom_file_is_answered(page, radiograph, tmp_path):
    write_dicom(radiograph, tmp_path / "film.dcm")
    give(page, tmp_path / "film.dcm")
    headline(page, "Signs of pneumonia")


@desktop
@pytest.mark.parametrize(
    ("folder", "sentence"),
    [
        ("adult_chest_xray/pneumonia", "unlike those the model was trained on"),
        ("photo", "does not look like a chest radiograph"),
    ],
)
@pytest.mark.real_data
def test_what_is_out_of_scope_is_said_to_be(page, classifier, shared, folder, sentence):
    path = sorted((shared / "data/out_of_scope" / folder).iterdir())[0]
    report = decision.report(classifier, classifier(path))
    give(page, path)
    headline(page, wording.headline(report))
    expect(page.locator(".notice")).to_contain_text(sentence)


@desktop
def test_a_broken_file_is_explained(page, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"nothing")
    give(page, tmp_path / "broken.png")
    headline(page, "No answer")
    expect(page.locator(".notice")).to_contain_text("not an image that can be read here")


def test_what_a_zip_holds_besides_films_is_one_row(page, write_radiographs, tmp_path):
    with zipfile.ZipFile(tmp_path / "films.zip", "w") as archive:
        for path in write_radiographs(tmp_path, 3):
            archive.write(path, path.name)
        archive.writestr("metadata.csv", "film-0.png,NORMAL")
        archive.writestr("README.txt", "three films")
    give(page, tmp_path / "films.zip", tab="Batch")
    save = page.get_by_test_id("stDownloadButton").get_by_role("button")
    expect(save).to_be_visible(timeout=WAIT)
    with page.expect_download() as download:
        save.click()
    rows = list(csv.DictReader(download.value.path().read_text().splitlines()))
    assert [row["status"] == "left out" for row in rows] == [False, False, False, True]
    assert (rows[3]["file"], rows[3]["message"]) == ("films.zip", "left out 2 files: 1 `.csv`, 1 `.txt`")
    assert sideways_scroll(page) == 0
    screenshot(page, "streamlit-left-out")


def test_a_film_under_its_heatmap_is_warned_of_as_coloured(page, classifier, radiograph, tmp_path):
    handlers.answer(classifier, radiograph).overlay.save(tmp_path / "overlay.jpeg", quality=88)
    give(page, tmp_path / "overlay.jpeg")
    expect(page.locator(".notice")).to_contain_text("coloured", timeout=WAIT)
    expect(page.locator(".probability")).to_be_visible()
    screenshot(page, "streamlit-coloured")


@desktop
def test_the_choosers_hide_no_file(page):
    for tab in ("One film", "Batch"):
        page.get_by_role("tab", name=tab).click()
        chooser = page.get_by_role("tabpanel", name=tab).locator("input[type=file]")
        assert not chooser.get_attribute("accept")


@pytest.mark.slow
def test_a_batch_becomes_a_table_that_saves(page, write_radiographs, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"nothing")
    files = write_radiographs(tmp_path, 60)
    give(page, *files, tmp_path / "broken.png", tab="Batch")
    # So many radiographs, and looked for at every frame: the bar is gone when the last one is done.
    counts = r"/File \d+ of \d+; pictures classified: \d+/.test(document.body.innerText)"
    page.wait_for_function(counts, timeout=WAIT)
    page.get_by_role("tab", name="The model").click()
    expect(page.get_by_role("heading", name="How good is it?")).to_be_visible(timeout=WAIT)
    page.get_by_role("tab", name="Batch").click()
    save = page.get_by_test_id("stDownloadButton").get_by_role("button")
    expect(save).to_be_visible(timeout=WAIT)
    with page.expect_download() as download:
        save.click()
    saved = download.value.path().read_text()
    assert all(file.name in saved for file in files)
    assert "broken.png is not an image" in saved
    rows = list(csv.DictReader(saved.splitlines()))
    assert len(rows) == 61
    assert {row["operating_point"] for row in rows} == {"balanced", ""}
    assert violations(page, FRAMEWORK) == []
    assert sideways_scroll(page) == 0
    screenshot(page, "streamlit-batch")
    operate(page, "Screening", tab="Batch")
    expect(page.get_by_text("Screening misses as little pneumonia")).to_be_visible(timeout=WAIT)
    with page.expect_download() as download:
        save.click()
    rows = list(csv.DictReader(download.value.path().read_text().splitlines()))
    assert {row["operating_point"] for row in rows} == {"screening", ""}


def test_a_model_that_is_not_there_is_explained(monkeypatch):
    st.cache_resource.clear()
    monkeypatch.setenv("MODEL", "no/such/model")
    page = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60).run()
    assert not page.exception
    assert "check the name" in page.error[0].value
