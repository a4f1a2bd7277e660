"""The cookies of a request, but for those that halt a server, and thousands.

Before 3.11.10, Python reads the backslashes of a cookie in quadratic time (CVE-2024-7592): 60 kB of them halt
all visitors for half a minute. No cookie of the apps has one; those of other apps on the same host may.
"""

from collections.abc import Callable

from starlette.middleware import Middleware

from hub.demo.http_call import App

MOST = 100  # cookies of a request


def middleware() -> Middleware:
    """Return what leaves out the cookies that have backslashes, and more than `MOST`."""
    return Middleware(_without_escapes)


def _without_escapes(app: App) -> App:
    async def serve(scope: dict, receive: Callable, send: Callable) -> None:
        pairs = scope.get("headers", [])
        cookies = kept(b";".join(value for name, value in pairs if name == b"cookie"))
        headers = [pair for pair in pairs if pair[0] != b"cookie"]
        headers += [(b"cookie", cookies)] if cookies else []
        await app(scope | {"headers": headers} if pairs else scope, receive, send)

    return serve


def kept(cookies: bytes) -> bytes:
    """Return cookies without those that have backslashes, and of thousands the first.

    All would take long to read.
    """
    return b";".join(each for each in cookies.split(b";")[:MOST] if b"\\" not in each)
