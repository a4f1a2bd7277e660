"""The Streamlit app: its script, and the page that a browser gets."""

import subprocess
import sys
from pathlib import Path

import pytest
import streamlit as st
from playwright.sync_api import expect
from servers import free_port, open_page, screenshot, sideways_scroll, violations, wait_for, write_dicom
from streamlit.testing.v1 import AppTest

from hub import demo
from hub.classifier import Classifier

ROOT = Path(__file__).parents[1]
WAIT = 30_000  # ms
FRAMEWORK = {}  # rules that Streamlit 1.67 itself breaks


@pytest.fixture(scope="module")
def classifier():
    return Classifier.from_pretrained()


@pytest.fixture(scope="module")
def streamlit_url():
    """`streamlit run streamlit_app.py`; its address."""
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.headless", "true"]
    process = subprocess.Popen(
        [*command, "--server.address", "127.0.0.1", "--server.port", str(port)], cwd=ROOT
    )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(f"{url}/_stcore/health", process)
        yield url
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(params=["desktop-light", "phone-dark"])
def page(request, browser, streamlit_url):
    """The demo, open in a new window."""
    with open_page(browser, streamlit_url, request.param) as page:
        expect(page.get_by_role("heading", name="Is it pneumonia?")).to_be_visible(timeout=WAIT)
        yield page


desktop = pytest.mark.parametrize("page", ["desktop-light"], indirect=True)


def give(page, *files, tab="One film"):
    page.get_by_role("tab", name=tab).click()
    panel = page.get_by_role("tabpanel", name=tab)
    panel.locator("input[type=file]").set_input_files(list(files))


def headline(page, text):
    expect(page.get_by_role("heading", name=text, exact=True)).to_be_visible(timeout=WAIT)


def test_a_visitor_uploads_a_film_and_reads_the_answer_of_the_classifier(page, classifier, film, tmp_path):
    expect(page.get_by_text("Research software, not a diagnosis")).to_be_visible()
    assert violations(page, FRAMEWORK) == []
    screenshot(page, "streamlit-start")
    film.save(tmp_path / "film.png")
    give(page, tmp_path / "film.png")
    report = demo.report(classifier, classifier(film))
    headline(page, demo.headline(report))
    share = f"Calibrated probability of pneumonia: {demo.percent(report['probability'])}"
    expect(page.get_by_text(share)).to_be_visible()
    expect(page.get_by_text(demo.check_words(report))).to_be_visible()
    assert violations(page, FRAMEWORK) == []
    assert sideways_scroll(page) == 0
    screenshot(page, "streamlit-answer")


@desktop
def test_an_example_is_answered_and_reworded_at_another_operating_point(page):
    page.get_by_role("combobox").click()
    page.get_by_role("option", name="synthetic-normal-1").click()
    headline(page, "No sign of pneumonia")
    page.get_by_test_id("stRadioGroup").get_by_text("Screening").click()
    headline(page, "Uncertain")


@desktop
def test_a_dicom_file_is_answered(page, film, tmp_path):
    write_dicom(film, tmp_path / "film.dcm")
    give(page, tmp_path / "film.dcm")
    headline(page, "Signs of pneumonia")


@desktop
@pytest.mark.parametrize(
    ("folder", "sentence"),
    [
        ("adult_chest_xray/pneumonia", "unlike those the model knows"),
        ("photo", "does not look like a frontal chest radiograph"),
    ],
)
def test_what_is_out_of_scope_is_said_to_be(page, classifier, shared, folder, sentence):
    path = sorted((shared / "data/out_of_scope" / folder).iterdir())[0]
    report = demo.report(classifier, classifier(path))
    if report["verdict"]["status"] == "unchecked":
        pytest.skip("the bundled model has no input check")
    give(page, path)
    headline(page, demo.headline(report))
    expect(page.get_by_text(sentence)).to_be_visible()


@desktop
def test_a_broken_file_is_explained(page, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"nothing")
    give(page, tmp_path / "broken.png")
    expect(page.get_by_text("not an image that can be read here")).to_be_visible(timeout=WAIT)


def test_a_batch_becomes_a_table_that_saves(page, write_films, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"nothing")
    files = write_films(tmp_path, 12)
    give(page, *files, tmp_path / "broken.png", tab="Batch")
    save = page.get_by_test_id("stDownloadButton").get_by_role("button")
    expect(save).to_be_visible(timeout=WAIT)
    with page.expect_download() as download:
        save.click()
    saved = download.value.path().read_text()
    assert all(file.name in saved for file in files)
    assert "broken.png is not an image" in saved
    assert sideways_scroll(page) == 0
    screenshot(page, "streamlit-batch")


def test_the_model_says_how_good_it_is(page):
    page.get_by_role("tab", name="The model").click()
    expect(page.get_by_role("cell", name="0.926 to 0.961")).to_be_visible()
    expect(page.get_by_text("its AUC is 0.440")).to_be_visible()
    assert sideways_scroll(page) == 0
    screenshot(page, "streamlit-model")


def test_a_model_that_is_not_there_is_explained(monkeypatch):
    st.cache_resource.clear()
    monkeypatch.setenv("MODEL", "no/such/model")
    page = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60).run()
    assert not page.exception
    assert "check the name" in page.error[0].value
