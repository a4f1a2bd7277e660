"""The head of the page as chats and search engines read it.

Gradio's own page says that it is Gradio's, and puts what the app says into it by a script, which they do not
run.
"""

import re
from collections.abc import Callable

from gradio.route_utils import get_root_url
from starlette.middleware import Middleware
from starlette.requests import Request

from hub.demo.http_call import App, path_of
from hub.demo.http_routes import address_of
from hub.demo.render import STATIC, render
from hub.demo.words import preferred_language, words_in

PICTURE = STATIC / "share.jpg"
NAME = PICTURE.name
META = re.compile(r'\s*<meta\s+(?:property="og:|name="twitter:)[^>]*>')


def middleware(radiograph: bool) -> Middleware:
    """Return what puts the title, description and picture of this page into its HTML."""
    return Middleware(_with_preview, radiograph=radiograph)


def _with_preview(app: App, radiograph: bool) -> App:
    async def serve(scope: dict, receive: Callable, send: Callable) -> None:
        if scope["type"] != "http" or path_of(scope) != "/":
            return await app(scope, receive, send)
        start, parts = {}, []

        async def send_changed(message: dict) -> None:
            if message["type"] == "http.response.start":
                start.update(message)  # held back: it says how long the page is
                return
            parts.append(message.get("body", b""))
            if not message.get("more_body"):
                body = b"".join(parts)
                if start["status"] == 200:
                    body = preview(body.decode(), Request(scope), radiograph).encode()
                headers = [pair for pair in start["headers"] if pair[0] != b"content-length"]
                length = (b"content-length", str(len(body)).encode())
                await send(start | {"headers": [*headers, length]})
                await send({"type": "http.response.body", "body": body})

        await app(scope, receive, send_changed)

    return serve


def preview(page: str, request: Request, radiograph: bool) -> str:
    """Return Gradio's page with a title, description and picture of our own."""
    language = preferred_language(request.headers.get("accept-language"))
    root = get_root_url(request, "/", request.scope.get("root_path"))
    head = render(
        "share.html",
        words=words_in(language, radiograph),
        address=root,
        picture=f"{root}/{address_of(NAME)}",
    )
    page = META.sub("", page).replace('lang="en"', f'lang="{language}"', 1)
    return page.replace("<head>", f"<head>{head}", 1)
