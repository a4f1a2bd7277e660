"""Encoded images as many programs write them, for tests of reading."""

import io
import zlib

import numpy as np
import tifffile
from PIL import Image


def encoded(image, kind, **options):
    """The bytes of a PIL image in one of Pillow's formats, nearly without loss."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **({"quality": 95} if kind == "JPEG" else {"lossless": True}) | options)
    return buffer.getvalue()


def tiff(pixels, **options):
    """The bytes of a TIFF that tifffile writes."""
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, pixels, **options)
    return buffer.getvalue()


def png_chunk(name, content):
    """A chunk of a PNG with its length and checksum."""
    return len(content).to_bytes(4) + name + content + zlib.crc32(name + content).to_bytes(4)


def png(pixels, *chunks, surplus=b""):
    """The bytes of a 16-bit PNG, from uint16 [H, W] or [H, W, 2 to 4], with chunks before the pixels.

    A surplus is packed behind the pixels.
    """
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[pixels[0, 0].size]
    height, width = pixels.shape[:2]
    header = width.to_bytes(4) + height.to_bytes(4) + bytes([16, colour, 0, 0, 0])
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    parts = [png_chunk(b"IHDR", header), *chunks, png_chunk(b"IDAT", zlib.compress(rows + surplus))]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts) + png_chunk(b"IEND", b"")


def jpeg_segment(marker, content):
    """A segment of a JPEG, with its marker and length."""
    return bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2) + content


def gradient(height=40, width=48):
    """A grey gradient from 0 to 255, uint8 [H, W]: it survives lossy formats."""
    return np.tile(np.linspace(0, 255, width).round().astype(np.uint8), (height, 1))


def exif(orientation):
    """EXIF that says how the image is to be turned."""
    data = Image.Exif()
    data[0x0112] = orientation
    return data
