"""Actions of the tab "Inside the network", the same in both apps.

Only this tab loads torch, and only where it is installed: elsewhere it shows what was prepared.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from hub.demo import arithmetic_panels, explorer_panels
from hub.demo.words import Words
from hub.explorer import milestones
from hub.explorer.network import Network
from hub.imaging.read import Source
from hub.inference.classifier import Classifier


@dataclass(frozen=True)
class Shown:
    """The image that the tab looks at, and the name that it goes by.

    `pixels` is the input of the network, uint8 [size, size, 1 or 3].
    """

    name: str
    pixels: np.ndarray


def shown_or_example(classifier: Classifier, shown: Shown | None, examples: Sequence[Source]) -> Shown | None:
    """Return the visitor's image, else the first example, without a name.

    Returns None without any.
    """
    return Shown("", classifier.read(examples[0])) if shown is None and examples else shown


def receptive_field(
    classifier: Classifier, network: Network, pixels: np.ndarray | None, layer: str | None, words: Words
) -> tuple[str, str]:
    """Return the grid of cells over the image, and what the default cell sees.

    The heatmap tints the cells.
    """
    heat = None if pixels is None else explorer_panels.heatmap(classifier, pixels)
    grid, cell = explorer_panels.cell_grid(network, pixels, layer, heat, None, True, words)
    return grid, explorer_panels.receptive_field(network, pixels, layer, cell, words)


def slide(size: int, kernel: int, padding: str, pixels: int, stride: int, dilation: int, words: Words) -> str:
    """Return the drawing of a sliding kernel.

    `pixels` is the padding if `padding` is "number", and ignored otherwise.
    """
    padding = pixels if padding == "number" else padding
    return arithmetic_panels.slide(size, kernel, padding, stride, dilation, words)


def cost(channels: int, filters: int, kernel: int, size: int, stride: int, words: Words) -> tuple[str, str]:
    """Return the cost of a convolution, and of one 7 x 7 against three 3 x 3."""
    table = arithmetic_panels.cost(channels, filters, kernel, size, stride, words)
    return table, arithmetic_panels.stacks(channels, size, words)


def architectures(times: dict[str, float], words: Words) -> str:
    """Return the table of networks, with `times` in milliseconds by name."""
    return explorer_panels.architectures(milestones.architectures(), times, False, words)


def time_architectures(times: dict[str, float], words: Words) -> Iterator[str]:
    """Yield the table of networks before the first and after each is timed.

    Networks are timed one by one, in torch; `times` takes the milliseconds by name.
    """
    from hub.explorer import milestone_networks

    counted = milestones.architectures()
    yield explorer_panels.architectures(counted, times, True, words)
    for row in counted:
        times[row.paper.name] = milestone_networks.milliseconds(row.paper)
        yield explorer_panels.architectures(counted, times, True, words)
