"""Turns of clients: who asks for much at once waits, and nobody else does."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from starlette.middleware import Middleware
from starlette.requests import Request

from hub.demo.http_call import App, answer, call_of, replayed, sentence
from hub.demo.http_limits import client_of
from hub.errors import InputError

# Requests of one client; a hospital's visitors may share its address.
AT_ONCE = 8  # that are worked on
MOST = 200  # with those that wait for that
OPEN = 1_000  # of all kinds: each page keeps one open, which takes 40 kB
UNCOUNTED = ("health", "metrics")  # are asked for by those who watch the server
AT_WORK = ("run", "mcp")  # are worked on at once; others have a queue, or wait for news
BUSY = "Your last requests are still waiting; ask again when they are answered."


class BusyError(InputError):
    """A client has as many requests waiting as it may."""


@dataclass
class Line:
    """The requests of one client."""

    room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    length: int = 0
    open: int = 0


class Turns:
    """The lines of all clients."""

    def __init__(self):
        self.lines: dict[str, Line] = {}

    @contextmanager
    def open(self, scope: dict) -> Iterator[None]:
        """Count a request until it is answered; raise BusyError for one too many."""
        client = client_of(scope)
        line = self.lines.setdefault(client, Line())
        if line.open >= OPEN:
            raise BusyError(BUSY)
        line.open += 1
        try:
            yield
        finally:
            line.open -= 1
            if not line.open:
                del self.lines[client]

    @asynccontextmanager
    async def turn(self, scope: dict) -> AsyncIterator[None]:
        """Wait for the turn of an open request; raise BusyError where too many wait."""
        line = self.lines[client_of(scope)]
        if line.length >= MOST:
            raise BusyError(BUSY)
        line.length += 1
        try:
            async with line.room:
                yield
        finally:
            line.length -= 1


def middleware(turns: Turns) -> Middleware:
    """Return what counts the requests of each client until they are answered."""
    return Middleware(_with_count, turns=turns)


def in_turn(turns: Turns) -> Middleware:
    """Return what lets events wait for their turn.

    They are those that the page, the API and MCP send without a queue. They have been read: who sends slowly
    keeps nobody waiting.
    """
    return Middleware(_with_turns, turns=turns)


async def refuse(scope: dict, send: Callable) -> None:
    """Answer a request for which there is no room."""
    call_of(scope).refused = "client limit"
    await answer(send, 429, sentence(BUSY))


def _with_count(app: App, turns: Turns) -> App:
    async def serve(scope: dict, receive: Callable, send: Callable) -> None:
        if scope["type"] != "http" or call_of(scope).route in UNCOUNTED:
            return await app(scope, receive, send)
        try:
            with turns.open(scope):
                await app(scope, receive, send)
        except BusyError:
            await refuse(scope, send)

    return serve


def _with_turns(app: App, turns: Turns) -> App:
    async def serve(scope: dict, receive: Callable, send: Callable) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or call_of(scope).route not in AT_WORK:
            return await app(scope, receive, send)
        request = Request(scope, receive)
        body = await request.body()
        async with turns.turn(scope):
            if not await request.is_disconnected():  # who leaves is not answered
                await app(scope, replayed(body, receive), send)

    return serve
