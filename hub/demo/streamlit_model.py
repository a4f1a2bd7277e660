"""The tab "The model" of the Streamlit app."""

import functools
from pathlib import Path

import streamlit as st

from hub.demo import model_panels, model_tab
from hub.demo.render import data_uri
from hub.demo.words import Words
from hub.inference.classifier import Classifier


def show(classifier: Classifier, metrics: dict, words: Words) -> None:
    """Lay out the tab.

    Its pictures are in the HTML, a megabyte: lay it out only while it is open.
    """
    pictures = [
        (uri, Path(name).stem, model_tab.PICTURES[name]) for name, uri in _uris(classifier.folder).items()
    ]
    dark = st.context.theme.type == "dark"
    st.html(model_panels.tab(classifier, metrics, pictures, words, dark))


@functools.cache
def _uris(folder: Path) -> dict[str, str]:
    """Return the address of each picture of a model folder, with the picture in it."""
    return {
        name: data_uri("png" if name.endswith(".png") else "jpeg", content)
        for name, content in model_tab.read_pictures(folder).items()
    }
