"""How much a client of an app may send, and how slowly."""

import asyncio
import errno
import ipaddress
import re
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from starlette.formparsers import MultiPartException, parse_options_header
from starlette.middleware import Middleware

from hub.demo.http_call import App, Call, call_of, header, sentence, start

MB = 1_000_000
LONGEST_TYPE = 1_000  # characters of a Content-Type; to take a longer one apart may take seconds
MOST_PROXIES = 10  # addresses of X-Forwarded-For that are looked at: thousands take long
WITH_PORT = re.compile(r"\[(.*)\](?::[0-9]*)?|([^:]*):[0-9]*")
PARTS = 1_000
LINGER = 2  # seconds that what a client still sends is read and dropped, for it to see why it was refused
ON_DISK = ("upload", "classify")  # is written there as it comes
LASTING = (*ON_DISK, "mcp")  # is kept, or may take long to be answered


class Limits(NamedTuple):
    """How much may be sent: bytes, but for `files`, a number, and `seconds`.

    `file` is for one uploaded file, `request` and `files` for one upload, `client` and `folder` for the
    uploads of one client, and of all, within the last `seconds`, while they are kept, and for the images that
    /classify has not answered yet. There, each uploaded file counts `least` bytes more: the smallest takes
    room, too. `call` is for any other request but /classify, which takes one file, and MCP, which carries
    pictures as text. These are kept in memory until they are answered: `held` is for those of one client,
    `memory` for those of all. `spare` is what stays free on the disk.
    """

    file: int = 100 * MB
    request: int = 101 * MB
    files: int = 100
    client: int = 2_000 * MB
    folder: int = 8_000 * MB
    least: int = 50_000
    seconds: float = 900
    call: int = MB
    mcp: int = 4 * MB  # its library reads hardly more
    held: int = 32 * MB
    memory: int = 256 * MB
    spare: int = 200 * MB


class Pace(NamedTuple):
    """How slowly a request may come in.

    It ends after `idle` seconds without a byte, and when all its waiting took `grace` seconds more than at
    `rate` bytes per second.
    """

    idle: float = 15
    grace: float = 30
    rate: float = 4_000


class Refusal(NamedTuple):
    """Why a request is not taken: the status, one word for the log, and a sentence."""

    status: int
    reason: str
    sentence: str


class StoppedError(MultiPartException):
    """The end of a request that is not read on.

    Gradio deletes what it wrote of an upload at this kind of exception alone.
    """


@dataclass
class Ledger:
    """What was uploaded of late: bytes by time and client, oldest first, and sums.

    Time is counted in `PARTS` of the limit's seconds: of uploads in crumbs, each would be an entry. The sums
    have what is kept no longer than its request, too.
    """

    limits: Limits
    entries: dict[tuple[int, str], int] = field(default_factory=dict)
    sums: Counter = field(default_factory=Counter)
    total: int = 0
    held: Counter = field(default_factory=Counter)

    def take(self, client: str, size: int, kept: bool = True) -> Refusal | None:
        """Note down what came of an upload, or say why it is too much.

        What is not `kept` counts until it is given back.
        """
        if refusal := self.problem(client, size):
            return refusal
        if kept:
            entry = self._now(), client
            self.entries[entry] = self.entries.get(entry, 0) + size
        self.sums[client] += size
        self.total += size
        return None

    def problem(self, client: str, size: int) -> Refusal | None:
        """Return why so many bytes more would be too much."""
        now = self._now()
        while self.entries and (oldest := next(iter(self.entries)))[0] < now - PARTS:
            self.give_back(oldest[1], self.entries.pop(oldest))
        if size + self.sums[client] > self.limits.client:
            return Refusal(429, "client limit", _later("You have", self.limits.client, self.limits))
        if size + self.total > self.limits.folder:
            return Refusal(507, "folder limit", _later("Visitors have", self.limits.folder, self.limits))
        if size + self.limits.spare > shutil.disk_usage(tempfile.gettempdir()).free:
            return FULL
        return None

    def _now(self) -> int:
        return int(PARTS * time.monotonic() / self.limits.seconds)

    def hold(self, client: str, size: int) -> Refusal | None:
        """Note down what is kept in memory, or say why it is too much."""
        if size + self.held[client] > self.limits.held or size + self.held.total() > self.limits.memory:
            return BUSY
        self.held[client] += size
        return None

    def let_go(self, client: str, size: int) -> None:
        """Note down that so many bytes of a client are in memory no longer."""
        self.held[client] -= size
        if not self.held[client]:
            del self.held[client]

    def give_back(self, client: str, size: int) -> None:
        """Note down that so many bytes of a client are there no longer."""
        self.total -= size
        self.sums[client] -= size
        if not self.sums[client]:
            del self.sums[client]


BUSY = Refusal(
    429, "client limit", "Too much is sent at once; ask again when the last requests are answered."
)
FULL = Refusal(507, "disk full", "The server has no room for this file at the moment; try again later.")
SLOW = Refusal(408, "too slow", "The request came too slowly; check the connection and try again.")
MALFORMED = Refusal(400, "malformed", "The length of this request is not a number; give its bytes.")
ODD_TYPE = Refusal(
    400, "malformed", "The Content-Type of this request cannot be used; give its type alone, in UTF-8."
)


def _later(who: str, most: int, limits: Limits) -> str:
    minutes = max(1, round(limits.seconds / 60))
    return (
        f"{who} sent {most // MB:,} MB in the last {minutes} minutes, the most there may be; try again later."
    )


def middleware(ledger: Ledger, pace: Pace = Pace()) -> Middleware:  # noqa: B008, it cannot be changed
    """Return what refuses requests that are too large, too slow, or cut off."""
    return Middleware(_with_limits, ledger=ledger, pace=pace)


def _with_limits(app: App, ledger: Ledger, pace: Pace) -> App:
    async def serve(scope: dict, receive: Callable, send: Callable) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            return await app(scope, receive, send)
        body = Body(receive, call_of(scope), ledger, pace, client_of(scope))
        body.refusal = body.check_head(scope)

        async def send_if_wanted(message: dict) -> None:
            if not body.refusal:  # what the app says of a request that was stopped interests nobody
                await send(message)

        if not body.refusal:
            try:
                await app(scope, body.receive, send_if_wanted)
            except Exception as error:
                if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                    body.refusal = FULL
                if not body.refusal and not body.gone:
                    raise
            finally:
                ledger.give_back(body.client, body.passing)
                ledger.let_go(body.client, body.held)
        if body.refusal:
            await _refuse(body, send)

    return serve


@dataclass
class Body:
    """The body of a request as it comes in."""

    source: Callable
    call: Call
    ledger: Ledger
    pace: Pace
    client: str
    boundary: bytes = b""
    refusal: Refusal | None = None
    gone: bool = False  # the client is
    complete: bool = False
    passing: int = 0  # bytes that are kept no longer than the request
    held: int = 0  # in memory
    waited: float = 0
    parts: int = -1  # the last boundary is no part
    tail: bytes = b""

    def check_head(self, scope: dict) -> Refusal | None:
        """Return why a request with this head is refused before its body is read."""
        content_type = header(scope, "content-type")
        if len(content_type) > LONGEST_TYPE:
            return ODD_TYPE
        kind, options = parse_options_header(content_type)  # as Gradio reads it
        if options.get(b"charset", b"").lower() not in (b"", b"utf-8", b"utf8"):
            return ODD_TYPE
        if kind == b"multipart/form-data" and options.get(b"boundary"):
            self.boundary = b"--" + options[b"boundary"]  # what begins each part
        if header(scope, "transfer-encoding"):  # a length beside it says nothing
            return None
        return self._check_length(header(scope, "content-length"))

    def _check_length(self, length: str) -> Refusal | None:
        if not length:
            return None
        if not re.fullmatch("[0-9]{1,15}", length):
            return MALFORMED
        refusal = self._check_size(int(length))
        if not refusal and self.call.route in LASTING:  # what it says to send may never come
            return self.ledger.problem(self.client, int(length))
        return refusal

    def _check_size(self, total: int) -> Refusal | None:
        limits, route = self.ledger.limits, self.call.route
        most = {"upload": limits.request, "mcp": limits.mcp, "classify": limits.file}.get(route, limits.call)
        if total > most:
            kind = "one upload" if route == "upload" else "this request"
            return Refusal(413, "too large", f"There may be {most // MB} MB in {kind}; send less at once.")
        return None

    def _take(self, size: int) -> Refusal | None:
        if self.call.route not in LASTING:
            return None
        kept = self.call.route != "classify"
        refusal = self.ledger.take(self.client, size, kept)
        self.passing += 0 if kept or refusal else size
        return refusal

    async def receive(self) -> dict:
        """Return the next part of the body.

        Raises StoppedError where it comes too slowly, is too much, or its sender is gone.
        """
        if self.complete:  # what else comes is the end of the connection, whenever that is
            return await self.source()
        message = await self._next()
        if message["type"] == "http.disconnect":
            self.gone, self.call.refused = True, "cut off"
            raise StoppedError("The request was cut off.")
        chunk, self.complete = message.get("body", b""), not message.get("more_body")
        self.call.received += len(chunk)
        self._check_chunk(chunk)
        return message

    async def _next(self) -> dict:
        begun, pace = time.monotonic(), self.pace
        left = pace.grace + self.call.received / pace.rate - self.waited
        try:
            return await asyncio.wait_for(self.source(), max(0.001, min(pace.idle, left)))
        except TimeoutError:
            self._stop(SLOW)
        finally:
            self.waited += time.monotonic() - begun

    def _check_chunk(self, chunk: bytes) -> None:
        if self.call.route not in ON_DISK:
            if refusal := self.ledger.hold(self.client, len(chunk)):
                self._stop(refusal)
            self.held += len(chunk)
        size = self._check_size(self.call.received) or self._take(len(chunk))
        if refusal := size or self._check_parts(chunk):
            self._stop(refusal)

    def _check_parts(self, chunk: bytes) -> Refusal | None:
        if not self.boundary:
            return None
        text, most = self.tail + chunk, self.ledger.limits.files
        found = text.count(self.boundary)
        self.parts += found
        self.tail = text[len(text) - len(self.boundary) + 1 :] if len(text) >= len(self.boundary) else text
        if self.parts > most:
            sentence = f"There may be {most} files in one upload; send fewer."
            return Refusal(413, "too many files", sentence)
        return self._take(found * self.ledger.limits.least) if found else None

    def _stop(self, refusal: Refusal) -> None:
        self.refusal = refusal
        raise StoppedError(refusal.sentence)


async def _refuse(body: Body, send: Callable) -> None:
    """Say why a request was refused, and read a little of what still comes.

    A client that is still sending when the connection is closed does not see the answer.
    """
    status, body.call.refused, text = body.refusal
    content = sentence(text)
    await send(start(status, content, "application/json", {"connection": "close"}))
    await send({"type": "http.response.body", "body": content, "more_body": True})
    try:
        async with asyncio.timeout(LINGER):
            while not body.complete and body.refusal is not SLOW:
                message = await body.source()
                body.complete = message["type"] == "http.disconnect" or not message.get("more_body")
    except TimeoutError:
        pass
    await send({"type": "http.response.body", "body": b""})


def client_of(scope: dict) -> str:
    """Return the address of a client, behind a proxy the last public one.

    Of IPv6 it is that of the network: a client has as many addresses there as it wants.
    """
    own = (scope.get("client") or ("",))[0]
    lines = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
    passed = b",".join(lines).decode("latin-1").rsplit(",", MOST_PROXIES)[-MOST_PROXIES:]
    addresses = [own, *(each.strip() for each in reversed(passed))]
    return next(filter(None, map(public, addresses)), own)


def public(address: str) -> str:
    """Return what tells a client of the internet from others, "" for no such one.

    A proxy may name its port, too, or say its address of IPv4 as one of IPv6.
    """
    with_port = WITH_PORT.fullmatch(address)
    try:
        parsed = ipaddress.ip_address(with_port[1] or with_port[2] if with_port else address)
    except ValueError:
        return ""
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    if not parsed.is_global:
        return ""
    return str(parsed if parsed.version == 4 else ipaddress.IPv6Network((int(parsed), 64), strict=False))
