"""The tab "Inside the network" of the Streamlit app: its layout, panel by panel."""

import threading
import zlib

import numpy as np
import streamlit as st

from hub.demo import arithmetic_panels, explorer_panels, explorer_tab, layer_choice
from hub.demo.explorer_tab import Shown
from hub.demo.render import render
from hub.demo.words import Words
from hub.explorer import network as explorer_network
from hub.explorer.network import Network
from hub.inference.classifier import Classifier


@st.cache_resource(show_spinner=False)
def open_network(_classifier: Classifier) -> Network:
    """Load the network of the app's model, once for all visitors."""
    return explorer_network.open_network(_classifier)


@st.cache_resource
def timing_lock() -> threading.Lock:
    """Return the lock, shared by all visitors, around the timing of networks.

    Two at once would distort each other's times.
    """
    return threading.Lock()


def show(classifier: Classifier, examples: list[bytes], shown: Shown | None, words: Words) -> None:
    """Lay out the tab for the image in `shown`, else for the first example."""
    shown = explorer_tab.shown_or_example(classifier, shown, examples)
    pixels = shown.pixels if shown else None
    if shown:
        st.html(explorer_panels.shown(shown.name, shown.pixels, words))
    with st.spinner(words("inside.loading")):
        network = open_network(classifier)
    panel = st.pills(
        words("inside.topic"), explorer_panels.PANELS, default="filters", required=True,
        format_func=lambda name: words(f"inside.{name}"), label_visibility="collapsed",
        key="panel", persist_state="session",
    )  # fmt: skip
    st.html(explorer_panels.explanation(panel, words))
    match panel:
        case "filters":
            st.html(explorer_panels.filters(network, words))
        case "maps":
            show_feature_maps(network, pixels, words)
        case "slide":
            show_padding_and_stride(words)
        case "field":
            show_receptive_field(classifier, network, pixels, words)
        case "cost":
            show_parameters(words)
        case "architectures":
            show_architectures(words)


def show_feature_maps(network: Network, pixels: np.ndarray | None, words: Words) -> None:
    """Lay out the strongest channels of a layer, and one of them large."""
    layer = choose_layer(network, "maps", words)
    if sentence := explorer_panels.problem(network, pixels, layer, words):
        st.html(explorer_panels.notice(sentence))
        return
    many, one = st.columns([2, 3], gap="medium")
    with many.container(key="channels"):
        introduction = st.container()
        thumbnails = explorer_panels.thumbnails(network, pixels, layer)
        channel = st.pills(
            words("inside.maps_group"), list(thumbnails), default=next(iter(thumbnails)), required=True,
            format_func=lambda channel: f"![]({thumbnails[channel]}) {channel + 1}",
            label_visibility="collapsed", key=f"channel of {layer} for {zlib.crc32(pixels)}",
            persist_state="session",
        )  # fmt: skip
    with one:
        coloured = st.checkbox(words("inside.colour"), key="coloured", persist_state="session")
        image = st.container()
    sentence, large = explorer_panels.feature_maps(network, pixels, layer, channel, coloured, False, words)
    introduction.html(sentence)
    image.html(large)


def show_padding_and_stride(words: Words) -> None:
    """Lay out the sliders of a kernel that slides, and its drawing."""
    with st.container(key="slide"):
        size, kernel = slider("size", words), slider("kernel", words)
        padding = st.radio(
            words("inside.padding"), arithmetic_panels.PADDINGS, 2, horizontal=True,
            format_func=lambda name: words(f"inside.padding_{name}"), key="padding", persist_state="session",
        )  # fmt: skip
        pixels = slider("padding", words, disabled=padding != "number")
        stride, dilation = slider("stride", words), slider("dilation", words)
    st.html(explorer_tab.slide(size, kernel, padding, pixels, stride, dilation, words))


def show_receptive_field(
    classifier: Classifier, network: Network, pixels: np.ndarray | None, words: Words
) -> None:
    """Lay out the cells of a layer over the image, and what one of them sees."""
    layer = choose_layer(network, "cells", words)
    if sentence := explorer_panels.problem(network, pixels, layer, words):
        st.html(explorer_panels.notice(sentence))
    else:
        heat = explorer_panels.heatmap(classifier, pixels)
        cells, field = st.columns(2, gap="medium")
        with cells.container(key="cells"):
            grid = st.container()
            rows, columns = explorer_panels.cell_choices(network, layer)
            st.html(render("explorer/cell_columns.html", columns=len(columns)))
            cell = st.pills(
                words("inside.cells_group"), [(row, column) for row in rows for column in columns],
                default=[explorer_panels.default_cell(network, layer, heat)], required=True,
                format_func=lambda cell: words("inside.cell", row=cell[0] + 1, column=cell[1] + 1),
                label_visibility="collapsed", key=f"cell of {layer} for {zlib.crc32(pixels)}",
                persist_state="session",
            )  # fmt: skip
        grid.html(explorer_panels.cell_grid(network, pixels, layer, heat, cell, False, words)[0])
        field.html(explorer_panels.receptive_field(network, pixels, layer, cell, words))
    if table := explorer_panels.layer_table(network, words):
        st.html(table)


def show_parameters(words: Words) -> None:
    """Lay out the sliders of a convolution, and what it costs."""
    with st.container(key="cost"):
        channels, filters = slider("channels", words), slider("filters", words)
        kernel, size = slider("filter_size", words), slider("image", words)
        stride = slider("step", words)
    for table in explorer_tab.cost(channels, filters, kernel, size, stride, words):
        st.html(table)


def show_architectures(words: Words) -> None:
    """Lay out the table of networks, counted, and the button that times them."""
    place = st.empty()
    time = explorer_network.has_torch() and st.button(words("inside.time"))
    if time:
        st.session_state.times = {}  # the session keeps them if the visitor leaves the tab
        with timing_lock():
            for table in explorer_tab.time_architectures(st.session_state.times, words):
                place.html(table)
    place.html(explorer_tab.architectures(st.session_state.get("times", {}), words))


def choose_layer(network: Network, panel: str, words: Words) -> str | None:
    """Lay out the choices of a depth and of a layer in it.

    Returns None for a network without maps.
    """
    default = layer_choice.default_layer(network)
    if default is None:
        return None
    with st.container(key=f"layer-{panel}"):
        depth = st.pills(
            words("inside.depth"), layer_choice.depths(network), required=True,
            default=layer_choice.depth_of(network, default), format_func=lambda name: words(f"inside.{name}"),
            key=f"depth of {panel}", persist_state="session",
        )  # fmt: skip
        labels = {name: label for label, name in layer_choice.choices(network, depth, words)}
        names = list(labels)
        return st.selectbox(
            words("inside.layer"), names, names.index(layer_choice.default_layer(network, depth)),
            format_func=labels.get, key=f"{depth} layer of {panel}", persist_state="session",
        )  # fmt: skip


def slider(name: str, words: Words, disabled: bool = False) -> int:
    """Lay out a slider of whole numbers."""
    low, high, default = arithmetic_panels.SLIDERS[name]
    return st.slider(
        words(f"inside.slider_{name}"), low, high, default, key=f"slider {name}", persist_state="session",
        disabled=disabled,
    )  # fmt: skip
