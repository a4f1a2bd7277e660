"""Deep greys and colours: what becomes black, what white, and what few pixels cannot move."""

import numpy as np
import pytest
from encoded_images import gradient

from hub.imaging import greys
from hub.imaging.synthetic import sample_radiographs
from hub.imaging.unreadable import UnreadableError

DEEP = np.asarray(sample_radiographs(1)[0][0]).astype(np.uint16) * 16


def limits(pixels):
    values, counts = np.unique(pixels, return_counts=True)
    return greys.limits(values.astype(float), counts)


def marked(share):
    pixels, side = DEEP.copy(), round((share * DEEP.size) ** 0.5)
    pixels[9 : 9 + side, 9 : 9 + side] = 65_535
    return pixels


def test_a_radiograph_is_stretched_over_its_whole_range():
    low, high = limits(DEEP)
    assert DEEP.min() <= low <= np.percentile(DEEP, 1) and np.percentile(DEEP, 99) <= high <= DEEP.max()


@pytest.mark.parametrize("share", [2e-5, 0.001, 0.003, 0.005, 0.009])
@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32])
def test_hot_pixels_and_a_white_marker_leave_the_rest_as_bright_as_it_is(share, dtype):
    rest = marked(share) < 65_535
    marked_pixels, plain = greys.stretch(marked(share).astype(dtype)), greys.stretch(DEEP.astype(dtype))
    assert (marked_pixels[~rest] == 255).all()
    assert abs(marked_pixels[rest].mean() / plain[rest].mean() - 1) < 0.25


def test_dead_pixels_do_not_lift_the_black():
    dead = DEEP + 30_000
    dead[5, 3:23] = 0
    rest = dead > 0
    assert greys.stretch(dead)[rest].std() > 0.7 * greys.stretch(DEEP)[rest].std()


def test_an_image_of_few_bright_pixels_is_stretched_to_its_brightest():
    sparse = np.zeros((100, 100), np.uint16)
    sparse[50, 50:58] = np.arange(500, 4_500, 500)
    expected = np.rint(sparse * (255 / 4_000))
    np.testing.assert_array_equal(greys.stretch(sparse), expected)


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.uint32, np.float64])
def test_a_blank_image_becomes_black(dtype):
    assert not greys.stretch(np.full((40, 48), 700, dtype)).any()


def test_a_digit_of_16_bits_looks_as_it_does_in_8():
    digit = np.zeros((28, 28), np.uint8)
    digit[4:24, 13:15] = 255  # a stroke of 5 % of the pixels, with soft edges
    digit[4:24, [12, 15]] = 90
    np.testing.assert_allclose(greys.stretch(digit.astype(np.uint16) * 257), digit, atol=1)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_from_0_to_1_are_shares_of_white(dtype):
    shares = (gradient() // 2 + 20) / 255  # that begin above 0 and end below 1
    np.testing.assert_array_equal(greys.stretch(shares.astype(dtype)), gradient() // 2 + 20)


def test_floats_of_which_none_is_above_a_half_are_stretched_as_greys_on_another_scale_are():
    np.testing.assert_allclose(greys.stretch(gradient() / 4080), gradient(), atol=1)


def test_colours_are_stretched_together():
    deep = np.stack([gradient(), gradient() // 2, np.zeros_like(gradient())], -1).astype(np.uint16) * 16
    image = greys.to_image(deep)
    assert image.mode == "RGB"
    np.testing.assert_allclose(np.asarray(image), deep // 16, atol=1)


@pytest.mark.parametrize("channels", [3, 4])
def test_three_equal_colours_are_grey(channels):
    deep = np.stack([gradient().astype(np.uint16) * 16] * 3 + [np.full((40, 48), 65_535, np.uint16)], -1)
    image = greys.to_image(deep[..., :channels])
    assert image.mode == ("L" if channels == 3 else "LA")
    np.testing.assert_array_equal(np.asarray(image.getchannel("L")), gradient())


def test_what_is_transparent_does_not_move_the_limits():
    deep = np.dstack([gradient().astype(np.uint16) * 16, np.full((40, 48), 4_095, np.uint16)])
    deep[:, :20] = 65_535, 0
    grey, alpha = greys.to_image(deep).split()
    np.testing.assert_allclose(np.asarray(grey)[:, 20:], greys.stretch(deep[:, 20:, 0]), atol=1)
    assert np.asarray(alpha)[0].tolist() == [0] * 20 + [255] * 28


def test_an_image_that_is_transparent_everywhere_is_opaque():
    deep = np.dstack([gradient().astype(np.uint16) * 16, np.zeros((40, 48), np.uint16)])
    image = greys.to_image(deep)
    assert image.mode == "L"
    np.testing.assert_array_equal(np.asarray(image), gradient())


@pytest.mark.parametrize("values", [[np.nan], [np.inf], [-np.inf], [-1e308, 1e308]])
def test_values_that_are_not_finite_or_infinitely_far_apart_are_refused(values):
    pixels = gradient().astype(np.float64)
    pixels[3, : len(values)] = values
    with pytest.raises(UnreadableError, match="not numbers"):
        greys.stretch(pixels)


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.float32])
def test_a_large_image_is_stretched_as_a_small_one_is(dtype):
    """In strips, and from a sample where values cannot be counted one by one."""
    large = np.kron(DEEP, np.ones((8, 8), np.uint16)).astype(dtype)
    np.testing.assert_allclose(greys.stretch(large)[::8, ::8].astype(int), greys.stretch(DEEP), atol=2)
