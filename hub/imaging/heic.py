"""Decode HEIC, as phones write it."""

import re
import struct

from PIL import Image

from hub.imaging.unreadable import Admit, check_size, few

# The box that states the size of an image or of a tile; the whole is the largest.
SIZE = re.compile(rb"ispe\0{4}(.{4})(.{4})", re.DOTALL)
BYTES_PER_PIXEL = 4


def stated_size(data: bytes) -> tuple[int, int]:
    """Return the width and height of a HEIC or AVIF file, by its boxes.

    They are 1 where it has no such box: it is damaged, which a library finds out.
    """
    stated = (struct.unpack(">LL", b"".join(found.groups())) for found in few(SIZE.finditer(data)))
    return max(stated, key=lambda size: size[0] * size[1], default=(1, 1))


def decode(data: bytes, admit: Admit = check_size) -> Image.Image:
    """Return the primary image, which libheif has turned upright already.

    Call it in a process of its own (`worker`): libheif crashes on some damaged files. Whatever pi-heif
    raises, it raises.
    """
    admit(*stated_size(data), BYTES_PER_PIXEL, True)
    import pi_heif

    file = pi_heif.open_heif(data)
    admit(*file.size, BYTES_PER_PIXEL, True)
    # Not by to_pillow, which reads the EXIF too.
    image = Image.frombytes(file.mode, file.size, file.data, "raw", file.mode, file.stride)
    return image.convert(image.mode.upper())  # no premultiplied alpha
