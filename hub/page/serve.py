"""Serve the built page on this machine."""

import gzip
import hashlib
import sys
from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

from hub.demo.local_page import HEADERS, media_type
from hub.errors import InputError

HOST, LAST_PORT = "127.0.0.1", 65_535
COMPRESSED = (".html", ".js", ".mjs", ".css", ".json", ".svg", ".webmanifest")  # as static hosts do


def server(folders: list[Path], port: int, handler: type["Handler"] | None = None) -> ThreadingHTTPServer:
    """Return a server of the page on loopback, which answers once it is let to.

    A file is that of the first of the folders that has it. `handler` is a kind of `Handler`. Raises
    InputError for a port that is taken, and for a number that is none.
    """
    if not 0 <= port <= LAST_PORT:
        raise InputError(f"There is no port {port}; give a --port from 1 to {LAST_PORT}, or 0 for any.")
    try:
        return Server((HOST, port), partial(handler or Handler, folders))
    except OSError as error:
        raise InputError(
            f"The page cannot be served at port {port} ({error.strerror}); give another --port."
        ) from None


class Server(ThreadingHTTPServer):
    """Answers many browsers at once."""

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a browser that hangs up; print what is wrong here."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Handler(SimpleHTTPRequestHandler):
    """Answers with a file of the first folder that has it."""

    protocol_version = "HTTP/1.1"

    def __init__(self, folders: list[Path], *arguments, **options):
        """Answer one connection."""
        self.folders = folders
        super().__init__(*arguments, **options)

    def do_GET(self) -> None:
        """Send a file."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """Send what goes before a file."""
        self._answer(with_body=False)

    def log_message(self, *arguments: object) -> None:
        """Say nothing of a request."""

    def _answer(self, with_body: bool) -> None:
        file = self._file()
        if file is None:
            text = b"There is nothing at this address."
            return self.send(404, {"content-type": "text/plain"}, text, with_body)
        body = file.read_bytes()
        headers = {"content-type": media_type(file.name), "etag": f'"{hashlib.sha256(body).hexdigest()}"'}
        if self.headers.get("if-none-match") == headers["etag"]:
            return self.send(304, headers, b"", False)
        if file.suffix in COMPRESSED and "gzip" in self.headers.get("accept-encoding", ""):
            body = gzip.compress(body, mtime=0)
            headers |= {"content-encoding": "gzip", "vary": "accept-encoding"}
        self.send(200, headers, body, with_body)

    def _file(self) -> Path | None:
        with suppress(OSError, ValueError):  # such as a name of too many bytes, one with a NUL, or http://[/
            name = unquote(urlsplit(self.path).path).lstrip("/") or "index.html"
            for folder in self.folders:
                path = (folder / name).resolve()
                if path.is_relative_to(folder.resolve()) and path.is_file():
                    return path
        return None

    def send(self, status: int, headers: dict[str, str], body: bytes, with_body: bool) -> None:
        """Send an answer."""
        self.send_response(status)
        for name, value in (HEADERS | headers | {"content-length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.wfile.write(body)
