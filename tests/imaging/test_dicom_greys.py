"""The greys of DICOM files: what a viewer shows of the pixels."""

import struct

import numpy as np
import pydicom.uid as uids
import pytest
from dicom_files import DEEP, GREY, ROWS, WAVE, dataset, lut, pixels, stored, stretched, with_element
from pydicom import Dataset, Sequence

pytestmark = pytest.mark.filterwarnings("ignore:::pydicom")


@pytest.mark.parametrize("image", [GREY, DEEP], ids=["8 bits", "12 bits"])
def test_monochrome1_is_monochrome2_inverted(image):
    inverted = dataset(image.max() - image, PhotometricInterpretation="MONOCHROME1")
    np.testing.assert_array_equal(pixels(stored(inverted)), pixels(stored(dataset(image))))


def test_an_image_is_inverted_once_where_its_presentation_says_so_too():
    once = dataset(255 - GREY, PhotometricInterpretation="MONOCHROME1", PresentationLUTShape="INVERSE")
    np.testing.assert_array_equal(pixels(stored(once)), GREY)
    np.testing.assert_array_equal(pixels(stored(dataset(255 - GREY, PresentationLUTShape="INVERSE"))), GREY)
    np.testing.assert_array_equal(pixels(stored(dataset(PresentationLUTShape="IDENTITY"))), GREY)


def linear(x, centre, width):
    """PS3.3 C.11.2.1.2.1, to 0..255."""
    y = ((x - (centre - 0.5)) / max(width - 1, 1e-9) + 0.5) * 255
    return np.where(
        x <= centre - 0.5 - (width - 1) / 2, 0, np.where(x > centre - 0.5 + (width - 1) / 2, 255, y)
    )


def linear_exact(x, centre, width):
    """PS3.3 C.11.2.1.3.2, to 0..255."""
    return np.clip((x - centre) / width + 0.5, 0, 1) * 255


def sigmoid(x, centre, width):
    """PS3.3 C.11.2.1.3.1, to 0..255."""
    return 255 / (1 + np.exp(np.minimum(-4 * (x - centre) / width, 700)))


@pytest.mark.parametrize(("centre", "width"), [(2048, 4096), (1500, 900), (1500.5, 1), (0, 100)])
@pytest.mark.parametrize("function", [linear, linear_exact, sigmoid], ids=lambda f: f.__name__)
def test_a_window_is_applied_by_the_formula_of_the_standard(function, centre, width):
    image = dataset(DEEP, WindowCenter=centre, WindowWidth=width, VOILUTFunction=function.__name__.upper())
    expected = function(DEEP.astype(float), centre, width)
    np.testing.assert_allclose(pixels(stored(image)), expected, atol=0.51)
    image.PhotometricInterpretation = "MONOCHROME1"
    np.testing.assert_allclose(pixels(stored(image)), 255 - expected, atol=0.51)


def test_a_window_without_a_function_is_linear_and_the_first_of_several_counts():
    image = dataset(DEEP, WindowCenter=[1500, 300], WindowWidth=[900, 50])
    np.testing.assert_allclose(pixels(stored(image)), linear(DEEP.astype(float), 1500, 900), atol=0.51)


@pytest.mark.parametrize("slope", [2, 0.5, -1])
def test_a_window_counts_in_rescaled_values(slope):
    image = dataset(DEEP, RescaleSlope=slope, RescaleIntercept=-1024, WindowCenter=300, WindowWidth=900)
    np.testing.assert_allclose(pixels(stored(image)), linear(DEEP * float(slope) - 1024, 300, 900), atol=0.51)


def test_without_a_window_eight_bits_stay_and_deeper_greys_are_stretched():
    np.testing.assert_array_equal(pixels(stored(dataset(GREY // 2))), GREY // 2)
    np.testing.assert_array_equal(
        pixels(stored(dataset(GREY // 2, RescaleSlope=1, RescaleIntercept=0))), GREY // 2
    )
    np.testing.assert_array_equal(pixels(stored(dataset(DEEP // 3 + 100))), stretched(DEEP // 3 + 100))


def test_signed_pixels_are_read():
    image = DEEP.astype(np.int16) - 2048
    np.testing.assert_array_equal(pixels(stored(dataset(image))), stretched(image))
    windowed = dataset(image, WindowCenter=-300, WindowWidth=900)
    np.testing.assert_allclose(pixels(stored(windowed)), linear(image.astype(float), -300, 900), atol=0.51)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_eight_to_sixteen_bits_are_read_from_two_bytes(bits):
    image = np.rint((2**bits - 1) * WAVE).astype(np.uint16)
    np.testing.assert_array_equal(pixels(stored(dataset(image, bits))), stretched(image))


def test_an_overlay_in_the_unused_bits_is_left_out():
    burnt_in = DEEP | np.where(ROWS < 5, 0x8000, 0).astype(np.uint16)
    np.testing.assert_array_equal(pixels(stored(dataset(burnt_in, 12))), stretched(DEEP))


@pytest.mark.parametrize("kind", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("limit", [None, 4095])
def test_padding_is_black_and_does_not_count(kind, limit):
    image = DEEP // 2
    padded = image.copy()
    padded[:, :4] = 4000 if limit else 4095
    low = (
        {"PixelPaddingValue": 3900, "PixelPaddingRangeLimit": limit} if limit else {"PixelPaddingValue": 4095}
    )
    read = pixels(stored(dataset(padded, PhotometricInterpretation=kind, **low)))
    inside = stretched(image[:, 4:])
    np.testing.assert_array_equal(read[:, 4:], inside if kind == "MONOCHROME2" else 255 - inside)
    assert not read[:, :4].any()


@pytest.mark.parametrize("depth", [8, 10, 12, 16])
def test_a_voi_lut_is_looked_up_and_goes_before_a_window(depth):
    table = np.rint((2**depth - 1) * np.linspace(0, 1, 3000) ** 2)
    image = dataset(DEEP, VOILUTSequence=lut(table, 500, depth), WindowCenter=1, WindowWidth=1)
    expected = table[np.clip(DEEP.astype(int) - 500, 0, 2999)] * 255 / (2**depth - 1)
    np.testing.assert_allclose(pixels(stored(image)), expected, atol=0.51)


def test_a_modality_lut_goes_before_the_window():
    table = np.arange(4096)[::-1] * 4
    image = dataset(DEEP, ModalityLUTSequence=lut(table, 0, 16), WindowCenter=8000, WindowWidth=6000)
    np.testing.assert_allclose(pixels(stored(image)), linear(table[DEEP] * 1.0, 8000, 6000), atol=0.51)


def test_an_element_without_a_value_is_as_good_as_none():
    names = [
        "WindowCenter", "WindowWidth", "VOILUTFunction", "RescaleSlope", "RescaleIntercept", "NumberOfFrames",
        "PixelPaddingValue", "PresentationLUTShape", "ModalityLUTSequence", "VOILUTSequence", "ViewPosition",
        "PresentationIntentType",
    ]  # fmt: skip
    np.testing.assert_array_equal(pixels(stored(dataset(DEEP, **dict.fromkeys(names, "")))), stretched(DEEP))
    windowed = dataset(DEEP, WindowCenter=1500, WindowWidth=900, VOILUTFunction="")
    np.testing.assert_allclose(pixels(stored(windowed)), linear(DEEP.astype(float), 1500, 900), atol=0.51)


# Values that make no sense


@pytest.mark.parametrize(
    ("centre", "width"),
    [
        ("2048", "0"), ("2048", "-900"), ("2048", "NaN"), ("2048", "1e400"), ("inf", "900"), ("2048", "wide"),
        ("2048", None), (None, "900"), ("2048", ""), ("2048", "0.5"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("image", [GREY, DEEP], ids=["8 bits", "12 bits"])
def test_a_window_that_is_none_is_ignored(centre, width, image):
    data = stored(dataset(image))
    for name, value in (("WindowCenter", centre), ("WindowWidth", width)):
        data = data if value is None else with_element(data, name, value)
    np.testing.assert_array_equal(pixels(data), stretched(image))


def test_a_decimal_comma_is_a_point():
    data = with_element(with_element(stored(dataset(DEEP)), "WindowCenter", "1500,5"), "WindowWidth", "900,0")
    expected = linear(DEEP.astype(float), 1500.5, 900)
    np.testing.assert_allclose(pixels(data), expected, atol=0.51)
    rescaled = with_element(with_element(data, "RescaleSlope", "1,0"), "RescaleIntercept", "0,0")
    np.testing.assert_allclose(pixels(rescaled), expected, atol=0.51)


@pytest.mark.parametrize(("centres", "widths"), [("9\\1500", "0\\900"), ("x\\1500\\9", "1\\900\\1")])
def test_the_first_window_that_is_one_counts(centres, widths):
    data = with_element(with_element(stored(dataset(DEEP)), "WindowCenter", centres), "WindowWidth", widths)
    np.testing.assert_allclose(pixels(data), linear(DEEP.astype(float), 1500, 900), atol=0.51)


def test_a_window_is_read_whatever_type_its_numbers_have():
    data = with_element(stored(dataset(DEEP)), "WindowCenter", struct.pack("<d", 1500), "FD")
    for value, vr in ((b"900 ", "UN"), (b"900 ", "LO"), (struct.pack("<H", 900), "US")):
        read = pixels(with_element(data, "WindowWidth", value, vr))
        np.testing.assert_allclose(read, linear(DEEP.astype(float), 1500, 900), atol=0.51)


@pytest.mark.parametrize("slope", ["0", "steep", "NaN", "1e400", ""])
def test_a_slope_that_is_none_is_1(slope):
    data = with_element(stored(dataset(DEEP)), "RescaleSlope", slope)
    np.testing.assert_array_equal(pixels(data), stretched(DEEP))
    windowed = with_element(with_element(data, "WindowCenter", "1500"), "WindowWidth", "900")
    np.testing.assert_allclose(pixels(windowed), linear(DEEP.astype(float), 1500, 900), atol=0.51)


FAR = {"LUTDescriptor": [4096, 2**62 + 300, 12]}  # from values on that no sample has


@pytest.mark.parametrize("sequence", ["VOILUTSequence", "ModalityLUTSequence"])
@pytest.mark.parametrize(
    "change",
    [{"LUTData": [1, 2, 3]}, {"LUTData": None}, {"LUTDescriptor": None}, {"LUTDescriptor": [4096, 0]}, FAR],
    ids=["too short", "no data", "no descriptor", "short descriptor", "far away"],
)
def test_a_lut_that_is_none_is_ignored(sequence, change):
    items = lut(np.arange(4096)[::-1], 0, 12)
    for name, value in change.items():
        if value is None:
            delattr(items[0], name)
        else:
            items[0][name].value = value
            items[0][name].VR = "FD" if name == "LUTDescriptor" else "US"  # which has room for any number
    np.testing.assert_array_equal(pixels(stored(dataset(DEEP, **{sequence: items}))), stretched(DEEP))
    windowed = dataset(DEEP, WindowCenter=1500, WindowWidth=900, **{sequence: items})
    np.testing.assert_allclose(pixels(stored(windowed)), linear(DEEP.astype(float), 1500, 900), atol=0.51)
    whole = Sequence([Dataset(), *lut(np.arange(4096)[::-1], 0, 12)])
    if sequence == "VOILUTSequence":  # the first that is one
        read = pixels(stored(dataset(DEEP, VOILUTSequence=whole)))
        np.testing.assert_allclose(read, (4095 - DEEP) * 255.0 / 4095, atol=0.51)


@pytest.mark.parametrize("value", [b"", b"abcd", b"\xfe\xff\x00\xe0abcd", bytes(8)])
@pytest.mark.parametrize("name", ["VOILUTSequence", "ModalityLUTSequence", "ViewCodeSequence"])
def test_a_sequence_that_is_none_is_ignored(name, value):
    np.testing.assert_array_equal(pixels(with_element(stored(dataset(DEEP)), name, value)), stretched(DEEP))


def test_a_lut_of_bytes_is_looked_up_where_its_entries_have_8_bits():
    (item,) = lut(np.arange(256), 0, 8)
    item.add_new("LUTData", "OW", bytes(range(255, -1, -1)))
    np.testing.assert_array_equal(pixels(stored(dataset(VOILUTSequence=Sequence([item])))), 255 - GREY)


# Deep greys without a window


@pytest.mark.parametrize("value", [4095, 0])
def test_a_few_hot_pixels_or_a_marker_change_the_rest_little(value):
    image = np.tile(DEEP // 4 + 1000, (4, 4))
    hot = image.copy()
    hot[:5, :5] = value
    # White and black move by `greys.WIDENING` of the range at most; by the extremes it would be 200 levels.
    np.testing.assert_allclose(pixels(stored(dataset(hot)))[5:], stretched(image)[5:], atol=64)


# Padding


def padded(dtype, value):
    image = (DEEP // 2).astype(dtype)
    image[:, :4] = value
    return image


@pytest.mark.parametrize("syntax", [uids.ExplicitVRLittleEndian, uids.ImplicitVRLittleEndian])
@pytest.mark.parametrize(
    ("dtype", "pixel", "bits", "vr", "value"),
    [
        (np.int16, -32_768, 16, "US", 32_768),
        (np.int16, -2000, 16, "US", 63_536),
        (np.int16, -2048, 12, "US", 2048),
        (np.int16, -32_768, 16, "SS", -32_768),
        (np.uint16, 65_535, 16, "SS", -1),
        (np.uint16, 65_535, 16, "US", 65_535),
        (np.uint16, 65_535, 12, "US", 65_535),
    ],
)
def test_padding_is_read_as_pixels_are_whatever_its_own_sign(dtype, pixel, bits, vr, value, syntax):
    image = dataset(padded(dtype, pixel), bits)
    image.add_new("PixelPaddingValue", vr, value)
    read = pixels(stored(image, syntax))
    np.testing.assert_array_equal(read[:, 4:], stretched(padded(dtype, pixel)[:, 4:]))
    assert not read[:, :4].any()


def test_a_range_of_padding_may_have_the_other_sign_too():
    image = dataset(padded(np.int16, -32_000), 16)
    image.add_new("PixelPaddingValue", "US", 32_768)
    image.add_new("PixelPaddingRangeLimit", "US", 33_600)
    assert not pixels(stored(image))[:, :4].any()


@pytest.mark.parametrize("limit", [4096, 4115, 65_535])
def test_a_range_of_padding_ends_with_the_bits_of_a_pixel(limit):
    image = dataset(padded(np.uint16, 4095), 12, PixelPaddingValue=4095, PixelPaddingRangeLimit=limit)
    read = pixels(stored(image))
    np.testing.assert_array_equal(read[:, 4:], stretched(padded(np.uint16, 4095)[:, 4:]))
    assert not read[:, :4].any()


def test_padding_below_which_bits_are_unused_is_no_other_grey():
    image = padded(np.uint16, 2032)
    image[:, 5] = 2032 >> 4
    read = pixels(stored(dataset(image << 4, 12, BitsAllocated=16, HighBit=15, PixelPaddingValue=2032)))
    np.testing.assert_array_equal(read[:, 5] > 0, image[:, 5] > 0)
    assert not read[:, :4].any()


def test_padding_that_no_pixel_can_have_leaves_white_as_it_is():
    image = dataset(DEEP, 12)
    image.add_new("PixelPaddingValue", "US", 65_535)
    np.testing.assert_array_equal(pixels(stored(image)), stretched(DEEP))


@pytest.mark.parametrize(("value", "vr"), [(b"\1", "US"), (b"\1\2\3", "US"), (b"none", "DS"), (b"", "US")])
def test_padding_that_is_no_number_is_ignored(value, vr):
    data = with_element(stored(dataset(DEEP)), "PixelPaddingValue", value, vr)
    np.testing.assert_array_equal(pixels(data), stretched(DEEP))


def test_an_image_of_nothing_but_padding_is_black():
    image = dataset(np.full((40, 48), 700, np.uint16), PixelPaddingValue=700)
    assert not pixels(stored(image)).any()


def test_a_blank_image_is_black():
    assert not pixels(stored(dataset(np.full((40, 48), 700, np.uint16)))).any()
