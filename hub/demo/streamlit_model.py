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
        (_uri(path), path.stem, model_tab.PICTURES[path.name])
        for path in model_tab.pictures(classifier.folder)
    ]
    dark = st.context.theme.type == "dark"
    st.html(model_panels.tab(classifier, metrics, pictures, words, dark))


@functools.cache
def _uri(path: Path) -> str:
    return data_uri("png" if path.suffix == ".png" else "jpeg", path.read_bytes())
