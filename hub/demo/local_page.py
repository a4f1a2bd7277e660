"""The page that answers in the visitor's own browser, under /local/.

The Gradio app serves it where `python -m hub page` has built it, of the same model; `hub/page/` holds what it
is built of. A Space brings the built folder.
"""

import mimetypes
from collections.abc import Callable
from pathlib import Path

from starlette.middleware import Middleware
from starlette.responses import FileResponse

from hub.demo.http_call import App, path_of
from hub.inference.classifier import Classifier
from hub.models.folder import DIGEST, read_json

BUILT = Path(__file__).parents[1] / "page" / "built"
PAGE, FILES = "page.json", "files.json"  # what the page says; what it consists of
ADDRESS = "/local/"
# Nothing may be asked of any other origin, and nothing sent to one. Workers are made of text ("blob:"), so
# that they are under this policy, too, where a host does not send it. ONNX Runtime compiles WebAssembly.
POLICY = {
    "default-src": "'none'",
    "script-src": "'self' 'wasm-unsafe-eval'",
    "worker-src": "'self' blob:",
    "style-src": "'self'",
    "img-src": "'self' data: blob:",
    "media-src": "'self' blob:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "manifest-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'self' https://huggingface.co https://*.hf.space",
}
# The second and third let ONNX Runtime use several threads.
HEADERS = {
    "content-security-policy": "; ".join(f"{name} {value}" for name, value in POLICY.items()),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
    "cross-origin-resource-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "permissions-policy": "camera=(self), microphone=(), geolocation=()",
    "cache-control": "no-cache",  # the service worker keeps the files, and asks whether there are new ones
}
TYPES = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".wasm": "application/wasm",
    ".gz": "application/gzip",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
}


def media_type(name: str) -> str:
    """Return the type of a file of the page, which a browser believes ("nosniff")."""
    known = TYPES.get(Path(name).suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    return f"{known}; charset=utf-8" if known.startswith("text/") else known


def pages(classifier: Classifier, folder: Path = BUILT) -> dict[str, Path]:
    """Return the files of the built page by their addresses below `ADDRESS`.

    {} where it was not built, or is of another model than this one.
    """
    content, listed = read_json(folder / PAGE), read_json(folder / FILES)
    try:
        digest, names = content["model"]["digest"], [*listed["files"], FILES, "service_worker.js"]
    except (TypeError, KeyError):
        return {}
    if digest != classifier.session.get_modelmeta().custom_metadata_map.get(DIGEST):
        return {}
    return {"": folder / "index.html"} | {name: folder / name for name in names}


def middleware(files: dict[str, Path]) -> Middleware:
    """Return what serves the files of `pages`."""
    return Middleware(_with_page, files=files)


def _with_page(app: App, files: dict[str, Path]) -> App:
    async def serve(scope: dict, receive: Callable, send: Callable) -> None:
        path = path_of(scope) if scope["type"] == "http" else ""
        file = files.get(path.removeprefix(ADDRESS)) if path.startswith(ADDRESS) else None
        if file is None:
            return await app(scope, receive, send)
        answer = FileResponse(file, headers=HEADERS, media_type=media_type(file.name))
        await answer(scope, receive, send)

    return serve
