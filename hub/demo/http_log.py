"""One line in the log for each request that is more than a part of the page.

It has an id, which the answer has as well (X-Request-ID), the route, status and time; never an address, a
name or what was sent.
"""

import time
from collections.abc import Callable

from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from hub.demo import server_log
from hub.demo.http_call import KEY, App, Call, answer, sentence

# What a browser asks for by itself; it is logged where it goes wrong.
QUIET = {"asset", "page", "config", "health", "metrics", "heartbeat", "queue", "info", "file"}
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}  # a client may make up others
BROKEN = (
    "Something went wrong on the server; try again, and report the id of the request if it happens again."
)


def middleware(observe: Callable[[Call, float], None]) -> Middleware:
    """Return what logs requests, and tells `observe` each one and its seconds."""
    return Middleware(_with_log, observe=observe)


def _with_log(app: App, observe: Callable[[Call, float], None]) -> App:
    async def serve(scope: dict, receive: Callable, send: Callable) -> None:
        if scope["type"] != "http":
            return await app(scope, receive, send)
        call, begun = scope.setdefault(KEY, Call()), time.perf_counter()

        async def send_counted(message: dict) -> None:
            if message["type"] == "http.response.start":
                # Gradio answers what it was asked for wrongly as if the server had failed.
                wrong = message["status"] == 500 and call.refused == "input"
                call.status = 400 if wrong else message["status"]
                headers = [*message["headers"], (b"x-request-id", call.id.encode())]
                message = message | {"status": call.status, "headers": headers}
            await send(message)

        try:
            await app(scope, receive, send_counted)
        except Exception as error:
            await _end(call, error, send_counted)
        seconds = time.perf_counter() - begun
        observe(call, seconds)
        if call.route not in QUIET or call.status >= 400 or call.refused:
            server_log.write(
                "request",
                id=call.id,
                method=scope["method"] if scope["method"] in METHODS else "other",
                route=call.route,
                status=call.status,
                ms=round(1000 * seconds),
                bytes=call.received,
                refused=call.refused,
            )

    return serve


async def _end(call: Call, error: Exception, send: Callable) -> None:
    """Log an exception of the app, and end its answer."""
    if call.status and isinstance(error.__cause__, HTTPException):
        call.refused = "gone"  # what was asked for; Gradio has said so in the answer that it had begun
    elif call.refused != "cut off":
        call.refused = call.refused or "error"
        server_log.write("error", id=call.id, route=call.route, **server_log.described(error))
    if not call.status:
        await answer(send, 500, sentence(BROKEN))
    else:
        await send({"type": "http.response.body", "body": b""})
