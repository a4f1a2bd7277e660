"""HEIC, as phones write it.

No library at hand writes it: libheif's encoder made gradient.heic, of 128 x 64 pixels, and
gradient_turned.heic, which libheif and its EXIF both say to turn by 90 degrees.
"""

import contextlib
import random
from pathlib import Path

import numpy as np
import pytest

from hub.errors import InputError
from hub.imaging.read import read_image

FOLDER = Path(__file__).parent
ROWS, COLUMNS = np.mgrid[:64, :128]
COLOUR = np.stack([COLUMNS * 255 // 127, ROWS * 255 // 63, 255 - COLUMNS * 255 // 127], -1)


def test_an_image_is_read_and_turned_once():
    plain, turned = (read_image(FOLDER / f"{name}.heic") for name in ("gradient", "gradient_turned"))
    np.testing.assert_allclose(np.asarray(plain).astype(int), COLOUR, atol=5)
    np.testing.assert_allclose(np.asarray(turned).astype(int), np.rot90(COLOUR, -1), atol=5)


def test_an_image_over_64_megapixels_is_refused_before_it_is_decoded():
    data = (FOLDER / "gradient.heic").read_bytes()
    size = data.index(b"ispe") + 8
    with pytest.raises(InputError, match="more than 64 megapixels"):
        read_image(data[:size] + (9_000).to_bytes(4) * 2 + data[size + 8 :])


def test_an_image_with_large_metadata_is_read():
    data = (FOLDER / "gradient.heic").read_bytes()
    box = (2_000_008).to_bytes(4) + b"uuid" + bytes(2_000_000)
    assert read_image(data + box).size == (128, 64)


@pytest.mark.parametrize("part", [0.02, 0.1, 0.5, 0.9, 0.99])
def test_an_image_that_is_cut_short_is_refused(part):
    data = (FOLDER / "gradient.heic").read_bytes()
    with pytest.raises(InputError, match=r"damaged or cut short|not an image"):
        read_image(data[: int(part * len(data))])


def test_an_image_whose_last_bytes_are_of_its_exif_is_read_without_them():
    data = (FOLDER / "gradient_turned.heic").read_bytes()
    np.testing.assert_array_equal(np.asarray(read_image(data[:-5])), np.asarray(read_image(data)))


def test_a_file_that_crashes_the_decoder_is_damaged_and_nothing_else_happens():
    """Damaged boxes crash pi-heif, about one in twenty here."""
    whole, dice = (FOLDER / "gradient_turned.heic").read_bytes(), random.Random(0)
    for _ in range(8):
        data = bytearray(whole)
        for _ in range(4):
            data[dice.randrange(12, 200)] = dice.choice([0, 1, 255, dice.randrange(256)])
        with contextlib.suppress(InputError):
            assert read_image(bytes(data)).size
