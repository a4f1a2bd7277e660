"""The panels of the tab "Inside the network" as HTML, for both apps.

Their templates are in templates/explorer/. Callers open the `Network`: torch takes seconds to import, so this
module imports torch and `hub.explorer` only inside the functions that need them. Images are the network's
input, uint8 [size, size, 1 or 3], or None before there is one; cells are (row, column). Buttons carry
`data-channel` or `data-cell`; `buttons` False leaves out buttons and sliders, for a page that chooses with
its own widgets.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hub.demo import array_images
from hub.demo.render import png_uri, render
from hub.inference import decision
from hub.inference.classifier import Classifier
from hub.inference.heatmap import FULL_COLOUR, local_log_odds
from hub.text import dimensions

if TYPE_CHECKING:
    from torch import Tensor

    from hub.explorer.layers import Layer
    from hub.explorer.milestones import Architecture, Paper
    from hub.explorer.network import Network

PANELS = {
    "Filters": "A filter is a small window of numbers that slides over the picture and answers where the "
    "picture looks like it: light numbers speak for, dark ones against. Training usually begins with "
    "filters that know photographs: an edge is an edge everywhere.",
    "Feature maps": "A feature map is the answer of one filter: bright where it found what it looks for. "
    "Early layers answer finely, and find edges; late ones have few cells left, and find whole patterns. It "
    "is what the network computed, and no finding.",
    "Padding and stride": "A kernel of F pixels fits into N pixels at N − F + 1 places. Padding P adds room "
    "at both ends; stride S keeps one place in S. “valid” is no padding, “same” is as much as makes "
    "the output N / S, rounded up.",
    "Receptive field": "One cell of a deep layer is computed from a window of the picture, its receptive "
    "field. Each layer widens it by (kernel − 1) × the distance between its cells. The box is what the cell "
    "may see, the glow what really moves it: mostly the middle.",
    "Parameters": "A convolution learns one set of filters and uses it at every position, so its parameters "
    "know nothing of the picture's size. Stride leaves positions out: fewer multiplications, fewer outputs, "
    "the very same filters.",
    "Architectures": "Four milestones, side by side: deeper and deeper, with smaller and smaller filters. "
    "What a network costs does not depend on what it has learned, so untrained ones are counted and timed.",
}
LOADING = "Loading the network, which takes some seconds the first time"
GRID = 7  # cells a side, at most, to choose from
THUMBNAILS = 12  # channels to choose from


def explanation(panel: str) -> str:
    """Return the introduction of a panel, one of PANELS."""
    return render("explorer/explanation.html", sentences=PANELS[panel])


def notice(sentence: str) -> str:
    """Return the reason why a panel is empty."""
    return render("explorer/notice.html", sentence=sentence)


def filters(network: "Network") -> str:
    """Return the first layer's filters before and after training, and their change.

    Below them is the cost of the first convolution beside that of a dense layer.
    """
    if network.after is None:
        return notice(network.trouble)
    after = network.after.numpy()
    before = None if network.before is None else network.before.numpy()
    if before is not None and before.shape != after.shape:
        return notice("The filters kept from before training are not of this network; python -m hub filters.")
    return render(
        "explorer/filters.html", shape=after.shape, trouble=network.trouble,
        **array_images.compare_filters(before, after), **_weight_sharing(network, after),
    )  # fmt: skip


def _weight_sharing(network: "Network", filters: np.ndarray) -> dict:
    """Return the first convolution, its number of weights, and a dense layer's cost.

    The dense layer has the convolution's input and output. "convolution" is None if there is none.
    """
    from hub.explorer import conv_arithmetic

    first = next((layer for layer in network.layers if layer.kind != "pooling"), None)
    if first is None or len(first.output) != 3:
        return {"convolution": None}
    # A radiograph model is stored with three input channels, for libraries that feed three; one was trained.
    first = replace(first, input=(filters.shape[1], *first.input[1:]))
    return {"convolution": first, "weights": filters.size, "dense": conv_arithmetic.dense_cost(first)}


def layer_choices(network: "Network") -> list[tuple[str, str]]:
    """Return a label and the name of each layer with maps, in the network's order."""
    return [
        (f"{layer.name}: {_operation(layer)}, {dimensions(layer.output)}", layer.name)
        for layer in network.maps
    ]


def default_layer(network: "Network") -> str | None:
    """Return the default layer, the last one whose maps have several cells.

    Without such a layer it is the last one with maps; None without maps.
    """
    maps = [layer for layer in network.maps if max(layer.output[1:]) > 1] or network.maps
    return maps[-1].name if maps else None


def problem(network: "Network", image: np.ndarray | None, layer: str | None) -> str:
    """Return why a layer cannot be shown; "" if it can."""
    if network.trouble and not network.layers:
        return network.trouble
    if layer not in {choice.name for choice in network.maps}:
        return "This network has no layer whose cells are laid out as a picture."
    if image is None:
        return "Give a picture first, in the first tab"
    return ""


def thumbnails(network: "Network", image: np.ndarray, layer: str) -> dict[int, str]:
    """Return the channels of a layer with the highest mean as data URIs.

    Keys are the channels' numbers, the highest mean first.
    """
    return _thumbnails(_maps(network, image, layer)[0])


def feature_maps(
    network: "Network",
    image: np.ndarray | None,
    layer: str | None,
    channel: int | None = None,
    buttons: bool = True,
    opacity: float = 1.0,
) -> tuple[str, str]:
    """Return a layer's strongest channels as buttons, and one channel large.

    The large one is `channel`, by default the strongest, and lies over the image with an `opacity` from 0 to
    1.
    """
    if sentence := problem(network, image, layer):
        return notice(sentence), ""
    maps, steps = _maps(network, image, layer)
    images = _thumbnails(maps)
    channel = next(iter(images)) if channel is None else min(max(channel, 0), len(maps) - 1)
    grid = render(
        "explorer/channels.html", count=len(maps), steps=steps, thumbnails=images, means=maps.mean((1, 2)),
        choice=channel, buttons=buttons,
    )  # fmt: skip
    values = maps[channel]
    large = render(
        "explorer/channel.html", channel=channel, slider=buttons, opacity=opacity, cells=values.shape,
        image=png_uri(image), overlay=array_images.colour(values),
        mean=values.mean(), highest=values.max(), lowest=values.min(), positive=float((values > 0).mean()),
    )  # fmt: skip
    return grid, large


def _maps(network: "Network", image: np.ndarray, layer: str) -> tuple[np.ndarray, str]:
    from hub.explorer.feature_maps import feature_maps

    with network.lock:
        return feature_maps(network.model, _to_tensor(network, image), layer)


def _thumbnails(maps: np.ndarray) -> dict[int, str]:
    from hub.explorer.feature_maps import strongest_channels

    return {channel: array_images.grey(maps[channel]) for channel in strongest_channels(maps, THUMBNAILS)}


def heatmap(classifier: Classifier, image: np.ndarray) -> np.ndarray | None:
    """Return the heatmap of an image; None for a model without heatmaps.

    The result is float [h, w], from 0 to 1.
    """
    (prediction,) = classifier.predict([image], always=True)
    if not prediction.heatmaps:
        return None
    return (local_log_odds(prediction, decision.heatmap_class(prediction)) / FULL_COLOUR).clip(0, 1)


def cell_choices(network: "Network", layer: str) -> tuple[list[int], list[int]]:
    """Return the rows and the columns of a layer to choose from.

    They are all, or `GRID` of them spread evenly.
    """
    return tuple(
        [int((i + 0.5) * side / min(GRID, side)) for i in range(min(GRID, side))]
        for side in _layer(network, layer).output[-2:]
    )


def default_cell(network: "Network", layer: str, heat: np.ndarray | None) -> tuple[int, int]:
    """Return the default cell: the hottest of `heat`, or else the middle one.

    `heat`, float [h, w] from 0 to 1, counts only if a cell is above 0 and its cells are exactly those to
    choose from.
    """
    rows, columns = cell_choices(network, layer)
    cells = _layer(network, layer).output[-2:]
    if heat is not None and heat.max() > 0 and (len(rows), len(columns)) == cells == heat.shape:
        return tuple(int(i) for i in np.unravel_index(heat.argmax(), heat.shape))
    return rows[len(rows) // 2], columns[len(columns) // 2]


def cell_grid(
    network: "Network",
    image: np.ndarray | None,
    layer: str | None,
    heat: np.ndarray | None = None,
    cell: tuple[int, int] | None = None,
    buttons: bool = True,
) -> tuple[str, tuple[int, int]]:
    """Return a layer's cells as buttons over the image, and the chosen cell.

    `cell` is by default `default_cell`. `heat`, float [h, w] from 0 to 1, tints the cells if it has the
    layer's shape.
    """
    if sentence := problem(network, image, layer):
        return notice(sentence), (0, 0)
    cells = _layer(network, layer).output[-2:]
    heat = heat if heat is not None and heat.shape == cells else None
    rows, columns = cell_choices(network, layer)
    cell = cell or default_cell(network, layer, heat)
    grid = render(
        "explorer/cell_grid.html", image=png_uri(image), cells=cells, rows=rows, columns=columns, choice=cell,
        complete=(len(rows), len(columns)) == cells, tinted=heat is not None,
        tints={} if heat is None else array_images.cell_tints(heat), buttons=buttons,
    )  # fmt: skip
    return grid, cell


def receptive_field(
    network: "Network", image: np.ndarray | None, layer: str | None, row: int, column: int
) -> str:
    """Return the image with the receptive field of a cell.

    The receptive field is a box, the effective one (Luo et al. 2016) a glow. Returns "" if the layer cannot
    be shown.
    """
    if problem(network, image, layer):
        return ""
    from hub.explorer import effective_receptive_field

    target = _layer(network, layer)
    row, column = (
        min(max(i, 0), side - 1) for i, side in zip((row, column), target.output[-2:], strict=True)
    )
    with network.lock:
        gradient = effective_receptive_field.effective_receptive_field(
            network.model, _to_tensor(network, image), layer, row, column
        )
    return render(
        "explorer/receptive_field.html", layer=target, row=row, column=column,
        box=target.box(row, column, whole=False), image=png_uri(image), glow=array_images.glow(gradient),
    )  # fmt: skip


def layer_table(network: "Network") -> str:
    """Return a table of every layer; "" for a network without layers.

    Its columns are the operation, output, receptive field and cost.
    """
    if not network.layers:
        return ""
    return render("explorer/layer_table.html", layers=network.layers, operation=_operation)


def architectures(
    papers: "Sequence[Paper]", results: "Iterable[Architecture]" = (), running: bool = False
) -> str:
    """Return a table with a column per network; what `results` lacks is left open.

    `running` says that the next one is being counted and timed.
    """
    measured = {result.paper.name: result for result in results}
    waiting = [paper.name for paper in papers if paper.name not in measured]
    return render(
        "explorer/architectures.html", papers=papers, results=measured, waiting=waiting, running=running
    )


def _layer(network: "Network", name: str) -> "Layer":
    return next(layer for layer in network.maps if layer.name == name)


def _to_tensor(network: "Network", image: np.ndarray) -> "Tensor":
    import torch

    return torch.from_numpy(np.ascontiguousarray(network.normalize(image[None])))


def _operation(layer: "Layer") -> str:
    """Return a layer's kind, kernel and stride: "depthwise 3 × 3, stride 2"."""
    if layer.kind == "dense" or (layer.kind == "pooling" and layer.kernel == (1, 1)):
        return layer.kind
    stride = f", stride {layer.stride[0]}" if layer.stride != (1, 1) else ""
    kind = "convolution" if layer.kind == "pointwise" else layer.kind
    return f"{kind} {dimensions(layer.kernel)}{stride}"
