"""What the Gradio app answers at all: the routes and files that it uses.

Gradio has more of them, for components that are not on this page; those are closed.
"""

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import httpx
from starlette.middleware import Middleware

from hub.demo.http_call import App, answer, call_of, header, path_of, sentence

API = "/gradio_api/"
FILE = f"{API}file="
# The beginning of a path, and the name of its route in log and metrics. The first that fits counts.
ROUTES = {
    "/assets/": "asset",
    "/static/": "asset",
    "/svelte/": "asset",
    "/theme.css": "asset",
    "/favicon.ico": "asset",
    "/robots.txt": "asset",
    "/manifest.json": "asset",
    "/pwa_icon": "asset",
    "/config": "config",
    "/model_pictures/": "asset",
    "/local/": "local",
    "/healthz": "health",
    "/metrics": "metrics",
    "/classify": "classify",
    f"{API}theme.css": "asset",
    FILE: "file",
    f"{API}upload": "upload",
    f"{API}run/": "run",
    f"{API}api/": "run",
    f"{API}call/": "call",
    f"{API}queue/": "queue",
    f"{API}cancel": "cancel",
    f"{API}reset": "cancel",
    f"{API}heartbeat/": "heartbeat",
    f"{API}info": "info",
    f"{API}openapi.json": "info",
    f"{API}app_id": "info",
    f"{API}startup-events": "info",
    f"{API}login_check": "info",
    f"{API}mcp": "mcp",
}
CLOSED = (f"{API}upload_progress",)
# Nothing below: its older transport keeps the server busy with streams on which nothing is sent, and its page
# for browsers holds its own address as it is, script and all.
SCHEMA = f"{API}mcp/schema"
MCP = (f"{API}mcp", f"{API}mcp/", f"{API}mcp/http", f"{API}mcp/http/", SCHEMA)
LONGEST_PATH, LONGEST_NAME = 1_000, 255  # characters, and bytes of a part; a file system takes hardly more
LONGEST_QUERY = 4_000  # characters; hundreds of thousands of `&` take long to take apart
# What Gradio makes addresses of: the name or number of a machine, perhaps with a port.
HOST = re.compile(r"([\w.-]{1,255}|\[[0-9a-fA-F:.]{2,45}\])(:[0-9]{0,5})?", re.ASCII)
# What Gradio is not told: the address as its own Node would say it, of which there is none, and a range: it
# would answer with all headers of the request, for any site to read, secrets for a proxy in front among them.
UNTOLD = (b"x-gradio-server", b"range")
ODD_HOST = "The Host of this request is no address; give that of the server."
NO_STREAM = "This server begins no conversation; send a request of MCP by POST."
NO_PLACE = "There is nothing at this address; /gradio_api/info lists what there is."


def middleware(files: dict[str, Path]) -> Middleware:
    """Return what closes all other routes, and serves `files` by their names.

    So no address has a path of the server, and nothing that was uploaded can be fetched.
    """
    return Middleware(_with_routes, files=files)


def address_of(name: str) -> str:
    """Return the address of one of the files, relative to the page."""
    return f"{FILE.removeprefix('/')}{quote(name)}"


def route_of(path: str) -> str | None:
    """Return the name of the route of a path, None for one that is closed."""
    if path == "/":
        return "page"
    if path.startswith(CLOSED) or len(path) > LONGEST_PATH or not path.isprintable():
        return None
    if max(map(len, path.encode().split(b"/"))) > LONGEST_NAME:
        return None
    route = next((name for beginning, name in ROUTES.items() if path.startswith(beginning)), None)
    return None if route == "mcp" and path not in MCP else route


def _with_routes(app: App, files: dict[str, Path]) -> App:
    async def serve(scope: dict, receive: Callable, send: Callable) -> None:
        if scope["type"] != "http":
            return await app(scope, receive, send)
        path, call = path_of(scope), call_of(scope)
        if not all(map(_is_address, _hosts(scope))):
            call.refused = "malformed"
            return await answer(send, 400, sentence(ODD_HOST))
        route = route_of(path) if len(scope["query_string"]) <= LONGEST_QUERY else None
        if route == "file":
            file = files.get(path.removeprefix(FILE))
            if file:
                moved = scope.get("root_path", "") + FILE + file.as_posix()
                scope = scope | {"path": moved, "raw_path": quote(moved).encode()}
            else:
                route = None
        if route is None:
            call.refused = "no such route"
            return await answer(send, 404, sentence(NO_PLACE))
        call.route = route
        if route == "mcp" and scope["method"] != "POST" and path != SCHEMA:
            return await answer(send, 405, sentence(NO_STREAM))
        if route == "upload":
            scope = scope | {"query_string": b""}  # `upload_id`, by which Gradio keeps names in memory
        if route == "info":  # without a page, everyone would get it with the first visitor's address
            scope = scope | {"query_string": scope["query_string"] + b"&page="}
        headers = [(name, value) for name, value in scope["headers"] if name not in UNTOLD]
        await app(scope | {"headers": headers}, receive, send)

    return serve


def _hosts(scope: dict) -> list[str]:
    """Return the hosts that a request names."""
    forwarded = header(scope, "x-forwarded-host").partition(",")[0].strip()
    return [host for host in (header(scope, "host"), forwarded) if host]


def _is_address(host: str) -> bool:
    if not HOST.fullmatch(host):
        return False
    try:
        httpx.URL(f"http://{host}")  # as Gradio does
    except httpx.InvalidURL:  # such as 999.1.1.1
        return False
    return True
