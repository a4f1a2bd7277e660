"""JPEG of 8 bits by Pillow; of 12 bits, and lossless, by imagecodecs."""

import math
import struct

from PIL import Image

from hub.imaging import greys, pillow, truncation
from hub.imaging.metadata import (
    JPEG_EXIF,
    JPEG_FRAMES,
    JPEG_LOSSLESS,
    JPEG_PROGRESSIVE,
    jpeg_scans,
    jpeg_segments,
)
from hub.imaging.unreadable import MAX_QUICK, Admit, DamagedError, UnreadableError, other_colours

MAX_SCANNED = 2_000_000_000  # pixels in all scans of a JPEG: ten scans of any image, two seconds


def read_jpeg(data: bytes, admit: Admit, side: int | None = None) -> Image.Image:
    """Return a JPEG.

    With `side`, a large one is decoded at a half, a quarter or an eighth of its size, as long as each side
    keeps so many pixels.
    """
    try:
        image = pillow.open_image(data, "JPEG")
        size = image.size
        coefficients = check_scans(data, *size)
        if side:
            image.draft(image.mode, (side, side))
        pixels = pillow.BYTES.get(image.mode, 4) * math.prod(image.size) / math.prod(size)
        admit(*size, coefficients + pixels, False)
        return pillow.load_admitted(image)
    except DamagedError:
        marker, bits, width, height = _frame(data)
        if marker != JPEG_LOSSLESS and bits == 8:
            raise
    return _read_deep(data, width, height, admit)


def check_scans(data: bytes, width: int, height: int) -> float:
    """Return the bytes that a JPEG's coefficients take for each of its pixels.

    They are kept where several scans give them. Each scan passes over the whole image, though it may have a
    few bytes: raises UnreadableError where that takes too long.
    """
    scans, marker = jpeg_scans(data), _frame(data)[0]
    if scans * width * height > MAX_SCANNED:
        raise UnreadableError("has far too many scans; save it as a plain JPEG.")
    return 2 * _samples(data) if scans > 1 or marker in JPEG_PROGRESSIVE else 0


def _samples(data: bytes) -> float:
    """Return the samples that the components of a JPEG have for each of its pixels."""
    for marker, start, end in jpeg_segments(data):
        if marker in JPEG_FRAMES and end <= len(data):
            factors = [(sampling >> 4, sampling & 15) for sampling in data[start + 11 : end : 3]]
            largest = math.prod(map(max, zip(*factors, strict=True)))
            return sum(map(math.prod, factors)) / max(1, largest)
    raise DamagedError


def _frame(data: bytes) -> tuple[int, int, int, int]:
    """Return marker, bits, width and height of a JPEG, or raise DamagedError."""
    for marker, start, end in jpeg_segments(data):
        if marker in JPEG_FRAMES and end - start >= 9 and end <= len(data):
            bits, height, width = struct.unpack_from(">BHH", data, start + 4)
            return marker, bits, width, height
    raise DamagedError


def _read_deep(data: bytes, width: int, height: int, admit: Admit) -> Image.Image:
    """Return a JPEG of 12 bits, or a lossless one of up to 16."""
    import imagecodecs

    admit(width, height, pillow.BYTES["I;16"], max(width * height, len(data)) > MAX_QUICK)
    if truncation.JPEG_END not in data:  # the library would make up the rest
        raise DamagedError
    with pillow.library():
        pixels = imagecodecs.jpeg8_decode(data)
    if pixels.ndim == 3 and pixels.shape[2] != 3:
        raise other_colours()
    deep = greys.to_image(pixels)
    segments = jpeg_segments(data)
    deep.info["exif"] = next(
        (data[start + 4 : end] for mark, start, end in segments if mark == JPEG_EXIF), None
    )
    return deep
