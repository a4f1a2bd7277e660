"""A layer of a network: its shapes, cost and receptive field. No torch here."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hub.errors import InputError
from hub.explorer.receptive_field import ReceptiveField


@dataclass(frozen=True)
class Layer:
    """A convolution, a pooling or a dense layer, for one image.

    `image_size` is (height, width) of the image. `kind` is "convolution", "depthwise" (a kernel per channel),
    "pointwise" (1 x 1), "pooling" or "dense"; a convolution whose kernel covers its whole input is dense,
    too. `input` and `output` are shapes without the batch: (channels, height, width) of maps. `kernel`,
    `stride`, `padding` and `dilation` are (height, width), and (1, 1), (1, 1), (0, 0), (1, 1) for layers
    without them; `padding` may be "same". `field` is None if no receptive field is known: every output may
    depend on the whole image.
    """

    name: str
    kind: str
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int] | str
    dilation: tuple[int, int]
    groups: int
    input: tuple[int, ...]
    output: tuple[int, ...]
    parameters: int
    multiply_adds: int
    field: ReceptiveField | None
    image_size: tuple[int, int]

    @property
    def activations(self) -> int:
        """Number of outputs of the layer for one image."""
        return int(np.prod(self.output))

    def box(self, row: int, column: int, whole: bool = True) -> tuple[int, int, int, int]:
        """Return the pixels that a cell sees: (top, left, bottom, right).

        The last two are exclusive. The box leaves out padding, and includes pixels that a dilated kernel
        skips. With `whole` False, squeeze-and-excitation and other layers that measure the whole image do not
        count. Raises InputError if there is no such cell.
        """
        if self.field is None:
            return 0, 0, *self.image_size
        height, width = self.output[-2:]
        if not (0 <= row < height and 0 <= column < width):
            raise InputError(
                f"{self.name} has {height} x {width} cells; there is no row {row}, column {column}."
            )
        return (0, 0, *self.image_size) if self.field.whole and whole else self.field.box(row, column)


def last_maps(layers: Sequence[Layer]) -> Layer | None:
    """Return the last layer whose maps have more than one cell.

    Its receptive field is known; None if there is no such layer.
    """
    maps = [layer for layer in layers if layer.field and layer.kind != "dense" and max(layer.output[-2:]) > 1]
    return maps[-1] if maps else None


def strongest_channels(maps: np.ndarray, count: int = 12) -> list[int]:
    """Return the channels with the highest means, the highest first.

    `maps` is float [channels, h, w].
    """
    return np.argsort(-maps.mean((1, 2)), kind="stable")[:count].tolist()
