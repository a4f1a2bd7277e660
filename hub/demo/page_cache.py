"""The page of the Gradio app as it was laid out for the last visitor alike.

Gradio writes all of its components into each page, half a megabyte, and serves nobody else meanwhile.
"""

import asyncio
from collections.abc import Callable

from gradio.route_utils import get_root_url
from starlette.middleware import Middleware
from starlette.requests import Request

from hub.demo.http_call import App, path_of
from hub.demo.words import preferred_language

PATHS = ("/", "/config")
MOST = 16  # pages in memory


def middleware() -> Middleware:
    """Return what keeps pages, by language and by the app's address for a visitor."""
    return Middleware(_with_cache)


def _with_cache(app: App) -> App:
    pages: dict[tuple[str, str, str], list[dict]] = {}
    laying_out = asyncio.Lock()

    async def serve(scope: dict, receive: Callable, send: Callable) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or path_of(scope) not in PATHS:
            return await app(scope, receive, send)
        scope = scope | {"query_string": b""}  # it is for the script of the page alone
        messages, key = [], _key(scope)

        async def note(message: dict) -> None:
            messages.append(message)

        async with laying_out:  # of many who come at once, the first; nobody waits for a slow visitor in here
            if key in pages:
                messages = pages[key]
            else:
                await app(scope, receive, note)
                if messages and messages[0]["status"] == 200:
                    pages[key] = messages
                if len(pages) > MOST:
                    del pages[next(iter(pages))]
        for message in messages:
            await send(message)

    return serve


def _key(scope: dict) -> tuple[str, str, str]:
    request = Request(scope)
    language = preferred_language(request.headers.get("accept-language"))
    return path_of(scope), language, get_root_url(request, "/", scope.get("root_path"))
