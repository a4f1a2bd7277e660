"""PNM (PBM, PGM, PPM and PFM) by NumPy, at any depth."""

import math
import re

import numpy as np
from PIL import Image

from hub.imaging import greys, pillow
from hub.imaging.unreadable import MAX_QUICK, Admit, DamagedError, check_size

PNM_HEADER = re.compile(
    rb"""
    P(?P<kind>[2356fF]) SPACE (?P<width>\d{1,9}) SPACE (?P<height>\d{1,9}) SPACE (?P<scale>[-+.\deE]{1,30}) \s
    """.replace(b"SPACE", rb"(?:\s|\#[^\r\n]*[\r\n])+"),
    re.VERBOSE,
)
COMMENT = re.compile(rb"\#[^\r\n]*")
BITS_HEADER = re.compile(rb"P[14]SPACE\d{1,9}SPACE\d{1,9}\s".replace(b"SPACE", rb"(?:\s|#[^\r\n]*[\r\n])+"))
HEADER = 65_536  # bytes of a PNM in which its size has to be, whatever comments it has
# What text of a PNM consists of, and numbers beyond 32 bits.
DIGIT, SPACE, OTHER = b"0", b" ", b"?"
KINDS = bytes(
    (DIGIT if byte in b"0123456789" else SPACE if byte in b" \t\n\v\f\r" else OTHER)[0] for byte in range(256)
)
TOO_LONG = DIGIT * 10


def read_pnm(data: bytes, admit: Admit) -> Image.Image:
    """Return a PNM, also at a depth to which Pillow does not read colours.

    Bits are left to Pillow.
    """
    header = PNM_HEADER.match(data, 0, HEADER)
    if header is None and not BITS_HEADER.match(data, 0, HEADER):
        raise DamagedError  # Pillow would read a comment without an end byte by byte
    if header is None:
        return pillow.read(data, admit, "PNM")
    width, height, kind = int(header["width"]), int(header["height"]), header["kind"]
    check_size(width, height)
    with pillow.library():
        scale = float(header["scale"])  # of floats its sign is the order of bytes; else the value of white
        if not (0 < scale < 65_536 or (kind in b"fF" and scale)):
            raise DamagedError
        dtype = ("<f4" if scale < 0 else ">f4") if kind in b"fF" else "u1" if scale < 256 else ">u2"
        shape = height, width, 3 if kind in b"36F" else 1
        size = np.dtype(np.int32 if kind in b"23" else dtype).itemsize
        is_slow = kind in b"23" and len(data) > MAX_QUICK
        admit(width, height, greys.bytes_per_pixel(shape[2], size), is_slow)
        if kind in b"23":
            numbers = _numbers(COMMENT.sub(b" ", data[header.end() :]), math.prod(shape), scale)
            if numbers is None:
                raise DamagedError
            pixels = numbers.astype(dtype).reshape(shape)
        else:
            pixels = np.frombuffer(data, dtype, math.prod(shape), header.end()).reshape(shape)
    if kind in b"fF":
        pixels = pixels[::-1]
    return greys.to_image(greys.scale(pixels, 0, scale) if pixels.dtype == np.uint8 else pixels)


def _numbers(text: bytes, count: int, highest: float) -> np.ndarray | None:
    """Return the first numbers of a text, int32 [count].

    None where one is wrong or missing.
    """
    if not _is_of_numbers(text):
        return None
    # All of them: asked for more than there are, NumPy would add what lies in memory.
    numbers = np.fromstring(text, np.int32, sep=" ")[:count]
    return numbers if len(numbers) == count and numbers.max() <= highest else None


def _is_of_numbers(text: bytes) -> bool:
    """Return whether a text is of space and of numbers that fit 32 bits alone.

    NumPy would warn of anything else; to make errors of warnings is not safe in threads.
    """
    kinds = text.translate(KINDS)
    return OTHER not in kinds and TOO_LONG not in kinds
