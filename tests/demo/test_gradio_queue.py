"""What one visitor may leave in the queue of the Gradio app, and in the memory of its server."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import gradio as gr
import pytest
import requests
from servers import free_port, run_coroutine
from starlette.requests import Request as StarletteRequest

from hub.demo import gradio_queue, gradio_sessions
from hub.demo.gradio_errors import Page
from hub.demo.gradio_server import sweeping
from hub.demo.http_call import call_of
from hub.errors import InputError


@pytest.fixture(scope="module")
def gate():
    """What an event of the page waits for."""
    return threading.Event()


@pytest.fixture(scope="module")
def begun():
    """The sessions whose events have begun to wait at the gate, in order, and those that wait there."""
    return SimpleNamespace(sessions=[], waiting=[])


@pytest.fixture(scope="module")
def page(gate, begun):
    """A served page with events: one waits, one has no queue, one is of the API, one waits at its end."""

    def wait(request: gr.Request) -> str:
        begun.sessions.append(request.session_hash)
        begun.waiting.append(request.session_hash)
        gate.wait(60)
        begun.waiting.pop()
        return "done"

    def classify() -> str:
        return "answer"

    def steps(request: gr.Request):
        try:
            while True:
                yield "step"
                time.sleep(0.01)
        finally:
            wait(request)

    with Page() as blocks:
        button, shown = gr.Button(), gr.HTML()
        button.click(wait, None, shown, api_name="slow")
        button.click(lambda: "x" * 10**6, None, shown, api_visibility="private", queue=False)
        gr.api(classify, api_name="classify", queue=False)
        button.click(steps, None, shown, api_name="steps")
    gradio_queue.use(blocks, 200)
    gradio_sessions.use()
    blocks.launch(prevent_thread_lock=True, server_port=free_port(), quiet=True)
    yield blocks
    gate.set()
    blocks.close()


def join(page, number, session, address="127.0.0.1"):
    """Return the status of putting an event of the page into the queue."""
    body = {"data": [], "fn_index": number, "session_hash": session}
    headers = {"X-Forwarded-For": address}
    return requests.post(f"{page.local_url}gradio_api/queue/join", json=body, headers=headers).status_code


def cancel(page, number, session):
    """Ask for the end of the events of a session, which the answer waits for."""
    (event,) = (
        name for name, each in page._queue.event_ids_to_events.items() if each.session_hash == session
    )
    body = {"session_hash": session, "fn_index": number, "event_id": event}
    return requests.post(f"{page.local_url}gradio_api/cancel", json=body).ok


def wait_until(condition):
    pause = threading.Event()
    assert any(condition() or pause.wait(0.05) for _ in range(200))


def test_one_visitor_does_not_fill_the_queue_for_others(page, gate):
    statuses = [join(page, 0, "greedy", "1.1.1.1") for _ in range(gradio_queue.EACH + 5)]
    assert statuses.count(200) in (gradio_queue.EACH, gradio_queue.EACH + 1)  # one is at work
    assert statuses[-1] == 503 and join(page, 0, "other", "8.8.8.8") == 200
    gate.set()
    wait_until(lambda: not page._queue.event_ids_to_events)


def test_others_have_their_turn_between_the_events_of_one_visitor(page, gate, begun):
    gate.clear()
    begun.sessions.clear()
    assert [join(page, 0, f"greedy-{number}", "1.1.1.1") for number in range(6)] == [200] * 6
    assert join(page, 0, "other", "8.8.8.8") == 200
    gate.set()
    wait_until(lambda: not page._queue.event_ids_to_events)
    assert begun.sessions.index("other") <= 2 and len(begun.sessions) == 7


def test_an_event_that_is_cancelled_keeps_its_place_until_its_thread_is_done(page, gate, begun):
    gate.clear()
    with ThreadPoolExecutor() as pool:
        for number in range(3):
            assert join(page, 0, f"cancelled-{number}") == 200
        wait_until(lambda: begun.waiting)
        cancelled = [pool.submit(cancel, page, 0, begun.waiting[0]) for _ in range(3)]
        time.sleep(0.3)
        at_once = len(begun.waiting)
        gate.set()
        assert at_once == 1 and all(each.result() for each in cancelled)
    wait_until(lambda: not page._queue.event_ids_to_events)


@pytest.mark.parametrize("number", [3, 99], ids=["as it is named", "by another name"])
def test_the_end_of_an_event_halts_nobody(page, gate, begun, number):
    gate.clear()
    with ThreadPoolExecutor() as pool:
        assert join(page, 3, "first") == join(page, 3, "second") == 200
        time.sleep(0.1)
        cancelled = pool.submit(cancel, page, number, "first")
        try:
            wait_until(lambda: begun.waiting)
            assert requests.get(f"{page.local_url}config", timeout=5).ok
            assert begun.waiting == ["first"] and not cancelled.done()
        finally:
            gate.set()
        assert cancelled.result() and cancel(page, 3, "second")
    wait_until(lambda: not page._queue.event_ids_to_events)


def test_what_a_page_asks_for_without_the_queue_is_not_queued_and_the_api_is(page):
    assert join(page, 1, "page") == 400
    answer = requests.post(f"{page.local_url}gradio_api/call/classify", json={"data": []})
    event = answer.json()["event_id"]
    told = requests.get(f"{page.local_url}gradio_api/call/classify/{event}").text
    assert "event: complete" in told and "answer" in told


def test_answers_that_nobody_fetches_are_not_kept(page, gate, monkeypatch):
    gate.set()
    monkeypatch.setattr(gradio_queue, "UNREAD", 3)
    assert [join(page, 2, "silent") for _ in range(5)] == [200] * 5
    queue = page._queue
    wait_until(lambda: not queue.event_ids_to_events)
    assert queue.pending_messages_per_session["silent"].qsize() == 3
    queue.forget(60)
    assert "silent" in queue.pending_messages_per_session
    queue.forget(0)
    kept = queue.pending_messages_per_session, queue.pending_event_ids_session, queue.last_told
    assert all("silent" not in each for each in kept)


def test_an_event_that_is_cancelled_again_and_again_leaves_few_messages(page, gate, monkeypatch):
    gate.set()
    monkeypatch.setattr(gradio_queue, "UNREAD", 3)
    assert join(page, 2, "cancelling") == 200
    queue = page._queue
    wait_until(lambda: not queue.event_ids_to_events)
    (event,) = queue.pending_event_ids_session["cancelling"]
    body = {"session_hash": "cancelling", "fn_index": 2, "event_id": event}
    for _ in range(10):
        assert requests.post(f"{page.local_url}gradio_api/cancel", json=body).ok
    assert queue.pending_messages_per_session["cancelling"].qsize() == 3


def test_a_wrong_request_is_known_as_one_even_where_it_says_to_be_many(page, monkeypatch):
    def refuse():
        raise InputError("There is no picture; give one.")

    monkeypatch.setattr(page.fns[2], "fn", refuse)
    scope = {"type": "http", "headers": []}
    request = gr.Request(StarletteRequest(scope))
    wrong = page.process_api(block_fn=page.fns[2], inputs=[], request=[request])
    with pytest.raises(gr.Error):
        run_coroutine(wrong)
    assert call_of(scope).refused == "input"


def test_events_leave_no_figures(page):
    assert page._queue.event_analytics == {}


def test_what_nobody_fetches_is_forgotten_by_the_thread_that_serves(tmp_path, monkeypatch):
    """In another, an event that comes meanwhile would end all tidying, or lose its answer."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    threads = []
    queue = SimpleNamespace(forget=lambda seconds: threads.append(threading.get_ident()))
    blocks = SimpleNamespace(upload_file_set=set(), _queue=queue)

    async def serve():
        async with sweeping(0.01, 60)(SimpleNamespace(get_blocks=lambda: blocks)):
            while not threads:
                await asyncio.sleep(0.01)
        return threading.get_ident()

    assert run_coroutine(serve(), 10) == threads[0]


def test_a_session_keeps_nothing_of_what_its_page_shows(page):
    body = {"data": [], "fn_index": 1, "session_hash": "shown"}
    answer = requests.post(f"{page.local_url}gradio_api/run/predict", json=body)
    assert len(answer.json()["data"][0]) == 10**6
    assert page.state_holder["shown"].config_values == {}


def test_a_page_that_waits_is_not_dropped_for_many_others(page, gate, monkeypatch):
    queue = page._queue
    queue.forget(0)
    gate.clear()
    monkeypatch.setattr(queue.pending_messages_per_session, "max_size", 3)
    assert join(page, 0, "waiting", "8.8.8.8") == 200
    for number in range(5):
        assert join(page, 2, f"other-{number}", "1.1.1.1") == 200
        wait_until(lambda: len(queue.event_ids_to_events) == 1)
    kept = set(queue.pending_messages_per_session)
    gate.set()
    wait_until(lambda: not queue.event_ids_to_events)
    assert kept == {"waiting", "other-3", "other-4"}
