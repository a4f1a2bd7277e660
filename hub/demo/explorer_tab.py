"""What a click does in the tab "Inside the network", the same in both apps; only here torch is loaded."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from hub.demo import explorer_panels
from hub.imaging.read import Source
from hub.inference.classifier import Classifier

if TYPE_CHECKING:
    from hub.explorer.milestones import Architecture
    from hub.explorer.network import Network


def open_network(classifier: Classifier) -> "Network":
    """Load the network of the classifier in torch, which takes some seconds the first time."""
    from hub.explorer.network import open_network

    return open_network(classifier)


def image_or_example(
    classifier: Classifier, pixels: np.ndarray | None, examples: Sequence[Source]
) -> np.ndarray | None:
    """Return the pixels of the visitor's image, else those of the first example; None without any."""
    return classifier.read(examples[0]) if pixels is None and examples else pixels


def default_maps_layer(network: "Network") -> str | None:
    """Return the layer whose feature maps are shown first; None for a network without any."""
    choices = explorer_panels.layer_choices(network)
    return choices[0][1] if choices else None


def receptive_field(
    classifier: Classifier, network: "Network", pixels: np.ndarray | None, layer: str | None
) -> tuple[str, str]:
    """Return the grid of cells over the image, tinted by the heatmap, and what the chosen cell sees."""
    heat = None if pixels is None else explorer_panels.heatmap(classifier, pixels)
    grid, cell = explorer_panels.cell_grid(network, pixels, layer, heat)
    return grid, explorer_panels.receptive_field(network, pixels, layer, *cell)


def slide(size: int, kernel: int, padding: str, pixels: int, stride: int, dilation: int) -> str:
    """Return the drawing of a kernel that slides; `pixels` counts where `padding` is "number"."""
    return explorer_panels.slide(size, kernel, pixels if padding == "number" else padding, stride, dilation)


def cost(channels: int, filters: int, kernel: int, size: int, stride: int) -> tuple[str, str]:
    """Return what a convolution costs, and 7 x 7 against three 3 x 3."""
    table = explorer_panels.cost(channels, filters, kernel, size, stride)
    return table, explorer_panels.stacks(channels, size)


def architectures(rows: Sequence["Architecture"] = ()) -> str:
    """Return the table of networks with the `rows` that are counted and timed."""
    from hub.explorer import milestones

    return explorer_panels.architectures(milestones.papers(), rows)


def count_architectures(rows: list["Architecture"]) -> Iterator[str]:
    """Count and time the networks one by one into `rows`; yield the table before and after each."""
    from hub.explorer import milestones

    papers = milestones.papers()
    yield explorer_panels.architectures(papers, rows, running=True)
    for row in milestones.measure():
        rows.append(row)
        yield explorer_panels.architectures(papers, rows, running=True)
