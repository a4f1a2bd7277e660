"""Images are known by their first bytes."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom.data import get_testdata_file

from hub.imaging.formats import HEAD, is_image

GREY = Image.fromarray(np.tile(np.arange(64, dtype=np.uint8), (64, 1)))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP", "JPEG2000", "AVIF", "PPM"])
def test_what_pillow_writes_is_an_image(kind):
    buffer = io.BytesIO()
    GREY.save(buffer, kind)
    assert is_image(buffer.getvalue()[:HEAD])


def test_dicom_is_an_image():
    assert is_image(Path(get_testdata_file("CT_small.dcm")).read_bytes()[:HEAD])


@pytest.mark.parametrize(
    "data",
    [b"", b"a letter about a chest", b"BMW and other cars, in a letter", b"%PDF-1.7", b"PK\3\4", b"P1"],
)
def test_other_files_are_not(data):
    assert not is_image(data)
