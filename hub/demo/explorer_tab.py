"""Actions of the tab "Inside the network", the same in both apps.

Only this tab loads torch.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from hub.demo import arithmetic_panels, explorer_panels
from hub.imaging.read import Source
from hub.inference.classifier import Classifier

if TYPE_CHECKING:
    from hub.explorer.milestones import Architecture
    from hub.explorer.network import Network


def open_network(classifier: Classifier) -> "Network":
    """Load the network of the classifier in torch.

    The first time takes some seconds.
    """
    from hub.explorer.network import open_network

    return open_network(classifier)


def image_or_example(
    classifier: Classifier, pixels: np.ndarray | None, examples: Sequence[Source]
) -> np.ndarray | None:
    """Return the pixels of the visitor's image, else those of the first example.

    Returns None without any.
    """
    return classifier.read(examples[0]) if pixels is None and examples else pixels


def default_maps_layer(network: "Network") -> str | None:
    """Return the layer whose feature maps are shown first; None without any."""
    choices = explorer_panels.layer_choices(network)
    return choices[0][1] if choices else None


def receptive_field(
    classifier: Classifier, network: "Network", pixels: np.ndarray | None, layer: str | None
) -> tuple[str, str]:
    """Return the grid of cells over the image, and what the default cell sees.

    The heatmap tints the cells.
    """
    heat = None if pixels is None else explorer_panels.heatmap(classifier, pixels)
    grid, cell = explorer_panels.cell_grid(network, pixels, layer, heat)
    return grid, explorer_panels.receptive_field(network, pixels, layer, *cell)


def slide(size: int, kernel: int, padding: str, pixels: int, stride: int, dilation: int) -> str:
    """Return the drawing of a sliding kernel.

    `pixels` is the padding if `padding` is "number", and ignored otherwise.
    """
    return arithmetic_panels.slide(size, kernel, pixels if padding == "number" else padding, stride, dilation)


def cost(channels: int, filters: int, kernel: int, size: int, stride: int) -> tuple[str, str]:
    """Return the cost of a convolution, and of one 7 x 7 against three 3 x 3."""
    table = arithmetic_panels.cost(channels, filters, kernel, size, stride)
    return table, arithmetic_panels.stacks(channels, size)


def architectures(rows: Sequence["Architecture"] = ()) -> str:
    """Return the table of networks, with the `rows` that are counted and timed."""
    from hub.explorer import milestones

    return explorer_panels.architectures(milestones.papers(), rows)


def count_architectures(rows: list["Architecture"]) -> Iterator[str]:
    """Yield the table of networks before the first and after each measurement.

    Networks are counted and timed one by one; the results are appended to `rows`.
    """
    from hub.explorer import milestones

    papers = milestones.papers()
    yield explorer_panels.architectures(papers, rows, running=True)
    for row in milestones.measure():
        rows.append(row)
        yield explorer_panels.architectures(papers, rows, running=True)
