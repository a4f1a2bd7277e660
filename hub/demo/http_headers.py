"""The headers that tell a browser what the page of an app may do.

A Space is shown in a frame of huggingface.co, which may hold it; no other page may.
"""

from collections.abc import Callable

from starlette.middleware import Middleware

from hub.demo.http_call import App, path_of
from hub.demo.local_page import ADDRESS

# Both pages have scripts and styles in their HTML. Gradio's makes functions of text (`js` and `js_on_load`),
# and asks the Hub whether its Space is awake.
POLICY = {
    "default-src": "'self'",
    "script-src": "'self' 'unsafe-inline' 'unsafe-eval'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "media-src": "'self' blob:",
    "font-src": "'self' data:",
    "connect-src": "'self' data: blob: https://huggingface.co/api/spaces/",
    "worker-src": "'self' blob:",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'self' https://huggingface.co https://*.hf.space",
}
HEADERS = {
    b"content-security-policy": "; ".join(f"{name} {value}" for name, value in POLICY.items()).encode(),
    b"referrer-policy": b"strict-origin-when-cross-origin",
    b"x-content-type-options": b"nosniff",
}
# What may stay in a browser's cache: parts of the page, which are the same for everyone.
CACHED = (
    "/assets/",
    "/static/",
    "/svelte/",
    "/theme.css",
    "/gradio_api/theme.css",
    "/favicon.ico",
    "/pwa_icon",
)


def middleware(apart: tuple[str, ...] = (ADDRESS,)) -> Middleware:
    """Return what adds `HEADERS`, and keeps answers out of caches.

    Answers at addresses that begin with one of `apart` keep a stricter policy of their own, where they have
    one.
    """
    return Middleware(_with_headers, apart=apart)


def _with_headers(app: App, apart: tuple[str, ...]) -> App:
    async def serve(scope: dict, receive: Callable, send: Callable) -> None:
        if scope["type"] != "http":
            return await app(scope, receive, send)
        is_apart, own = path_of(scope).startswith(apart), dict(HEADERS)
        if not path_of(scope).startswith(CACHED):
            own[b"cache-control"] = b"no-store"

        async def send_more(message: dict) -> None:
            if message["type"] == "http.response.start" and not (is_apart and _has_policy(message)):
                kept = [(name, value) for name, value in message["headers"] if name.lower() not in own]
                message = message | {"headers": [*kept, *own.items()]}
            await send(message)

        await app(scope, receive, send_more)

    return serve


def _has_policy(message: dict) -> bool:
    return any(name.lower() == b"content-security-policy" for name, _ in message["headers"])
