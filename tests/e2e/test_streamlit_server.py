"""What `streamlit run streamlit_app.py` takes from the network, and what it says of it in headers and log."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time

import pytest
import requests
from servers import ROOT, free_port, open_page, recorded, serving, wait_for
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

UPLOAD = "/_stcore/upload_file/session/file"


# A page that is no other than the demo's before its server. It may keep 100 kB of uploads, and they are not
# counted once more in the second after they came.
SMALL = """
import streamlit as st
from hub.demo import streamlit_server
from hub.demo.streamlit_server import LIMITS, Pages

if __name__ == "__main__":
    st.file_uploader("X-rays", accept_multiple_files=True)
else:
    limits = LIMITS._replace(folder=100_000, least=0, seconds=1)
    app = st.App(__file__, middleware=streamlit_server.guards(limits, Pages(client=2, total=3)))
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """The address of a page with small limits."""
    port, script = free_port(), tmp_path_factory.mktemp("small") / "page.py"
    script.write_text(SMALL)
    options = ["--server.headless", "true", "--server.port", str(port)]
    command = [sys.executable, "-m", "streamlit", "run", str(script), *options]
    url = f"http://127.0.0.1:{port}"
    with serving(command, f"{url}/_stcore/health", env=os.environ | {"PYTHONPATH": str(ROOT)}):
        yield url


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The address of the demo, and the file of its log.

    Beside the log, `others` names each other machine that it looked for.
    """
    port, log = free_port(), tmp_path_factory.mktemp("streamlit_server") / "log"
    command = ["run", "streamlit_app.py", "--server.headless", "true", "--server.port", str(port)]
    command = recorded(log.with_name("others"), "module", "streamlit", *command)
    url = f"http://127.0.0.1:{port}"
    with (
        log.open("w") as file,
        serving(command, f"{url}/_stcore/health", stdout=subprocess.DEVNULL, stderr=file),
    ):
        yield url, log


def line_of(log, answer):
    """Return the line of the log about an answer."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        for line in map(json.loads, log.read_text().splitlines()):
            if line.get("id") == answer.headers["X-Request-ID"]:
                return line
        time.sleep(0.05)
    raise AssertionError("the log has no such line")


def put(url, head, body=b"", path=UPLOAD):
    """Begin an upload of which no more than `body` ever comes; return its answer."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)
    connection.putrequest("PUT", path)
    for name, value in head.items():
        connection.putheader(name, value)
    connection.endheaders(body)
    return connection.getresponse()


def drawn(stream):
    """Let the page be drawn; return what the server sends for it."""
    stream.send(BackMsg(rerun_script={}).SerializeToString())
    messages = []
    while not (messages and messages[-1].HasField("script_finished")):
        messages.append(ForwardMsg.FromString(stream.recv(timeout=60)))
    return messages


@pytest.mark.parametrize("path", ["/", "/_stcore/health", "/media/nothing", "/local/", UPLOAD])
def test_every_answer_has_the_headers_that_keep_a_browser_safe(server, path):
    headers = requests.get(server[0] + path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "strict-origin-when-cross-origin"
    policy = headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'self' https://huggingface.co https://*.hf.space" in policy


def test_a_visitor_can_send_no_message_for_the_developer_and_reads_no_path(server):
    """They would empty the caches of all visitors, tell the state of the repository, or write files."""
    with connect(f"{server[0].replace('http', 'ws')}/_stcore/stream", max_size=None) as stream:
        first = drawn(stream)
        for message in (
            BackMsg(clear_cache=True),
            BackMsg(load_git_info=True),
            BackMsg(set_run_on_save=True),
            BackMsg(backend_operation_request={"install_skills": {}}),
        ):
            stream.send(message.SerializeToString())
        again = drawn(stream)
    kinds = {message.WhichOneof("type") for message in again}
    assert not kinds & {"git_info_changed", "backend_operation_response"}
    assert "Loading the model" not in str(again)
    assert str(ROOT) not in str([*first, *again])


@pytest.mark.parametrize("kinds", [["rerun_script"], ["stop_script", "rerun_script"]])
def test_a_page_that_is_asked_for_and_stopped_again_and_again_halts_nobody(server, kinds):
    """Each message would begin another thread; the server would be silent for a minute."""
    url = server[0]
    messages = {"rerun_script": BackMsg(rerun_script={}), "stop_script": BackMsg(stop_script=True)}
    with connect(f"{url.replace('http', 'ws')}/_stcore/stream", max_size=None) as stream:
        drawn(stream)
        for kind in kinds * 500:
            stream.send(messages[kind].SerializeToString())
        assert requests.get(f"{url}/_stcore/health", timeout=10).ok


@pytest.mark.parametrize("path", ["metrics", "agent/interact", "agent/openapi.json", "bidi-components/a/b"])
def test_what_the_page_does_not_use_is_closed(server, path):
    assert requests.get(f"{server[0]}/_stcore/{path}").status_code == 404


@pytest.mark.parametrize("origin", ["http://elsewhere.example", "http://["])
def test_a_page_of_another_origin_is_refused_and_no_other_machine_is_asked(server, origin):
    """Streamlit would ask Amazon which address this machine has, and leave a traceback."""
    url, log = server
    with pytest.raises(InvalidStatus, match="403"):
        connect(f"{url.replace('http', 'ws')}/_stcore/stream", origin=origin)
    assert "amazonaws" not in (
        log.with_name("others").read_text() if log.with_name("others").exists() else ""
    )


def test_messages_of_the_server_are_lines_of_the_log(server):
    url, log = server
    with socket.create_connection(("127.0.0.1", int(url.rsplit(":", 1)[1]))) as connection:
        connection.sendall(b"Mueller\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 400 ")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert "uvicorn.error" in {line["event"] for line in lines}


def test_a_cookie_that_takes_long_to_read_makes_nobody_wait(server):
    begun = time.monotonic()
    requests.get(server[0], headers={"Cookie": 'a="' + "\\" * 60_000 + '"'})
    assert time.monotonic() - begun < 5


def test_an_upload_that_says_it_is_too_large_is_refused_before_a_byte_is_read(server):
    url, log = server
    answer = put(url, {"Content-Length": "9999999999"})
    assert answer.status == 413
    line = line_of(log, answer)
    assert (line["route"], line["refused"], line["bytes"]) == ("upload", "too large", 0)


def test_another_request_may_be_small_alone(server):
    assert requests.post(server[0], data=b"x" * 2_000_000).status_code == 413


def test_the_log_has_no_name_of_a_file(server):
    url, log = server
    answer = requests.put(url + UPLOAD, files={"file": ("Mueller^Anna.dcm", b"x")})
    assert answer.status_code == 403  # it comes from no page of this server
    assert line_of(log, answer)["status"] == 403
    assert "Mueller" not in log.read_text()


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_its_folder_goes_with_the_app_however_that_is_ended(tmp_path, name):
    port = free_port()
    command = ["run", "streamlit_app.py", "--server.headless", "true", "--server.port", str(port)]
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    streamlit = [sys.executable, "-m", "streamlit", *command]
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # else what runs below nohup ignores it
    process = subprocess.Popen(streamlit, cwd=ROOT, env=environment)
    signal.signal(signal.SIGHUP, before)
    try:
        wait_for(f"http://127.0.0.1:{port}/_stcore/health", process)
        with connect(f"ws://127.0.0.1:{port}/_stcore/stream", max_size=None) as stream:
            stream.send(BackMsg(rerun_script={}).SerializeToString())
            drawn(stream)  # and another time, while it ends
            assert list(tmp_path.glob("*/run-*"))
            process.send_signal(getattr(signal, name))
            process.wait(20)
    finally:
        process.kill()
    assert not list(tmp_path.glob("*/run-*"))


def test_so_many_pages_are_open_of_one_client_and_of_all(small):
    def opened(client):
        address = f"{small.replace('http', 'ws')}/_stcore/stream"
        return connect(address, additional_headers={"X-Forwarded-For": client})

    with opened("8.8.8.8") as first, opened("8.8.8.8"):
        with pytest.raises(InvalidStatus, match="403"):
            opened("8.8.8.8")
        with opened("9.9.9.9"), pytest.raises(InvalidStatus, match="403"):
            opened("1.1.1.1")
        first.close()
        with opened("8.8.8.8"):
            pass


@pytest.mark.browser
def test_no_more_is_uploaded_while_open_pages_keep_all_that_there_may_be(small, browser):
    def upload(page):
        file = {"name": "image.png", "mimeType": "image/png", "buffer": b"x" * 60_000}
        with page.expect_response(lambda response: response.request.method == "PUT") as taken:
            page.locator("input[type=file]").set_input_files(file)
        time.sleep(1.1)
        return taken.value.status

    page = browser.new_page()
    page.goto(small)
    assert [upload(page) for _ in range(3)] == [204, 204, 507]
    page.close()


@pytest.mark.slow
@pytest.mark.browser
def test_a_visitor_who_falls_silent_in_an_upload_is_told_so(server, browser, tmp_path):
    url, log = server
    (tmp_path / "Mueller^Anna.dcm").write_bytes(b"nothing")
    with open_page(browser, url, "wide-light") as page:
        with page.expect_response(lambda response: response.request.method == "PUT") as taken:
            page.locator("input[type=file]").first.set_input_files(tmp_path / "Mueller^Anna.dcm")
        assert taken.value.status == 204
        sent = taken.value.request.all_headers()
        head = {name: sent[name] for name in ("cookie", "x-xsrftoken", "content-type")}
        path = taken.value.request.url.removeprefix(url)
        answer = put(url, head | {"content-length": "3000"}, b"--", path)
    assert answer.status == 408
    assert line_of(log, answer)["refused"] == "too slow"
    assert "Mueller" not in log.read_text()
