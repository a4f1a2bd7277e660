"""The server at home: headers that keep everything on the device, and nothing but the page."""

import gzip
import socket
import threading
import urllib.error
import urllib.request

import pytest

from hub.cli import page
from hub.errors import InputError
from hub.page.serve import server


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "page"
    folder.mkdir()
    (folder / "index.html").write_text("<!doctype html>")
    for name in ("main.js", "ort.mjs", "codec.wasm", "answer.onnx.gz", "page.json", "manifest.webmanifest"):
        (folder / name).write_text(f"this is {name}")
    (tmp_path / "secret.txt").write_text("not of the page")
    return folder


@pytest.fixture
def port(folder):
    with server([folder], 0) as serving:
        threading.Thread(target=serving.serve_forever, args=(0.02,), daemon=True).start()
        yield serving.server_port
        serving.shutdown()


@pytest.fixture
def get(port):
    """A function that asks the server for a path; it returns status, headers and body."""

    def get(path, method="GET", **headers):
        url = f"http://127.0.0.1:{port}{path}"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            with urllib.request.urlopen(urllib.request.Request(url, None, named, method=method)) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()

    return get


def test_no_other_origin_may_be_asked_and_threads_are_allowed(get):
    _, headers, _ = get("/")
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["connect-src"] == "'self'"
    for name, sources in policy.items():
        if name != "frame-ancestors":  # who may show the page, not whom it may ask
            assert "http" not in sources and "*" not in sources, name
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-embedder-policy"] == "require-corp"
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/main.js", "text/javascript; charset=utf-8"),
        ("/ort.mjs?version=2", "text/javascript; charset=utf-8"),
        ("/codec.wasm", "application/wasm"),
        ("/page.json", "application/json"),
        ("/answer.onnx.gz", "application/gzip"),
        ("/manifest.webmanifest", "application/manifest+json"),
    ],
)
def test_every_file_has_its_type_and_what_is_gzipped_comes_as_it_is(get, path, kind):
    status, headers, body = get(path, accept_encoding="gzip")
    assert (status, headers["content-type"]) == (200, kind)
    if path == "/answer.onnx.gz":
        assert headers["content-encoding"] is None
        assert body == b"this is answer.onnx.gz"


def test_text_is_compressed_for_those_who_can_read_it_and_sent_once(get):
    plain, packed = get("/main.js"), get("/main.js", accept_encoding="gzip")
    assert gzip.decompress(packed[2]) == plain[2] == b"this is main.js"
    status, _, body = get("/main.js", if_none_match=plain[1]["etag"])
    assert (status, body) == (304, b"")


def test_the_head_of_a_file_comes_without_it(get):
    status, headers, body = get("/main.js", method="HEAD")
    assert (status, headers["content-length"], body) == (200, "15", b"")


@pytest.mark.parametrize(
    "path", ["/../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt", "/nothing", "/%00", f"/{300 * 'a'}"]
)
def test_nothing_else_can_be_fetched(get, path):
    status, headers, body = get(path)
    assert status == 404
    assert b"not of the page" not in body
    assert "content-security-policy" in headers


def test_an_address_that_cannot_be_taken_apart_is_answered(port):
    assert sent(port, "GET http://[/ HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 404")


def test_the_head_of_what_is_not_there_comes_without_a_body(port):
    assert sent(port, "HEAD /nothing HTTP/1.0\r\n\r\n").endswith(b"\r\n\r\n")


def sent(port, request):
    with socket.create_connection(("127.0.0.1", port)) as connection, connection.makefile("rb") as answer:
        connection.sendall(request.encode())
        return answer.read()


def test_a_port_that_is_taken_is_said_in_a_sentence(folder):
    with server([folder], 0) as serving, pytest.raises(InputError, match="give another --port"):
        server([folder], serving.server_port)


def test_a_port_is_looked_at_before_the_page_is_built(tmp_path, monkeypatch):
    monkeypatch.setattr("hub.page.build.build", lambda *_: pytest.fail("it was built"))
    with pytest.raises(InputError, match="no port"):
        page.run(None, 65_536, tmp_path / "page", build_only=False, live=False)


@pytest.mark.parametrize("port", [-1, 65_536])
def test_a_number_that_is_no_port_is_refused(folder, port):
    with pytest.raises(InputError, match="no port"):
        server([folder], port)
