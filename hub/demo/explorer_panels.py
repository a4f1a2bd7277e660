"""The panels of the tab "Inside the network" as HTML, for both apps.

Their templates are in templates/explorer/. Callers open the `Network`. Images are the network's input, uint8
[size, size, 1 or 3], or None before there is one; cells are (row, column). Buttons carry `data-channel` or
`data-cell`; `buttons` False leaves out buttons and sliders, for a page that chooses with its own widgets.
"""

from collections.abc import Sequence

import numpy as np

from hub.demo import array_images, layer_choice
from hub.demo.render import png_uri, render
from hub.demo.words import Words
from hub.explorer import conv_arithmetic
from hub.explorer.layers import strongest_channels
from hub.explorer.milestones import Architecture
from hub.explorer.network import Network, has_torch
from hub.inference import decision
from hub.inference.classifier import Classifier
from hub.inference.heatmap import FULL_COLOUR, local_log_odds
from hub.text import file_size, thousands

PANELS = ("filters", "maps", "slide", "field", "cost", "architectures")
NOTES = {"LeNet-5": "lenet", "AlexNet": "alexnet", "VGG-16": "vgg"}
GRID = 7  # cells a side, at most, to choose from
THUMBNAILS = 12  # channels to choose from


def explanation(panel: str, words: Words) -> str:
    """Return the introduction of a panel, one of PANELS."""
    return render("explorer/explanation.html", sentences=words(f"inside.{panel}_lesson"))


def notice(sentence: str) -> str:
    """Return the reason why a panel is empty."""
    return render("explorer/notice.html", sentence=sentence)


def shown(name: str, image: np.ndarray, words: Words) -> str:
    """Return the name of the image that the tab shows, and the image small.

    Without a name it is an example that nobody chose.
    """
    sentence = words("inside.shown", title=name) if name else words("inside.shown_example")
    return render("explorer/shown.html", image=png_uri(image), sentence=sentence)


def filters(network: Network, words: Words) -> str:
    """Return the first layer's filters before and after training, and their change.

    Below them is the cost of the first convolution beside that of a dense layer.
    """
    if network.after is None:
        return notice(network.trouble)
    before, after = network.before, network.after
    if before is not None and before.shape != after.shape:
        return notice(words("inside.filters_foreign"))
    return render(
        "explorer/filters.html", shape=after.shape, trouble=network.trouble, words=words,
        **array_images.compare_filters(before, after), **_weight_sharing(network, words),
    )  # fmt: skip


def _weight_sharing(network: Network, words: Words) -> dict:
    """Return the first convolution and its weights, and what a dense layer costs.

    "stored" is how many of the weights the file holds. The dense layer has the convolution's input and
    output. "convolution" is None if there is none.
    """
    layers, stored = layer_choice.layers_as_trained(network)
    first = next((layer for layer in layers if layer.kind != "pooling"), None)
    if first is None or len(first.output) != 3:
        return {"convolution": None}
    weights, dense = network.after.size, conv_arithmetic.dense_cost(first).parameters
    return {
        "convolution": first,
        "weights": weights,
        "stored": stored,
        "dense": _in_words(dense, words),
        "times": _in_words(dense // weights, words),
        "size": file_size(4 * dense),
    }


def _in_words(count: float, words: Words) -> str:
    """Return a count for a sentence: 61,706, 3.5 million, 20.1 billion."""
    for unit, name in ((1e9, "billions"), (1e6, "millions")):
        if count >= unit:
            units = {"ten_thousands": 1e4, "hundred_millions": 1e8}  # in which Chinese counts
            return words(
                f"inside.{name}",
                count=f"{count / unit:,.1f}",
                **{key: f"{count / value:,.0f}" for key, value in units.items()},
            )
    return thousands(round(count))


def problem(network: Network, image: np.ndarray | None, layer: str | None, words: Words) -> str:
    """Return why a layer cannot be shown; "" if it can."""
    if network.trouble and (not network.layers or network.feature_maps is None):
        return network.trouble
    if layer not in [choice.name for choice in network.maps]:  # a client may send what is no name
        return words("inside.no_maps")
    return words("inside.no_image") if image is None else ""


def thumbnails(network: Network, image: np.ndarray, layer: str) -> dict[int, str]:
    """Return the channels of a layer with the highest mean as data URIs.

    Keys are the channels' numbers, the highest mean first.
    """
    return _thumbnails(_maps(network, image, layer)[0])


def feature_maps(
    network: Network,
    image: np.ndarray | None,
    layer: str | None,
    channel: int | None,
    coloured: bool,
    buttons: bool,
    words: Words,
) -> tuple[str, str]:
    """Return a layer's strongest channels as buttons, and one channel large.

    The large one is `channel`, the strongest if None, beside the image. It is grey, or lies over the image if
    `coloured`.
    """
    if sentence := problem(network, image, layer, words):
        return notice(sentence), ""
    maps, steps = _maps(network, image, layer)
    images = _thumbnails(maps)
    channel = next(iter(images)) if channel is None else min(max(channel, 0), len(maps) - 1)
    grid = render(
        "explorer/channels.html", count=len(maps), steps=steps, thumbnails=images, means=maps.mean((1, 2)),
        choice=channel, buttons=buttons, words=words,
        technical=layer_choice.technical_name(network, layer, words),
    )  # fmt: skip
    values = maps[channel]
    large = render(
        "explorer/channel.html", channel=channel, count=len(maps), cells=values.shape, image=png_uri(image),
        map=(array_images.colour if coloured else array_images.grey)(values), coloured=coloured,
        mean=values.mean(), highest=values.max(), lowest=values.min(), words=words,
    )  # fmt: skip
    return grid, large


def _maps(network: Network, image: np.ndarray, layer: str) -> tuple[np.ndarray, str]:
    return network.feature_maps(_to_input(network, image), layer)


def _thumbnails(maps: np.ndarray) -> dict[int, str]:
    return {channel: array_images.grey(maps[channel]) for channel in strongest_channels(maps, THUMBNAILS)}


def heatmap(classifier: Classifier, image: np.ndarray) -> np.ndarray | None:
    """Return the heatmap of an image; None for a model without heatmaps.

    The result is float [h, w], from 0 to 1.
    """
    (prediction,) = classifier.predict([image], always=True)
    if not prediction.heatmaps:
        return None
    return (local_log_odds(prediction, decision.heatmap_class(prediction)) / FULL_COLOUR).clip(0, 1)


def cell_choices(network: Network, layer: str) -> tuple[list[int], list[int]]:
    """Return the rows and the columns of a layer to choose from.

    They are all, or `GRID` of them spread evenly.
    """
    return tuple(
        [int((i + 0.5) * side / min(GRID, side)) for i in range(min(GRID, side))]
        for side in layer_choice.find(network, layer).output[-2:]
    )


def default_cell(network: Network, layer: str, heat: np.ndarray | None) -> tuple[int, int]:
    """Return the default cell: the hottest of `heat`, or else the middle one.

    `heat`, float [h, w] from 0 to 1, counts only if a cell is above 0 and its cells are exactly those to
    choose from.
    """
    rows, columns = cell_choices(network, layer)
    cells = layer_choice.find(network, layer).output[-2:]
    if heat is not None and heat.max() > 0 and (len(rows), len(columns)) == cells == heat.shape:
        return tuple(int(i) for i in np.unravel_index(heat.argmax(), heat.shape))
    return rows[len(rows) // 2], columns[len(columns) // 2]


def cell_grid(
    network: Network,
    image: np.ndarray | None,
    layer: str | None,
    heat: np.ndarray | None,
    cell: tuple[int, int] | None,
    buttons: bool,
    words: Words,
) -> tuple[str, tuple[int, int]]:
    """Return a layer's cells as buttons over the image, and the chosen cell.

    `cell` is `default_cell` if None. `heat`, float [h, w] from 0 to 1, tints the cells if it has the
    layer's shape.
    """
    if sentence := problem(network, image, layer, words):
        return notice(sentence), (0, 0)
    cells = layer_choice.find(network, layer).output[-2:]
    heat = heat if heat is not None and heat.shape == cells else None
    rows, columns = cell_choices(network, layer)
    cell = cell or default_cell(network, layer, heat)
    grid = render(
        "explorer/cell_grid.html", image=png_uri(image), cells=cells, rows=rows, columns=columns, choice=cell,
        complete=(len(rows), len(columns)) == cells, tinted=heat is not None,
        tints={} if heat is None else array_images.cell_tints(heat), buttons=buttons, words=words,
        technical=layer_choice.technical_name(network, layer, words),
    )  # fmt: skip
    return grid, cell


def receptive_field(
    network: Network, image: np.ndarray | None, layer: str | None, cell: tuple[int, int], words: Words
) -> str:
    """Return the image with the receptive field of a cell.

    The receptive field is a box, the effective one (Luo et al. 2016) a glow. Returns "" if the layer cannot
    be shown.
    """
    if problem(network, image, layer, words):
        return ""
    target = layer_choice.find(network, layer)
    row, column = (min(max(i, 0), side - 1) for i, side in zip(cell, target.output[-2:], strict=True))
    gradient = network.effective_field(_to_input(network, image), layer, row, column)
    return render(
        "explorer/receptive_field.html", layer=target, row=row, column=column,
        box=target.box(row, column, whole=False), image=png_uri(image), glow=array_images.glow(gradient),
        words=words,
    )  # fmt: skip


def layer_table(network: Network, words: Words) -> str:
    """Return a table of every layer; "" for a network without layers.

    Its columns are the operation, output, receptive field and cost.
    """
    if not network.layers:
        return ""
    layers, stored = layer_choice.layers_as_trained(network)
    return render(
        "explorer/layer_table.html",
        layers=layers,
        stored=stored,
        operation=layer_choice.operation,
        words=words,
    )


def architectures(
    counted: Sequence[Architecture], times: dict[str, float], running: bool, words: Words
) -> str:
    """Return a table with a column per network.

    `times` are milliseconds by the network's name; what they lack is left open. `running` says that the next
    one is being timed. Where torch is missing, a sentence says that none can be.
    """
    waiting = [row.paper.name for row in counted if row.paper.name not in times]
    return render(
        "explorer/architectures.html", counted=counted, times=times, waiting=waiting, running=running,
        notes=NOTES, timeable=has_torch(), words=words,
    )  # fmt: skip


def _to_input(network: Network, image: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(network.normalize(image[None]))
