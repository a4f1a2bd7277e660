"""The tab "The model" of the Gradio app."""

from collections.abc import Callable
from pathlib import Path

from starlette.middleware import Middleware
from starlette.responses import Response

from hub.demo import model_panels, model_tab
from hub.demo.gradio_language import Localized, localized_html
from hub.demo.http_call import App, path_of
from hub.demo.words import Words
from hub.inference.classifier import Classifier

PICTURES = "model_pictures"  # the address of the pictures, which does not tell where the folder lies


def build(classifier: Classifier, metrics: dict, localized: Localized) -> None:
    """Lay out the tab; its pictures load when they scroll into view."""
    pictures = [
        (f"{PICTURES}/{name}", Path(name).stem, model_tab.PICTURES[name])
        for name in model_tab.read_pictures(classifier.folder)
    ]

    def render(words: Words) -> str:
        return model_panels.tab(classifier, metrics, pictures, words)

    localized_html(render, localized, classifier, elem_id="model")


def middleware(folder: Path) -> Middleware:
    """Return what serves the pictures of a model folder, as they are now."""
    return Middleware(_with_pictures, pictures=model_tab.read_pictures(folder))


def _with_pictures(app: App, pictures: dict[str, bytes]) -> App:
    addresses = {f"/{PICTURES}/{name}": content for name, content in pictures.items()}

    async def serve(scope: dict, receive: Callable, send: Callable) -> None:
        path = path_of(scope) if scope["type"] == "http" else ""
        if path not in addresses:
            return await app(scope, receive, send)
        kind = "image/png" if path.endswith(".png") else "image/jpeg"
        await Response(addresses[path], media_type=kind)(scope, receive, send)

    return serve
