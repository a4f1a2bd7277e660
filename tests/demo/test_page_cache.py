"""The page is laid out once for visitors alike, and names the address by which each of them came."""

from itertools import count

import pytest
from gradio.route_utils import get_root_url
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from hub.demo import page_cache


@pytest.fixture
def client():
    """A client of an app that numbers its answers and says its address, and whose /config is broken."""
    number = count()

    async def page(request):
        root = get_root_url(request, request.url.path, request.scope.get("root_path"))
        visitor = request.headers.get("cookie", "anyone") + request.url.query
        status = 500 if request.url.path == "/config" else 200
        return PlainTextResponse(f"{next(number)} {visitor} at {root}/x", status)

    paths = ("/", "/config", "/other")
    return TestClient(
        Starlette(routes=[Route(path, page) for path in paths], middleware=[page_cache.middleware()])
    )


def test_visitors_of_one_language_get_the_same_page(client):
    spanish = {"accept-language": "es-MX"}
    visits = [{}, spanish, {"accept-language": "en-GB"}, spanish | {"cookie": "a=b"}, {"cookie": "a=b"}]
    pages = [client.get("/", headers=headers).text for headers in visits]
    assert [page.split(" at ")[0] for page in pages] == [f"{number} anyone" for number in (0, 1, 0, 1, 0)]


@pytest.mark.parametrize(
    ("headers", "root"),
    [
        ({}, "http://testserver"),
        ({"host": "xray.example:8000"}, "http://xray.example:8000"),
        ({"x-forwarded-host": "xray.example", "x-forwarded-proto": "https"}, "https://xray.example"),
        ({"host": "[::1]", "x-forwarded-proto": "https"}, "https://[::1]"),
    ],
    ids=lambda given: str(given)[:40],
)
def test_the_page_names_the_address_of_its_visitor(client, headers, root):
    client.get("/", headers={"host": "other.example"})
    answer = client.get("/", headers=headers)
    assert answer.text == f"0 anyone at {root}/x"
    assert answer.headers["content-length"] == str(len(answer.text))


def test_the_page_names_the_path_below_which_the_app_is_served(client):
    below = TestClient(client.app, root_path="/xray")
    assert below.get("/xray/", headers={"host": "a.example"}).text == "0 anyone at http://a.example/xray/x"


def test_a_made_up_host_is_no_reason_to_lay_the_page_out_again(client):
    pages = [client.get("/", headers={"host": f"xray-{number}.example"}).text for number in range(50)]
    assert {page.split()[0] for page in pages} == {"0"}


def test_a_question_is_for_the_browser_alone(client):
    pages = {client.get(path).text for path in ("/", "/?view=api", "/?page=none", "/?__theme=dark")}
    assert pages == {"0 anyone at http://testserver/x"}


def test_who_asks_for_the_head_of_the_page_does_not_have_it_laid_out_again(client):
    length = client.get("/").headers["content-length"]
    answer = client.head("/")
    assert (answer.status_code, answer.headers["content-length"]) == (200, length)
    assert client.get("/").text.startswith("0 ")


def test_other_addresses_and_failures_are_not_kept(client):
    for path in ("/other", "/config"):
        assert len({client.get(path).text for _ in range(3)}) == 3
