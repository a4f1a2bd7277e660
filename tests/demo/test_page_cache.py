"""The page is laid out once for visitors alike."""

from itertools import count

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from hub.demo import page_cache


@pytest.fixture
def client():
    """A client of an app that numbers its answers, and whose address /config is broken."""
    number = count()

    async def page(request):
        return PlainTextResponse(str(next(number)), 500 if request.url.path == "/config" else 200)

    paths = ("/", "/config", "/other")
    return TestClient(
        Starlette(routes=[Route(path, page) for path in paths], middleware=[page_cache.middleware()])
    )


def test_visitors_of_one_language_and_address_get_the_same_page(client):
    spanish, elsewhere = {"accept-language": "es-MX"}, {"host": "xray.example"}
    visits = [{}, spanish, elsewhere, {"accept-language": "en-GB"}, spanish | {"cookie": "a=b"}, elsewhere]
    assert [client.get("/", headers=headers).text for headers in visits] == ["0", "1", "2", "0", "1", "2"]


def test_what_was_forwarded_is_another_address(client):
    forwarded = {"x-forwarded-host": "xray.example", "x-forwarded-proto": "https"}
    assert [client.get("/", headers=headers).text for headers in ({}, forwarded, {})] == ["0", "1", "0"]


def test_a_question_is_for_the_browser_alone(client):
    assert {client.get(path).text for path in ("/", "/?view=api", "/?page=none", "/?__theme=dark")} == {"0"}


def test_other_addresses_and_failures_are_not_kept(client):
    for path in ("/other", "/config"):
        assert len({client.get(path).text for _ in range(3)}) == 3


def test_the_oldest_of_many_pages_goes(client):
    hosts = [f"xray-{number}.example" for number in range(page_cache.MOST + 1)]
    first = [client.get("/", headers={"host": host}).text for host in hosts]
    assert client.get("/", headers={"host": hosts[-1]}).text == first[-1]
    assert client.get("/", headers={"host": hosts[0]}).text not in first
