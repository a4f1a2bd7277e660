"""Images are known by their first bytes."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom.data import get_testdata_file

from hub.imaging.formats import HEAD, OTHERS, image_format, is_image, other_format

GREY = Image.fromarray(np.tile(np.arange(64, dtype=np.uint8), (64, 1)))


@pytest.mark.parametrize(
    "kind", ["PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP", "JPEG2000", "AVIF", "PPM", "MPO"]
)
def test_what_pillow_writes_is_an_image_of_its_format(kind):
    buffer = io.BytesIO()
    GREY.save(buffer, kind)
    assert is_image(buffer.getvalue()[:HEAD])
    assert image_format(buffer.getvalue()) == {"PPM": "PNM", "MPO": "JPEG"}.get(kind, kind)


@pytest.mark.parametrize(
    ("brands", "kind"),
    [
        (b"heic\0\0\0\0mif1heic", "HEIC"),
        (b"heix\0\0\0\0mif1heix", "HEIC"),
        (b"mif1\0\0\0\0mif1heicmiaf", "HEIC"),
        (b"msf1\0\0\0\0msf1hevc", "HEIC"),
        (b"mif1\0\0\0\0mif1avifmiaf", "AVIF"),
        (b"avif\0\0\0\0avifmif1miaf", "AVIF"),
        (b"isom\0\0\2\0isomiso2mp41", None),
    ],
)
def test_heic_and_avif_are_told_apart_by_their_brands(brands, kind):
    assert image_format((len(brands) + 8).to_bytes(4) + b"ftyp" + brands + b"\0\0\1\x53meta") == kind


def test_dicom_is_an_image_whatever_its_preamble_looks_like():
    data = Path(get_testdata_file("CT_small.dcm")).read_bytes()
    for preamble in (data[:128], b"II*\0".ljust(128, b"\0"), b"\xff\xd8\xff".ljust(128, b"\0")):
        assert is_image((preamble + data[128:])[:HEAD])
        assert image_format((preamble + data[128:])[:HEAD]) == "DICOM"


def test_what_people_take_for_images_has_a_name():
    assert other_format(b"%PDF-1.7") == "a PDF"
    assert other_format(b"\n<!doctype HTML>") == "a web page"
    assert other_format(b'<?xml version="1.0"?>\n<!-- drawn -->\n<svg>') == "an SVG drawing"
    assert other_format(b"a letter") is None
    for signature in (b"%PDF-", b"8BPS", b"PK\3\4", b"DDS ", b"qoif"):
        assert not is_image(signature) and other_format(signature) in OTHERS


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P"])
@pytest.mark.parametrize("kind", ["TGA", "ICO"])
def test_a_tga_is_told_from_an_icon(kind, mode):
    buffer = io.BytesIO()
    GREY.convert(mode).save(buffer, kind)
    assert image_format(buffer.getvalue()) is None
    assert other_format(buffer.getvalue()) == {"TGA": "a TGA file", "ICO": "an icon"}[kind]


@pytest.mark.parametrize(
    "data",
    [b"", b"a letter about a chest", b"BMW and other cars, in a letter", b"%PDF-1.7", b"PK\3\4", b"P1"],
)
def test_other_files_are_not(data):
    assert not is_image(data)
