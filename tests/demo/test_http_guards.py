"""What stands between the network and the Gradio app: limits, pace, headers, errors and the log."""

import asyncio
import json
import logging
import socket
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import gradio.route_utils
import pytest
import requests
import uvicorn
from gradio.route_utils import upload_fn
from servers import free_port, run_coroutine
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from hub.demo import (
    gradio_server,
    http_call,
    http_connections,
    http_cookies,
    http_headers,
    http_json,
    http_limits,
    http_log,
    http_routes,
    server_log,
)
from hub.demo.http_limits import Ledger, Limits, Pace, client_of

QUICK = Pace(idle=0.5, grace=1, rate=1e6)
FEW = Limits(request=5000, files=3, client=20_000, folder=30_000, call=1000, spare=0, least=0)
UPLOAD = "/gradio_api/upload"
LONG = 12_000_000  # bytes of an answer, more than the system takes at once


@contextmanager
def guarded(folder, limits=FEW, pace=QUICK, patience=0.5, observe=lambda call, seconds: None):
    """Run Gradio's own reading of uploads behind the guards; yield its address."""

    async def upload(request):
        files, *_ = await upload_fn(request, str(folder), 4000, None, force_move=False)
        return JSONResponse([Path(file).name for file in files])

    async def broken(request):
        raise RuntimeError("about the-film-of-somebody.dcm")

    async def long(request):
        return PlainTextResponse("x" * LONG)

    async def patient(request):
        while not await request.is_disconnected():
            await asyncio.sleep(0.01)

    async def headers(request):
        return JSONResponse(dict(request.headers) | {"cookies": request.cookies})

    async def run(request):
        return PlainTextResponse(str(len(await request.body())))

    app = Starlette(
        routes=[
            Route(UPLOAD, upload, methods=["POST"]),
            Route("/gradio_api/run/broken", broken, methods=["POST"]),
            Route("/gradio_api/run/x", run, methods=["POST"]),
            Route("/gradio_api/run/long", long, methods=["POST"]),
            Route("/gradio_api/run/headers", headers, methods=["POST"]),
            Route("/gradio_api/queue/patient", patient),
            Route("/classify", run, methods=["POST"]),
        ],
        middleware=[
            http_headers.middleware(),
            http_cookies.middleware(),
            http_log.middleware(observe),
            http_routes.middleware({}),
            http_limits.middleware(Ledger(limits), pace),
            http_json.middleware(),
        ],
    )
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning"))
    server.config.load()
    http_connections.limit(server, patience)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def shared_url(tmp_path_factory):
    """Such a server for many requests that leave nothing behind."""
    limits = FEW._replace(call=10**6, client=10**8)
    with guarded(tmp_path_factory.mktemp("uploads"), limits) as url:
        yield url


def files(*sizes):
    return [("files", (f"secret-{number}.png", b"x" * size)) for number, size in enumerate(sizes)]


def error_of(response):
    sentence = response.json()["error"]
    assert sentence.endswith(".") and "/" not in sentence.replace("/gradio_api/info", "")
    return response.status_code, sentence


def connect(url, head):
    """Open a connection and send the beginning of a request."""
    host, port = url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), timeout=10)
    connection.sendall(head.encode())
    return connection


def received(connection, size):
    """Return what came of an answer, nothing where the connection was cut off."""
    try:
        return connection.recv(size)
    except ConnectionResetError:
        return b""


HEAD = f"POST {UPLOAD} HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=q\r\n"
PART = '--q\r\nContent-Disposition: form-data; name="files"; filename="secret.png"\r\n\r\n'


def lines(caplog):
    return [json.loads(server_log.Line().format(record)) for record in caplog.records]


@pytest.fixture
def log(caplog):
    caplog.set_level(logging.INFO, server_log.LOGGER.name)
    return caplog


def test_uploads_within_the_limits_are_taken(tmp_path):
    with guarded(tmp_path) as url:
        answer = requests.post(url + UPLOAD, files=files(1000, 1000))
    assert answer.json() == ["secret-0.png", "secret-1.png"]


def test_an_upload_that_says_it_is_too_large_is_refused_before_a_byte_is_read(tmp_path, log):
    with guarded(tmp_path) as url, connect(url, f"{HEAD}Content-Length: 9999999999\r\n\r\n") as connection:
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")
    (line,) = lines(log)
    assert (line["refused"], line["bytes"], line["status"]) == ("too large", 0, 413)


def test_too_much_in_one_request_is_refused_and_leaves_no_file(tmp_path):
    with guarded(tmp_path) as url:
        assert error_of(requests.post(url + UPLOAD, files=files(3000, 3000)))[0] == 413
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_length_beside_pieces_is_not_believed(tmp_path):
    head = HEAD.replace(UPLOAD, "/gradio_api/run/x")
    head += "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
    pieces = f"258\r\n{'1' * 600}\r\n" * 3 + "0\r\n\r\n"
    with guarded(tmp_path) as url, connect(url, head + pieces) as connection:
        assert received(connection, 100).startswith(b"HTTP/1.1 413 ")


def test_a_length_that_nobody_says_is_counted(tmp_path):
    with guarded(tmp_path) as url:
        answer = requests.post(f"{url}/gradio_api/run/x", data=iter([b"x" * 600] * 5))
    assert error_of(answer)[0] == 413


def test_too_many_files_in_one_request_are_refused_and_leave_none(tmp_path):
    with guarded(tmp_path) as url:
        assert requests.post(url + UPLOAD, files=files(1, 1, 1)).ok
        kept = sorted(tmp_path.rglob("*"))
        status, sentence = error_of(requests.post(url + UPLOAD, files=files(1, 1, 1, 1)))
    assert status == 413 and "3 files" in sentence
    assert sorted(tmp_path.rglob("*")) == kept


def test_a_file_is_closed_while_others_of_its_upload_come(tmp_path, monkeypatch):
    """A hundred of each slow upload would take all that the process may open."""
    made = []

    class Noted(gradio_server.Uploaded):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            made.append(self.file)

    monkeypatch.setattr(gradio.route_utils, "GradioUploadFile", Noted)
    body, end = f"{PART}x\r\n" * 3, "--q--\r\n"
    head = f"{HEAD}Content-Length: {len(body + end)}\r\n\r\n"
    with guarded(tmp_path) as url, connect(url, head + body) as connection:
        time.sleep(0.3)
        assert [file.closed for file in made[:2]] == [True, True]
        connection.sendall(end.encode())
        assert received(connection, 100).startswith(b"HTTP/1.1 200 ")


def test_files_are_counted_by_the_boundary_and_by_nothing_that_looks_like_one(tmp_path):
    kind = {"Content-Type": "multipart/form-data; xboundary=other; boundary=q"}
    body = f"{PART}x\r\n" * 4 + "--q--\r\n"
    with guarded(tmp_path) as url:
        status, sentence = error_of(requests.post(url + UPLOAD, data=body, headers=kind))
    assert status == 413 and "3 files" in sentence


@pytest.mark.parametrize(
    "kind", ["multipart/form-data" * 3000, "multipart/form-data; boundary=q; charset=idna"]
)
def test_a_content_type_that_cannot_be_used_is_refused(tmp_path, kind):
    with guarded(tmp_path) as url:
        answer = requests.post(url + UPLOAD, headers={"Content-Type": kind})
    assert error_of(answer)[0] == 400


def test_a_body_in_crumbs_is_refused_and_one_in_pieces_is_taken(tmp_path):
    with guarded(tmp_path, FEW._replace(file=100_000)) as url:
        sent = [requests.post(f"{url}/classify", data=iter([b"x" * size] * 300)) for size in (1, 64)]
    assert sent[0].status_code == 400 and sent[1].text == "19200"


SPACES, MANY, LINE = " " * 60_000, "a:\r\n" * 15_000 + "\r\n", "a: " + "b," * 9_000 + "\r\n"


@pytest.mark.parametrize(
    "sent",
    [
        f"GET /nothing HTTP/1.1\r\nHost:{SPACES}\v\r\n\r\n",
        f"{HEAD}Transfer-Encoding: chunked\r\n\r\n1;{SPACES}\n\r\n",
        f"GET /nothing HTTP/1.1\r\nHost: x\r\n{MANY}",
        f"{HEAD}Transfer-Encoding: chunked\r\n\r\n0\r\n{MANY}",
        f"GET /nothing HTTP/1.1\r\nHost: x\r\n{LINE * 5}\r\n",
        "CONNECT /classify HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
    ids=[
        "blanks in a head",
        "blanks before a piece",
        "many headers",
        "many headers at the end",
        "a long head at once",
        "a way through",
    ],
)
def test_a_request_that_takes_long_to_take_apart_is_refused_at_once(shared_url, sent):
    begun = time.monotonic()
    with connect(shared_url, sent) as connection:
        assert received(connection, 100).startswith(b"HTTP/1.1 400 ")
    assert time.monotonic() - begun < 1


def test_a_body_that_breaks_after_its_answer_ends_the_connection_and_is_no_exception(tmp_path, log):
    head = "GET /nothing HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    with guarded(tmp_path) as url, connect(url, head) as connection:
        assert received(connection, 1000).startswith(b"HTTP/1.1 404 ")
        connection.sendall(b"no length\r\n")
        while received(connection, 1000):
            pass
    assert not [line for line in lines(log) if line["level"] == "error"]


@pytest.mark.parametrize(("origin", "status"), [("", b"200"), ("Origin: http://a\r\n", b"400")])
def test_a_client_that_is_old_need_not_name_the_host_but_beside_an_origin(tmp_path, origin, status):
    head = f"POST /gradio_api/run/x HTTP/1.0\r\n{origin}Content-Length: 0\r\n\r\n"
    with guarded(tmp_path) as url, connect(url, head) as connection:
        assert connection.recv(100).split()[1] == status


def test_crumbs_of_several_requests_are_not_summed(tmp_path):
    with guarded(tmp_path) as url, requests.Session() as session:
        crumbs = http_connections.PIECES // 2
        sizes = [session.post(f"{url}/classify", data=iter([b"x"] * crumbs)).text for _ in range(3)]
    assert sizes == [str(crumbs)] * 3


def test_a_client_may_send_so_much_in_the_time_that_it_is_kept(tmp_path):
    with guarded(tmp_path, FEW._replace(client=3000)) as url:
        first, second = (requests.post(url + UPLOAD, files=files(2000)) for _ in range(2))
    assert first.ok and error_of(second)[0] == 429


def test_images_that_are_not_answered_yet_count_and_no_others(tmp_path):
    limits = FEW._replace(file=3000, client=3000)
    with guarded(tmp_path, limits) as url:
        head = HEAD.replace(UPLOAD, "/classify")
        assert [requests.post(f"{url}/classify", data=b"x" * 2000).status_code for _ in range(3)] == [200] * 3
        with connect(url, f"{head}Content-Length: 2000\r\n\r\n{'x' * 1999}"):
            time.sleep(0.1)
            assert error_of(requests.post(f"{url}/classify", data=b"x" * 2000))[0] == 429
            assert error_of(requests.post(f"{url}/classify", data=iter([b"x" * 500] * 4)))[0] == 429


@pytest.mark.parametrize("limit", ["held", "memory"])
def test_what_comes_slowly_is_not_kept_in_memory_without_end(tmp_path, limit):
    head, run = HEAD.replace(UPLOAD, "/gradio_api/run/x"), "/gradio_api/run/x"
    with guarded(tmp_path, FEW._replace(**{limit: 1500})) as url:
        with connect(url, f"{head}Content-Length: 1000\r\n\r\n{'x' * 900}"):
            time.sleep(0.1)
            assert error_of(requests.post(url + run, data=b"1" * 900))[0] == 429
        time.sleep(0.2)
        assert requests.post(url + run, data=b"1" * 900).text == "900"


def test_what_is_only_said_to_come_takes_nobodys_room(tmp_path):
    with guarded(tmp_path, FEW._replace(client=3000)) as url:
        said = [connect(url, f"{HEAD}Content-Length: 2900\r\n\r\n") for _ in range(3)]
        time.sleep(0.1)
        assert requests.post(url + UPLOAD, files=files(2000)).ok
        for connection in said:
            connection.close()


def test_many_small_files_take_the_room_of_larger_ones(tmp_path):
    with guarded(tmp_path, FEW._replace(least=3000)) as url:
        statuses = [requests.post(url + UPLOAD, files=files(1, 1)).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]


def test_all_clients_together_may_send_so_much_and_room_is_left_on_the_disk(tmp_path):
    for limits in (FEW._replace(folder=1000), FEW._replace(spare=10**18)):
        with guarded(tmp_path, limits) as url:
            assert error_of(requests.post(url + UPLOAD, files=files(2000)))[0] == 507


def test_what_was_sent_long_ago_counts_no_more():
    ledger = Ledger(FEW._replace(client=100, seconds=0.05))
    assert ledger.take("a", 80) is None
    assert ledger.take("a", 80).status == 429 and ledger.take("b", 80) is None
    time.sleep(0.1)
    assert ledger.take("a", 80) is None and set(ledger.sums) == {"a"} and ledger.total == 80


def test_an_upload_in_crumbs_is_noted_down_as_few():
    ledger = Ledger(FEW)
    for _ in range(10_000):
        assert ledger.take("a", 1) is None
    assert ledger.sums["a"] == ledger.total == 10_000 and len(ledger.entries) < 100


@pytest.mark.parametrize("pause", [5, 0.1], ids=["silent", "a byte at a time"])
def test_a_slow_sender_is_told_so_and_is_one_line_in_the_log(tmp_path, log, pause):
    with guarded(tmp_path) as url, connect(url, f"{HEAD}Content-Length: 3000\r\n\r\n{PART}") as connection:
        connection.settimeout(pause)
        answer, deadline = b"", time.monotonic() + 10
        while not answer and time.monotonic() < deadline:
            try:
                answer = connection.recv(2000)
            except TimeoutError:
                connection.sendall(b"x")
    assert answer.startswith(b"HTTP/1.1 408 ")
    (line,) = lines(log)
    assert line["refused"] == "too slow"
    assert list(tmp_path.iterdir()) == []


def test_an_upload_that_its_sender_cuts_off_leaves_no_file_and_one_line(tmp_path, log):
    with guarded(tmp_path) as url:
        with connect(url, f"{HEAD}Content-Length: 3000\r\n\r\n{PART}xxxx"):
            time.sleep(0.2)
            assert list(tmp_path.iterdir())
        deadline = time.monotonic() + 10
        while not log.records and time.monotonic() < deadline:
            time.sleep(0.02)
    (line,) = lines(log)
    assert line["refused"] == "cut off"
    assert list(tmp_path.iterdir()) == []


def test_a_connection_without_a_request_is_closed(tmp_path):
    with guarded(tmp_path) as url:
        for head in ("", "POST / HT"):
            with connect(url, head) as connection:
                assert connection.recv(10) == b""


def test_one_peer_leaves_connections_for_others(tmp_path, monkeypatch):
    monkeypatch.setattr(http_connections, "allow_many", lambda: 9)
    with guarded(tmp_path, patience=10) as url:
        held = [connect(url, "GET / ") for _ in range(3)]
        with connect(url, "GET / ") as refused:
            assert received(refused, 1) == b""
        held.pop().close()
        time.sleep(0.2)  # until the server knows of it
        assert requests.get(f"{url}/nothing").status_code == 404
        for each in held:
            each.close()


def test_a_client_is_one_peer_by_all_addresses_of_its_network():
    """Of IPv6 it has as many as it wants."""
    protocol, refused = http_connections._with_patience(H11Protocol, 5, 1), []
    config = uvicorn.Config(Starlette())

    async def scenario():
        for address in ("2001:4860::1", "2001:4860::2", "2001:4860:0:1::1"):
            names = {"peername": (address, 1), "sockname": ("::1", 80)}
            transport = SimpleNamespace(
                get_extra_info=names.get, abort=lambda address=address: refused.append(address)
            )
            protocol(config, ServerState(), {}).connection_made(transport)

    run_coroutine(scenario())
    assert refused == ["2001:4860::2"]


@pytest.mark.parametrize(("pause", "whole"), [(0.05, True), (None, False)], ids=["slow", "never"])
def test_who_takes_an_answer_slowly_gets_all_of_it_and_who_takes_none_is_cut_off(tmp_path, pause, whole):
    head = "POST /gradio_api/run/long HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with guarded(tmp_path, patience=0.3) as url, connect(url, head) as connection:
        taken = 0
        time.sleep(pause or 1)
        while part := received(connection, 600_000):
            taken += len(part)
            time.sleep(pause or 0)
    assert (taken > LONG) is whole


def test_answers_that_nobody_takes_are_not_kept_without_end(tmp_path, monkeypatch):
    """The one goes that waits longest."""
    monkeypatch.setattr(http_connections, "MOST_UNTAKEN", LONG)
    head = "POST /gradio_api/run/long HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with guarded(tmp_path, patience=10) as url:
        waiting, taken = [], []
        for _ in range(3):
            waiting.append(connect(url, head))
            time.sleep(0.3)
        for connection in waiting:
            with connection:
                taken.append(sum(map(len, iter(lambda: received(connection, 600_000), b""))))  # noqa: B023
    assert taken[0] < LONG < taken[2]


def test_who_does_not_take_the_end_of_an_answer_is_cut_off():
    """It is too little for the app to wait, and the connection was to be closed after it."""
    protocol = http_connections._with_patience(H11Protocol, 0.2, 10)

    async def short(scope, receive, send):
        await PlainTextResponse("x" * 50_000)(scope, receive, send)

    config = uvicorn.Config(short)
    config.load()

    async def scenario():
        loop, state = asyncio.get_running_loop(), ServerState()
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2000)
            client.connect(listener.getsockname())
            accepted, _ = listener.accept()
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2000)
        await loop.connect_accepted_socket(lambda: protocol(config, state, {}), accepted)
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        await asyncio.sleep(1)
        client.close()
        return len(state.connections)

    assert not run_coroutine(scenario())


def test_requests_that_come_before_the_last_is_answered_are_not_kept_without_end(tmp_path):
    head = "GET /gradio_api/queue/patient HTTP/1.1\r\nHost: x\r\n\r\n"
    with guarded(tmp_path) as url, connect(url, head) as connection, pytest.raises(ConnectionError):
        connection.sendall(bytes(20_000_000))


def test_a_request_in_time_is_not_closed_and_neither_is_the_next(tmp_path):
    with guarded(tmp_path) as url, requests.Session() as session:
        for _ in range(3):
            assert session.post(f"{url}/gradio_api/run/x", data=b"123").text == "3"
            time.sleep(0.3)


def test_a_proxy_that_keeps_a_connection_for_a_minute_is_the_first_to_close_it():
    """A request that meets the end of its connection is lost."""
    server = uvicorn.Server(uvicorn.Config(Starlette()))
    http_connections.limit(server)
    assert server.config.timeout_keep_alive > 60


@pytest.mark.parametrize("end", ["timeout_keep_alive_handler", "expire"])
def test_a_request_that_came_in_time_is_answered_by_a_server_that_was_too_busy_to_read_it(end):
    """Its client would be told nothing but that the connection is closed."""
    protocol = http_connections._with_patience(H11Protocol, 60, 10)
    config = uvicorn.Config(Starlette())
    config.load()

    async def scenario():
        loop, request = asyncio.get_running_loop(), b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            client = socket.create_connection(listener.getsockname())
            accepted, _ = listener.accept()
        client.setblocking(False)
        _, connection = await loop.connect_accepted_socket(
            lambda: protocol(config, ServerState(), {}), accepted
        )
        for _ in range(2):
            client.sendall(request)
            getattr(connection, end)()  # before the loop has read the request
            answer = b""
            while not answer.endswith(b"Not Found"):
                answer += (await loop.sock_recv(client, 1000)) or pytest.fail("it was closed")
        getattr(connection, end)()
        assert await loop.sock_recv(client, 1000) == b""
        client.close()

    run_coroutine(scenario())


def test_a_mistake_of_the_code_is_a_sentence_and_a_place_in_the_log_without_its_message(tmp_path, log):
    with guarded(tmp_path) as url:
        answer = requests.post(f"{url}/gradio_api/run/broken")
    assert error_of(answer)[0] == 500
    error, request = lines(log)
    assert error["error"] == "RuntimeError" and error["places"][-1].endswith("broken")
    assert error["id"] == request["id"] == answer.headers["X-Request-ID"]
    assert "somebody" not in log.text


def test_every_answer_has_the_headers_that_keep_a_browser_safe(tmp_path):
    with guarded(tmp_path) as url:
        asked = [requests.get(f"{url}/{path}") for path in ("nothing", "local/nothing")]
        posted = [requests.post(f"{url}/gradio_api/run/{name}") for name in ("x", "broken")]
        for answer in asked + posted:
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Referrer-Policy"] == "strict-origin-when-cross-origin"
            assert answer.headers["Cache-Control"] == "no-store"
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'self'" in policy and "object-src 'none'" in policy
            assert "frame-ancestors 'self' https://huggingface.co https://*.hf.space" in policy


def test_a_websocket_is_no_more_than_a_request_of_its_peer(tmp_path, monkeypatch):
    monkeypatch.setattr(http_connections, "allow_many", lambda: 6)
    head = "GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    with guarded(tmp_path) as url:
        for _ in range(5):
            with connect(url, head + key) as connection:
                assert received(connection, 100).startswith(b"HTTP/1.1 404 ")


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 200 + b"]" * 200,
        b"[" * 100_000,
        b"[" + b"[]," * 6000 + b"0]",
        b"[" + b"0," * 6_000 + b"0]",
        b'{"data": ["a\\u0000b"]}',
        b'{"data": [{"path": "\\ud800"}]}',
        b'{"\\ud800": 1}',
        b'{"data": [], "session_hash": "' + b"x" * 200 + b'"}',
        b'{"data": [], "session_hash": "a<gradio-sep>b"}',
        b"9" * 5000,
        b"\xff\xfe",
        b"no JSON",
    ],
    ids=lambda body: body[:12].decode("latin-1"),
)
def test_json_that_harms_the_app_is_refused_before_the_app_reads_it(shared_url, body):
    assert error_of(requests.post(f"{shared_url}/gradio_api/run/x", data=body))[0] == 400


def test_json_of_a_large_batch_is_passed_on_as_it_is(shared_url):
    file = {
        "path": "/tmp/größe [1], {2}.png",
        "meta": {"_type": "gradio.FileData"},
        "size": None,
        "url": None,
    }
    body = json.dumps({"data": [[file] * 100], "session_hash": "abcdefghij"}, ensure_ascii=False).encode()
    answer = requests.post(f"{shared_url}/gradio_api/run/x", data=body)
    assert answer.text == str(len(body))


@pytest.mark.parametrize(
    ("path", "root", "below"),
    [
        ("/config", "", "/config"),
        ("/xray/config", "/xray", "/config"),
        ("/xray", "/xray", "/"),
        ("/xrays/config", "/xray", "/xrays/config"),
        ("/config", "/xray", "/config"),
        ("/config", "/", "/config"),
        ("/xray/config", "/xray/", "/config"),
    ],
)
def test_a_path_is_that_below_the_address_of_the_app(path, root, below):
    assert http_call.path_of({"path": path, "root_path": root}) == below


def test_a_question_that_takes_long_to_take_apart_is_refused(shared_url):
    assert error_of(requests.post(f"{shared_url}/gradio_api/run/x?{'&' * 20_000}"))[0] == 404


@pytest.mark.parametrize("name", ["Host", "X-Forwarded-Host"])
@pytest.mark.parametrize("host", ["[::1", "a:b", "a<b>", "x" * 300, "256.1.1.1", "[1.2.3.4]"])
def test_a_host_that_is_no_address_is_refused(shared_url, name, host):
    answer = requests.post(f"{shared_url}/gradio_api/run/x", headers={name: host})
    assert error_of(answer)[0] == 400


@pytest.mark.parametrize("accepted", ["text/event-stream", "text/html"])
def test_mcp_is_asked_by_post_alone(shared_url, accepted):
    answer = requests.get(f"{shared_url}/gradio_api/mcp/", headers={"Accept": accepted})
    assert error_of(answer)[0] == 405


@pytest.mark.parametrize("header", [{"X-Gradio-Server": "//[::1"}, {"Range": "bytes=0-9"}])
def test_what_gradio_would_answer_with_secrets_or_fail_at_is_left_out(shared_url, header):
    answer = requests.post(f"{shared_url}/gradio_api/run/headers", headers=header)
    assert not {name.lower() for name in header} & set(answer.json())


@pytest.mark.parametrize("host", ["a.example:7860", "[::1]:80", "my_service:", "a.example, proxy.internal"])
def test_hosts_of_proxies_and_containers_are_addresses(shared_url, host):
    assert requests.post(f"{shared_url}/gradio_api/run/x", headers={"X-Forwarded-Host": host}).ok


def test_a_cookie_that_takes_long_to_read_is_left_out_and_the_others_are_kept(shared_url):
    cookies = '_xsrf=2|ab|cd; long="' + "\\" * 30_000 + '"; theme=dark'
    answer = requests.post(f"{shared_url}/gradio_api/run/headers", headers={"Cookie": cookies})
    assert answer.json()["cookies"] == {"_xsrf": "2|ab|cd", "theme": "dark"}


def test_of_thousands_of_cookies_the_first_are_read(shared_url):
    names = [f"c{number}" for number in range(2 * http_cookies.MOST)]
    lines = ["; ".join(f"{name}=1" for name in names[half::2]) for half in range(2)]
    head = "POST /gradio_api/run/headers HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n"
    with connect(shared_url, head + "".join(f"Cookie: {line}\r\n" for line in lines) + "\r\n") as connection:
        answer = b"".join(iter(lambda: connection.recv(100_000), b""))
    assert list(json.loads(answer.split(b"\r\n\r\n")[1])["cookies"]) == names[::2]


def test_a_method_that_a_client_made_up_is_not_in_the_log(tmp_path, log):
    with guarded(tmp_path) as url:
        requests.request("MUELLER", f"{url}/nothing")
    (line,) = lines(log)
    assert line["method"] == "other"


@pytest.mark.parametrize(
    "path",
    [
        "proxy=http://a/",
        "file=/etc/passwd",
        "component_server",
        "stream/a/b/1/x",
        "upload_progress",
        "mcp/sse",
        "mcp/<script>/gradio_api/mcp",
        "runs",
        "info\0",
        "info" + "x" * 2000,
    ],
)
def test_routes_that_the_page_does_not_use_are_closed(path):
    assert http_routes.route_of(f"/gradio_api/{path}") in (None, "file")


@pytest.mark.parametrize(("length", "route"), [(100, "asset"), (128, None)])
def test_a_name_that_no_disk_takes_is_not_looked_for(length, route):
    assert http_routes.route_of(f"/static/{'ü' * length}") == route


@pytest.mark.parametrize(
    ("peer", "passed", "client"),
    [
        ("8.8.8.8", "1.1.1.1", "8.8.8.8"),
        ("10.0.0.3", "6.6.6.6, 1.1.1.1, 10.0.0.1", "1.1.1.1"),
        ("10.0.0.3", "6.6.6.6, 1.1.1.1:5678, 10.0.0.1:80", "1.1.1.1"),
        ("10.0.0.3", "[2001:4860:4860::8888]:5678", "2001:4860:4860::/64"),
        ("::ffff:8.8.8.8", "1.1.1.1", "8.8.8.8"),
        ("10.0.0.3", "::ffff:1.1.1.1", "1.1.1.1"),
        ("2001:4860:4860::8888%1", "", "2001:4860:4860::/64"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("10.0.0.3", "nonsense, <b>", "10.0.0.3"),
        ("10.0.0.3", "6.6.6.6" + ", 10.0.0.1" * 6000, "10.0.0.3"),
        ("2001:4860:4860::8888", "", "2001:4860:4860::/64"),
    ],
)
def test_a_client_is_known_by_its_public_address(peer, passed, client):
    scope = {"client": (peer, 1), "headers": [(b"x-forwarded-for", passed.encode())]}
    assert client_of(scope) == client


def test_a_proxy_that_says_its_client_in_a_line_of_its_own_is_believed():
    lines = [(b"x-forwarded-for", address) for address in (b"6.6.6.6", b"1.1.1.1, 10.0.0.1")]
    assert client_of({"client": ("10.0.0.3", 1), "headers": lines}) == "1.1.1.1"


def test_what_libraries_log_and_warn_of_is_only_its_place():
    record = logging.LogRecord(
        "tifffile", logging.WARNING, "/a/b.py", 7, "%s is odd", ("Mueller^Anna",), None
    )
    line = json.loads(server_log.Line().format(record))
    assert line["place"] == "b.py:7" and "Mueller" not in str(line)


def test_the_same_complaint_of_a_library_is_logged_once_a_second():
    once = server_log.Once()
    record, other = (logging.LogRecord("asyncio", logging.ERROR, "/a/b.py", n, "x", (), None) for n in (7, 8))
    own = logging.LogRecord(server_log.LOGGER.name, logging.INFO, "/a/b.py", 7, {"event": "x"}, (), None)
    tale = logging.LogRecord("uvicorn.error", logging.INFO, "/a/b.py", 9, "connection open", (), None)
    assert [once.filter(each) for each in (record, record, other)] == [True, False, True]
    assert once.filter(own) and once.filter(own) and not once.filter(tale)
