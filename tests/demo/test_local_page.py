"""The page of the browser beside the Gradio page: its own headers, and only for the same model."""

import json

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from hub.demo import http_headers, http_routes, local_page, panels
from hub.demo.words import words_in
from hub.models.folder import DIGEST


@pytest.fixture
def built(tmp_path, classifier):
    """A page of the bundled model."""
    digest = classifier.session.get_modelmeta().custom_metadata_map[DIGEST]
    (tmp_path / "page.json").write_text(json.dumps({"model": {"digest": digest}}))
    names = ["index.html", "page.json", "app/main.js"]
    (tmp_path / "files.json").write_text(json.dumps({"version": "1", "files": {name: {} for name in names}}))
    (tmp_path / "app").mkdir()
    (tmp_path / "index.html").write_text("the page")
    (tmp_path / "app" / "main.js").write_text("its script")
    (tmp_path / "service_worker.js").write_text("its worker")
    (tmp_path / "other.txt").write_text("not listed")
    return tmp_path


@pytest.fixture
def client(built, classifier):
    """A client of an app that has the page."""

    async def gradio(request):
        return PlainTextResponse("Gradio")

    middleware = [
        http_headers.middleware(),
        http_routes.middleware({}),
        local_page.middleware(local_page.pages(classifier, built)),
    ]
    return TestClient(Starlette(routes=[Route("/", gradio)], middleware=middleware))


def test_the_page_has_stricter_headers_than_the_gradio_page(client):
    page, script = client.get("/local/"), client.get("/local/app/main.js")
    assert (page.text, script.text) == ("the page", "its script")
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    for answer in (page, script):
        assert answer.headers["content-security-policy"] == local_page.HEADERS["content-security-policy"]
        assert answer.headers["cross-origin-embedder-policy"] == "require-corp"
    gradio = client.get("/")
    assert gradio.text == "Gradio"
    assert "cross-origin-embedder-policy" not in gradio.headers


def test_its_list_of_files_and_its_worker_are_served_too(client):
    assert "app/main.js" in client.get("/local/files.json").json()["files"]
    assert client.get("/local/service_worker.js").text == "its worker"


@pytest.mark.parametrize("path", ["/local/other.txt", "/local/../other.txt", "/local/%2e%2e/x", "/local"])
def test_nothing_but_its_files_is_served(client, path):
    assert client.get(path).status_code == 404


def test_a_page_of_another_model_or_none_is_not_served(built, classifier, tmp_path):
    assert set(local_page.pages(classifier, built)) >= {"", "app/main.js"}
    assert local_page.pages(classifier, tmp_path / "nothing") == {}
    (built / "page.json").write_text(json.dumps({"model": {"digest": "of another"}}))
    assert local_page.pages(classifier, built) == {}
    (built / "page.json").write_text("[]")
    assert local_page.pages(classifier, built) == {}


def test_the_gradio_page_links_to_it_only_where_it_is():
    for language in ("en", "es", "zh"):
        words = words_in(language)
        assert words("local.link") in panels.header("", words, is_local=True)
        assert "local/" not in panels.header("", words)
