"""Files that were cut short, some of them after all of their pixels.

Such a file is decoded with several endings in place of the bytes that it lacks: where all of them give the
same pixels, none is missing.
"""

import re
import struct
import zlib
from itertools import count

from hub.imaging.metadata import JPEG_FRAMES, JPEG_LOSSLESS, JPEG_SCAN, jpeg_segments, png_chunks
from hub.imaging.unreadable import few

MOST_MISSING = 64  # bytes; with more, pixels are missing too
# Four, as coded data can mean the same with either bit in a place.
FILLINGS = tuple(filling * MOST_MISSING for filling in (b"\0", b"\x55", b"\xaa", b"\xff\0"))
JPEG_END = b"\xff\xd9"  # also of JPEG 2000
# Rows may begin at any of these markers.
JPEG_RESTARTED = b"".join(bytes([0xFF, marker]) + FILLINGS[1] for marker in range(0xD0, 0xD8))
# Of the passes of an interlaced PNG: the first column and row, and the steps to the next.
ADAM7 = (
    (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2),
)  # fmt: skip
MAX_INFLATED = 64_000_000  # bytes of pixels of a PNG; a larger one is not worth three times as much memory


def endings(data: bytes, image_format: str) -> list[bytes]:
    """Return a file that was cut short with each of several endings.

    The list is empty where pixels are missing for certain. `data` has no metadata (`metadata.py`).
    """
    match image_format:
        case "JPEG" if _has_all_scans(data):
            cut = data.rstrip(b"\xff")
            return [cut + filling + JPEG_END for filling in (b"", *FILLINGS, JPEG_RESTARTED)]
        case "JPEG2000":
            return [data.rstrip(b"\xff") + JPEG_END]
        case "PNG":
            return _png(data)
        case "WEBP" | "TIFF":
            return _filled(data, MOST_MISSING)
        case "AVIF" | "HEIC":
            return _filled(data, _missing_of_boxes(data))
    return []


def _filled(data: bytes, missing: int) -> list[bytes]:
    fits = 0 < missing <= MOST_MISSING
    return [data + filling[:missing] for filling in FILLINGS] if fits else []


def _has_all_scans(jpeg: bytes) -> bool:
    """Return whether the scans give every coefficient to its last bit."""
    missing, scans = {}, len(jpeg)
    for marker, start, end in jpeg_segments(jpeg):
        if marker in JPEG_FRAMES:
            components = jpeg[start + 10 : end : 3]
            coefficients = set() if marker == JPEG_LOSSLESS else set(range(64))
            missing = {component: set(coefficients) for component in components}
        if marker == JPEG_SCAN:
            scans = start
    # Coded data holds no such bytes: there 0xFF is followed by 0 or by the number of a restart.
    for scan in few(re.finditer(rb"\xff\xda..([\x01-\x04])", jpeg[scans:], re.DOTALL)):
        start, middle = scans + scan.end(), scans + scan.end() + 2 * scan[1][0]
        band = jpeg[middle : middle + 3]  # first and last coefficient, and bits
        if len(band) == 3 and band[2] & 0x0F == 0:
            for component in jpeg[start:middle:2]:
                missing.get(component, set()).difference_update(range(band[0], band[1] + 1))
    return bool(missing) and not any(missing.values())


def _png(data: bytes) -> list[bytes]:
    """Return the file with an end, where it has all of its pixels."""
    size = _png_bytes(data)
    if not 0 < size <= MAX_INFLATED:
        return []
    before, pixels = [data[:8]], []
    for name, start, end in png_chunks(data):
        if name == b"IDAT":
            pixels.append(data[start + 8 : min(end - 4, len(data))])
        else:
            before.append(data[start:end])
    try:
        inflated = zlib.decompressobj().decompress(b"".join(pixels), size)
    except zlib.error:
        return []
    if len(inflated) < size:
        return []
    return [b"".join([*before, _chunk(b"IDAT", zlib.compress(inflated, 0)), _chunk(b"IEND", b"")])]


def _png_bytes(data: bytes) -> int:
    """Return how many bytes the pixels of a PNG have, before they are compressed."""
    width, height, bits, colour, _, _, interlaced = struct.unpack(">IIBBBBB", data[16:29].ljust(13, b"\0"))
    bits_per_pixel = bits * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}.get(colour, 1)
    sizes = [(-(-(width - x) // across), -(-(height - y) // down)) for x, y, across, down in ADAM7]
    # Each row begins with a byte for its filter.
    return sum(
        rows * (1 + -(-columns * bits_per_pixel // 8))
        for columns, rows in (sizes if interlaced else [(width, height)])
        if columns > 0
    )


def _chunk(name: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(name + content)
    return len(content).to_bytes(4) + name + content + checksum.to_bytes(4)


def _missing_of_boxes(data: bytes) -> int:
    """Return how many bytes the last box of a HEIC or AVIF file lacks."""
    position = 0
    for _ in few(count()):
        if position >= len(data):
            break
        size = int.from_bytes(data[position : position + 4])
        if size == 1:  # it does not fit in 32 bits
            size = int.from_bytes(data[position + 8 : position + 16])
        if size < 8:
            return 0  # to the end of the file, or damaged
        position += size
    return position - len(data)
