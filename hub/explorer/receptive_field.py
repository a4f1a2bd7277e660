"""Receptive fields: which pixels of the image a cell of a feature map sees.

After Araujo, Norris and Sim 2019, "Computing Receptive Fields of Convolutional Neural Networks"
(https://distill.pub/2019/computing-receptive-fields).
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Axis:
    """Receptive fields of cells along one side of the image.

    Cell i sees the `size` pixels from `first + i * jump`, of those between `low` and `high`.
    """

    size: int
    jump: int
    first: int
    low: int
    high: int

    def slide(self, cells: int, kernel: int, stride: int = 1, before: int = 0, dilation: int = 1) -> "Axis":
        """Return the axis after a kernel.

        The recurrences of r, j and the padded start are those of Araujo et al. 2019.
        """
        size, jump = self.size + (kernel - 1) * dilation * self.jump, self.jump * stride
        first = self.first - before * self.jump
        end = first + (cells - 1) * jump + size
        return Axis(size, jump, first, max(self.low, first), min(self.high, end))

    def union(self, other: "Axis") -> "Axis":
        """Return the axis that covers this and another of the same jump."""
        first = min(self.first, other.first)
        end = max(self.first + self.size, other.first + other.size)
        return Axis(end - first, self.jump, first, min(self.low, other.low), max(self.high, other.high))

    def span(self, cell: int) -> tuple[int, int]:
        """Return the first pixel that a cell sees, and one past the last."""
        start = self.first + cell * self.jump
        low, high = (min(max(end, self.low), self.high) for end in (start, start + self.size))
        return low, high


@dataclass(frozen=True)
class ReceptiveField:
    """Receptive fields of the cells of a map, in pixels of the network's image.

    Beyond low and high of an axis lie padding and pixels that no kernel reaches. With `whole`, a cell also
    sees the whole image, through one number per channel, as with squeeze-and-excitation.
    """

    rows: Axis
    columns: Axis
    whole: bool = False

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of what a cell sees, padding included."""
        return self.rows.size, self.columns.size

    @property
    def jump(self) -> tuple[int, int]:
        """Distance between neighbouring cells, (down, across)."""
        return self.rows.jump, self.columns.jump

    def slide(self, cells: Sequence[int], *window: Sequence[int]) -> "ReceptiveField":
        """Return the field after a window with `cells` (down, across) positions.

        `window` is kernel, stride, padding before and, if any, dilation, each (down, across).
        """
        rows, columns = zip(cells, *window, strict=True)
        return ReceptiveField(self.rows.slide(*rows), self.columns.slide(*columns), self.whole)

    def union(self, other: "ReceptiveField") -> "ReceptiveField":
        """Return the field of a map computed cell by cell from two of the same jump."""
        rows, columns = self.rows.union(other.rows), self.columns.union(other.columns)
        return ReceptiveField(rows, columns, self.whole or other.whole)

    def box(self, row: int, column: int) -> tuple[int, int, int, int]:
        """Return the pixels that a cell sees: (top, left, bottom, right).

        The last two are exclusive; `whole` is not considered.
        """
        (top, bottom), (left, right) = self.rows.span(row), self.columns.span(column)
        return top, left, bottom, right


def pair(value: int | str | Sequence[int]) -> tuple[int, int] | str:
    """Return (height, width) of an argument that torch takes as one number or two.

    A word, such as "same", is returned unchanged.
    """
    if isinstance(value, str):
        return value
    values = (value,) if isinstance(value, int) else tuple(value)
    return values * 2 if len(values) == 1 else values
