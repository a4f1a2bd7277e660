"""The cookies of a request, but for those that halt a server.

Before 3.11.10, Python reads the backslashes of a cookie in quadratic time (CVE-2024-7592): 60 kB of them halt
all visitors for half a minute. No cookie of the apps has one; those of other apps on the same host may.
"""

from collections.abc import Callable

from starlette.middleware import Middleware

from hub.demo.http_call import App


def middleware() -> Middleware:
    """Return what leaves out the cookies that have backslashes."""
    return Middleware(_without_escapes)


def _without_escapes(app: App) -> App:
    async def serve(scope: dict, receive: Callable, send: Callable) -> None:
        headers = [
            (name, kept(value) if name == b"cookie" else value) for name, value in scope.get("headers", [])
        ]
        await app(scope | {"headers": headers} if headers else scope, receive, send)

    return serve


def kept(cookies: bytes) -> bytes:
    """Return the value of a Cookie header without those that have backslashes."""
    return b";".join(each for each in cookies.split(b";") if b"\\" not in each)
