"""Turns of clients: who asks for much at once waits, and nobody else does."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from starlette.middleware import Middleware

from hub.demo.http_call import App, answer, call_of, sentence
from hub.demo.http_limits import client_of
from hub.errors import InputError

AT_ONCE = 8  # requests of one client that are worked on; a hospital's visitors may share theirs
MOST = 200  # with those that wait, each of up to a megabyte
BUSY = "Your last requests are still waiting; ask again when they are answered."


class BusyError(InputError):
    """A client has as many requests waiting as it may."""


@dataclass
class Line:
    """The requests of one client."""

    room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    length: int = 0


class Turns:
    """The lines of all clients that wait for an answer."""

    def __init__(self):
        self.lines: dict[str, Line] = {}

    @asynccontextmanager
    async def turn(self, scope: dict) -> AsyncIterator[None]:
        """Wait for the turn of a request; raise BusyError where too many wait already."""
        client = client_of(scope)
        line = self.lines.setdefault(client, Line())
        if line.length >= MOST:
            raise BusyError(BUSY)
        line.length += 1
        try:
            async with line.room:
                yield
        finally:
            line.length -= 1
            if not line.length:
                del self.lines[client]


def middleware(turns: Turns) -> Middleware:
    """Return what lets events of the page and calls of the API wait for their turn."""
    return Middleware(_with_turns, turns=turns)


async def refuse(scope: dict, send: Callable) -> None:
    """Answer a request for which there is no room."""
    call_of(scope).refused = "client limit"
    await answer(send, 429, sentence(BUSY))


def _with_turns(app: App, turns: Turns) -> App:
    async def serve(scope: dict, receive: Callable, send: Callable) -> None:
        if scope["type"] != "http" or call_of(scope).route != "run":
            return await app(scope, receive, send)
        try:
            async with turns.turn(scope):
                await app(scope, receive, send)
        except BusyError:
            await refuse(scope, send)

    return serve
