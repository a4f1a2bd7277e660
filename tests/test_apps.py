"""Both apps, started for real; Gradio in a real browser."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import streamlit as st
from gradio_client import Client, handle_file
from playwright.sync_api import expect, sync_playwright
from servers import free_port, wait_for
from streamlit.testing.v1 import AppTest

import app
from hub import demo
from hub.classifier import Classifier

ROOT = Path(__file__).parents[1]
SCREENSHOTS = ROOT / "test-output"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def gradio_url(tmp_path_factory):
    """`python app.py` with no network to hope for; its address."""
    port = free_port()
    environment = os.environ | {"GRADIO_SERVER_PORT": str(port), "HF_HUB_OFFLINE": "1"}
    environment["GRADIO_TEMP_DIR"] = str(tmp_path_factory.mktemp("uploads"))
    process = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=environment)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(url, process)
        yield url
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="module")
def browser():
    if not CHROMIUM:
        pytest.skip("there is no Chromium on this machine; install Debian's package chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"],
        )
        yield browser
        browser.close()


@pytest.fixture(params=["desktop-light", "desktop-dark", "phone-light", "phone-dark"])
def page(request, browser, gradio_url):
    """The demo, open in a new window; it must not have asked any other machine for anything."""
    device, scheme = request.param.split("-")
    size = {"desktop": (1280, 900), "phone": (390, 844)}[device]
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
    page = context.new_page()
    page.name = request.param
    elsewhere = []
    page.on("request", lambda request: elsewhere.append(request.url))
    page.goto(gradio_url)
    expect(page.get_by_role("heading", name="Is it pneumonia?")).to_be_visible()
    yield page
    assert [url for url in elsewhere if not url.startswith((gradio_url, "data:", "blob:"))] == []
    context.close()


def screenshot(page, name):
    SCREENSHOTS.mkdir(exist_ok=True)
    page.wait_for_timeout(500)  # pictures fade in
    page.screenshot(path=SCREENSHOTS / f"gradio-{page.name}-{name}.png", full_page=True)


def sideways_scroll(page):
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


def test_a_visitor_uploads_a_film_and_reads_the_answer(page, film, tmp_path):
    expect(page.get_by_text("Research software, not a diagnosis")).to_be_visible()
    screenshot(page, "start")
    film.resize((640, 480)).save(tmp_path / "film.png")
    page.locator("input[type=file]").first.set_input_files(tmp_path / "film.png")
    answer = Classifier.from_pretrained()(tmp_path / "film.png")
    sentence = {"PNEUMONIA": "Signs of pneumonia", "NORMAL": "No sign of pneumonia"}[answer.label]
    expect(page.get_by_role("heading", name=sentence)).to_be_visible(timeout=30_000)
    for name, probability in answer.probabilities.items():
        expect(page.get_by_text(name, exact=True)).to_be_visible()
        expect(page.get_by_text(f"{round(100 * probability)}%", exact=True).first).to_be_visible()
    expect(
        page.locator("[data-testid=imageslider] img, .slider-wrap img, .image-container img").first
    ).to_be_visible()
    assert sideways_scroll(page) == 0
    screenshot(page, "answer")


def test_one_click_on_an_example_shows_an_answer(page):
    examples = page.locator(".gallery-item")
    expect(examples).to_have_count(6)
    examples.last.click()
    expect(page.get_by_role("heading", name="Signs of pneumonia")).to_be_visible(timeout=30_000)
    screenshot(page, "example")
    examples.first.click()
    expect(page.get_by_role("heading", name="No sign of pneumonia")).to_be_visible(timeout=30_000)


def test_a_broken_file_is_explained(page, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n but nothing more")
    page.locator("input[type=file]").first.set_input_files(tmp_path / "broken.png")
    expect(page.get_by_role("heading", name="No answer")).to_be_visible(timeout=30_000)
    expect(page.get_by_text("broken.png is")).to_be_visible()
    screenshot(page, "broken")


def test_the_api_gives_the_answer_of_the_classifier(gradio_url, film, tmp_path):
    film.save(tmp_path / "film.png")
    client = Client(gradio_url, verbose=False)
    headline, probabilities, *_ = client.predict(handle_file(tmp_path / "film.png"), api_name="/classify")
    expected = Classifier.from_pretrained()(film)
    assert expected.label == probabilities["value"]["label"]
    assert "probability" in headline


def test_the_api_reads_and_hands_out_no_file_of_the_server(gradio_url, film, tmp_path):
    """Only what was uploaded is read: a path sent in its place is an error, whatever lies there."""
    film.save(tmp_path / "film.png")
    upload = {"path": str(tmp_path / "film.png"), "meta": {"_type": "gradio.FileData"}}
    call = urllib.request.Request(
        f"{gradio_url}/gradio_api/call/classify",
        json.dumps({"data": [upload]}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(call) as response:
        event = json.load(response)["event_id"]
    with urllib.request.urlopen(f"{gradio_url}/gradio_api/call/classify/{event}") as response:
        assert response.read().startswith(b"event: error")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{gradio_url}/gradio_api/file={ROOT / 'requirements.txt'}")
    assert refused.value.code in (403, 404)


def test_uploads_are_deleted_and_examples_are_not(film, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    monkeypatch.setattr(app, "DELETE_EVERY", 1)
    monkeypatch.setattr(app, "DELETE_AFTER", 1)
    film.save(tmp_path / "private.png")
    examples = demo.write_examples(Classifier.from_pretrained(), tmp_path)
    page = app.build(Classifier.from_pretrained(), examples)
    _, url, _ = page.launch(prevent_thread_lock=True, server_port=free_port(), quiet=True)
    try:
        Client(url, verbose=False).predict(handle_file(tmp_path / "private.png"), api_name="/classify")
        deadline = time.monotonic() + 20
        while list((tmp_path / "uploads").rglob("private.png")) and time.monotonic() < deadline:
            time.sleep(0.5)
        kept = [path.name for path in (tmp_path / "uploads").rglob("*.png")]
        assert "private.png" not in kept
        assert set(kept) >= {path.name for path in examples}
    finally:
        page.close()


def test_every_example_is_answered_right():
    classifier = Classifier.from_pretrained()
    with tempfile.TemporaryDirectory() as folder:
        paths = demo.write_examples(classifier, Path(folder))
        assert len(paths) == 6
        for path, prediction in zip(paths, classifier(paths), strict=True):
            assert prediction.label.lower() in path.name
            assert prediction.warnings == []


def test_a_model_that_is_not_there_is_one_sentence_and_exit_code_2():
    done = subprocess.run(
        [sys.executable, "app.py"],
        env=os.environ | {"MODEL": "no/such/model"},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "check the name" in done.stderr
    assert "Traceback" not in done.stderr


def open_streamlit():
    page = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60).run()
    assert not page.exception
    return page


def test_streamlit_answers_an_example():
    page = open_streamlit()
    assert page.title[0].value == "Is it pneumonia?"
    assert "not a diagnosis" in page.warning[0].value
    for name, sentence in (("pneumonia", "Signs of pneumonia"), ("normal", "No sign of pneumonia")):
        option = next(o for o in page.selectbox[0].options if name in o)
        page.selectbox[0].select(option).run()
        assert not page.exception
        assert page.subheader[0].value.startswith(sentence)


def test_streamlit_answers_an_upload_and_explains_a_broken_one(film, tmp_path):
    film.save(tmp_path / "film.png")
    page = open_streamlit()
    page.file_uploader[0].set_value(("film.png", (tmp_path / "film.png").read_bytes(), "image/png")).run()
    assert not page.exception
    assert demo.answer(Classifier.from_pretrained(), film).headline == page.subheader[0].value
    page.file_uploader[0].set_value(("film.png", b"nothing", "image/png")).run()
    assert "not an image" in page.error[0].value


def test_streamlit_explains_a_model_that_is_not_there(monkeypatch):
    st.cache_resource.clear()
    monkeypatch.setenv("MODEL", "no/such/model")
    assert "check the name" in open_streamlit().error[0].value


def test_streamlit_serves():
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.headless", "true"]
    process = subprocess.Popen(
        [*command, "--server.address", "127.0.0.1", "--server.port", str(port)], cwd=ROOT
    )
    try:
        wait_for(f"http://127.0.0.1:{port}/_stcore/health", process)
    finally:
        process.terminate()
        process.wait()
