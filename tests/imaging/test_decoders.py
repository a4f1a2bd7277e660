"""Formats beyond the usual ones, and transparency."""

import io
import struct
import zlib

import imagecodecs
import numpy as np
import pytest
from encoded_images import png_chunk
from PIL import Image

from hub.errors import InputError
from hub.imaging.read import read_image

GREY = np.tile(np.linspace(0, 255, 48).round().astype(np.uint8), (40, 1))
COLOUR = np.stack([GREY, GREY[:, ::-1], GREY[::-1] // 2], -1)


def encoded(image, kind, **options):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["AVIF", "JPEG2000", "GIF", "PPM"])
@pytest.mark.parametrize("image", [GREY, COLOUR], ids=["grey", "colour"])
def test_other_formats_of_pillow_are_read(kind, image):
    read = np.asarray(read_image(encoded(image, kind)).convert("RGB")).astype(int)
    expected = image if image.ndim == 3 else np.dstack([image] * 3)
    assert np.abs(read - expected).mean() < (12 if kind in ("GIF", "AVIF") else 1)


@pytest.mark.parametrize(
    "data",
    [
        b"P2\n# a comment\n48 40\n255\n" + " ".join(map(str, GREY.ravel())).encode(),
        b"Pf\n48 40\n-1.0\n" + (GREY[::-1] / 255).astype("<f4").tobytes(),
    ],
    ids=["ASCII PGM", "PFM"],
)
def test_portable_maps_of_text_and_of_floats_are_read(data):
    np.testing.assert_allclose(np.asarray(read_image(data)).astype(int), GREY, atol=1)


def bmp(alpha):
    """A BMP file of 32 bits, which Pillow does not write."""
    pixels = np.dstack([GREY, GREY, GREY, np.full_like(GREY, alpha)])[::-1].tobytes()
    header = struct.pack("<2sIHHI", b"BM", 54 + len(pixels), 0, 0, 54)
    return header + struct.pack("<IiiHHIIiiII", 40, 48, 40, 1, 32, 0, len(pixels), 0, 0, 0, 0) + pixels


@pytest.mark.parametrize(
    "data",
    [
        bmp(0),
        bmp(255),
        encoded(np.dstack([GREY] * 3 + [0 * GREY]), "PNG"),
        encoded(np.dstack([GREY] * 3 + [0 * GREY]), "TIFF"),
        encoded(np.dstack([GREY] * 3 + [0 * GREY]), "WEBP", lossless=True, exact=True),
    ],
    ids=["BMP of alpha 0", "BMP of alpha 255", "PNG", "TIFF", "WebP"],
)
def test_an_image_that_is_transparent_everywhere_is_opaque(data):
    np.testing.assert_array_equal(np.asarray(read_image(data).convert("L")), GREY)


@pytest.mark.parametrize(
    ("data", "name"),
    [(b"%PDF-1.7", "PDF"), (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"), (b"8BPS", "Photoshop")],
)
def test_what_people_take_for_images_is_named(data, name):
    with pytest.raises(InputError, match=f"{name}.*give a PNG"):
        read_image(data)


def png_of_4_bits(values, transparent):
    """A grey PNG of 4 bits in which one value is transparent."""
    height, width = values.shape
    header = struct.pack(">IIBBBBB", width, height, 4, 0, 0, 0, 0)
    rows = b"".join(b"\0" + (row[::2] * 16 + row[1::2]).tobytes() for row in values)
    hidden, pixels = png_chunk(b"tRNS", struct.pack(">H", transparent)), zlib.compress(rows)
    chunks = [png_chunk(b"IHDR", header), hidden, png_chunk(b"IDAT", pixels), png_chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def test_one_transparent_colour_is_black():
    few = GREY // 16
    hidden, colour = int(GREY[0, 24]), tuple(COLOUR[0, 24].tolist())
    grey = np.where(hidden == GREY, 0, GREY)
    for data, expected in (
        (encoded(GREY, "PNG", transparency=hidden), grey),
        (
            encoded(COLOUR, "PNG", transparency=colour),
            np.where((colour == COLOUR).all(-1)[..., None], 0, COLOUR),
        ),
        (png_of_4_bits(few, 7), np.where(few == 7, 0, few * 17)),
    ):
        np.testing.assert_array_equal(np.asarray(read_image(data)), expected)


def test_around_a_gif_that_is_smaller_than_it_says_nothing_is_to_be_seen():
    data = bytearray(encoded(GREY // 2 + 100, "GIF"))
    data[6:10] = struct.pack("<HH", 60, 50)
    read = np.asarray(read_image(bytes(data), radiograph=True))
    np.testing.assert_array_equal(read[:40, :48], GREY // 2 + 100)
    assert read.shape[:2] == (50, 60) and not read[40:].any() and not read[:, 48:].any()


@pytest.mark.parametrize("bits", [1, 4, 7])
def test_white_of_a_jpeg_2000_of_few_bits_is_white(bits):
    white = 2**bits - 1
    few = np.rint(GREY * (white / 255)).astype(np.uint8)
    data = imagecodecs.jpeg2k_encode(few, level=0, reversible=True, bitspersample=bits)
    np.testing.assert_array_equal(np.asarray(read_image(data)), np.rint(few * (255 / white)))


@pytest.mark.parametrize("stated", [0, 7, 0x80])  # one bit, eight, and one with a sign
def test_a_jpeg_2000_whose_box_and_codestream_have_other_depths_is_damaged(stated):
    data = encoded(GREY.astype(np.uint16) * 257, "JPEG2000")
    depth = data.index(b"\xff\x4f\xff\x51") + 42
    with pytest.raises(InputError, match="damaged"):
        read_image(data[:depth] + bytes([stated]) + data[depth + 1 :])


def test_a_jpeg_2000_of_more_than_four_channels_is_refused_with_the_reason():
    for kind in (np.uint8, np.uint16):
        data = imagecodecs.jpeg2k_encode(np.dstack([GREY.astype(kind)] * 5), level=0, reversible=True)
        with pytest.raises(InputError, match="neither grey nor RGB"):
            read_image(data)
