"""The Streamlit demo: `streamlit run streamlit_app.py`.

MODEL in the environment names another model folder or Hub id.
"""

import atexit
import gc
import os
from contextlib import AbstractContextManager

os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"  # read once, at the import

import streamlit as st

from hub.demo import (
    handlers,
    http_connections,
    model_tab,
    panels,
    server_log,
    streamlit_batch,
    streamlit_explorer,
    streamlit_image,
    streamlit_model,
    streamlit_server,
)
from hub.demo.page_names import opening_sample
from hub.demo.render import STATIC, STYLES
from hub.demo.run_folder import run_folder
from hub.demo.samples import Sample, write_samples
from hub.demo.words import preferred_language, words_in
from hub.errors import InputError, end_on_hangup
from hub.inference.classifier import Classifier


def main() -> None:
    """Lay out the page, or the reason why the model cannot be loaded."""
    try:
        classifier, samples, metrics, _ = load()
    except InputError as error:
        st.error(str(error))
        return
    words = words_in(preferred_language(st.context.locale), classifier.radiograph)
    st.set_page_config(page_title=words("page.title"), page_icon="🫁", layout="wide")
    for style in [*STYLES, STATIC / "streamlit.css"]:
        st.html(style)
    st.html(panels.header(words("page.uploads_streamlit"), words))

    names = [words(f"tabs.{name}") for name in ("image", "batch", "inside", "model")]
    image, batch, inside, model = st.tabs(names, on_change="rerun", key="tab")
    with image:
        shown = streamlit_image.show(classifier, samples, metrics, words, image.open)
    with batch:
        uploads = streamlit_batch.choose(words)
        if batch.open:
            streamlit_batch.show(classifier, uploads, words)
    if inside.open:
        with inside:
            opening = opening_sample(samples)
            streamlit_explorer.show(classifier, [opening.path] if opening else [], shown, words)
    if model.open:
        with model:
            streamlit_model.show(classifier, metrics, words)


@st.cache_resource(show_spinner="Loading the model", on_release=lambda loaded: close(loaded[-1]))
def load() -> tuple[Classifier, list[Sample], dict, AbstractContextManager]:
    """Return the model, its samples, its figures and the folder with the samples.

    They are loaded once for all visitors. The folder is deleted when the app ends, or its cache is cleared.
    """
    classifier, opened = handlers.load_model(), run_folder()
    metrics = model_tab.read_metrics(classifier.folder)
    folder = opened.__enter__()
    atexit.register(close, opened)
    return classifier, write_samples(classifier, folder / "samples"), metrics, opened


def close(opened: AbstractContextManager) -> None:
    """Leave a context that was entered; nothing happens the second time."""
    opened.__exit__(None, None, None)


if __name__ == "__main__":  # the page, which is run for each visitor, and anew at each click
    main()
else:  # the server, for which `streamlit run` imports this file once
    server_log.install()
    http_connections.allow_many()
    http_connections.read_in_linear_time()
    http_connections.end_what_breaks()
    streamlit_server.guard_sessions()
    end_on_hangup()
    app = st.App(__file__, lifespan=streamlit_server.tidied, middleware=streamlit_server.guards())
    gc.freeze()  # what is there now stays: Streamlit looks for waste after each run, and halts all visitors
