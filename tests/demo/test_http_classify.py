"""POST /classify: one request, one answer."""

import io
import threading
import time
from contextlib import contextmanager

import pytest
import requests
import uvicorn
from PIL import Image
from servers import free_port
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from hub.demo import http_classify, http_limits, http_log, http_routes, http_turns
from hub.demo.http_limits import Ledger, Limits
from hub.demo.http_turns import Turns
from hub.inference import decision


@contextmanager
def served(classifier, limits):
    async def page(request):
        return PlainTextResponse("the page")

    turns = Turns()
    app = Starlette(
        routes=[Route("/", page)],
        middleware=[
            http_log.middleware(lambda call, seconds: None),
            http_routes.middleware({}),
            http_limits.middleware(Ledger(limits)),
            http_turns.middleware(turns),
            http_classify.middleware(classifier, turns),
        ],
    )
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning"))
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
def url(classifier):
    with served(classifier, Limits(file=2_000_000, spare=0)) as url:
        yield url


@pytest.fixture
def film(radiograph):
    buffer = io.BytesIO()
    radiograph.save(buffer, "PNG")
    return buffer.getvalue()


def post(url, data, **options):
    return requests.post(f"{url}/classify", data, params=options, timeout=60)


def test_the_answer_is_that_of_the_other_apis(url, film, classifier):
    prediction = classifier(film)
    assert post(url, film).json() == decision.report(classifier, prediction)
    expected = decision.report(classifier, prediction, "screening", 0.1)
    assert post(url, film, operating_point="screening", prevalence=0.1).json() == expected


def test_what_is_refused_by_the_input_check_has_an_answer_without_a_label(url):
    blank = io.BytesIO()
    Image.new("L", (64, 64)).save(blank, "PNG")
    answer = post(url, blank.getvalue())
    assert answer.status_code == 200
    assert (answer.json()["label"], answer.json()["verdict"]["status"]) == (None, "refused")


def test_a_wrong_request_gets_one_sentence(url, film):
    wrong = {
        "not an image": post(url, b"text"),
        "is empty": post(url, b""),
        "operating point": post(url, film, operating_point="nothing"),
        "prevalence": post(url, film, prevalence="often"),
        "leave the rest out": post(url, film, threshold=1),
        "by POST": requests.get(f"{url}/classify", timeout=60),
        "without a form": requests.post(f"{url}/classify", files={"file": film}, timeout=60),
    }
    for words, answer in wrong.items():
        assert answer.status_code == 400 and words in answer.json()["error"], words
        assert answer.json()["error"].endswith(".")


def test_more_bytes_than_a_file_may_have_are_refused(url):
    answer = post(url, b"x" * 2_000_001)
    assert answer.status_code == 413 and "2 MB" in answer.json()["error"]


def test_everything_else_is_for_the_app(url):
    assert requests.get(url, timeout=60).text == "the page"
