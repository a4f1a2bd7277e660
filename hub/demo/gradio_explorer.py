"""The tab "Inside the network" of the Gradio app: its layout and its events."""

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import gradio as gr
import numpy as np

from hub.demo import arithmetic_panels, explorer_panels, explorer_tab, panels
from hub.demo.gradio_options import EVENTS
from hub.demo.render import script
from hub.inference.classifier import Classifier

if TYPE_CHECKING:
    from hub.explorer.network import Network

SELECT = script("select_channel_or_cell.js")
LATEST = EVENTS | {"trigger_mode": "always_last"}  # for settings that change faster than panels are drawn
LOADING = panels.empty_card(explorer_panels.LOADING)

OpenNetwork = Callable[[], "Network"]


def build(tab: gr.Tab, classifier: Classifier, examples: list[Path], pixels: gr.State) -> None:
    """Lay out the tab for the image in `pixels`, else for the first example.

    Opening the tab loads torch.
    """
    network = functools.cache(lambda: explorer_tab.open_network(classifier))

    def image(pixels: np.ndarray | None) -> np.ndarray | None:
        return explorer_tab.image_or_example(classifier, pixels, examples)

    names = list(explorer_panels.PANELS)
    choice = gr.Radio(names, value=names[0], label="Panel", show_label=False, elem_id="panels")
    columns = []
    for name in names:
        with gr.Column(visible=name == names[0]) as column:
            gr.HTML(explorer_panels.explanation(name))
        columns.append(column)
    choice.change(
        lambda chosen: [gr.update(visible=name == chosen) for name in names], choice, columns, **EVENTS
    )

    filters, maps, slide, field, cost, architectures = columns
    with filters:
        drawing = gr.HTML(LOADING)
    opened = tab.select(lambda: explorer_panels.filters(network()), None, drawing, **EVENTS)
    # The other panels wait for this event, which loads the network.
    with maps:
        feature_maps(opened, network, image, pixels)
    with slide:
        padding_and_stride(opened)
    with field:
        receptive_field(opened, network, image, pixels, classifier)
    with cost:
        parameters(opened)
    with architectures:
        architecture_table(opened)


def feature_maps(
    opened: gr.events.Dependency, network: OpenNetwork, image: Callable, pixels: gr.State
) -> None:
    """Lay out the choice of a layer, its strongest channels, and one of them large."""
    layer = gr.Dropdown(label="Layer", visible=False)
    with gr.Row(elem_id="maps"):
        channels = gr.HTML(LOADING, js_on_load=SELECT)
        channel = gr.HTML()

    def open_panel(pixels: np.ndarray | None, layer: str | None) -> tuple:
        layer = layer or explorer_tab.default_maps_layer(network())
        return choose_layer(network(), layer), *draw(pixels, layer)

    def draw(pixels: np.ndarray | None, layer: str | None) -> tuple[str, str]:
        return explorer_panels.feature_maps(network(), image(pixels), layer)

    def draw_channel(event: gr.EventData, pixels: np.ndarray | None, layer: str) -> str:
        return explorer_panels.feature_maps(network(), image(pixels), layer, int(event.index))[1]

    opened.then(open_panel, [pixels, layer], [layer, channels, channel], **EVENTS)
    layer.input(draw, [pixels, layer], [channels, channel], **EVENTS)
    channels.select(draw_channel, [pixels, layer], channel, **LATEST)


def padding_and_stride(opened: gr.events.Dependency) -> None:
    """Lay out the sliders of a kernel that slides, and its drawing."""
    with gr.Row():
        settings = [slider("Pixels, N"), slider("Kernel, F")]
        settings.append(gr.Radio(arithmetic_panels.PADDINGS, value="number", label="Padding", min_width=140))
    with gr.Row():
        settings += [slider("Padding, P"), slider("Stride, S"), slider("Dilation")]
    drawing = gr.HTML(LOADING)
    _, _, _, padding_pixels, _, _ = settings

    def draw(size: int, kernel: int, padding: str, pixels: int, stride: int, dilation: int) -> tuple:
        drawing = explorer_tab.slide(size, kernel, padding, pixels, stride, dilation)
        return drawing, gr.update(interactive=padding == "number")

    outputs = [drawing, padding_pixels]
    opened.then(draw, settings, outputs, **EVENTS)
    gr.on([setting.change for setting in settings], draw, settings, outputs, **LATEST)


def receptive_field(
    opened: gr.events.Dependency,
    network: OpenNetwork,
    image: Callable,
    pixels: gr.State,
    classifier: Classifier,
) -> None:
    """Lay out the cells of a layer over the image, and what one of them sees."""
    layer = gr.Dropdown(label="Layer", visible=False)
    with gr.Row(elem_id="fields"):
        cells = gr.HTML(LOADING, js_on_load=SELECT)
        cell = gr.HTML()
    every_layer = gr.HTML()

    def open_panel(pixels: np.ndarray | None, layer: str | None) -> tuple:
        layer = layer or explorer_panels.default_layer(network())
        table = explorer_panels.layer_table(network())
        return choose_layer(network(), layer), *draw(pixels, layer), table

    def draw(pixels: np.ndarray | None, layer: str | None) -> tuple[str, str]:
        return explorer_tab.receptive_field(classifier, network(), image(pixels), layer)

    def draw_cell(event: gr.EventData, pixels: np.ndarray | None, layer: str) -> str:
        return explorer_panels.receptive_field(
            network(), image(pixels), layer, *map(int, event.index.split(","))
        )

    opened.then(open_panel, [pixels, layer], [layer, cells, cell, every_layer], **EVENTS)
    layer.input(draw, [pixels, layer], [cells, cell], **EVENTS)
    cells.select(draw_cell, [pixels, layer], cell, **LATEST)


def parameters(opened: gr.events.Dependency) -> None:
    """Lay out the sliders of a convolution, and what it costs."""
    with gr.Row():
        settings = [slider("Channels in"), slider("Filters"), slider("Filter size")]
    with gr.Row():
        settings += [slider("Picture, pixels a side"), slider("Stride")]
    outputs = [gr.HTML(LOADING), gr.HTML()]
    opened.then(explorer_tab.cost, settings, outputs, **EVENTS)
    gr.on([setting.change for setting in settings], explorer_tab.cost, settings, outputs, **LATEST)


def architecture_table(opened: gr.events.Dependency) -> None:
    """Lay out the table of networks, and the button that counts and times them."""
    count = gr.Button("Count and time them here", variant="primary", elem_id="count")
    table = gr.HTML(LOADING)

    def count_architectures() -> Iterator[str]:
        yield from explorer_tab.count_architectures([])

    opened.then(lambda: explorer_tab.architectures(), None, table, **EVENTS)
    # One at a time: two at once would distort each other's times.
    count.click(
        count_architectures, None, table,
        api_visibility="private", show_progress="hidden", concurrency_limit=1,
    )  # fmt: skip


def choose_layer(network: "Network", layer: str | None) -> dict:
    """Return the update of a dropdown: the layers that have maps, `layer` chosen."""
    choices = explorer_panels.layer_choices(network)
    return gr.update(choices=choices, value=layer, visible=bool(choices))


def slider(label: str) -> gr.Slider:
    """Lay out a slider of whole numbers."""
    return gr.Slider(*arithmetic_panels.SLIDERS[label], step=1, label=label, min_width=140)
