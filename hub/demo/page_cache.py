"""The page of the Gradio app, laid out once for each language of its visitors.

Gradio writes all of its components into each page, half a megabyte, and serves nobody else meanwhile. The
address of the app, which is in it, is each visitor's own: it is put in anew.
"""

import asyncio
from collections.abc import Callable

from gradio.route_utils import get_root_url
from starlette.middleware import Middleware
from starlette.requests import Request

from hub.demo.http_call import App, path_of
from hub.demo.words import preferred_language

PATHS = ("/", "/config")
HOST = b"page.invalid"  # in the pages that are kept


def middleware() -> Middleware:
    """Return what keeps pages by language."""
    return Middleware(_with_cache)


def _with_cache(app: App) -> App:
    pages: dict[tuple[str, str], tuple[dict, bytes]] = {}
    laying_out = asyncio.Lock()

    async def serve(scope: dict, receive: Callable, send: Callable) -> None:
        path = path_of(scope).rstrip("/") or "/" if scope["type"] == "http" else ""
        if path not in PATHS or scope["method"] not in ("GET", "HEAD"):
            return await app(scope, receive, send)
        language = preferred_language(Request(scope).headers.get("accept-language"))
        plain, key = _for_anyone(scope, language), (path, language)
        if not (kept := pages.get(key)):
            async with laying_out:  # of many who come at once, the first
                kept = pages.get(key) or await _laid_out(app, plain, receive)
            if kept[0]["status"] == 200:
                pages[key] = kept
        start, page = kept
        page = page.replace(*(_root(each).encode() for each in (plain, scope)))
        headers = [pair for pair in start["headers"] if pair[0] != b"content-length"]
        await send(start | {"headers": [*headers, (b"content-length", str(len(page)).encode())]})
        await send({"type": "http.response.body", "body": page})

    return serve


def _for_anyone(scope: dict, language: str) -> dict:
    """Return a request for a page without anything of this visitor but the language.

    What its address asks is for the script of the page alone.
    """
    headers = [(b"host", HOST), (b"accept-language", language.encode())]
    return scope | {"method": "GET", "scheme": "http", "query_string": b"", "headers": headers}


async def _laid_out(app: App, scope: dict, receive: Callable) -> tuple[dict, bytes]:
    """Return the beginning of an answer, and its body."""
    messages = []

    async def note(message: dict) -> None:
        messages.append(message)

    await app(scope, receive, note)
    return messages[0], b"".join(message.get("body", b"") for message in messages[1:])


def _root(scope: dict) -> str:
    """Return the address of the app as a request has it."""
    return get_root_url(Request(scope), path_of(scope), scope.get("root_path"))
