"""The Gradio demo: `python app.py`, then http://127.0.0.1:7860.

MODEL in the environment names another model folder or Hub id.
"""

import os
import tempfile
from pathlib import Path

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import gradio as gr

from hub.demo import (
    gradio_api,
    gradio_batch,
    gradio_errors,
    gradio_explorer,
    gradio_image,
    gradio_model,
    handlers,
    model_tab,
    panels,
    share_preview,
)
from hub.demo.gradio_language import I18N, Localized, Opening, add_localization, label, localized_html
from hub.demo.gradio_options import DELETE_AFTER, DELETE_EVERY, EVENTS, THEME, keep_no_longer
from hub.demo.page_names import opening_sample
from hub.demo.render import STYLES, page_script
from hub.demo.samples import Sample, write_samples
from hub.demo.words import Words, words_in
from hub.errors import run_command
from hub.inference import decision
from hub.inference.classifier import Classifier


def main() -> None:
    """Serve the demo.

    Raises InputError if the model cannot be loaded.
    """
    classifier = handlers.load_model()
    with tempfile.TemporaryDirectory() as folder:
        blocks = build(classifier, write_samples(classifier, Path(folder)))
        blocks.launch(**launch_options(classifier))


def launch_options(classifier: Classifier) -> dict:
    """Return the arguments of `Blocks.launch`.

    They set the looks of the page; nothing is recorded, and only the picture of the share preview may be
    fetched as a file.
    """
    return {
        "theme": THEME,
        "css_paths": STYLES,
        "js": page_script(),
        "i18n": I18N,
        "mcp_server": True,
        "run_history": False,
        "max_file_size": "100mb",
        "footer_links": [],
        "app_kwargs": {
            "exception_handlers": gradio_errors.HANDLERS,
            "middleware": [
                share_preview.middleware(classifier.radiograph),
                gradio_model.middleware(classifier.folder),
            ],
        },
        "allowed_paths": [str(share_preview.PICTURE)],
    }


def build(classifier: Classifier, samples: list[Sample]) -> gr.Blocks:
    """Lay out the page for one model, five tabs, and add the endpoint of its API."""
    words = words_in("en", classifier.radiograph)
    metrics = model_tab.read_metrics(classifier.folder)
    localized: Localized = []
    opening: Opening = []
    with gradio_errors.Page(
        title=words("page.title"), analytics_enabled=False, delete_cache=(DELETE_EVERY, DELETE_AFTER)
    ) as blocks:
        shown = gr.State(time_to_live=DELETE_AFTER)  # a Shown, for the tab "Inside the network"
        localized_html(header, localized, classifier)
        with gr.Tabs(overflow_behavior="wrap"):
            with tab("image", classifier):
                gradio_image.build(classifier, metrics, samples, shown, localized, opening)
            with tab("batch", classifier):
                gradio_batch.build(classifier, localized)
            with tab("inside", classifier) as inside:
                # Without an image the tab takes the first: the one that the page opens with.
                first = opening_sample(samples)
                gradio_explorer.build(inside, classifier, [first.path] if first else [], shown, localized)
            with tab("model", classifier):
                gradio_model.build(classifier, metrics, localized)
            with tab("api", classifier):
                points = decision.operating_points(classifier)
                localized_html(lambda words: panels.api(points, words), localized, classifier)
        gradio_api.add_endpoint(classifier)
        add_localization(blocks, localized, opening, classifier, **EVENTS)
        keep_no_longer(blocks, DELETE_AFTER)
    return blocks


def header(words: Words) -> str:
    """Return the head of the page."""
    return panels.header(words("page.uploads_gradio", minutes=DELETE_AFTER // 60), words)


def tab(name: str, classifier: Classifier) -> gr.Tab:
    """Lay out a tab; the address of the page names it (static/page.js)."""
    return gr.Tab(label(f"tabs.{name}", classifier), id=name, elem_id=f"view-{name}")


if __name__ == "__main__":
    run_command("app.py", main)
