"""Deep greys and colours are read at full depth, and a few pixels do not decide how dark the rest is."""

import io

import imagecodecs
import numpy as np
import pytest
from encoded_images import tiff
from PIL import Image

from hub.imaging.read import read_image

# Smooth, as a radiograph is: 12 bits in 16.
ROWS, COLUMNS = np.mgrid[:200, :160]
DEEP = np.rint(4095 * (np.sin(COLUMNS / 30) + np.cos(ROWS / 40) + 2) / 4).astype(np.uint16)


def pixels(source):
    return np.asarray(read_image(source)).astype(int)


def colour(deep=DEEP):
    return np.stack([deep, deep[::-1], deep // 2], -1)


@pytest.mark.parametrize(
    "data",
    [
        imagecodecs.png_encode(np.dstack([DEEP] * 3)),
        imagecodecs.png_encode(np.dstack([DEEP] * 3 + [np.full_like(DEEP, 65535)])),
        imagecodecs.png_encode(np.dstack([DEEP, np.full_like(DEEP, 65535)])),
        tiff(np.dstack([DEEP] * 3), photometric="rgb"),
        tiff(np.dstack([DEEP] * 3), photometric="rgb", compression="zlib", tile=(64, 64)),
        tiff(np.stack([DEEP] * 3), photometric="rgb", planarconfig="separate"),
        tiff(DEEP, photometric="minisblack", bigtiff=True),
        tiff(65535 - DEEP, photometric="miniswhite"),
    ],
    ids=["PNG RGB", "PNG RGBA", "PNG LA", "TIFF RGB", "tiled", "planar", "BigTIFF", "white is 0"],
)
def test_sixteen_bits_per_colour_of_a_grey_film_are_read_as_those_of_a_grey_file(data):
    read = read_image(data)
    assert read.mode == "L"
    np.testing.assert_array_equal(np.asarray(read), np.asarray(read_image(DEEP)))


@pytest.mark.parametrize(
    "encode", [imagecodecs.png_encode, lambda deep: tiff(deep, photometric="rgb")], ids=["PNG", "TIFF"]
)
def test_true_colours_of_sixteen_bits_are_stretched_together(encode):
    read = pixels(encode(colour()))
    assert read.shape == (200, 160, 3) and read[..., :2].max() == 255
    assert np.median(read[..., 2]) == pytest.approx(np.median(read[..., 0]) / 2, abs=3)


@pytest.mark.parametrize("kind", ["f2", "f4", "f8", "i2", "i4", "u4"])
def test_a_tiff_of_any_numbers_is_read(kind):
    read = pixels(tiff((DEEP / 4 - 100).astype(kind) if kind[0] != "u" else DEEP.astype(kind), photometric=0))
    np.testing.assert_allclose(read, 255 - pixels(DEEP), atol=2)


def test_a_predictor_that_a_tiff_states_without_compression_is_none():
    np.testing.assert_array_equal(pixels(tiff(DEEP, extratags=[(317, 3, 1, 2, True)])), pixels(DEEP))


@pytest.mark.parametrize("write", [lambda deep: deep, lambda deep: tiff(deep, photometric="minisblack")])
@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32, np.float64])
def test_hot_and_dead_pixels_and_a_small_marker_change_the_rest_little(write, dtype):
    whole = pixels(write(DEEP.astype(dtype) + 1000))
    spoilt = DEEP.astype(dtype) + 1000
    spoilt[5, 7], spoilt[6, 9], spoilt[10:15, 20:26] = 65535, 0, 65535
    rest = np.ones(DEEP.shape, bool)
    rest[5, 7] = rest[6, 9] = rest[10:15, 20:26] = False
    # By `greys.WIDENING` of the range at most; between the extremes the rest would be nearly black.
    assert np.abs(pixels(write(spoilt)) - whole)[rest].max() <= 64


def test_a_sparse_deep_image_keeps_its_few_bright_pixels():
    digit = np.zeros((200, 160), np.uint16)
    digit[100, 80:83] = 40_000
    assert pixels(digit)[100, 80:83].tolist() == [255] * 3 and pixels(digit).sum() == 3 * 255


def test_a_deep_image_of_many_pixels_is_read_by_a_sample_of_them():
    large = np.tile(DEEP.astype(np.float32), (20, 20))
    np.testing.assert_allclose(pixels(large)[:200, :160], pixels(DEEP.astype(np.float32)), atol=2)


def test_a_16_bit_pgm_and_jpeg_2000_are_read_at_full_depth():
    buffer = io.BytesIO()
    Image.fromarray(DEEP).save(buffer, "JPEG2000")
    header = f"P5 {DEEP.shape[1]} {DEEP.shape[0]} 65535\n".encode()
    for data in (buffer.getvalue(), header + DEEP.astype(">u2").tobytes()):
        np.testing.assert_array_equal(pixels(data), pixels(DEEP))
