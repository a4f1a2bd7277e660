"""The Gradio app, started for real: in a real browser, and as an API."""

import asyncio
import base64
import csv
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from PIL import Image
from playwright.sync_api import expect
from servers import (
    free_port,
    open_page,
    screenshot,
    serving,
    sideways_scroll,
    violations,
    windows,
    write_dicom,
)

import app
from hub.demo import handlers, wording
from hub.inference import decision
from hub.inference.classifier import Classifier
from hub.text import percent

ROOT = Path(__file__).parents[2]
WAIT = 30_000  # ms: several tests may share two cores
FRAMEWORK = {}  # rules that Gradio 6.31 itself breaks


@pytest.fixture(params=windows("desktop-light", "phone-dark"))
def page(request, browser, gradio_url):
    """The demo, open in a new window."""
    with open_page(browser, gradio_url, request.param) as page:
        expect(page.get_by_role("heading", name="Is it pneumonia?")).to_be_visible(timeout=WAIT)
        yield page


desktop = pytest.mark.parametrize("page", windows("desktop-light"), indirect=True)
everywhere = pytest.mark.parametrize(
    "page", windows("desktop-light", "desktop-dark", "phone-light", "phone-dark"), indirect=True
)


def give(page, *files, tab="One film"):
    """Hand files to the drop zone of a tab, as a visitor who chooses them."""
    page.get_by_role("tab", name=tab).click()
    zone = "#film-input" if tab == "One film" else "#batch-input"
    page.locator(f"{zone} input[type=file]").set_input_files(list(files))


def headline(page, text):
    heading = page.locator("#card").get_by_role("heading", name=text, exact=True)
    expect(heading).to_be_visible(timeout=WAIT)
    return heading


@everywhere
def test_one_tap_on_an_example_shows_an_answer_without_scrolling(page):
    expect(page.get_by_text("Research software, not a diagnosis")).to_be_visible()
    expect(page.get_by_text("Uploads are deleted within minutes")).to_be_visible()
    expect(page.get_by_role("tab")).to_have_count(4)
    examples = page.get_by_role("button", name="Try synthetic")
    expect(examples).to_have_count(6)
    for example in examples.all():
        expect(example).to_be_in_viewport(ratio=1)
    assert violations(page, FRAMEWORK) == []
    screenshot(page, "gradio-start")
    examples.last.click()
    expect(headline(page, "Signs of pneumonia")).to_be_in_viewport(ratio=1)
    expect(page.get_by_text("calibrated probability of pneumonia")).to_be_in_viewport(ratio=1)
    expect(page.locator(".film .heat")).to_be_visible()
    assert violations(page, FRAMEWORK) == []
    assert sideways_scroll(page) == 0
    screenshot(page, "gradio-answer")
    examples.first.click()
    headline(page, "No sign of pneumonia")


def test_a_visitor_uploads_a_radiograph_and_reads_the_answer_of_the_classifier(
    page, classifier, radiograph, tmp_path
):
    radiograph.resize((640, 480)).save(tmp_path / "my film.png")
    give(page, tmp_path / "my film.png")
    report = decision.report(classifier, classifier(tmp_path / "my film.png"))
    headline(page, wording.headline(report))
    expect(page.locator(".probability strong")).to_have_text(percent(report["probability"]))
    expect(page.get_by_text("threshold 18\u00a0%", exact=True)).to_be_visible()
    expect(page.get_by_text(wording.check_sentence(report))).to_be_visible()
    expect(page.locator(".film .name")).to_have_text("my film.png")
    assert sideways_scroll(page) == 0


@desktop
def test_another_operating_point_rewords_the_answer_at_once(page, classifier, tmp_path):
    paths = handlers.write_examples(classifier, tmp_path)
    index = next(
        index
        for index, prediction in enumerate(classifier(paths))
        if decision.report(classifier, prediction, "balanced")["finding"] == "no sign of pneumonia"
        and decision.report(classifier, prediction, "screening")["finding"] != "no sign of pneumonia"
    )
    page.get_by_role("button", name="Try synthetic").nth(index).click()
    headline(page, "No sign of pneumonia")
    page.locator("#answer").get_by_label("Screening").check()
    report = decision.report(classifier, classifier(paths[index]), "screening")
    headline(page, wording.headline(report))
    expect(page.get_by_text(wording.advice(report))).to_be_visible()
    expect(page.locator("#answer").get_by_text("Screening misses as little pneumonia")).to_be_visible()
    screenshot(page, "gradio-screening")


@desktop
def test_the_heatmap_fades_by_its_slider(page):
    page.get_by_role("button", name="Try synthetic").last.click()
    slider = page.get_by_label("Opacity of the heatmap")
    slider.fill("30")
    expect(page.locator(".film .heat")).to_have_css("opacity", "0.3")


@desktop
def test_a_radiograph_that_no_browser_shows_is_shown(page, radiograph, tmp_path):
    radiograph.resize((300, 300)).save(tmp_path / "film.tiff")
    give(page, tmp_path / "film.tiff")
    headline(page, "Signs of pneumonia")
    assert page.locator(".film img").first.evaluate("image => image.naturalWidth") == 300


@desktop
def test_a_dicom_file_is_answered(page, radiograph, tmp_path):
    write_dicom(radiograph, tmp_path / "film.dcm")
    give(page, tmp_path / "film.dcm")
    headline(page, "Signs of pneumonia")
    assert page.locator(".film img").first.evaluate("image => image.naturalWidth") == radiograph.width
    screenshot(page, "gradio-dicom")


@desktop
def test_a_photograph_from_the_camera_is_answered(page):
    page.get_by_role("button", name="Use the camera or the clipboard").click()
    page.get_by_role("button", name="Click to Access Webcam").click()
    page.wait_for_function("document.querySelector('video')?.videoWidth > 0")
    page.get_by_role("button", name="capture photo").click()
    expect(page.locator("#card h2")).to_be_visible(timeout=WAIT)
    expect(page.locator(".film img").first).to_be_visible()


@desktop
def test_a_pasted_radiograph_is_answered(page, radiograph, tmp_path):
    page.get_by_role("button", name="Try synthetic").first.click()
    headline(page, "No sign of pneumonia")
    radiograph.save(tmp_path / "film.png")
    content = base64.b64encode((tmp_path / "film.png").read_bytes()).decode()
    page.evaluate(
        """async (content) => {
          const blob = await (await fetch("data:image/png;base64," + content)).blob();
          const transfer = new DataTransfer();
          transfer.items.add(new File([blob], "pasted.png", { type: "image/png" }));
          document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: transfer }));
        }""",
        content,
    )
    headline(page, "Signs of pneumonia")


@pytest.mark.real_data
def test_a_radiograph_of_an_adult_is_warned_of(page, classifier, shared):
    path = sorted((shared / "data/out_of_scope/adult_chest_xray/pneumonia").iterdir())[0]
    report = decision.report(classifier, classifier(path))
    give(page, path)
    headline(page, wording.headline(report))
    expect(page.locator(".notice")).to_contain_text("unlike those the model was trained on")
    screenshot(page, "gradio-adult")


@pytest.mark.real_data
def test_a_photograph_is_refused(page, shared):
    path = sorted((shared / "data/out_of_scope/photo").iterdir())[0]
    give(page, path)
    headline(page, "No answer")
    expect(page.locator(".notice")).to_contain_text("does not look like a chest radiograph")
    expect(page.locator(".probability")).to_have_count(0)
    screenshot(page, "gradio-photo")


def test_a_broken_file_is_explained_and_the_next_one_answered(page, radiograph, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n but nothing more")
    give(page, tmp_path / "broken.png")
    headline(page, "No answer")
    expect(page.get_by_text("broken.png is")).to_be_visible()
    assert violations(page, FRAMEWORK) == []
    screenshot(page, "gradio-broken")
    radiograph.save(tmp_path / "film.png")
    give(page, tmp_path / "film.png")
    headline(page, "Signs of pneumonia")


@desktop
def test_the_name_of_a_file_is_no_html(page, radiograph, tmp_path):
    name = "${alert(1)} {{value}} <b>bold.png"
    radiograph.save(tmp_path / name)
    give(page, tmp_path / name)
    headline(page, "Signs of pneumonia")
    expect(page.locator(".film .name")).to_contain_text("alert(1)")
    expect(page.locator(".film b")).to_have_count(0)


def test_a_batch_of_50_becomes_a_table_that_sorts_and_saves(page, write_radiographs, tmp_path):
    files = write_radiographs(tmp_path, 49)
    (tmp_path / "broken.png").write_bytes(b"nothing")
    give(page, *files, tmp_path / "broken.png", tab="Batch")
    expect(page.get_by_text("50 files, 1 of them unreadable")).to_be_visible(timeout=WAIT)
    rows = page.locator(".batch tbody tr")
    expect(rows).to_have_count(50)
    expect(rows.last).to_contain_text("broken.png is not an image")
    assert rows.first.locator("img").evaluate("image => image.naturalWidth") > 0
    page.get_by_role("button", name="Calibrated probability").click()
    shares = [float(value) for value in page.locator(".batch td:nth-child(4)").evaluate_all(
        "cells => cells.map((cell) => cell.dataset.sort)"
    )]  # fmt: skip
    assert shares == sorted(shares) and shares[0] == -1
    with page.expect_download() as download:
        page.get_by_role("link", name="Download as CSV").click()
    saved = download.value.path().read_text()
    assert download.value.suggested_filename == "answers.csv"
    assert all(file.name in saved for file in files)
    assert violations(page, FRAMEWORK) == []
    assert sideways_scroll(page) == 0
    screenshot(page, "gradio-batch")
    page.get_by_role("radio", name="Screening").check()
    expect(page.locator(".batch")).to_contain_text("Uncertain", timeout=WAIT)


def test_a_zip_of_radiographs_is_a_batch_and_what_it_holds_besides_is_one_row(
    page, write_radiographs, tmp_path
):
    with zipfile.ZipFile(tmp_path / "films.zip", "w") as archive:
        for path in write_radiographs(tmp_path, 3):
            archive.write(path, path.name)
        archive.writestr("metadata.csv", "film-0.png,NORMAL")
        archive.writestr("README.txt", "three films")
        archive.writestr("@eaDir/film-0.png/SYNOPHOTO_THUMB_M.jpg", "a preview")
    give(page, tmp_path / "films.zip", tab="Batch")
    expect(page.get_by_text("3 files.")).to_be_visible(timeout=WAIT)
    rows = page.locator(".batch tbody tr")
    expect(rows).to_have_count(4)
    expect(rows.nth(2)).to_contain_text("film-2.png")
    expect(rows.last).to_contain_text("left out 2 files: 1 `.csv`, 1 `.txt`")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download as CSV").click()
    statuses = [row["status"] for row in csv.DictReader(download.value.path().read_text().splitlines())]
    assert statuses[3:] == ["left out"]
    page.get_by_role("radio", name="Screening").check()
    expect(rows).to_have_count(4)
    assert violations(page, FRAMEWORK) == []
    assert sideways_scroll(page) == 0
    screenshot(page, "gradio-left-out")


def test_a_film_under_its_heatmap_is_warned_of_as_coloured(page, classifier, radiograph, tmp_path):
    answer = handlers.answer(classifier, radiograph)
    answer.overlay.save(tmp_path / "overlay.jpeg", quality=88)
    give(page, tmp_path / "overlay.jpeg")
    expect(page.locator(".notice")).to_contain_text("coloured", timeout=WAIT)
    expect(page.locator(".probability")).to_be_visible()
    assert violations(page, FRAMEWORK) == []
    assert sideways_scroll(page) == 0
    screenshot(page, "gradio-coloured")
    give(page, tmp_path / "overlay.jpeg", tab="Batch")
    expect(page.locator(".batch tbody tr")).to_contain_text("coloured", timeout=WAIT)


@desktop
def test_the_choosers_hide_no_file(page):
    for tab, zone in (("One film", "#film-input"), ("Batch", "#batch-input")):
        page.get_by_role("tab", name=tab).click()
        assert not page.locator(f"{zone} input[type=file]").get_attribute("accept")


@desktop
def test_everything_works_by_keyboard(page):
    def tab_to(locator):
        for _ in range(40):
            if locator.evaluate("element => element === document.activeElement"):
                return
            page.keyboard.press("Tab")
        raise AssertionError(f"Tab never reaches {locator}")

    tab_to(page.locator("#film-input button"))
    tab_to(page.get_by_role("button", name="Try synthetic").first)
    page.keyboard.press("Enter")
    headline(page, "No sign of pneumonia")
    slider = page.get_by_label("Opacity of the heatmap")
    tab_to(slider)
    page.keyboard.press("Home")
    expect(page.locator(".film .heat")).to_have_css("opacity", "0")
    tab_to(page.locator("#answer").get_by_label("Screening"))  # Gradio groups no radios: arrows do nothing
    page.keyboard.press("Space")
    headline(page, "Uncertain")
    page.get_by_role("tab", name="One film").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("tab", name="Batch")).to_have_attribute("aria-selected", "true")


@pytest.fixture
def radiograph_file(radiograph, tmp_path):
    radiograph.save(tmp_path / "film.png")
    return tmp_path / "film.png"


def test_the_api_in_python_gives_the_answer_of_the_classifier(gradio_url, classifier, radiograph_file):
    client = Client(gradio_url, verbose=False)
    given = client.predict(handle_file(radiograph_file), "screening", api_name="/classify")
    assert given == decision.report(classifier, classifier(radiograph_file), "screening")
    assert set(given) == {
        "label", "finding", "probability", "probabilities", "operating_point", "threshold", "verdict"
    }  # fmt: skip
    usual = client.predict(image=handle_file(radiograph_file), api_name="/classify")
    assert usual["operating_point"] == "balanced"
    (name,) = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert name == "/classify"


def test_the_api_explains_what_it_cannot_do(gradio_url, radiograph_file, tmp_path):
    client = Client(gradio_url, verbose=False)
    (tmp_path / "notes.txt").write_text("not a picture")
    with pytest.raises(AppError, match=r"notes\.txt is not an image that can be read here"):
        client.predict(handle_file(tmp_path / "notes.txt"), api_name="/classify")
    with pytest.raises(AppError, match="There is no picture"):
        client.predict(None, "balanced", api_name="/classify")
    with pytest.raises(AppError, match="best"):
        client.predict(handle_file(radiograph_file), "best", api_name="/classify")


@pytest.fixture(scope="module")
def logged(tmp_path_factory):
    """A demo of its own; its address and the file of its log."""
    folder, port = tmp_path_factory.mktemp("logged"), free_port()
    environment = os.environ | {"GRADIO_SERVER_PORT": str(port), "HF_HUB_OFFLINE": "1"}
    environment["GRADIO_TEMP_DIR"] = str(folder / "uploads")
    url = f"http://127.0.0.1:{port}"
    with (
        (folder / "log").open("w") as log,
        serving([sys.executable, "app.py"], url, env=environment, stdout=log, stderr=log),
    ):
        yield url, folder / "log"


def upload(url, path):
    """Upload a file as any client does; return its path on the server."""
    with path.open("rb") as stream:
        return requests.post(f"{url}/gradio_api/upload", files={"files": stream}).json()[0]


def answers(url, data):
    """Send the same inputs to every route of /classify; return what each answers, as text."""
    base = f"{url}/gradio_api"
    event = requests.post(f"{base}/call/classify", json={"data": data}).json()["event_id"]
    yield requests.get(f"{base}/call/classify/{event}").text
    yield requests.post(f"{base}/run/classify", json={"data": data}).text
    config = requests.get(f"{url}/config").json()
    (index,) = [each["id"] for each in config["dependencies"] if each["api_name"] == "classify"]
    yield requests.post(f"{base}/run/predict", json={"data": data, "fn_index": index}).text
    session = {"fn_index": index, "session_hash": str(time.time())}
    requests.post(f"{base}/queue/join", json={"data": data} | session).raise_for_status()
    with requests.get(f"{base}/queue/data", params=session, stream=True) as stream:
        yield next(line.decode() for line in stream.iter_lines() if b"process_completed" in line)


def as_upload(path):
    return {"path": path, "meta": {"_type": "gradio.FileData"}}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (["FILM", "Screening"], "There is no operating point Screening; give balanced or screening."),
        (["FILM", ["balanced"]], "give balanced or screening."),
        (["FILM", {"a": 1}], "give balanced or screening."),
        (["FILM", ""], "give balanced or screening."),
        (["FILM", "z" * 9000], f"{'z' * 40}; give balanced or screening."),
        (["NOTES", "balanced"], "notes.txt is not an image that can be read here"),
        (["GONE", "balanced"], "There is no file"),
        ([None, None], "There is no picture; give one."),
        (["film.png", "balanced"], "The picture is no uploaded file; upload it first."),
        ([5, "balanced"], "The picture is no uploaded file; upload it first."),
        ([as_upload("/etc/passwd"), "balanced"], "The picture is no uploaded file; upload it first."),
        ([as_upload("/tmp/" + "x" * 6000), "balanced"], "The picture is no uploaded file; upload it first."),
        ([as_upload("/tmp/a\0.png"), "balanced"], "upload the picture first"),
        ([as_upload({"a": 1}), "balanced"], "The picture is no uploaded file; upload it first."),
        ([], "These inputs cannot be used"),
    ],
    ids=lambda given: str(given)[:30],
)
def test_a_wrong_request_is_answered_with_a_sentence_and_leaves_no_traceback(
    logged, radiograph_file, tmp_path, given, sentence
):
    url, log = logged
    (tmp_path / "notes.txt").write_text("not a picture")
    film, notes = upload(url, radiograph_file), upload(url, tmp_path / "notes.txt")
    uploads = {"FILM": as_upload(film), "NOTES": as_upload(notes), "GONE": as_upload(f"{film}.png")}
    data = [uploads[each] if isinstance(each, str) and each in uploads else each for each in given]
    for answer in answers(url, data):
        assert sentence in answer
    assert "Traceback" not in log.read_text()


@pytest.mark.parametrize(
    "route", ["call/nope", "run/nope", "run/predict", "call/v2/nope", "call/v2/classify"]
)
def test_what_is_no_endpoint_is_said_to_be_none_and_leaves_no_traceback(logged, route):
    url, log = logged
    answer = requests.post(f"{url}/gradio_api/{route}", json={"data": [], "fn_index": 9999})
    assert answer.status_code == 400 and "There is no such endpoint" in answer.json()["error"]
    assert "Traceback" not in log.read_text()


def test_a_batch_of_what_was_not_uploaded_leaves_no_traceback(logged, radiograph_file):
    url, log = logged
    config = requests.get(f"{url}/config").json()
    types = {component["id"]: component["type"] for component in config["components"]}
    files = [event for event in config["dependencies"] if "file" in [types[each] for each in event["inputs"]]]
    for event in files:
        for file in ("x", 5, [5], ["x"], [{"path": str(radiograph_file)}], as_upload(str(radiograph_file))):
            body = {"data": [file, "Screening"], "fn_index": event["id"], "session_hash": "other"}
            answer = requests.post(f"{url}/gradio_api/run/predict", json=body)
            assert "no uploaded file" in answer.text or "cannot be used" in answer.text
    assert "Traceback" not in log.read_text()


def test_the_curl_of_the_documents_gives_the_same(gradio_url, classifier, radiograph_file):
    page = (ROOT / "docs" / "api.md").read_text()
    script = next(block for block in page.split("```")[1::2] if "curl" in block).removeprefix("bash\n")
    script = script.replace("http://127.0.0.1:7860", gradio_url).replace("image.png", radiograph_file.name)
    done = subprocess.run(["bash", "-c", script], cwd=radiograph_file.parent, capture_output=True, text=True)
    event, data = done.stdout.strip().splitlines()[-2:]
    assert event == "event: complete"
    assert json.loads(data.removeprefix("data: ")) == [
        decision.report(classifier, classifier(radiograph_file))
    ]


def test_the_mcp_tool_says_what_it_does_and_does_it(gradio_url, classifier, radiograph_file, tmp_path):
    async def use(image):
        async with (
            streamable_http_client(f"{gradio_url}/gradio_api/mcp/") as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            return await session.list_tools(), await session.call_tool("classify", {"image": image})

    def run(function, *arguments):  # Playwright has a loop of its own in this thread
        with ThreadPoolExecutor() as pool:
            return pool.submit(lambda: asyncio.run(function(*arguments))).result()

    def uri(path):
        return f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"

    tools, result = run(use, uri(radiograph_file))
    (tool,) = tools.tools
    assert tool.name == "classify"
    assert "signs of pneumonia" in tool.description
    assert "not a diagnosis" in tool.description
    assert set(tool.inputSchema["properties"]) == {"image", "operating_point"}
    assert tool.inputSchema["required"] == ["image"]
    assert not result.isError
    assert json.loads(result.content[0].text) == decision.report(classifier, classifier(radiograph_file))
    (tmp_path / "broken.png").write_bytes(b"nothing")
    _, result = run(use, uri(tmp_path / "broken.png"))
    assert result.isError
    assert "not an image that can be read here" in result.content[0].text


@pytest.mark.parametrize(
    "meta", [{"meta": {"_type": "gradio.FileData"}}, {"meta": {"_type": "other"}}, {}], ids=str
)
def test_the_api_reads_only_what_was_uploaded(gradio_url, radiograph_file, meta):
    """A path sent in the place of an upload is an error, whatever lies there and however it is marked."""
    call = urllib.request.Request(
        f"{gradio_url}/gradio_api/call/classify",
        json.dumps({"data": [{"path": str(radiograph_file)} | meta, "balanced"]}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(call) as response:
        event = json.load(response)["event_id"]
    with urllib.request.urlopen(f"{gradio_url}/gradio_api/call/classify/{event}") as response:
        assert response.read().startswith(b"event: error")


@pytest.mark.parametrize(
    "meta", [{"meta": {"_type": "gradio.FileData"}}, {"meta": {"_type": "other"}}, {}], ids=str
)
@pytest.mark.parametrize("kind", ["file", "image"])
def test_the_page_reads_only_what_was_uploaded(gradio_url, radiograph_file, kind, meta):
    """The events of the page are private, but any client can send them."""
    with urllib.request.urlopen(f"{gradio_url}/config") as response:
        config = json.load(response)
    types = {component["id"]: component["type"] for component in config["components"]}
    events = [event for event in config["dependencies"] if kind in [types[each] for each in event["inputs"]]]
    assert events
    for event in events:
        for file in ({"path": str(radiograph_file)} | meta, [{"path": str(radiograph_file)} | meta]):
            body = {"data": [file, "balanced"], "fn_index": event["id"], "session_hash": "other"}
            call = urllib.request.Request(
                f"{gradio_url}/gradio_api/run/predict",
                json.dumps(body).encode(),
                {"Content-Type": "application/json"},
            )
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(call)
            assert refused.value.code == 500


def test_no_file_of_the_server_is_handed_out(gradio_url):
    for path in ("requirements.txt", "hub/pretrained/model.safetensors", "hub/pretrained/config.json"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{gradio_url}/gradio_api/file={ROOT / path}")
        assert refused.value.code in (403, 404)


@pytest.mark.browser
@pytest.mark.slow
def test_uploads_are_deleted_and_answers_leave_no_file(
    browser, classifier, radiograph_file, tmp_path, monkeypatch
):
    uploads = tmp_path / "uploads"
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(uploads))
    monkeypatch.setattr(app, "DELETE_EVERY", 1)
    monkeypatch.setattr(app, "DELETE_AFTER", 4)
    (tmp_path / "examples").mkdir()
    blocks = app.build(classifier, handlers.write_examples(classifier, tmp_path / "examples"))
    options = app.launch_options(classifier)
    _, url, _ = blocks.launch(prevent_thread_lock=True, server_port=free_port(), quiet=True, **options)
    try:
        Client(url, verbose=False).predict(handle_file(radiograph_file), api_name="/classify")
        with open_page(browser, url.rstrip("/"), "desktop-light") as page:
            give(page, radiograph_file)
            headline(page, "Signs of pneumonia")
            give(page, radiograph_file, tab="Batch")
            expect(page.get_by_text("1 file.")).to_be_visible(timeout=WAIT)
            deadline = time.monotonic() + 30
            while left := [path for path in uploads.rglob("*") if path.is_file()]:
                assert time.monotonic() < deadline, left
                time.sleep(0.3)
            page.get_by_role("tab", name="One film").click()
            page.get_by_role("button", name="Try synthetic").first.click()
            headline(page, "No sign of pneumonia")
    finally:
        blocks.close()


@pytest.mark.browser
def test_a_model_of_something_else_is_shown_as_what_it_is(browser, classifier, tmp_path):
    """The same network under other names: ten classes would look alike."""
    other = Classifier.from_pretrained()
    other.classes, other.radiograph, other.operating_points = ["cat", "dog"], False, {}
    other.folder, other.check = tmp_path, None
    blocks = app.build(other, handlers.write_examples(other, tmp_path))
    options = app.launch_options(other)
    _, url, _ = blocks.launch(prevent_thread_lock=True, server_port=free_port(), quiet=True, **options)
    Image.new("RGB", (60, 40), "green").save(tmp_path / "green.png")
    label = other(tmp_path / "green.png").label
    assert label
    try:
        with open_page(browser, url.rstrip("/"), "desktop-light") as page:
            expect(page.get_by_role("heading", name="What is in the picture?")).to_be_visible(timeout=WAIT)
            page.locator("#film-input input[type=file]").set_input_files(tmp_path / "green.png")
            headline(page, label)
            expect(page.get_by_text("Operating point")).to_have_count(0)
            assert "pneumonia" not in page.locator("body").inner_text().lower()
            screenshot(page, "gradio-other-model")
    finally:
        blocks.close()


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
