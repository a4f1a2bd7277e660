"""Inside the network, as HTML for both pages; page.css makes it look so.

Without torch, which takes seconds to import: what is drawn comes from `hub.explorer.inside`, whose `Network`
is passed in. Pictures are what the network was given, uint8 [size, size, 1 or 3]. Buttons carry
`data-channel` or `data-cell`, by which a page knows what was chosen; `buttons` False leaves them and sliders
out, for a page whose own widgets choose. There is no SVG in it: Streamlit lets none through.
"""

import base64
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from hub.errors import InputError
from hub.inference import decision
from hub.inference.classifier import Classifier
from hub.inference.heatmap import FAINT, FULL_COLOUR, local_log_odds, tint
from hub.text import percent

if TYPE_CHECKING:
    from hub.explorer.conv_arithmetic import Cost, Slide
    from hub.explorer.inside import Architecture, Network, Paper
    from hub.explorer.layers import Layer

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
# What the sliders go from and to, and where they begin.
SLIDERS = {
    "Pixels, N": (1, 64, 12),
    "Kernel, F": (1, 15, 3),
    "Padding, P": (0, 8, 1),
    "Stride, S": (1, 8, 2),
    "Dilation": (1, 4, 1),
    "Channels in": (1, 512, 64),
    "Filters": (1, 512, 64),
    "Filter size": (1, 11, 3),
    "Picture, pixels a side": (1, 256, 56),
    "Stride": (1, 4, 2),
}
PADDINGS = ("valid", "same", "number")
GRID = 7  # buttons a side, at most, to choose a cell by
THUMBNAILS = 12
ROWS = 8  # positions of a kernel that are drawn
SMALLEST_FILTER = 0.01  # of the largest: what is weaker is drawn plain, not blown up
KERNEL_SIDE = 24  # pixels, at least, that a filter is drawn in


def explanation(panel: str) -> str:
    """Return what a panel is about."""
    return _inside(f"<p class='lesson'>{PANELS[panel]}</p>")


def notice(sentence: str) -> str:
    """Return why there is nothing to see."""
    return _inside(f"<p class='empty' role='status'>{escape(sentence)}</p>")


def impossible(error: InputError) -> str:
    """Return what is wrong with the settings."""
    return _inside(f"<p class='care' role='status'><strong>Impossible.</strong> {escape(str(error))}</p>")


def _inside(html: str) -> str:
    """Return a part of these panels as what page.css knows it by."""
    return f"<div class='inside'>{html}</div>"


# Filters


def filters(network: "Network") -> str:
    """Return the first layer's filters before and after training, how they changed, and weight sharing."""
    if network.after is None:
        return notice(network.trouble)
    after = network.after.numpy()
    before = None if network.before is None else network.before.numpy()
    if before is not None and before.shape != after.shape:
        return notice("The filters kept from before training are not of this network; python -m hub filters.")
    count, _, height, width = after.shape
    if before is None:
        figures = _mosaic(after, np.abs(after), "Now")
        says = (
            network.trouble
            or "This model folder keeps no filters from before training, so only those after it are shown."
        )
    else:
        largest = np.maximum(np.abs(before), np.abs(after))
        change = after - before
        factor = _factor(change, largest)
        enlarged = "on the same scale" if factor == 1 else f"{factor} times enlarged"
        figures = (
            _mosaic(before, largest, "Before training")
            + _mosaic(after, largest, "After training")
            + _mosaic(change * factor, largest, f"What changed, {enlarged}")
        )
        share = np.linalg.norm(change) / max(np.linalg.norm(before), 1e-12)
        says = f"Training changed these numbers by {percent(float(share))} of their size in all."
    return _inside(
        f"<p>{count} filters of {height} × {width} numbers. Grey is zero: one that is all grey does next to "
        f"nothing. {escape(says)}</p>"
        f"<div class='mosaics'>{figures}</div>{_weight_sharing(network, after)}"
    )


def _factor(change: np.ndarray, largest: np.ndarray) -> int:
    """Return by how much a change is enlarged so that it shows: a power of two, or one."""
    share = float((np.abs(change) / _scale(largest)).max())
    return 2 ** max(0, math.floor(-math.log2(max(share, 1e-4))))


def _scale(largest: np.ndarray) -> np.ndarray:
    """Return what is drawn black or white in each filter, [filters, 1, 1, 1]."""
    scale = largest.max((1, 2, 3), keepdims=True)
    return np.maximum(scale, max(SMALLEST_FILTER * float(scale.max()), 1e-12))


def _mosaic(kernels: np.ndarray, largest: np.ndarray, caption: str) -> str:
    """Return the filters [filters, channels, h, w] as one picture, each on a scale of its own `largest`."""
    if kernels.shape[1] not in (1, 3):
        kernels = kernels.mean(1, keepdims=True)
    pixels = np.clip(127.5 + 127.5 * kernels / _scale(largest), 0, 255).astype(np.uint8).transpose(0, 2, 3, 1)
    pixels = np.broadcast_to(pixels, (*pixels.shape[:3], 3))
    zoom = max(1, KERNEL_SIDE // max(pixels.shape[1:3]))
    tiles = "".join(
        f"<img src='{_png(tile.repeat(zoom, 0).repeat(zoom, 1))}' alt='' title='Filter {number}'>"
        for number, tile in enumerate(pixels)
    )
    return (
        f"<figure><div class='tiles' role='img' aria-label='{escape(caption)}: {len(pixels)} filters'>{tiles}"
        f"</div><figcaption>{escape(caption)}</figcaption></figure>"
    )


def _weight_sharing(network: "Network", kernels: np.ndarray) -> str:
    """Return what a dense layer in the first convolution's place would cost."""
    from hub.explorer import conv_arithmetic

    first = next((layer for layer in network.layers if layer.kind != "pooling"), None)
    if first is None or len(first.output) != 3:
        return ""
    # A model folder of radiographs has three channels for readers that feed three; one was trained.
    first = replace(first, input=(kernels.shape[1], *first.input[1:]))
    dense = conv_arithmetic.dense_instead(first)
    shared = kernels.size
    return (
        "<h3>Weight sharing</h3>"
        f"<p>One filter serves every position, so this layer has {shared:,} weights. A dense layer "
        f"from the same {_sides(first.input)} numbers to the same {_sides(first.output)} would have "
        f"<strong>{_words(dense.parameters)}</strong>: {_words(dense.parameters // shared)} times as many, "
        f"{_bytes(4 * dense.parameters)} in 32 bits, for this one layer.</p>"
    )


# Feature maps


def layer_choices(network: "Network") -> list[tuple[str, str]]:
    """Return a label and the name of each layer that has maps, in the network's order."""
    return [(f"{layer.name}: {_kind(layer)}, {_sides(layer.output)}", layer.name) for layer in network.maps]


def usual_layer(network: "Network") -> str | None:
    """Return the layer that is shown first, the last one with maps; None without any."""
    maps = [layer for layer in network.maps if max(layer.output[1:]) > 1] or network.maps
    return maps[-1].name if maps else None


def thumbnails(network: "Network", picture: np.ndarray, layer: str) -> dict[int, str]:
    """Return the pictures of a layer's channels with the highest mean, as addresses, the highest first."""
    return _thumbnails(_maps(network, picture, layer)[0])


def _maps(network: "Network", picture: np.ndarray, layer: str) -> tuple[np.ndarray, str]:
    from hub.explorer import inside

    with network.lock:
        return inside.feature_maps(network.model, _to_tensor(network, picture), layer)


def _thumbnails(maps: np.ndarray) -> dict[int, str]:
    from hub.explorer import inside

    return {channel: _png(_grey(maps[channel])) for channel in inside.strongest(maps, THUMBNAILS)}


def feature_maps(
    network: "Network",
    picture: np.ndarray | None,
    layer: str | None,
    channel: int | None = None,
    buttons: bool = True,
    opacity: float = 1.0,
) -> tuple[str, str]:
    """Return a layer's strongest channels as buttons, and one of them, else the strongest, large.

    It lies over the picture with an `opacity` from 0 to 1.
    """
    if sentence := problem(network, picture, layer):
        return notice(sentence), ""
    maps, steps = _maps(network, picture, layer)
    found = _thumbnails(maps)
    channel = next(iter(found)) if channel is None else min(max(channel, 0), len(maps) - 1)
    grid = "".join(
        f"<button type='button' data-channel='{index}' aria-pressed='{str(index == channel).lower()}' "
        f"aria-label='Channel {index}, mean {maps[index].mean():.2f}'>"
        f"<img src='{address}' alt=''><span>{index}</span></button>"
        for index, address in found.items()
    )
    says = (
        f"<p>The {len(found)} of {len(maps)} channels with the highest mean in this picture, the strongest "
        f"first; after {escape(steps)}. Choose one to see it large.</p>"
    )
    if buttons:
        says += f"<div class='channels' role='group' aria-label='Channels'>{grid}</div>"
    return _inside(says), _large(picture, maps[channel], channel, buttons, opacity)


def _large(picture: np.ndarray, values: np.ndarray, channel: int, slider: bool, opacity: float) -> str:
    height, width = values.shape
    share = float((values > 0).mean())
    fade = (
        "<label class='opacity'>Channel <input type='range' min='0' max='100' "
        f"value='{100 * opacity:.0f}' aria-label='Opacity of the channel in per cent'></label>"
        if slider
        else ""
    )
    return _inside(
        "<figure class='film square'><div class='layers'>"
        f"<img src='{_png(picture)}' alt='The picture as the network was given it'>"
        f"<img class='heat cells' src='{_png(_colour(values))}' alt='Channel {channel} over it' "
        f"style='opacity:{opacity:g}'></div>"
        f"<figcaption>{fade}"
        f"<p class='quiet'>Channel {channel}, {height} × {width} cells: mean {values.mean():.2f}, highest "
        f"{values.max():.2f}, lowest {values.min():.2f}, above zero in {percent(share)} of its "
        "cells. Clear is the lowest, red the highest.</p></figcaption></figure>"
    )


# Padding and stride


def slide(size: int, kernel: int, padding: int | str, stride: int, dilation: int) -> str:
    """Return the output size, torch's beside it, and the kernel's positions; or what is impossible."""
    from hub.explorer import conv_arithmetic

    try:
        found = conv_arithmetic.slide(size, kernel, padding, stride, dilation)
    except InputError as error:
        return impossible(error)
    output, call = conv_arithmetic.torch_slide(size, kernel, padding, stride, dilation)
    agrees = "the same" if output == found.output else "something else"
    return _inside(
        f"<div class='sum' role='status'><p class='formula'>{_formula(found)}</p>"
        f"<p><code>torch.nn.{escape(call)}</code> gives <strong>{output}</strong>: {agrees}.</p>"
        f"{''.join(f'<p>{escape(remark)}</p>' for remark in _remarks(found, padding))}</div>"
        f"{_positions(found)}"
    )


def _formula(found: "Slide") -> str:
    pads = found.before + found.after
    padded = f"2 · {found.before}" if found.before == found.after else f"{found.before} + {found.after}"
    numerator = found.size - found.reach + pads
    floor = ""
    if found.leftover:
        floor = f" = {numerator / found.stride + 1:.4g}".rstrip("0") + ", rounded down"
    return (
        f"({found.size} − {found.reach} + {padded}) / {found.stride} + 1{floor} = "
        f"<strong>{found.output}</strong>"
    )


def _remarks(found: "Slide", padding: int | str) -> list[str]:
    remarks = []
    if found.dilation > 1:
        remarks.append(
            f"Dilation {found.dilation} spreads the {found.kernel} pixels of the kernel over "
            f"{found.dilation} × ({found.kernel} − 1) + 1 = {found.reach}, which takes F's place."
        )
    if found.leftover:
        pixels = "1 pixel" if found.leftover == 1 else f"{found.leftover} pixels"
        remarks.append(f"It does not divide: the last step stops {pixels} short of the end.")
    if padding == "same" and found.before != found.after:
        remarks.append(f"“same” needs {found.before + found.after}, an odd number: one more at the end.")
    if padding == "same" and found.stride > 1:
        remarks.append("torch refuses padding='same' with a stride; TensorFlow's is laid around it here.")
    if found.blind:
        positions = "1 position sees" if found.blind == 1 else f"{found.blind} positions see"
        remarks.append(f"{positions} nothing but padding.")
    return remarks


def _positions(found: "Slide") -> str:
    """Return a drawing: the padded pixels, and below them the kernel at its positions, one row each."""
    total, last = found.before + found.size + found.after, found.starts[-1] + found.reach
    parts = []
    for pixel in range(-found.before, found.size + found.after):
        kind = "pixel" if 0 <= pixel < found.size else "pad"
        kind += " unreached" if pixel >= last else ""
        parts.append(_square(1, pixel + found.before, kind))
    starts = list(found.starts)
    shown = starts if len(starts) <= ROWS else [*starts[: ROWS - 2], None, starts[-1]]
    for row, start in enumerate(shown, 2):
        if start is None:
            parts.append(f"<i class='dots' style='grid-area:{row}/1/auto/-1'>⋮</i>")
            continue
        parts.append(_square(row, start + found.before, "span", found.reach))
        for tap in range(found.kernel):
            pixel = start + tap * found.dilation
            kind = "tap" if 0 <= pixel < found.size else "tap outside"
            parts.append(_square(row, pixel + found.before, kind))
    drawn = (
        f"{len(shown) - (None in shown)} of its {found.output}" if None in shown else f"its {found.output}"
    )
    return (
        "<figure class='positions'><div class='squares' role='img' "
        f"style='max-width:{min(total * 34, 900)}px;grid-template-columns:repeat({total},1fr)' "
        f"aria-label='{found.size} pixels, {found.before} of "
        f"padding before and {found.after} after, and the kernel at {drawn} positions'>{''.join(parts)}</div>"
        "<figcaption><ul class='legend'><li class='pixel'>pixel</li><li class='pad'>padding</li>"
        "<li class='tap'>kernel</li>"
        f"{'<li class=unreached>never reached</li>' if found.leftover else ''}</ul>"
        f"<p class='quiet'>One side of the picture, and below it the kernel at {drawn} "
        f"position{'s' * (found.output != 1)}, one row each. The other side works alike.</p>"
        "</figcaption></figure>"
    )


def _square(row: int, column: int, kind: str, columns: int = 1) -> str:
    return f"<i class='{kind}' style='grid-area:{row}/{column + 1}/auto/span {columns}'></i>"


# Receptive field


def evidence(classifier: Classifier, picture: np.ndarray) -> np.ndarray | None:
    """Return the heatmap of a picture, float [h, w] from 0 to 1; None for a model without."""
    (prediction,) = classifier.predict([picture], always=True)
    if not prediction.heatmaps:
        return None
    return (local_log_odds(prediction, decision.shown_class(prediction)) / FULL_COLOUR).clip(0, 1)


def cell_choices(network: "Network", layer: str) -> tuple[list[int], list[int]]:
    """Return the rows and the columns of a layer to choose a cell by: all of them, or GRID spread evenly."""
    return tuple(
        [int((i + 0.5) * side / min(GRID, side)) for i in range(min(GRID, side))]
        for side in _layer(network, layer).output[-2:]
    )


def usual_cell(network: "Network", layer: str, heat: np.ndarray | None) -> tuple[int, int]:
    """Return the cell that is chosen first: the hottest, where every one is a choice, or the middle one."""
    rows, columns = cell_choices(network, layer)
    every = (len(rows), len(columns)) == _layer(network, layer).output[-2:]
    if heat is not None and heat.max() > 0 and every and heat.shape == (len(rows), len(columns)):
        return tuple(int(i) for i in np.unravel_index(heat.argmax(), heat.shape))
    return rows[len(rows) // 2], columns[len(columns) // 2]


def field_grid(
    network: "Network",
    picture: np.ndarray | None,
    layer: str | None,
    heat: np.ndarray | None = None,
    cell: tuple[int, int] | None = None,
    buttons: bool = True,
) -> tuple[str, tuple[int, int]]:
    """Return a grid of buttons over the picture, one per cell or so of a layer, and the cell that is chosen.

    Cells are (row, column). Where `heat` has the layer's shape it tints them. `cell` is chosen, else
    `usual_cell`.
    """
    if sentence := problem(network, picture, layer):
        return notice(sentence), (0, 0)
    height, width = _layer(network, layer).output[-2:]
    heat = heat if heat is not None and heat.shape == (height, width) else None
    rows, columns = cell_choices(network, layer)
    chosen = cell or usual_cell(network, layer, heat)
    cells = "".join(
        f"<button type='button' data-cell='{row},{column}' aria-label='Row {row}, column {column}' "
        f"aria-pressed='{str((row, column) == chosen).lower()}' tabindex='{-((row, column) != chosen)}'"
        f"{_tint(heat, row, column)}></button>"
        if buttons
        else f"<div{' class=chosen' if (row, column) == chosen else ''}{_tint(heat, row, column)}></div>"
        for row in rows
        for column in columns
    )
    tinted = " Colour is the heatmap." if heat is not None else ""
    every = (height, width) == (len(rows), len(columns))
    which = f"Its {height} × {width} cells" if every else f"Some of its {height} × {width} cells"
    grid = (
        f"<figure class='field'><div class='frame'><img src='{_png(picture)}' alt='The picture as the "
        f"network was given it'><div class='grid' role='group' aria-label='Cells' "
        f"style='grid-template:repeat({len(rows)},1fr)/repeat({len(columns)},1fr)'>{cells}</div></div>"
        f"<figcaption>{which}: choose one.{tinted}</figcaption></figure>"
    )
    return _inside(grid), chosen


def seen(network: "Network", picture: np.ndarray | None, layer: str | None, row: int, column: int) -> str:
    """Return the picture with the box that a cell may see, the glow of what moves it, and words."""
    if problem(network, picture, layer):
        return ""
    from hub.explorer import inside

    found = _layer(network, layer)
    row, column = (min(max(i, 0), side - 1) for i, side in zip((row, column), found.output[-2:], strict=True))
    with network.lock:
        glow = inside.seen(network.model, _to_tensor(network, picture), layer, row, column)
    top, left, bottom, right = found.box(row, column, whole=False)
    height, width = found.picture
    colour = np.zeros((*glow.shape, 4), dtype=np.uint8)
    colour[..., :3] = FAINT
    colour[..., 3] = 230 * np.sqrt(glow / max(float(glow.max()), 1e-30))
    place = (
        f"left:{100 * left / width:.3f}%;top:{100 * top / height:.3f}%;"
        f"width:{100 * (right - left) / width:.3f}%;height:{100 * (bottom - top) / height:.3f}%"
    )
    return _inside(
        f"<figure class='field'><div class='frame'><img src='{_png(picture)}' alt=''><img class='glow' "
        f"src='{_png(colour)}' alt=''><div class='box' style='{place}' role='img' "
        f"aria-label='Rows {top} to {bottom - 1}, columns {left} to {right - 1} of the picture'></div></div>"
        f"<figcaption>{_seen_in_words(found, row, column, (top, left, bottom, right))}</figcaption></figure>"
    )


def _seen_in_words(layer: "Layer", row: int, column: int, box: tuple[int, int, int, int]) -> str:
    top, left, bottom, right = box
    (height, width), (far, wide) = layer.field.size, layer.picture
    inside = f"{bottom - top} × {right - left} of them on the picture"
    if (bottom - top, right - left) == (far, wide):
        inside = "more than the whole picture" if (height, width) != (far, wide) else "the whole picture"
    elif (bottom - top, right - left) == (height, width):
        inside = "all on the picture"
    gates = (
        " Squeeze-and-excitation before it measures the whole picture, too, in one number per channel: the "
        "box is what its convolutions and poolings alone reach."
        if layer.field.whole
        else ""
    )
    apart = layer.field.jump[0]
    return (
        f"The cell in row {row}, column {column} sees <strong>{height} × {width} pixels</strong>, {inside}. "
        f"Its neighbours look {apart} pixel{'s' * (apart != 1)} further on.{gates}"
    )


def layer_table(network: "Network") -> str:
    """Return a table of every layer: what it is, what it gives, what it sees, what it costs."""
    if not network.layers:
        return ""
    rows = "".join(
        f"<tr><th scope='row'>{escape(layer.name)}</th><td>{_kind(layer)}</td><td>{_sides(layer.output)}</td>"
        f"<td>{_sees(layer)}</td><td>{_number(layer.parameters)}</td><td>{_number(layer.multiply_adds)}</td></tr>"
        for layer in network.layers
    )
    titles = ("Layer", "What", "Gives", "Sees", "Parameters", "Multiply-adds")
    head = "".join(f"<th scope='col'>{title}</th>" for title in titles)
    return _inside(
        f"<details class='every-layer'><summary>Every layer of this network ({len(network.layers)})</summary>"
        "<div class='scroll' tabindex='0' role='region' aria-label='Layers'><table>"
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div></details>"
    )


def _sees(layer: "Layer") -> str:
    if layer.field is None:
        return "all"
    return _sides(layer.field.size) + (" and all" if layer.field.whole else "")


# Parameters


def cost(channels: int, filters: int, kernel: int, size: int, stride: int) -> str:
    """Return what a convolution costs at strides 1 to 4, the given one marked; or an error."""
    from hub.explorer import conv_arithmetic

    try:
        costs = {
            step: conv_arithmetic.convolution(channels, filters, kernel, size, "same", step)
            for step in sorted({1, 2, 3, 4, stride})
        }
    except InputError as error:
        return impossible(error)
    rows = "".join(
        f"<tr{' class=chosen' if step == stride else ''}><th scope='row'>{step}</th>"
        f"<td>{_bar(cost.parameters, costs[1].parameters)}</td>"
        f"<td>{_bar(cost.multiply_adds, costs[1].multiply_adds)}</td>"
        f"<td>{_bar(cost.activations, costs[1].activations)}</td></tr>"
        for step, cost in costs.items()
    )
    chosen = costs[stride]
    side = conv_arithmetic.slide(size, kernel, "same", stride).output
    weights = kernel * kernel * channels
    return _inside(
        f"<p class='formula' role='status'>{filters} × ({kernel} × {kernel} × {channels} + 1) = "
        f"<strong>{chosen.parameters:,}</strong> parameters</p>"
        f"<p>Each of the {filters} × {side} × {side} = {chosen.activations:,} activations takes "
        f"{weights:,} multiply-adds.</p>"
        "<table class='costs'><thead><tr><th scope='col'>Stride</th><th scope='col'>Parameters</th>"
        "<th scope='col'>Multiply-adds</th><th scope='col'>Activations</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>"
    )


def stacks(channels: int, size: int) -> str:
    """Return 7 x 7 against three 3 x 3, for maps of so many channels."""
    from hub.explorer import conv_arithmetic

    (large, far), (small, _) = (
        conv_arithmetic.stack([7], channels, size),
        conv_arithmetic.stack([3, 3, 3], channels, size),
    )

    def row(name: str, cost: "Cost") -> str:
        return (
            f"<tr><th scope='row'>{name}</th><td>{_bar(cost.parameters, large.parameters)}</td>"
            f"<td>{_bar(cost.multiply_adds, large.multiply_adds)}</td><td>{far} × {far}</td></tr>"
        )

    return _inside(
        "<h3>7 × 7 against three 3 × 3</h3>"
        f"<p>From {channels} channels to {channels}, without bias. Three small kernels see as far as one "
        "large one, with an activation after each, for 27 / 49 of its numbers: why VGG has no other.</p>"
        "<table class='costs'><thead><tr><th scope='col'>Kernels</th><th scope='col'>Parameters</th>"
        "<th scope='col'>Multiply-adds</th><th scope='col'>Sees</th></tr></thead>"
        f"<tbody>{row('one 7 × 7', large)}{row('three 3 × 3', small)}</tbody></table>"
    )


def _bar(value: int, most: int) -> str:
    width = 100 * value / max(most, 1)
    return f"{_number(value)}<span class='bar'><span style='width:{width:.1f}%'></span></span>"


# Architectures


def architectures(
    papers: "Sequence[Paper]", found: "Iterable[Architecture]" = (), running: bool = False
) -> str:
    """Return a table with a column per network; what is not in `found` yet is left open.

    `running`: the next one is being counted and timed.
    """
    rows = {row.paper.name: row for row in found}
    lines = {
        "Year": lambda paper, _: str(paper.year),
        "ImageNet top-1": lambda paper, _: "none" if paper.top1 is None else f"{100 * paper.top1:.1f}\u00a0%",
        "Picture": lambda paper, _: _sides(paper.shape[1:]),
        "Depth": lambda _, row: str(row.depth),
        "Filter sizes": lambda _, row: ", ".join(map(str, row.kernels)),
        "Parameters": lambda _, row: _number(row.parameters),
        "Multiply-adds": lambda _, row: _number(row.multiply_adds),
        "Receptive field": lambda _, row: str(row.field),
        "Size": lambda _, row: _bytes(1e6 * row.megabytes),
        "Time here": lambda _, row: (
            f"{row.milliseconds:.2g} ms" if row.milliseconds < 10 else f"{row.milliseconds:.0f} ms"
        ),
    }
    known = {"Year", "ImageNet top-1", "Picture"}
    body = "".join(
        f"<tr><th scope='row'>{title}</th>"
        + "".join(
            f"<td>{cell(paper, rows.get(paper.name)) if title in known or paper.name in rows else '·'}</td>"
            for paper in papers
        )
        + "</tr>"
        for title, cell in lines.items()
    )
    # With a hyphen that does not break.
    head = "".join(f"<th scope='col'>{escape(paper.name).replace('-', chr(0x2011))}</th>" for paper in papers)
    sources = "".join(
        f"<li>{escape(paper.name)}: <a href='{paper.url}' target='_blank' rel='noreferrer'>"
        f"{escape(paper.citation)}</a>. {escape(paper.note)}</li>"
        for paper in papers
    )
    waiting = [paper.name for paper in papers if paper.name not in rows]
    status = f"{len(rows)} of {len(papers)} networks counted and timed."
    if running and waiting:
        status = f"Counting and timing {waiting[0]}: {len(rows)} of {len(papers)} are done."
    return _inside(
        f"<p role='status'>{status}</p><table class='architectures'>"
        f"<thead><tr><td></td>{head}</tr></thead><tbody>{body}</tbody></table>"
        "<p class='quiet'>Year and top-1, the share of ImageNet's validation pictures put into the right one "
        "of 1,000 classes, are the papers'; the rest is counted here. Depth: layers with weights. Receptive "
        "field: pixels a side that a cell of the last maps sees. Size: weights in 32 bits. Time: one "
        "picture in torch on this machine, median of a few. k, M, G: thousand, million, thousand million.</p>"
        f"<ul class='sources'>{sources}</ul>"
    )


# Words and pictures


def problem(network: "Network", picture: np.ndarray | None, layer: str | None) -> str:
    """Return why nothing can be shown of a layer; "" where something can."""
    if network.trouble and not network.layers:
        return network.trouble
    if layer is None or layer not in {each.name for each in network.maps}:
        return "This network has no layer whose cells are laid out as a picture."
    if picture is None:
        return "Give a picture first, in the first tab"
    return ""


def _layer(network: "Network", name: str) -> "Layer":
    return next(layer for layer in network.maps if layer.name == name)


def _to_tensor(network: "Network", picture: np.ndarray) -> "object":
    import torch

    return torch.from_numpy(np.ascontiguousarray(network.normalize(picture[None])))


def _kind(layer: "Layer") -> str:
    if layer.kind == "dense" or (layer.kind == "pooling" and layer.kernel == (1, 1)):
        return layer.kind
    stride = f", stride {layer.stride[0]}" if layer.stride != (1, 1) else ""
    kind = "convolution" if layer.kind == "pointwise" else layer.kind
    return f"{kind} {_sides(layer.kernel)}{stride}"


def _sides(sides: Sequence[int]) -> str:
    return " × ".join(map(str, sides))


def _number(value: float) -> str:
    """Return a count in three or four digits: 864, 61.7 k, 3.50 M, 15.5 G."""
    for unit, sign in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if value >= unit:
            scaled = value / (1e3 if sign == "k" else unit)
            digits = max(0, 2 - int(math.log10(scaled)))
            return f"{scaled:,.{digits}f}\u00a0{sign}"
    return f"{value:,.0f}"


def _words(value: float) -> str:
    """Return a count for a sentence: 864, 61,706, 3.5 million, 20.1 billion."""
    for unit, name in ((1e9, "billion"), (1e6, "million")):
        if value >= unit:
            return f"{value / unit:,.1f} {name}"
    return f"{value:,.0f}"


def _bytes(value: float) -> str:
    for unit, sign in ((1e9, "GB"), (1e6, "MB")):
        if value >= unit:
            return f"{value / unit:,.{0 if value >= 100 * unit else 1}f}\u00a0{sign}"
    return f"{value / 1e3:,.0f}\u00a0kB"


def _tint(heat: np.ndarray | None, row: int, column: int) -> str:
    if heat is None or heat[row, column] <= 0:
        return ""
    colour, opacity = tint(heat[row, column, None])
    red, green, blue = map(round, colour)
    return f" style='background:rgb({red} {green} {blue} / {opacity.item():.2f})'"


def _stretched(values: np.ndarray) -> np.ndarray:
    """Return a map from 0, its lowest, to 1, its highest; 0 where it is the same everywhere."""
    values = values - values.min()
    return values / max(float(values.max()), 1e-12)


def _grey(values: np.ndarray) -> np.ndarray:
    """Return a map as uint8 [h, w, 1], its lowest black and its highest white."""
    return (255 * _stretched(values))[..., None].astype(np.uint8)


def _colour(values: np.ndarray) -> np.ndarray:
    """Return a map as uint8 [h, w, 4], as the heatmap is coloured: clear, yellow, orange, red."""
    heat = _stretched(values)[..., None]
    colour, opacity = tint(heat)
    return np.concatenate([colour, 255 * opacity], 2).astype(np.uint8)


def _png(pixels: np.ndarray) -> str:
    """Return uint8 [h, w, 1, 3 or 4] in the form of an address, without loss."""
    buffer = io.BytesIO()
    Image.fromarray(pixels.squeeze(2) if pixels.shape[2] == 1 else pixels).save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
