"""Images in a file, of which few are in memory at a time."""

import math
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

READ_AHEAD = 4 << 20  # bytes that a disk reads at once, so that it hardly waits for its heads


class StoredImages:
    """Images uint8 [N, C, H, W] in a file, read when they are asked for.

    It does as a tensor does in `len`, iteration, and by an index that is a number, a slice, or a tensor or
    array of numbers. Unlike those of a mapped file, pages of the disk do not count as memory of the process.
    """

    device = torch.device("cpu")

    def __init__(self, path: Path, offset: int, shape: tuple[int, ...]):
        """Open the images that begin at byte `offset` of a file; may raise OSError."""
        self.path, self.offset, self.shape = path, offset, shape
        self.file = path.open("rb", buffering=0)
        self.image_bytes = math.prod(shape[1:])

    def __reduce__(self) -> tuple:
        return StoredImages, (self.path, self.offset, self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: int | slice | Tensor | np.ndarray) -> Tensor:
        """Return one image, uint8 [C, H, W], or several, uint8 [B, C, H, W]."""
        if isinstance(index, int):
            return self._read(range(len(self))[index], 1)[0]
        if isinstance(index, slice):
            rows = range(len(self))[index]
            if rows.step == 1:
                return self._read(rows.start, len(rows))
        else:
            rows = index.tolist()
        images = torch.empty(len(rows), *self.shape[1:], dtype=torch.uint8)
        for image, row in zip(images.numpy(), rows, strict=True):
            self._fill(image, row)
        return images

    @property
    def nbytes(self) -> int:
        """Bytes of all images."""
        return len(self) * self.image_bytes

    def read_ahead(self, rows: Iterable[int]) -> None:
        """Ask the disk for the blocks of these images, in their order on it."""
        if not hasattr(os, "posix_fadvise"):
            return
        for block in sorted({(self.offset + row * self.image_bytes) // READ_AHEAD for row in rows}):
            os.posix_fadvise(self.file.fileno(), block * READ_AHEAD, READ_AHEAD, os.POSIX_FADV_WILLNEED)

    def _read(self, start: int, count: int) -> Tensor:
        images = torch.empty(count, *self.shape[1:], dtype=torch.uint8)
        if count:
            self._fill(images.numpy(), start)
        return images

    def _fill(self, pixels: np.ndarray, start: int) -> None:
        """Read images that lie one after the other, from the one of number `start`."""
        view, place = memoryview(pixels).cast("B"), self.offset + start * self.image_bytes
        while view:
            if not (count := os.preadv(self.file.fileno(), [view], place)):
                raise OSError(f"{self.path} ends before its images do")
            view, place = view[count:], place + count
