"""Formats beyond the usual ones, and transparency."""

import io
import struct

import numpy as np
import pytest
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
