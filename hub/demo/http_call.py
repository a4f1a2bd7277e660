"""One request over HTTP, as all that guards it speaks of it."""

import json
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

App = Callable[[dict, Callable, Callable], Awaitable[None]]
KEY = "hub.call"  # of the ASGI scope


@dataclass
class Call:
    """The id of a request, where it goes, and what became of it.

    `refused` names the reason for which a request was refused, "" where it was not.
    """

    route: str = "other"
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    refused: str = ""
    received: int = 0
    status: int = 0


def call_of(scope: dict) -> Call:
    """Return the `Call` of an ASGI scope; a new one outside the server."""
    return scope.setdefault(KEY, Call())


def path_of(scope: dict) -> str:
    """Return the path of a request below the address of the app."""
    path, root = scope["path"], scope.get("root_path", "").rstrip("/")
    return (path.removeprefix(root) or "/") if f"{path}/".startswith(f"{root}/") else path


def header(scope: dict, name: str) -> str:
    """Return a header of a request, "" without it."""
    wanted = name.encode()
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == wanted), "")


def start(status: int, body: bytes, kind: str, headers: dict[str, str] | None = None) -> dict:
    """Return the ASGI message that begins an answer with this body."""
    pairs = {"content-type": kind, "content-length": str(len(body)), "cache-control": "no-store"}
    encoded = [(name.encode(), value.encode()) for name, value in (pairs | (headers or {})).items()]
    return {"type": "http.response.start", "status": status, "headers": encoded}


def replayed(body: bytes, receive: Callable) -> Callable:
    """Return what gives a body that was read again, then what `receive` gives."""
    read = iter([{"type": "http.request", "body": body}])

    async def receive_again() -> dict:
        return next(read, None) or await receive()

    return receive_again


async def answer(send: Callable, status: int, body: bytes, kind: str = "application/json") -> None:
    """Send a whole answer."""
    await send(start(status, body, kind))
    await send({"type": "http.response.body", "body": body})


def sentence(text: str) -> bytes:
    """Return a sentence for a client as Gradio gives its own."""
    return json.dumps({"error": text}).encode()
