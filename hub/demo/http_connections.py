"""The end of connections that send no request or take no answer.

Uvicorn waits for both for ever.
"""

import asyncio
import math
import re
import selectors
import socket
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress

import h11
import h11._readers
import uvicorn
from h11 import _abnf as grammar
from h11._readers import _decode_header_lines
from uvicorn.protocols.http.h11_impl import H11Protocol

from hub.demo import server_log
from hub.demo.http_limits import public

SECONDS = 20.0  # to send the head of a request, or to take some of what was sent
# Seconds between two requests. Proxies keep connections for 60 or so, and a request that meets the end of one
# is lost: it is for them to end it.
BETWEEN = 75
SLOWEST = 1_000  # bytes per second that a client takes
OPEN_FILES = 65_536  # for many visitors, where the system allows as many
LONGEST_HEAD = 65_536  # bytes of a request before its body
MOST_HEADERS = 200  # of a request; browsers and proxies send 40
MOST_AHEAD = 1_000_000  # bytes that come before the last request is answered
MOST_UNTAKEN = 256_000_000  # bytes of answers that all clients together have yet to take
PIECES, LEAST_BYTES = 200, 64  # from so many pieces of a body on, they have so many bytes on average
SAY_400 = H11Protocol.send_400_response


def limit(server: uvicorn.Server, seconds: float = SECONDS) -> None:
    """Let a server close slow connections from now on, and all at its end."""
    server.config.timeout_graceful_shutdown = 1
    server.config.timeout_keep_alive = BETWEEN
    server.config.ws_protocol_class = None  # no page has one, and its connection would never be seen to end
    read_in_linear_time()
    end_what_breaks()
    # H11Protocol, since it bounds heads. A peer, perhaps the proxy of all visitors, leaves room for another:
    # each connection may have a file open as well, in which its body lies.
    server.config.http_protocol_class = _with_patience(H11Protocol, seconds, allow_many() // 3)


def allow_many() -> int:
    """Let this process open as many files as it may ask for; return how many.

    A connection is one.
    """
    try:
        import resource
    except ImportError:  # not on Windows
        return OPEN_FILES
    soft, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if most == resource.RLIM_INFINITY else min(most, OPEN_FILES)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
    return max(soft, wanted)


def read_in_linear_time() -> None:
    """Let h11 look once at each blank in a request, and at few headers.

    It would look at each two blanks: 60 kB of them before an odd letter would halt all visitors for half a
    minute, and a hundred requests with thousands of headers for ten seconds.
    """
    blanks, value = grammar.OWS, grammar.field_value
    header = rf"(?P<field_name>{grammar.field_name}):{blanks}+(?P<field_value>{value}){blanks}"
    chunk = rf"(?P<chunk_size>{grammar.chunk_size})(?:{grammar.chunk_ext}|{blanks})\r\n"
    h11._readers.header_field_re = re.compile(header.encode())
    h11._readers.chunk_header_re = re.compile(chunk.encode())
    h11._readers._decode_header_lines = _few_headers


def _few_headers(lines: list[bytearray]) -> Iterable[tuple[bytes, bytes]]:
    if len(lines) > MOST_HEADERS:
        raise h11.LocalProtocolError("The request has too many headers")
    return _decode_header_lines(lines)


def end_what_breaks() -> None:
    """Let Uvicorn close a connection that breaks after its answer has begun.

    It would begin another answer, which cannot be: any client could fill the log with exceptions.
    """

    def say_400_or_end(protocol: H11Protocol, reason: str) -> None:
        if protocol.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            SAY_400(protocol, reason)
        else:
            protocol.transport.close()

    H11Protocol.send_400_response = say_400_or_end


class Connection(h11.Connection):
    """A connection whose bodies do not come as crumbs.

    Each would take as long as a page of text. Its requests name a host where they name an origin: Gradio
    compares the two, before any guard. Their heads are not longer than may be, even where they come at once.
    """

    pieces, bytes = 0, 0

    @property
    def ahead(self) -> int:
        """How many bytes wait for the last request to be answered."""
        return len(self._receive_buffer)

    def next_event(self) -> object:
        """Return what comes next; raise h11.RemoteProtocolError for what is not taken."""
        before, event = self.ahead, super().next_event()
        if isinstance(event, h11.Request):
            self.pieces, self.bytes = 0, 0
            if event.method == b"CONNECT":  # an answer would have no body
                raise h11.RemoteProtocolError("The server is no proxy")
            if before - self.ahead > LONGEST_HEAD:
                raise h11.RemoteProtocolError("The head is too long")
            names = {name for name, _ in event.headers}
            if b"origin" in names and b"host" not in names:  # by HTTP/1.0 alone
                raise h11.RemoteProtocolError("The request names an origin and no host")
        if isinstance(event, h11.Data):
            self.pieces, self.bytes = self.pieces + 1, self.bytes + len(event.data)
            if self.pieces > PIECES and self.bytes < LEAST_BYTES * self.pieces:
                raise h11.RemoteProtocolError("The body comes in too many pieces")
        return event


class Untaken:
    """Answers that clients have yet to take: bytes by peer and connection, in order.

    A client can ask for the page, half a megabyte, from thousands of connections.
    """

    def __init__(self):
        self.sizes: dict[str, dict[H11Protocol, int]] = {}
        self.sums: Counter = Counter()
        self.total = 0

    def note(self, peer: str, connection: H11Protocol, size: int) -> None:
        """Note down how many bytes wait for a connection."""
        sizes = self.sizes.setdefault(peer, {})
        added = size - sizes.get(connection, 0)
        sizes[connection] = size
        self.sums[peer] += added
        self.total += added

    def forget(self, peer: str, connection: H11Protocol) -> None:
        """Note down that nothing waits for a connection any more."""
        sizes = self.sizes.get(peer, {})
        size = sizes.pop(connection, 0)
        self.sums[peer] -= size
        self.total -= size
        if not sizes:
            self.sizes.pop(peer, None)
            del self.sums[peer]

    def one_too_many(self) -> H11Protocol | None:
        """Return the oldest connection of whom most waits for, if that is too much."""
        if self.total <= MOST_UNTAKEN:
            return None
        ((most, _),) = self.sums.most_common(1)
        return next(iter(self.sizes[most]))


def _with_patience(protocol: type[H11Protocol], seconds: float, most: int) -> type[H11Protocol]:
    """Return Uvicorn's protocol with an end to its patience.

    It takes at most so many connections of one peer.
    """
    peers: Counter = Counter()
    untaken = Untaken()

    class Patience(protocol):
        peer = ""
        timer: asyncio.TimerHandle | None = None  # runs while the head of a request is awaited
        full: asyncio.TimerHandle | None = None  # while more waits than the client takes at once
        waiting = math.inf  # bytes then
        begun = False  # browsers open some connections for later

        def connection_made(self, transport: asyncio.Transport) -> None:
            super().connection_made(transport)
            peer = (self.client or ("",))[0]
            self.peer = public(peer) or peer
            peers[self.peer] += 1
            if peers[self.peer] > most:
                transport.abort()
            self.conn = Connection(h11.SERVER, self.config.h11_max_incomplete_event_size or LONGEST_HEAD)
            self.timer = self.loop.call_later(seconds, self.expire)

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.conn.ahead > MOST_AHEAD:  # Uvicorn takes more whenever an answer looks for its end
                self.cut_off("requests ahead of answers")
            self.begun = self.is_idle()
            if not self.begun:
                self.stop("timer")
            elif self.timer is None:
                self.timer = self.loop.call_later(seconds, self.expire)

        def is_idle(self) -> bool:
            return self.cycle is None or self.cycle.response_complete

        def has_more(self) -> bool:
            """Return whether something has come that a busy server has yet to read."""
            with selectors.DefaultSelector() as selector:
                selector.register(self.transport.get_extra_info("socket"), selectors.EVENT_READ)
                return bool(selector.select(0))

        def tell_end(self) -> None:
            """Let the client see at once what a busy server may do a second later."""
            with suppress(OSError):  # the client is gone
                self.transport.get_extra_info("socket").shutdown(socket.SHUT_WR)

        def timeout_keep_alive_handler(self) -> None:
            if not self.transport.is_closing() and not self.has_more():
                self.tell_end()
                super().timeout_keep_alive_handler()
                self.wait_for_the_end()

        def expire(self) -> None:
            self.timer = None
            if self.is_idle() and not self.transport.is_closing() and not self.has_more():
                if self.begun:
                    server_log.write("connection", closed="no request")
                self.tell_end()
                self.transport.close()
                self.wait_for_the_end()

        def on_response_complete(self) -> None:
            super().on_response_complete()
            self.wait_for_the_end()

        def wait_for_the_end(self) -> None:
            """Wait no longer for what is left than while writing is paused."""
            if self.transport.is_closing() and self.transport.get_write_buffer_size():
                self.wait_anew()

        def pause_writing(self) -> None:
            super().pause_writing()
            self.wait_anew()

        def wait_anew(self) -> None:
            self.waiting = math.inf
            self.wait_or_give_up()
            while connection := untaken.one_too_many():
                connection.cut_off("answer not taken")

        def resume_writing(self) -> None:
            super().resume_writing()
            self.stop("full")
            untaken.forget(self.peer, self)

        def wait_or_give_up(self) -> None:
            self.stop("full")
            before, self.waiting = self.waiting, self.transport.get_write_buffer_size()
            untaken.note(self.peer, self, self.waiting)
            if before - self.waiting >= SLOWEST * seconds:
                self.full = self.loop.call_later(seconds, self.wait_or_give_up)
            else:
                self.cut_off("answer not taken")

        def cut_off(self, reason: str) -> None:
            server_log.write("connection", closed=reason)
            untaken.forget(self.peer, self)
            self.transport.abort()

        def connection_lost(self, exc: Exception | None) -> None:
            self.stop("timer")
            self.stop("full")
            untaken.forget(self.peer, self)
            peers[self.peer] -= 1
            if not peers[self.peer]:
                del peers[self.peer]
            super().connection_lost(exc)

        def stop(self, name: str) -> None:
            if timer := getattr(self, name):
                timer.cancel()
            setattr(self, name, None)

    return Patience
