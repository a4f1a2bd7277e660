"""Metadata is never a reason to refuse an image, however large or damaged it is."""

import os
import zlib

import numpy as np
import pytest
from encoded_images import encoded, exif, gradient, jpeg_segment, png, png_chunk, tiff
from PIL import Image

from hub.imaging.read import read_image

GREY = Image.fromarray(gradient())
LARGE = os.urandom(2_000_000)  # does not shrink
PROFILE = [b"ICC_PROFILE\0\1\1" + LARGE[start : start + 65_000] for start in range(0, len(LARGE), 65_000)]


def png_with(*chunks):
    """An 8-bit PNG with chunks before its pixels."""
    data = encoded(GREY, "PNG")
    return data[:33] + b"".join(chunks) + data[33:]


def jpeg_with(*segments):
    data = encoded(GREY, "JPEG")
    return data[:2] + b"".join(segments) + data[2:]


def assert_read(data):
    read = np.asarray(read_image(data).convert("L"))
    np.testing.assert_allclose(read.astype(int), gradient(), atol=8)


@pytest.mark.parametrize(
    "chunks",
    [
        [png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + b"x" * 1_500_000)],
        [png_chunk(b"iCCP", b"profile\0\0" + zlib.compress(LARGE))],
        [png_chunk(b"zTXt", b"comment\0\0" + zlib.compress(bytes(50_000_000)))],
        [png_chunk(b"tEXt", b"%d\0value" % number) for number in range(20_000)],
        [png_chunk(b"tEXt", b"key\0value")[:-1] + b"?"],
        [png_chunk(b"eXIf", b"MM\0*")[:-1] + b"?"],
        [png_chunk(b"gAMA", b"")],
        [png_chunk(b"pHYs", b"12")],
        [png_chunk(b"cHRM", LARGE)],
    ],
    ids=["XMP", "profile", "bomb", "many", "text checksum", "EXIF checksum", "gAMA", "pHYs", "cHRM"],
)
def test_a_png_with_large_or_damaged_metadata_is_read(chunks):
    assert_read(png_with(*chunks))
    assert_read(png(gradient().astype(np.uint16) * 16, *chunks))


@pytest.mark.parametrize(
    "segments",
    [
        [jpeg_segment(0xE2, part) for part in PROFILE],
        [jpeg_segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + LARGE[:65_000])],
        [jpeg_segment(0xFE, LARGE[:65_000])] * 40,
        [jpeg_segment(0xE2, b"MPF\0MM\0*\0\0\0\x08" + b"\xff" * 40)],
        [jpeg_segment(0xED, b"Photoshop 3.0\x008BIM" + b"\xff" * 40)],
        [jpeg_segment(0xE0, b"JFIF\0")],
        [jpeg_segment(0xEE, b"Adobe")],
        [jpeg_segment(0xE1, b"Exif\0\0" + LARGE[:65_000])],
        [jpeg_segment(0xE5, b"left")[:-1]],
        [jpeg_segment(0xFE, b"a comment"), b"between segments"],
    ],
    ids=[
        "profile", "XMP", "comments", "MPF", "Photoshop", "JFIF", "Adobe", "EXIF", "length", "garbage",
    ],
)  # fmt: skip
def test_a_jpeg_with_large_or_damaged_metadata_is_read(segments):
    assert_read(jpeg_with(*segments))


@pytest.mark.parametrize("name", ["xmp", "icc_profile", "exif"])
@pytest.mark.parametrize("kind", ["WEBP", "AVIF"])
def test_webp_and_avif_with_large_metadata_are_read(name, kind):
    content = (b"Exif\0\0MM\0*\0\0\0\x08\0\0" if name == "exif" else b"") + LARGE
    assert_read(encoded(GREY.convert("RGB"), kind, **{name: content}))


@pytest.mark.parametrize("tag", [270, 700, 34_377, 34_675, 65_000])
def test_a_tiff_with_large_tags_is_read(tag):
    assert_read(tiff(gradient(), extratags=[(tag, 7, len(LARGE), LARGE, True)]))
    assert_read(tiff(gradient().astype(np.uint16) * 16, extratags=[(tag, 7, len(LARGE), LARGE, True)]))


def test_what_says_how_to_show_pixels_stays():
    palette = Image.fromarray(gradient()).convert("P")
    shown = encoded(palette, "PNG", transparency=palette.getpixel((47, 0)), exif=exif(6))
    read = np.asarray(read_image(shown))
    assert read.shape == (48, 40, 3)
    assert not read[-1].any() and read[-8].any()
    inverted = encoded(Image.merge("CMYK", [GREY] * 4), "JPEG")  # as Adobe stores it
    assert np.asarray(read_image(inverted)).mean() < 100
