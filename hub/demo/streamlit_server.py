"""What stands between the network and the Streamlit app.

`streamlit run` gives its requests to the `st.App` of its script. They pass what guards the Gradio app, too;
the WebSocket by which the page is drawn does not: there may be so many of them (`Pages`), and each has
Streamlit's own limits (.streamlit/config.toml) and takes only what the page says (`guard_sessions`).
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from starlette.middleware import Middleware
from streamlit import net_util
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime import Runtime
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.memory_session_storage import MemorySessionStorage
from streamlit.runtime.session_manager import SessionInfo

from hub.demo import http_cookies, http_headers, http_limits, http_log
from hub.demo.http_call import App, answer, call_of, header, path_of, sentence
from hub.demo.http_limits import FULL, MB, Ledger, Limits, client_of
from hub.demo.run_folder import run_folder
from hub.demo.server_metrics import Metrics
from hub.errors import InputError

# Uploads stay in memory. Streamlit's own limit for a file, 100 MB of 1,048,576 bytes, is to come first: its
# page names that before a byte is sent.
LIMITS = Limits(request=105 * MB, files=1, client=1_000 * MB, folder=4_000 * MB)
# A part of a path, since the app may be served below another address, and the name of its route in the log.
ROUTES = {
    "/_stcore/upload_file/": "upload",
    "/_stcore/health": "health",
    "/_stcore/host-config": "config",
    "/media/": "file",
    "/static/": "asset",
    "/favicon.png": "asset",
}
# What the page does not use: figures of the server, Streamlit's interface for programs, sign-in, components.
CLOSED = (
    "/_stcore/metrics",
    "/_stcore/agent",
    "/_stcore/bidi-components",
    "/_stcore/script-health-check",
    "/component/",
    "/auth/",
    "/oauth2callback",
)
# What the page says by its WebSocket. Streamlit would take messages for the developer, too, from any visitor:
# to empty the caches of everyone, tell the state of the repository, or write files.
MESSAGES = ("rerun_script", "stop_script", "file_urls_request", "app_heartbeat", "deferred_file")
EVERY = 30  # seconds between two looks at pages that were closed
NO_PLACE = "There is nothing at this address; the page itself is at /."


class Pages(NamedTuple):
    """How many pages may be open, of one client and of all."""

    client: int = 100
    total: int = 1_000


def guards(limits: Limits = LIMITS, pages: Pages = Pages()) -> list[Middleware]:  # noqa: B008, cannot change
    """Return the middleware of the app, outermost first."""
    return [
        http_headers.middleware(apart=()),  # first, since the log answers where the others fail
        http_cookies.middleware(),
        http_log.middleware(Metrics().observe),
        Middleware(_with_pages, most=pages),
        Middleware(_with_routes, kept=limits.folder),
        http_limits.middleware(Ledger(limits)),
    ]


def guard_sessions() -> None:
    """Take only `MESSAGES` from visitors, and keep the folder of the script secret.

    Nobody is asked for the address of this machine: at each page of another origin, Streamlit would ask
    Amazon, and halt all visitors meanwhile.
    """
    net_util.get_external_ip = lambda: None
    take, greet = AppSession.handle_backmsg, AppSession._create_new_session_message
    save = MemorySessionStorage.save

    def take_known(session: AppSession, message: BackMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "backend_operation_request":
            kind = message.backend_operation_request.WhichOneof("payload")
        if kind in MESSAGES and (kind != "stop_script" or _begin_stop(session)):
            take(session, message)

    def greet_without_folder(session: AppSession, *arguments, **options) -> ForwardMsg:
        message = greet(session, *arguments, **options)
        message.new_session.main_script_path = Path(message.new_session.main_script_path).name
        return message

    def save_in_place(storage: MemorySessionStorage, info: SessionInfo) -> None:
        let_go(storage, room=1)
        save(storage, info)

    MemorySessionStorage.save = save_in_place
    AppSession.handle_backmsg = take_known
    AppSession._create_new_session_message = greet_without_folder


def _begin_stop(session: AppSession) -> bool:
    """Return whether the thread of a page may be told to end: the one before has.

    It works on for a while, and the page gets another at once: hundreds would halt all visitors.
    """
    before, runner = getattr(session, "stopped", None), session._scriptrunner
    if before and before.is_alive():
        return False
    session.stopped = runner and runner._script_thread
    return True


def let_go(storage: MemorySessionStorage, room: int = 0) -> None:
    """End pages that were closed too long ago, and others until there is room.

    Streamlit only drops them, while the loop that draws pages refers to them until it draws another: their
    uploads and what their scripts keep would stay.
    """
    kept = storage._cache
    ended = [info for _, info in kept.expire()]
    while kept and len(kept) > kept.maxsize - room:
        ended.append(kept.popitem()[1])
    for info in ended:
        info.session.shutdown()
        if not info.session._scriptrunner:  # else a script is about to stop
            info.session._session_state.clear()


@asynccontextmanager
async def in_run_folder(app: App) -> AsyncIterator[None]:
    """Keep all temporary files in one folder, which goes at the end of the app.

    After `kill`, Uvicorn ends the process without what Python does at its end, and pages may be at work.
    """
    with ExitStack() as opened:
        with suppress(InputError):  # the page says so
            opened.enter_context(run_folder())
        yield


@asynccontextmanager
async def tidied(app: App) -> AsyncIterator[None]:
    """Keep temporary files `in_run_folder`, and let go of pages two minutes after they were closed.

    Streamlit does so when another is closed: films of the last visitors would stay in memory.
    """

    async def forget() -> None:
        while True:
            await asyncio.sleep(EVERY)
            if Runtime.exists():
                let_go(Runtime.instance()._session_mgr._session_storage)

    forgetting = asyncio.create_task(forget())
    try:
        async with in_run_folder(app):
            yield
    finally:
        forgetting.cancel()


def route_of(path: str) -> str | None:
    """Return the name of the route of a path, None for one that is closed.

    Streamlit gives the page at any address that it does not know.
    """
    if any(part in path for part in CLOSED):
        return None
    return next((name for part, name in ROUTES.items() if part in path), "page")


def _with_pages(app: App, most: Pages) -> App:
    """Open the WebSocket of a page where there are not too many."""
    opened = Counter()

    async def serve(scope: dict, receive: Callable, send: Callable) -> None:
        if scope["type"] != "websocket":
            return await app(scope, receive, send)
        client = client_of(scope)
        is_full = opened[client] >= most.client or opened.total() >= most.total
        if is_full or not _is_origin(header(scope, "origin")):
            return await send({"type": "websocket.close"})
        opened[client] += 1
        try:
            await app(scope, receive, send)
        finally:
            opened[client] -= 1
            if not opened[client]:
                del opened[client]

    return serve


def _with_routes(app: App, kept: int) -> App:
    """Note the route of a request; refuse uploads while pages have so many bytes."""

    async def serve(scope: dict, receive: Callable, send: Callable) -> None:
        if scope["type"] != "http":
            return await app(scope, receive, send)
        call, route = call_of(scope), route_of(path_of(scope))
        if route is None:
            call.refused = "no such route"
            return await answer(send, 404, sentence(NO_PLACE))
        call.route = route
        if route == "upload" and scope["method"] == "PUT" and kept_bytes() >= kept:
            status, call.refused, text = FULL
            return await answer(send, status, sentence(text))
        await app(scope, receive, send)

    return serve


def kept_bytes() -> int:
    """Return the bytes of all uploads that Streamlit keeps for open pages."""
    if not Runtime.exists():
        return 0
    figures = Runtime.instance().uploaded_file_mgr.get_stats()
    return sum(each.byte_length for every in figures.values() for each in every)


def _is_origin(text: str) -> bool:
    """Return whether Streamlit can take an Origin apart."""
    try:
        urlsplit(text)
    except ValueError:  # such as http://[
        return False
    return True
