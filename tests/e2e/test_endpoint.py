"""The endpoint /classify of the Gradio app for its clients, and what any client can send to the page."""

import base64
import json
import re
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import pydicom
import pytest
import requests
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from servers import run_coroutine, write_dicom

from hub.demo.gradio_errors import NO_UPLOAD
from hub.demo.words import words_in
from hub.inference import decision

ROOT = Path(__file__).parents[2]


@pytest.fixture
def radiograph_file(radiograph, tmp_path):
    radiograph.save(tmp_path / "film.png")
    return tmp_path / "film.png"


def test_the_api_in_python_gives_the_answer_of_the_classifier(gradio_url, classifier, radiograph_file):
    client = Client(gradio_url, verbose=False)
    given = client.predict(handle_file(radiograph_file), "screening", api_name="/classify")
    assert given == decision.report(classifier, classifier(radiograph_file), "screening")
    usual = client.predict(image=handle_file(radiograph_file), api_name="/classify")
    assert (usual["operating_point"], usual["prevalence"]) == ("balanced", 0.5)
    rare = client.predict(image=handle_file(radiograph_file), prevalence=0.1, api_name="/classify")
    assert rare == decision.report(classifier, classifier(radiograph_file), prevalence=0.1)
    assert rare["probability"] < usual["probability"]
    assert (rare["finding"], rare["likelihood_ratio"]) == (usual["finding"], usual["likelihood_ratio"])
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
        (["FILM", "balanced", 0], "The prevalence 0 is not a share between 0 and 1"),
        (["FILM", "balanced", 7], "The prevalence 7 is not a share between 0 and 1"),
        (["FILM", "balanced", "often"], "The prevalence 'often' is not a share between 0 and 1"),
        (["FILM", "balanced", None], "The prevalence None is not a share between 0 and 1"),
        (["NOTES", "balanced"], "notes.txt is not an image that can be read here"),
        (["GONE", "balanced"], "upload it first"),
        ([None, None], "There is no picture; give one."),
        (["film.png", "balanced"], "The picture is no uploaded file; upload it first."),
        ([5, "balanced"], "The picture is no uploaded file; upload it first."),
        ([as_upload("/etc/passwd"), "balanced"], "The picture is no uploaded file; upload it first."),
        ([as_upload("/tmp/" + "x" * 6000), "balanced"], "The picture is no uploaded file; upload it first."),
        ([as_upload({"a": 1}), "balanced"], "The picture is no uploaded file; upload it first."),
        ([], "These inputs cannot be used"),
    ],
    ids=lambda given: str(given)[:30],
)
def test_a_wrong_request_is_answered_with_a_sentence_and_leaves_no_traceback(
    gradio, radiograph_file, tmp_path, given, sentence
):
    url, log = gradio
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
def test_what_is_no_endpoint_is_said_to_be_none_and_leaves_no_traceback(gradio, route):
    url, log = gradio
    answer = requests.post(f"{url}/gradio_api/{route}", json={"data": [], "fn_index": 9999})
    assert answer.status_code == 400 and "There is no such endpoint" in answer.json()["error"]
    assert "Traceback" not in log.read_text()


def test_a_batch_of_what_was_not_uploaded_leaves_no_traceback(gradio, radiograph_file):
    url, log = gradio
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

    def uri(path):
        return f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"

    tools, result = run_coroutine(use(uri(radiograph_file)))
    (tool,) = tools.tools
    assert tool.name == "classify"
    assert "signs of pneumonia" in tool.description
    assert "not a diagnosis" in tool.description
    assert set(tool.inputSchema["properties"]) == {"image", "operating_point", "prevalence"}
    assert tool.inputSchema["required"] == ["image"]
    assert not result.isError
    assert json.loads(result.content[0].text) == decision.report(classifier, classifier(radiograph_file))
    (tmp_path / "broken.png").write_bytes(b"nothing")
    _, result = run_coroutine(use(uri(tmp_path / "broken.png")))
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


@pytest.mark.parametrize("name", ["show_upload", "show_sample", "show_corrected"])
@pytest.mark.parametrize(
    "given",
    [
        None,
        5,
        "x",
        [],
        {},
        {"file": "FILM"},
        {"file": ["FILM"]},
        {"index": 99},
        {"index": 1.0},
        {"index": {}},
        {"how": "flip"},
    ],
    ids=str,
)
def test_the_page_reads_only_what_was_uploaded(gradio, radiograph_file, name, given):
    """The events of the page are private, but any client can send them."""
    url, log = gradio
    if isinstance(given, dict) and "file" in given:
        given = json.loads(json.dumps(given).replace("FILM", str(radiograph_file)))
    config = requests.get(f"{url}/config").json()
    (event,) = [event for event in config["dependencies"] if event["api_name"] == name]
    settings = ["balanced", 0.5]
    inputs = [None, *settings] if name == "show_corrected" else settings
    body = {"data": inputs, "event_data": given, "fn_index": event["id"], "session_hash": "other"}
    answer = requests.post(f"{url}/gradio_api/run/predict", json=body)
    assert "image/jpeg" not in answer.text and "hundred" not in answer.text
    assert "Traceback" not in log.read_text()


@pytest.mark.parametrize(
    "given", [None, "x", {}, {"index": [0]}, {"index": "a,b"}, {"index": "1,2,3"}], ids=str
)
def test_no_event_of_the_page_leaves_a_traceback_whatever_it_is_given(gradio, given):
    url, log = gradio
    for event in requests.get(f"{url}/config").json()["dependencies"]:
        if event["api_name"] in ("time_architectures", "localize"):
            continue
        inputs = [None] * len(event["inputs"])
        body = {"data": inputs, "event_data": given, "fn_index": event["id"], "session_hash": "other"}
        answer = requests.post(f"{url}/gradio_api/run/predict", json=body)
        assert answer.json().get("error", "none") is not None, event["api_name"]
    assert "Traceback" not in log.read_text()


def test_a_setting_of_a_film_that_is_no_longer_kept_has_no_answer(gradio):
    """A card of other settings than those that are chosen would be taken for theirs."""
    url, _ = gradio
    config = requests.get(f"{url}/config").json()
    (event,) = [event for event in config["dependencies"] if event["api_name"] == "change_settings"]
    body = {"data": [None, "balanced", 0.1], "fn_index": event["id"], "session_hash": "forgotten"}
    answer = requests.post(f"{url}/gradio_api/run/predict", json=body).json()
    assert words_in("en")("card.gone") in answer["data"][0]
    assert answer["data"][1] == ""


def test_no_file_of_the_server_is_handed_out(gradio_url):
    for path in ("requirements.txt", "hub/pretrained/model.safetensors", "hub/pretrained/config.json"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{gradio_url}/gradio_api/file={ROOT / path}")
        assert refused.value.code in (403, 404)


def test_the_demo_looks_for_no_other_machine(gradio):
    url, log = gradio
    assert requests.get(f"{url}/healthz").json()["status"] == "ok"
    assert not (log.parent / "others").exists()


ELSEWHERE = "http://films.example/film.png"


def test_an_address_in_the_place_of_an_upload_is_refused_and_not_looked_for(gradio):
    url, log = gradio
    for answer in answers(url, [as_upload(ELSEWHERE), "balanced"]):
        assert NO_UPLOAD in answer
    call = {"name": "classify", "arguments": {"image": ELSEWHERE}}
    answer = requests.post(
        f"{url}/gradio_api/mcp/",
        json={"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call},
        headers={"Accept": "application/json, text/event-stream"},
    )
    assert NO_UPLOAD in answer.text
    assert not (log.parent / "others").exists()


@pytest.mark.parametrize(
    ("method", "asked"),
    [
        ("prompts/get", {"name": "film", "arguments": {"image": "x", "prevalence": "0.5"}}),
        ("resources/read", {"uri": "film://secret"}),
    ],
)
def test_for_prompts_and_resources_of_mcp_the_server_asks_not_even_itself(gradio, method, asked):
    url, _ = gradio
    answer = requests.post(
        f"{url}/gradio_api/mcp/",
        json={"jsonrpc": "2.0", "id": 1, "method": method, "params": asked},
        headers={"Accept": "application/json, text/event-stream"},
    )
    assert '"error"' in answer.text and "film" not in answer.text and NO_UPLOAD not in answer.text


ODD_NAMES = ["", "a\nb.png", "..", "/", "é😀.png", "a\0b", "x" * 3000, 'a"b;c=d.png']


@pytest.mark.parametrize("name", ODD_NAMES, ids=lambda name: ascii(name[:12]))
def test_an_upload_by_any_name_is_taken_or_refused_and_lies_in_the_folder(gradio, name):
    url, log = gradio
    head = b'--q\r\nContent-Disposition: form-data; name="files"; filename="' + name.encode() + b'"\r\n\r\nx'
    kind = {"Content-Type": "multipart/form-data; boundary=q"}
    answer = requests.post(f"{url}/gradio_api/upload?upload_id=a", data=head + b"\r\n--q--\r\n", headers=kind)
    assert answer.status_code in (200, 400)
    if answer.ok:
        (path,) = answer.json()
        assert Path(path).resolve().is_relative_to(log.parent / "uploads") and "\n" not in path
    assert "Traceback" not in log.read_text()


def test_an_upload_of_what_is_no_file_is_refused(gradio):
    url, _ = gradio
    answer = requests.post(f"{url}/gradio_api/upload", files={"files": (None, "text")})
    assert answer.status_code == 400 and answer.text.startswith("An upload consists of files")


@pytest.mark.parametrize("index", [-1, 99_999, 10**6, 10**30, "x", 1.5, [1], {}, None], ids=str)
@pytest.mark.parametrize("route", ["run/predict", "queue/join", "cancel"])
def test_an_odd_index_of_an_event_is_refused(gradio, route, index):
    url, log = gradio
    body = {"data": [], "fn_index": index, "session_hash": "odd", "event_id": "x"}
    answer = requests.post(f"{url}/gradio_api/{route}", json=body)
    assert answer.status_code == 400 or route == "cancel"
    assert answer.status_code < 500 and "places" not in log.read_text()


def test_events_without_their_inputs_are_refused_and_no_name_is_logged(gradio, radiograph_file):
    url, log = gradio
    secret = radiograph_file.rename(radiograph_file.with_name("Mueller-Anna.png"))
    file = as_upload(upload(url, secret))
    for event in requests.get(f"{url}/config").json()["dependencies"]:
        if event["api_name"] in ("time_architectures", "classify") or not event["inputs"]:
            continue
        for data in ([], [file] * (len(event["inputs"]) - 1), {"a": file}):
            body = {
                "data": data,
                "event_data": {"file": file},
                "fn_index": event["id"],
                "session_hash": "few",
            }
            answer = requests.post(f"{url}/gradio_api/run/predict", json=body)
            assert answer.status_code in (200, 400), (event["api_name"], answer.text[:300])
            assert file["path"] not in answer.text
    assert "Mueller" not in log.read_text() and "places" not in log.read_text()


def test_nothing_of_a_dicom_file_is_logged(gradio, radiograph, tmp_path):
    url, log = gradio
    write_dicom(radiograph.convert("L"), tmp_path / "Mueller.dcm")
    dataset = pydicom.dcmread(tmp_path / "Mueller.dcm")
    dataset.PatientName, dataset.PatientID = "Mueller^Anna", "4711-secret"
    dataset.add_new(0x00100030, "LO", "not a date of Mueller")  # for pydicom to warn of
    dataset.save_as(tmp_path / "Mueller.dcm")
    for size in (10**6, 2000):  # whole and cut off
        (tmp_path / "Mueller.dcm").write_bytes((tmp_path / "Mueller.dcm").read_bytes()[:size])
        file = as_upload(upload(url, tmp_path / "Mueller.dcm"))
        answer = requests.post(f"{url}/gradio_api/run/classify", json={"data": [file]}).text
        assert "Anna" not in answer and "4711-secret" not in answer
    assert not re.search("Mueller|4711-secret", log.read_text())  # a request's id may have 4711


def test_what_was_uploaded_cannot_be_fetched_and_no_path_of_the_server_is_told(gradio, radiograph_file):
    url, _ = gradio
    path = upload(url, radiograph_file)
    assert requests.get(f"{url}/gradio_api/file={path}").status_code == 404
    folder = as_upload(path.rsplit("/", 1)[0])
    answers = [requests.post(f"{url}/gradio_api/run/classify", json={"data": [folder]})]
    answers += [requests.get(f"{url}/{page}") for page in ("", "config", "gradio_api/info", "manifest.json")]
    for answer in answers:
        assert str(ROOT) not in answer.text and "/tmp" not in answer.text


@pytest.mark.parametrize(
    "head", [b"GET / HTTP/1.0\r\nOrigin: http://a\r\n\r\n", b"Mueller\r\n\r\n"], ids=["origin", "no HTTP"]
)
def test_what_is_no_request_is_refused_and_logged_like_others(gradio, head):
    url, log = gradio
    with socket.create_connection(("127.0.0.1", int(url.rsplit(":", 1)[1]))) as connection:
        connection.sendall(head)
        assert connection.recv(100).startswith(b"HTTP/1.1 400 ")
    assert not re.search("Traceback|^(WARNING|ERROR)|Mueller", log.read_text(), re.MULTILINE)


def test_nobody_is_told_the_address_by_which_another_came(gradio):
    url, _ = gradio
    for page in ("", "config", "gradio_api/openapi.json", "gradio_api/info/", "gradio_api/info"):
        requests.get(f"{url}/{page}", headers={"Host": "other.example"})
        assert "other.example" not in requests.get(f"{url}/{page}").text


def test_answers_are_kept_in_no_cache_and_parts_of_the_page_are(gradio):
    url, _ = gradio
    assert requests.get(url).headers["Cache-Control"] == "no-store"
    script = re.search(r'src="\.?/?(assets/[^"]+\.js)"', requests.get(url).text)[1]
    assert requests.get(f"{url}/{script}").headers.get("Cache-Control") != "no-store"
