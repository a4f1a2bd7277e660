"""Who asks for much at once waits, and nobody else does."""

import asyncio
import io

import httpx
import pytest
from servers import run_coroutine
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from hub.demo import http_classify, http_json, http_routes, http_turns
from hub.demo.gradio_model import PICTURES
from hub.demo.gradio_server import guards
from hub.demo.http_limits import Limits
from hub.demo.http_turns import AT_ONCE, Turns
from hub.demo.model_tab import read_pictures

GREEDY, OTHER = "1.1.1.1", "8.8.8.8"
STREAM = "/gradio_api/heartbeat/page"
EVENT, MCP = "/gradio_api/run/predict", "/gradio_api/mcp/"


class Site:
    """An app whose events wait at a gate, and that counts those which wait there."""

    def __init__(self, classifier=None):
        self.gate, self.turns, self.at_gate = asyncio.Event(), Turns(), 0
        middleware = [http_routes.middleware({}), http_turns.middleware(self.turns)]
        middleware += [http_json.middleware(), http_turns.in_turn(self.turns)]
        if classifier:
            middleware.append(http_classify.middleware(classifier, self.turns))
        paths = (EVENT, MCP, STREAM, "/healthz")
        routes = [Route(path, self.run, methods=["POST"]) for path in paths]
        self.app = Starlette(routes=routes, middleware=middleware)

    async def run(self, request):
        self.at_gate += 1
        await self.gate.wait()
        return PlainTextResponse("answer")

    def ask(self, client, path=EVENT, **options):
        """Return the task of a request."""

        async def post():
            transport = httpx.ASGITransport(self.app, client=(client, 1))
            async with httpx.AsyncClient(transport=transport, base_url="http://demo") as http:
                return await http.post(path, **options)

        return asyncio.create_task(post())


async def until(condition):
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("path", [EVENT, MCP])
def test_a_client_with_many_requests_leaves_room_for_others(path):
    async def scenario():
        site = Site()
        greedy = [site.ask(GREEDY, path) for _ in range(3 * AT_ONCE)]
        await until(lambda: site.turns.lines and site.turns.lines[GREEDY].length == len(greedy))
        other = site.ask(OTHER)
        await until(lambda: site.at_gate == AT_ONCE + 1)
        assert set(site.turns.lines) == {GREEDY, OTHER}
        site.gate.set()
        assert {(await answer).status_code for answer in [*greedy, other]} == {200}
        assert site.turns.lines == {}

    run_coroutine(scenario(), 60)


def test_too_many_requests_that_wait_are_refused(monkeypatch):
    monkeypatch.setattr(http_turns, "MOST", AT_ONCE + 2)

    async def scenario():
        site = Site()
        waiting = [site.ask(GREEDY) for _ in range(AT_ONCE + 2)]
        await until(lambda: site.turns.lines and site.turns.lines[GREEDY].length == len(waiting))
        refused = await site.ask(GREEDY)
        assert refused.status_code == 429 and refused.json()["error"].endswith(".")
        site.gate.set()
        assert {(await answer).status_code for answer in waiting} == {200}
        assert (await site.ask(GREEDY)).status_code == 200

    run_coroutine(scenario(), 60)


def test_too_many_open_requests_of_a_client_are_refused(monkeypatch):
    monkeypatch.setattr(http_turns, "OPEN", 3)

    async def scenario():
        site = Site()
        pages = [site.ask(GREEDY, STREAM) for _ in range(3)]
        await until(lambda: site.at_gate == 3)
        assert (await site.ask(GREEDY, STREAM)).status_code == 429
        others = [site.ask(OTHER, STREAM), site.ask(GREEDY, "/healthz")]
        await until(lambda: site.at_gate == 5)
        site.gate.set()
        assert {(await answer).status_code for answer in pages + others} == {200}
        assert site.turns.lines == {}

    run_coroutine(scenario(), 60)


@pytest.mark.parametrize(("most", "status"), [(1, 429), (2, 200)])
def test_images_sent_in_one_request_have_their_turn_with_the_rest(
    classifier, radiograph, monkeypatch, most, status
):
    monkeypatch.setattr(http_turns, "MOST", most)
    film = io.BytesIO()
    radiograph.save(film, "PNG")

    async def scenario():
        site = Site(classifier)
        event = site.ask(GREEDY)
        await until(lambda: site.at_gate)
        assert (await site.ask(GREEDY, "/classify", content=film.getvalue())).status_code == status
        site.gate.set()
        await event

    run_coroutine(scenario(), 60)


def test_who_sends_slowly_keeps_nobody_waiting():
    async def scenario():
        site = Site()

        async def slow():
            yield b"["
            await site.gate.wait()
            yield b"]"

        slowly = [site.ask(GREEDY, content=slow()) for _ in range(AT_ONCE)]
        await until(lambda: site.turns.lines and site.turns.lines[GREEDY].open == AT_ONCE)
        quick = site.ask(GREEDY)
        await until(lambda: site.at_gate == 1)
        site.gate.set()
        assert {(await answer).status_code for answer in [*slowly, quick]} == {200}

    run_coroutine(scenario(), 60)


@pytest.mark.parametrize("path", [EVENT, "/classify"])
def test_who_leaves_before_its_turn_is_not_answered(classifier, path):
    async def scenario():
        site, told = Site(classifier), iter([{"type": "http.request"}, {"type": "http.disconnect"}])
        scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": []}

        async def receive():
            return next(told)

        async def send(message):
            raise AssertionError(message)

        waiting = [site.ask(GREEDY) for _ in range(AT_ONCE)]
        await until(lambda: site.at_gate == AT_ONCE)
        left = asyncio.create_task(site.app(scope | {"client": (GREEDY, 1)}, receive, send))
        await until(lambda: site.turns.lines[GREEDY].length == AT_ONCE + 1)
        site.gate.set()
        await asyncio.gather(left, *waiting)
        assert site.at_gate == AT_ONCE and site.turns.lines == {}

    run_coroutine(scenario(), 60)


def test_all_that_a_client_asks_for_counts_but_how_the_server_is(classifier, monkeypatch):
    monkeypatch.setattr(http_turns, "OPEN", 0)
    site = Starlette(middleware=guards(classifier, Limits(), {}))
    pictures = (f"/{PICTURES}/{name}" for name in read_pictures(classifier.folder))

    async def scenario():
        transport = httpx.ASGITransport(site)
        async with httpx.AsyncClient(transport=transport, base_url="http://demo") as http:
            statuses = {(await http.get(path)).status_code for path in ("/", "/local/", *pictures)}
            return statuses, (await http.get("/healthz")).status_code

    assert run_coroutine(scenario(), 60) == ({429}, 200)
