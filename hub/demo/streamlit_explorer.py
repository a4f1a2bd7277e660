"""The tab "Inside the network" of the Streamlit app: its layout, panel by panel."""

import threading
import zlib
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from hub.demo import arithmetic_panels, explorer_panels, explorer_tab
from hub.demo.render import render
from hub.inference.classifier import Classifier

if TYPE_CHECKING:
    from hub.explorer.network import Network


@st.cache_resource(show_spinner=explorer_panels.LOADING)
def open_network(_classifier: Classifier) -> "Network":
    """Load the network of the app's model in torch, once for all visitors."""
    return explorer_tab.open_network(_classifier)


@st.cache_resource
def timing_lock() -> threading.Lock:
    """Return the lock, shared by all visitors, around the timing of networks.

    Two at once would distort each other's times.
    """
    return threading.Lock()


def show(classifier: Classifier, examples: list[bytes], pixels: np.ndarray | None) -> None:
    """Lay out the tab for the image in `pixels`, else for the first example."""
    pixels = explorer_tab.image_or_example(classifier, pixels, examples)
    network = open_network(classifier)
    panel = st.pills(
        "Panel", explorer_panels.PANELS, default="Filters", required=True, label_visibility="collapsed",
        key="panel", persist_state="session",
    )  # fmt: skip
    st.html(explorer_panels.explanation(panel))
    match panel:
        case "Filters":
            st.html(explorer_panels.filters(network))
        case "Feature maps":
            show_feature_maps(network, pixels)
        case "Padding and stride":
            show_padding_and_stride()
        case "Receptive field":
            show_receptive_field(classifier, network, pixels)
        case "Parameters":
            show_parameters()
        case "Architectures":
            show_architectures()


def show_feature_maps(network: "Network", pixels: np.ndarray | None) -> None:
    """Lay out the strongest channels of a layer, and one of them large."""
    layer = choose_layer(network, "maps", explorer_tab.default_maps_layer(network))
    if sentence := explorer_panels.problem(network, pixels, layer):
        st.html(explorer_panels.notice(sentence))
        return
    many, one = st.columns(2, gap="medium")
    with many.container(key="channels"):
        introduction = st.container()
        thumbnails = explorer_panels.thumbnails(network, pixels, layer)
        channel = st.pills(
            "Channels", list(thumbnails), default=next(iter(thumbnails)), required=True,
            format_func=lambda channel: f"![]({thumbnails[channel]}) {channel}", label_visibility="collapsed",
            key=f"channel of {layer} for {zlib.crc32(pixels)}", persist_state="session",
        )  # fmt: skip
    with one:
        image = st.container()
        opacity = st.slider(
            "Opacity of the channel", 0.0, 1.0, 1.0, key="channel opacity", persist_state="session"
        )
    sentence, large = explorer_panels.feature_maps(
        network, pixels, layer, channel, buttons=False, opacity=opacity
    )
    introduction.html(sentence)
    image.html(large)


def show_padding_and_stride() -> None:
    """Lay out the sliders of a kernel that slides, and its drawing."""
    with st.container(key="slide"):
        size, kernel = slider("Pixels, N"), slider("Kernel, F")
        padding = st.radio(
            "Padding", arithmetic_panels.PADDINGS, 2, horizontal=True, key="padding", persist_state="session"
        )
        pixels = slider("Padding, P", disabled=padding != "number")
        stride, dilation = slider("Stride, S"), slider("Dilation")
    st.html(explorer_tab.slide(size, kernel, padding, pixels, stride, dilation))


def show_receptive_field(classifier: Classifier, network: "Network", pixels: np.ndarray | None) -> None:
    """Lay out the cells of a layer over the image, and what one of them sees."""
    layer = choose_layer(network, "cells", explorer_panels.default_layer(network))
    if sentence := explorer_panels.problem(network, pixels, layer):
        st.html(explorer_panels.notice(sentence))
    else:
        heat = explorer_panels.heatmap(classifier, pixels)
        cells, field = st.columns(2, gap="medium")
        with cells.container(key="cells"):
            grid = st.container()
            rows, columns = explorer_panels.cell_choices(network, layer)
            st.html(render("explorer/cell_columns.html", columns=len(columns)))
            cell = st.pills(
                "Cells", [(row, column) for row in rows for column in columns],
                default=[explorer_panels.default_cell(network, layer, heat)], required=True,
                format_func="Row {0[0]}, column {0[1]}".format, label_visibility="collapsed",
                key=f"cell of {layer} for {zlib.crc32(pixels)}", persist_state="session",
            )  # fmt: skip
        grid.html(explorer_panels.cell_grid(network, pixels, layer, heat, cell, buttons=False)[0])
        field.html(explorer_panels.receptive_field(network, pixels, layer, *cell))
    if table := explorer_panels.layer_table(network):
        st.html(table)


def show_parameters() -> None:
    """Lay out the sliders of a convolution, and what it costs."""
    with st.container(key="cost"):
        channels, filters = slider("Channels in"), slider("Filters")
        kernel, size = slider("Filter size"), slider("Picture, pixels a side")
        stride = slider("Stride")
    for table in explorer_tab.cost(channels, filters, kernel, size, stride):
        st.html(table)


def show_architectures() -> None:
    """Lay out the table of networks, and the button that counts and times them."""
    count, place = st.button("Count and time them here"), st.empty()
    if count:
        st.session_state.architectures = []  # the session keeps them if the visitor leaves the tab
        with timing_lock():
            for table in explorer_tab.count_architectures(st.session_state.architectures):
                place.html(table)
    place.html(explorer_tab.architectures(st.session_state.get("architectures", [])))


def choose_layer(network: "Network", panel: str, default: str | None) -> str | None:
    """Lay out the choice of a layer with maps; None for a network without any."""
    labels = {name: label for label, name in explorer_panels.layer_choices(network)}
    if not labels:
        return None
    names = list(labels)
    return st.selectbox(
        "Layer", names, names.index(default), format_func=labels.get,
        key=f"layer of {panel}", persist_state="session",
    )  # fmt: skip


def slider(label: str, disabled: bool = False) -> int:
    """Lay out a slider of whole numbers."""
    low, high, default = arithmetic_panels.SLIDERS[label]
    return st.slider(label, low, high, default, key=label, persist_state="session", disabled=disabled)
