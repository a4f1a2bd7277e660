"""The tab "Inside the network" of the Gradio app: its layout and its events."""

import functools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import gradio as gr
import numpy as np

from hub.demo import arithmetic_panels, explorer_panels, explorer_tab, layer_choice
from hub.demo.explorer_tab import Shown
from hub.demo.gradio_language import Localized, label, localized_html, words_of
from hub.demo.gradio_options import EVENTS, LATEST
from hub.demo.render import script
from hub.demo.words import Words
from hub.errors import InputError
from hub.explorer.network import Network, has_torch, opened_once
from hub.inference.classifier import Classifier

SELECT = script("select_channel_or_cell.js")


@dataclass(frozen=True)
class Tab:
    """What every panel of the tab needs.

    `opened` is the event that loads the network, for which all panels wait; `shown` is the state of the
    visitor's image, and `pixels` returns those of the image in it, or of the first example.
    """

    opened: gr.events.Dependency
    network: Callable[[], Network]
    shown: gr.State
    pixels: Callable[[Shown | None], np.ndarray | None]
    classifier: Classifier
    localized: Localized

    def words(self, request: gr.Request) -> Words:
        """Return the words in the visitor's language."""
        return words_of(request, self.classifier)

    def label(self, name: str) -> object:
        """Return a phrase of the section "inside" as the label of a component."""
        return label(f"inside.{name}", self.classifier)

    def loading(self, **options) -> gr.HTML:
        """Lay out HTML that says that the network is being loaded."""
        return _loading(self.localized, self.classifier, **options)


def build(
    tab: gr.Tab, classifier: Classifier, examples: list[Path], shown: gr.State, localized: Localized
) -> None:
    """Lay out the tab for the image in `shown`, else for the first example.

    `shown` holds a `Shown` or None. Opening the tab loads the network.
    """
    network = opened_once(classifier)

    def image(shown: Shown | None) -> Shown | None:
        return explorer_tab.shown_or_example(classifier, shown, examples)

    def pixels(shown: Shown | None) -> np.ndarray | None:
        shown = image(shown)
        return shown.pixels if shown else None

    def draw_shown(shown: Shown | None, request: gr.Request) -> str:
        shown = image(shown)
        return explorer_panels.shown(shown.name, shown.pixels, words_of(request, classifier)) if shown else ""

    def draw_filters(request: gr.Request) -> str:
        return explorer_panels.filters(network(), words_of(request, classifier))

    tab.select(draw_shown, shown, gr.HTML(), **EVENTS)
    columns = build_topics(classifier, localized)
    with columns["filters"]:
        drawing = _loading(localized, classifier)
    opened = tab.select(draw_filters, None, drawing, **EVENTS)
    panels = {
        "maps": feature_maps,
        "slide": padding_and_stride,
        "field": receptive_field,
        "cost": parameters,
        "architectures": architecture_table,
    }
    for name, panel in panels.items():
        with columns[name]:
            panel(Tab(opened, network, shown, pixels, classifier, localized))


def build_topics(classifier: Classifier, localized: Localized) -> dict[str, gr.Column]:
    """Lay out the choice of a panel; return the column of each by its name.

    A column only has its introduction yet.
    """
    names = explorer_panels.PANELS
    choice = gr.Radio(
        [(label(f"inside.{name}", classifier), name) for name in names],
        value=names[0],
        label=label("inside.topic", classifier),
        elem_id="panels",
        elem_classes="pills",
    )
    columns = {}
    for name in names:
        with gr.Column(visible=name == names[0]) as columns[name]:
            localized_html(functools.partial(explorer_panels.explanation, name), localized, classifier)
    choice.change(
        lambda chosen: [gr.update(visible=name == chosen) for name in names],
        choice, list(columns.values()), **EVENTS,
    )  # fmt: skip
    return columns


def feature_maps(tab: Tab) -> None:
    """Lay out the choice of a layer, its strongest channels, and one of them large."""
    depth, layer = choose_layer(tab, "maps")
    channel = gr.State()
    with gr.Row(elem_id="maps"):
        with gr.Column(scale=2):
            channels = tab.loading(js_on_load=SELECT)
        with gr.Column(scale=3):
            coloured = gr.Checkbox(label=tab.label("colour"), elem_id="coloured")
            large = gr.HTML()

    def draw(shown: Shown | None, layer: str | None, coloured: bool, request: gr.Request) -> tuple:
        panel = _maps(tab, shown, layer, None, coloured, request)
        return *panel, None

    def draw_channel(
        event: gr.EventData, shown: Shown | None, layer: str, coloured: bool, request: gr.Request
    ) -> tuple:
        (channel,) = _chosen(event, 1)
        return _maps(tab, shown, layer, channel, coloured, request)[1], channel

    def draw_colour(
        shown: Shown | None, layer: str, channel: int | None, coloured: bool, request: gr.Request
    ) -> str:
        return _maps(tab, shown, layer, channel, coloured, request)[1]

    settings, outputs = [tab.shown, layer, coloured], [channels, large, channel]
    on_layer(tab, depth, layer, draw, settings, outputs)
    channels.select(draw_channel, settings, [large, channel], **LATEST)
    coloured.input(draw_colour, [tab.shown, layer, channel, coloured], large, **LATEST)


def _maps(
    tab: Tab, shown: Shown | None, layer: str | None, channel: int | None, coloured: bool, request: gr.Request
) -> tuple[str, str]:
    return explorer_panels.feature_maps(
        tab.network(), tab.pixels(shown), layer, channel, coloured, True, tab.words(request)
    )


def padding_and_stride(tab: Tab) -> None:
    """Lay out the sliders of a kernel that slides, and its drawing."""
    paddings = [(tab.label(f"padding_{name}"), name) for name in arithmetic_panels.PADDINGS]
    with gr.Row():
        settings = [slider(tab, "size"), slider(tab, "kernel")]
        settings.append(gr.Radio(paddings, value="number", label=tab.label("padding"), min_width=140))
    with gr.Row():
        settings += [slider(tab, "padding"), slider(tab, "stride"), slider(tab, "dilation")]
    drawing = tab.loading()
    _, _, _, padding_pixels, _, _ = settings

    def draw(
        size: int, kernel: int, padding: str, pixels: int, stride: int, dilation: int, request: gr.Request
    ) -> tuple:
        drawing = explorer_tab.slide(size, kernel, padding, pixels, stride, dilation, tab.words(request))
        return drawing, gr.update(interactive=padding == "number")

    outputs = [drawing, padding_pixels]
    tab.opened.then(draw, settings, outputs, **EVENTS)
    gr.on([setting.change for setting in settings], draw, settings, outputs, **LATEST)


def receptive_field(tab: Tab) -> None:
    """Lay out the cells of a layer over the image, and what one of them sees."""
    depth, layer = choose_layer(tab, "field")
    with gr.Row(elem_id="fields"):
        cells = tab.loading(js_on_load=SELECT)
        cell = gr.HTML()
    table = gr.HTML()

    def draw(shown: Shown | None, layer: str | None, request: gr.Request) -> tuple[str, str]:
        return explorer_tab.receptive_field(
            tab.classifier, tab.network(), tab.pixels(shown), layer, tab.words(request)
        )

    def draw_cell(event: gr.EventData, shown: Shown | None, layer: str, request: gr.Request) -> str:
        cell = _chosen(event, 2)
        return explorer_panels.receptive_field(
            tab.network(), tab.pixels(shown), layer, cell, tab.words(request)
        )

    def draw_table(request: gr.Request) -> str:
        return explorer_panels.layer_table(tab.network(), tab.words(request))

    settings = [tab.shown, layer]
    on_layer(tab, depth, layer, draw, settings, [cells, cell])
    tab.opened.then(draw_table, None, table, **EVENTS)
    cells.select(draw_cell, settings, cell, **LATEST)


def parameters(tab: Tab) -> None:
    """Lay out the sliders of a convolution, and what it costs."""
    with gr.Row():
        settings = [slider(tab, "channels"), slider(tab, "filters"), slider(tab, "filter_size")]
    with gr.Row():
        settings += [slider(tab, "image"), slider(tab, "step")]
    outputs = [tab.loading(), gr.HTML()]

    def draw(channels: int, filters: int, kernel: int, size: int, stride: int, request: gr.Request) -> tuple:
        return explorer_tab.cost(channels, filters, kernel, size, stride, tab.words(request))

    tab.opened.then(draw, settings, outputs, **EVENTS)
    gr.on([setting.change for setting in settings], draw, settings, outputs, **LATEST)


def architecture_table(tab: Tab) -> None:
    """Lay out the table of networks, counted, and the button that times them."""
    time = gr.Button(tab.label("time"), elem_id="time", visible=has_torch())
    table = tab.loading()

    def draw(request: gr.Request) -> str:
        return explorer_tab.architectures({}, tab.words(request))

    def time_architectures(request: gr.Request) -> Iterator[str]:
        yield from explorer_tab.time_architectures({}, tab.words(request))

    tab.opened.then(draw, None, table, **EVENTS)
    # One at a time: two at once would distort each other's times.
    time.click(
        time_architectures, None, table,
        api_visibility="private", show_progress="hidden", concurrency_limit=1,
    )  # fmt: skip


def choose_layer(tab: Tab, panel: str) -> tuple[gr.Radio, gr.Dropdown]:
    """Lay out the choices of a depth and of a layer in it.

    They are hidden until the network is loaded.
    """
    options = {"visible": False, "min_width": 240}
    with gr.Row(elem_classes="layer"):
        depth = gr.Radio(
            label=tab.label("depth"), elem_id=f"{panel}-depth", elem_classes="pills", scale=3, **options
        )
        layer = gr.Dropdown(label=tab.label("layer"), elem_id=f"{panel}-layer", scale=2, **options)
    return depth, layer


def on_layer(
    tab: Tab, depth: gr.Radio, layer: gr.Dropdown, draw: Callable, settings: list, outputs: list
) -> None:
    """Draw a panel when the tab is opened, and when a depth or a layer is chosen.

    `settings` are the state of the image, the layer and what else `draw` takes, before the request.
    """

    def choose(depth: str | None, layer: str | None, request: gr.Request) -> tuple[dict, dict]:
        network = tab.network()
        layer = layer or layer_choice.default_layer(network)
        depth = depth or (layer and layer_choice.depth_of(network, layer))
        depths = [(tab.label(name), name) for name in layer_choice.depths(network)]
        layers = layer_choice.choices(network, depth, tab.words(request))
        return (
            gr.update(choices=depths, value=depth, visible=bool(depths)),
            gr.update(choices=layers, value=layer, visible=bool(layers)),
        )

    def choose_depth(depth: str | None, request: gr.Request) -> dict:
        return choose(depth, layer_choice.default_layer(tab.network(), depth or "middle"), request)[1]

    tab.opened.then(choose, [depth, layer], [depth, layer], **EVENTS).then(draw, settings, outputs, **EVENTS)
    depth.input(choose_depth, depth, layer, **EVENTS).then(draw, settings, outputs, **EVENTS)
    layer.input(draw, settings, outputs, **EVENTS)


def slider(tab: Tab, name: str) -> gr.Slider:
    """Lay out a slider of whole numbers."""
    return gr.Slider(
        *arithmetic_panels.SLIDERS[name], step=1, label=tab.label(f"slider_{name}"), min_width=140
    )


def _chosen(event: gr.EventData, count: int) -> tuple[int, ...]:
    """Return the numbers of a channel or a cell that a visitor chose.

    A browser may send anything: raises InputError for what is not so many numbers.
    """
    data = event._data
    index = data.get("index") if isinstance(data, dict) else None
    numbers = index.split(",") if isinstance(index, str) else []
    if len(numbers) != count or not all(re.fullmatch("[0-9]{1,6}", number) for number in numbers):
        raise InputError("There is no such channel or cell; choose one of those on the page.")
    return tuple(map(int, numbers))


def _loading(localized: Localized, classifier: Classifier, **options) -> gr.HTML:
    return localized_html(
        lambda words: explorer_panels.notice(words("inside.loading")), localized, classifier, **options
    )
