"""What the JSON of a request may hold.

A megabyte of brackets takes seconds to be checked by the libraries behind, and text that is none, or nests
without end, makes them fail.
"""

import json
import re
from collections.abc import Callable

from starlette.middleware import Middleware
from starlette.requests import Request

from hub.demo.http_call import App, answer, call_of, replayed, sentence

ROUTES = ("run", "call", "queue", "cancel", "mcp")
MOST_BRACKETS, MOST_COMMAS, DEEPEST = 5_000, 5_000, 100  # a batch of 100 files has 200, 700 and 4
SESSION = re.compile(r"[\w.-]{1,100}", re.ASCII)  # its name: Gradio keeps it, and puts it into names of tasks
TOO_MUCH = "There are too many values in this request; send less at once."
MALFORMED = "The body of this request is no JSON that can be read; see /gradio_api/info for what it holds."


def middleware() -> Middleware:
    """Return what reads JSON before the app does, and refuses what harms it."""
    return Middleware(_with_checks)


def _with_checks(app: App) -> App:
    async def serve(scope: dict, receive: Callable, send: Callable) -> None:
        call = call_of(scope)
        if scope["type"] != "http" or scope["method"] != "POST" or call.route not in ROUTES:
            return await app(scope, receive, send)
        body = await Request(scope, receive).body()
        if refusal := problem_of(body):
            call.refused = "malformed"
            return await answer(send, 400, sentence(refusal))
        await app(scope, replayed(body, receive), send)

    return serve


def problem_of(body: bytes) -> str | None:
    """Return a sentence on why a body is not taken; None for one that is."""
    if body.count(b"[") + body.count(b"{") > MOST_BRACKETS or body.count(b",") > MOST_COMMAS:
        return TOO_MUCH
    try:
        value = json.loads(body or b"null")
    except (ValueError, RecursionError):
        return MALFORMED
    session = value.get("session_hash") if isinstance(value, dict) else None
    is_odd = isinstance(session, str) and not SESSION.fullmatch(session)
    return MALFORMED if is_odd or not _is_plain(value) else None


def _is_plain(value: object) -> bool:
    """Whether a value is nested little, and all its text can be written."""
    level = [value]
    for _ in range(DEEPEST):
        if not all(_is_text(item) for item in level if isinstance(item, str)):
            return False
        pairs = [item for item in level if isinstance(item, dict)]
        level = [inner for item in level if isinstance(item, list) for inner in item]
        level += [inner for each in pairs for inner in (*each, *each.values())]
        if not level:
            return True
    return False


def _is_text(text: str) -> bool:
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:  # half a surrogate pair
        return False
