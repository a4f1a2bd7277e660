"""The pixels of DICOM files: every way to store them."""

import io
import struct

import numpy as np
import pydicom.uid as uids
import pytest
from dicom_files import (
    COLOUR,
    DEEP,
    GREY,
    dataset,
    jpeg,
    pixels,
    refusal,
    stored,
    stretched,
    transcoded,
    with_element,
    with_syntax,
)
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate

from hub.imaging.read import read_image


@pytest.mark.parametrize("image", [GREY, DEEP], ids=["8 bits", "12 bits"])
@pytest.mark.parametrize(
    "syntax",
    [uids.ImplicitVRLittleEndian, uids.ExplicitVRLittleEndian, uids.DeflatedExplicitVRLittleEndian],
    ids=lambda syntax: syntax.name,
)
def test_uncompressed_and_deflated_pixels_are_read(image, syntax):
    np.testing.assert_array_equal(pixels(stored(dataset(image), syntax)), stretched(image))


def test_big_endian_pixels_are_read():
    data = stored(dataset(DEEP.byteswap()), uids.ExplicitVRBigEndian)
    np.testing.assert_array_equal(pixels(data), stretched(DEEP))


@pytest.mark.parametrize(
    ("syntax", "image", "bits"),
    [
        (uids.RLELossless, DEEP, 12),
        (uids.JPEGLossless, DEEP, 12),
        (uids.JPEGLosslessSV1, GREY, 8),
        (uids.JPEGLosslessSV1, DEEP, 12),
        (uids.JPEGLosslessSV1, DEEP * 16, 16),
        (uids.JPEGLSLossless, DEEP, 12),
        (uids.JPEG2000Lossless, GREY, 8),
        (uids.JPEG2000Lossless, DEEP * 16, 16),
    ],
    ids=lambda value: getattr(value, "name", "" if isinstance(value, np.ndarray) else value),
)
def test_lossless_compression_gives_every_pixel_back(syntax, image, bits, tmp_path):
    data = transcoded(dataset(image, bits), syntax, tmp_path)
    np.testing.assert_array_equal(pixels(data), stretched(image))


@pytest.mark.parametrize(
    ("syntax", "image", "bound"),
    [
        (uids.JPEGBaseline8Bit, GREY, 3),
        (uids.JPEGExtended12Bit, GREY, 3),
        (uids.JPEGExtended12Bit, DEEP, 2),
        (uids.JPEGLSNearLossless, GREY, 3),
        (uids.JPEG2000, GREY, 3),
        (uids.JPEG2000, DEEP, 2),
    ],
    ids=lambda value: getattr(value, "name", getattr(value, "dtype", value)),
)
def test_lossy_compression_gives_nearly_the_same_pixels(syntax, image, bound, tmp_path):
    data = transcoded(dataset(image), syntax, tmp_path)
    np.testing.assert_allclose(pixels(data), stretched(image), atol=bound)


def test_jpeg_frames_of_another_encoder_are_read_in_grey_and_in_colour():
    for image, kind, options in ((GREY, "MONOCHROME2", {}), (COLOUR, "YBR_FULL", {"subsampling": 0})):
        data = dataset(image, PhotometricInterpretation=kind, PixelData=encapsulate([jpeg(image, **options)]))
        np.testing.assert_allclose(pixels(stored(data, uids.JPEGBaseline8Bit)), image, atol=8)


@pytest.mark.parametrize("kind", ["RGB", "YBR_RCT"])
@pytest.mark.parametrize("transformed", [True, False])
def test_jpeg_2000_of_another_encoder_is_read_in_colour_whether_transformed_or_not(kind, transformed):
    frame = io.BytesIO()
    Image.fromarray(COLOUR).save(frame, "JPEG2000", mct=transformed)
    image = dataset(COLOUR, PhotometricInterpretation=kind, PixelData=encapsulate([frame.getvalue()]))
    np.testing.assert_allclose(pixels(stored(image, uids.JPEG2000)), COLOUR, atol=2)


def test_colours_of_a_secondary_capture_are_read():
    read = read_image(stored(dataset(COLOUR, Modality="OT")))
    assert read.mode == "RGB"
    np.testing.assert_array_equal(np.asarray(read), COLOUR)
    planes = dataset(COLOUR, PlanarConfiguration=1, PixelData=COLOUR.transpose(2, 0, 1).tobytes())
    np.testing.assert_array_equal(pixels(stored(planes)), COLOUR)


@pytest.mark.parametrize("name", ["SC_rgb_jpeg_dcmtk.dcm", "SC_rgb_dcmtk_+eb+cr.dcm", "SC_rgb_rle.dcm"])
def test_colours_come_out_the_same_however_they_are_stored(name):
    read = pixels(get_testdata_file(name))
    np.testing.assert_allclose(read[5, 50], [255, 0, 0], atol=2)
    np.testing.assert_allclose(read[45, 50], [0, 0, 255], atol=2)


# What a header may lack


@pytest.mark.parametrize("image", [GREY, DEEP, COLOUR], ids=["8 bits", "12 bits", "colour"])
@pytest.mark.parametrize(
    "missing",
    [
        ["SamplesPerPixel"], ["PixelRepresentation"], ["BitsStored"], ["HighBit"], ["BitsAllocated"],
        ["PhotometricInterpretation"], ["BitsStored", "HighBit", "PixelRepresentation", "SamplesPerPixel"],
    ],
    ids="+".join,
)  # fmt: skip
def test_what_viewers_take_is_taken_where_an_element_is_missing(image, missing):
    data = stored(dataset(image, **dict.fromkeys(missing)))
    np.testing.assert_array_equal(pixels(data), stretched(image))


@pytest.mark.parametrize("missing", ["Rows", "Columns"])
def test_what_cannot_be_known_is_named(missing):
    assert f"lacks {missing}" in refusal(stored(dataset(**{missing: None})))
    assert f"unusual {missing}" in refusal(stored(dataset(**{missing: 0})))


def test_bits_that_fit_nothing_are_named():
    assert "lacks BitsAllocated" in refusal(stored(dataset(BitsAllocated=None, PixelData=bytes(3000))))
    assert "unusual BitsAllocated" in refusal(stored(dataset(DEEP, BitsAllocated=12, PixelData=bytes(2880))))
    assert "unusual BitsStored" in refusal(stored(dataset(DEEP, BitsStored=20)))


def test_a_compressed_frame_knows_its_own_size():
    frame = encapsulate([jpeg(GREY)])
    for element in ({"Rows": None}, {"Columns": None}, {"Rows": 20}, {"BitsAllocated": 16}):
        read = pixels(stored(dataset(PixelData=frame, **element), uids.JPEGBaseline8Bit))
        np.testing.assert_allclose(read, GREY, atol=3)


# Files that are whole, and only written in another way

DELIMITER = bytes.fromhex("feffdde000000000")
LOSSLESS = [uids.JPEGLosslessSV1, uids.JPEGLSLossless, uids.JPEG2000Lossless, uids.RLELossless]


def item(fragment):
    return b"\xfe\xff\x00\xe0" + struct.pack("<L", len(fragment)) + fragment


@pytest.mark.parametrize("syntax", LOSSLESS, ids=lambda syntax: syntax.name)
@pytest.mark.parametrize("tail", [b"", b"\xff" * 50, DELIMITER + b"\xff" * 50])
def test_a_frame_needs_no_delimiter_and_anything_may_follow_it(syntax, tail, tmp_path):
    data = transcoded(dataset(DEEP), syntax, tmp_path)
    assert data.endswith(DELIMITER)
    np.testing.assert_array_equal(pixels(data.removesuffix(DELIMITER) + tail), stretched(DEEP))


@pytest.mark.parametrize("tail", [DELIMITER[:4], bytes(50), DELIMITER + bytes(100)])
def test_a_delimiter_may_be_cut_off(tail):
    data = stored(dataset(PixelData=encapsulate([jpeg(GREY)])), uids.JPEGBaseline8Bit)
    np.testing.assert_allclose(pixels(data.removesuffix(DELIMITER) + tail), GREY, atol=3)


@pytest.mark.parametrize("tail", [b"\0", bytes(7), bytes(1000), b"\xff" * 100, b"something that follows"])
def test_anything_may_follow_uncompressed_pixels_in_their_element_or_after_it(tail):
    np.testing.assert_array_equal(pixels(stored(dataset(DEEP)) + tail), stretched(DEEP))
    image = dataset(DEEP, PixelData=DEEP.tobytes() + tail)
    np.testing.assert_array_equal(pixels(stored(image)), stretched(DEEP))


@pytest.mark.parametrize("syntax", LOSSLESS, ids=lambda syntax: syntax.name)
@pytest.mark.parametrize("stated", [None, uids.ExplicitVRLittleEndian, uids.JPEGBaseline8Bit, uids.JPEG2000])
def test_a_frame_is_decoded_as_what_it_is_whatever_the_file_says(syntax, stated, tmp_path):
    data = with_syntax(transcoded(dataset(DEEP), syntax, tmp_path), stated)
    np.testing.assert_array_equal(pixels(data), stretched(DEEP))


def test_pixels_that_were_decompressed_are_read_though_the_file_still_says_jpeg():
    data = with_syntax(stored(dataset(DEEP)), uids.JPEGLosslessSV1)
    np.testing.assert_array_equal(pixels(data), stretched(DEEP))


def test_a_frame_may_lie_in_fragments_of_any_length_with_or_without_a_table_of_offsets():
    frame = jpeg(GREY)
    for encapsulated in (
        encapsulate([frame], fragments_per_frame=5),
        encapsulate([frame], has_bot=False),
        item(frame + b"\0"),
        item(b"") + item(frame[:101]) + item(frame[101:]),
        item(b"") + item(frame[:101]) + b"\0" + item(frame[101:]),
    ):
        read = pixels(stored(dataset(PixelData=encapsulated), uids.JPEGBaseline8Bit))
        np.testing.assert_allclose(read, GREY, atol=3)


def test_several_frames_are_refused_though_the_header_does_not_count_them():
    frames = encapsulate([jpeg(GREY), jpeg(GREY)])
    assert "several frames" in refusal(stored(dataset(PixelData=frames), uids.JPEGBaseline8Bit))
    told = refusal(stored(dataset(PixelData=GREY.tobytes() * 2)))
    assert "2 times the pixels" in told and "NumberOfFrames" in told


@pytest.mark.parametrize("syntax", [*LOSSLESS, uids.JPEGBaseline8Bit], ids=lambda syntax: syntax.name)
@pytest.mark.parametrize("part", [0.4, 0.95])
def test_a_frame_cut_short_in_a_whole_file_is_refused(syntax, part, tmp_path):
    data = transcoded(dataset(GREY), syntax, tmp_path)
    place = data.rindex(b"\xff\xd9") + 2 if syntax != uids.RLELossless else len(data) - 8
    start = data.index(b"\xe0\x7f\x10\x00OB") + 12
    frame = data[start:place].split(b"\xfe\xff\x00\xe0")[-1][4:]
    cut = dataset(PixelData=encapsulate([frame[: int(part * len(frame))]]))
    assert "damaged or cut short" in refusal(stored(cut, syntax))


def test_a_progressive_jpeg_is_read():
    image = dataset(PixelData=encapsulate([jpeg(GREY, progressive=True)]))
    np.testing.assert_allclose(pixels(stored(image, uids.JPEGBaseline8Bit)), GREY, atol=3)


def test_a_frame_that_does_not_say_how_it_is_compressed_is_refused():
    data = stored(dataset(PixelData=encapsulate([b"frame of 16 byte"])), uids.JPEGBaseline8Bit)
    assert "damaged" in refusal(data)
    assert "does not say how" in refusal(with_syntax(data, None))


# Headers and pixels that contradict each other


def test_colours_come_from_the_frame_whatever_the_header_says():
    three = encapsulate([jpeg(COLOUR, subsampling=0)])
    for elements in (
        {"SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2"},
        {"PhotometricInterpretation": "RGB"},
        {"PhotometricInterpretation": "YBR_ICT"},
        {"PhotometricInterpretation": None},
    ):
        read = pixels(stored(dataset(COLOUR, PixelData=three, **elements), uids.JPEGBaseline8Bit))
        np.testing.assert_allclose(read, COLOUR, atol=8)
    one = dataset(COLOUR, PixelData=encapsulate([jpeg(GREY)]))
    np.testing.assert_allclose(pixels(stored(one, uids.JPEGBaseline8Bit)), GREY, atol=3)


def test_four_colours_are_refused():
    frame = io.BytesIO()
    Image.fromarray(COLOUR).convert("CMYK").save(frame, "JPEG")
    image = dataset(COLOUR, PixelData=encapsulate([frame.getvalue()]))
    assert "neither grey pixels nor plain colours" in refusal(stored(image, uids.JPEGBaseline8Bit))
    assert "unusual SamplesPerPixel" in refusal(stored(dataset(SamplesPerPixel=4)))


def test_the_length_of_uncompressed_pixels_tells_grey_from_colour():
    np.testing.assert_array_equal(
        pixels(stored(dataset(COLOUR, PhotometricInterpretation="MONOCHROME2"))), COLOUR
    )
    np.testing.assert_array_equal(pixels(stored(dataset(COLOUR, SamplesPerPixel=1))), COLOUR)
    np.testing.assert_array_equal(pixels(stored(dataset(GREY, PhotometricInterpretation="RGB"))), GREY)
    inverted = dataset(COLOUR, PhotometricInterpretation="MONOCHROME1")
    np.testing.assert_array_equal(pixels(stored(inverted)), 255 - COLOUR)
    said = dataset(COLOUR, SamplesPerPixel=1, PhotometricInterpretation="MONOCHROME2")
    assert "3 times the pixels" in refusal(stored(said))
    said = dataset(GREY, SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=0)
    assert "unusual SamplesPerPixel" in refusal(stored(said))


def ybr(colours):
    """RGB as YBR_FULL (PS3.3 C.7.6.3.1.2)."""
    return np.asarray(Image.fromarray(colours).convert("YCbCr"))


def test_subsampled_colours_are_read_and_so_are_full_ones_that_are_said_to_be():
    full = dataset(ybr(COLOUR), PhotometricInterpretation="YBR_FULL_422")
    np.testing.assert_allclose(pixels(stored(full)), COLOUR, atol=3)
    pairs = ybr(COLOUR).reshape(40, 24, 2, 3)
    half = np.stack([pairs[:, :, 0, 0], pairs[:, :, 1, 0], pairs[:, :, 0, 1], pairs[:, :, 0, 2]], -1)
    image = dataset(COLOUR, PhotometricInterpretation="YBR_FULL_422", PixelData=half.tobytes())
    np.testing.assert_allclose(pixels(stored(image)), COLOUR, atol=40)
    assert "damaged" in refusal(stored(dataset(COLOUR, PixelData=half.tobytes())))
    odd = dataset(COLOUR[:, 1:], PhotometricInterpretation="YBR_FULL_422", PixelData=bytes(40 * 47 * 2))
    assert "unusual PhotometricInterpretation" in refusal(stored(odd))


@pytest.mark.parametrize("image", [COLOUR, np.stack([GREY] * 3, -1)], ids=["colour", "grey"])
def test_a_wrong_planar_configuration_is_noticed(image):
    np.testing.assert_array_equal(pixels(stored(dataset(image, PlanarConfiguration=1))), image)
    planes = dataset(image, PixelData=image.transpose(2, 0, 1).tobytes())
    np.testing.assert_array_equal(pixels(stored(planes)), image)


def test_bits_that_the_pixels_contradict_are_taken_from_them():
    np.testing.assert_array_equal(pixels(stored(dataset(DEEP, BitsAllocated=8))), stretched(DEEP))
    np.testing.assert_array_equal(pixels(stored(dataset(DEEP, BitsAllocated=12))), stretched(DEEP))
    np.testing.assert_array_equal(pixels(stored(dataset(GREY, BitsAllocated=16))), GREY)


def test_a_photometric_interpretation_that_none_knows_is_named():
    assert "unusual PhotometricInterpretation" in refusal(stored(dataset(PhotometricInterpretation="HSV")))
    for name in ("monochrome2", "MONOCHROME 2", "MONOCHROME_2"):
        data = with_element(stored(dataset()), "PhotometricInterpretation", name)
        np.testing.assert_array_equal(pixels(data), GREY)


# Unusual pixels


@pytest.mark.parametrize("bits", [1, 2, 4, 6, 7])
def test_fewer_than_eight_bits_keep_their_scale(bits):
    image = GREY >> (8 - bits)
    np.testing.assert_array_equal(
        pixels(stored(dataset(image, bits))), np.rint(image * 255.0 / (2**bits - 1))
    )


def test_single_bits_are_black_and_white():
    bits = np.packbits(GREY.ravel() > 127, bitorder="little").tobytes()
    image = dataset(GREY, 1, BitsAllocated=1, PixelData=bits)
    np.testing.assert_array_equal(pixels(stored(image)), np.where(GREY > 127, 255, 0))


def test_bits_may_be_aligned_left():
    np.testing.assert_array_equal(pixels(stored(dataset(DEEP * 16, 12, HighBit=15))), stretched(DEEP))
    overlay = dataset(DEEP * 16 + 3, 12, HighBit=15)
    np.testing.assert_array_equal(pixels(stored(overlay)), stretched(DEEP))
    windowed = dataset(DEEP * 16, 12, HighBit=15, WindowCenter=2048, WindowWidth=4096)
    np.testing.assert_allclose(pixels(stored(windowed)), DEEP * 255.0 / 4095, atol=0.51)
    dark = dataset(DEEP // 4 * 4, 14, HighBit=15, WindowCenter=512, WindowWidth=1024)
    np.testing.assert_allclose(pixels(stored(dark)), (DEEP // 4) * 255.0 / 1023, atol=0.51)
    wrong = dataset(DEEP, 12, HighBit=15)  # they are aligned right
    np.testing.assert_array_equal(pixels(stored(wrong)), stretched(DEEP))
    wrong = dataset(DEEP * 16, 12, HighBit=11)  # and these to the left
    np.testing.assert_array_equal(pixels(stored(wrong)), stretched(DEEP))
    assert "unusual HighBit" in refusal(stored(dataset(DEEP, 12, HighBit=3)))


@pytest.mark.parametrize("bits", [12, 15])
def test_negative_numbers_whose_lowest_bits_are_0_are_not_aligned_left(bits):
    few = (DEEP.astype(np.int16) - 2048) // 16 * 16
    windowed = dataset(few, bits, WindowCenter=0, WindowWidth=4096)
    np.testing.assert_allclose(pixels(stored(windowed)), (few + 2048.0) * 255 / 4095, atol=0.51)


@pytest.mark.parametrize("dtype", [np.uint32, np.int32])
def test_thirty_two_bits_are_read(dtype):
    image = DEEP.astype(dtype) * 1000 - (2_000_000 if dtype == np.int32 else 0)
    np.testing.assert_array_equal(pixels(stored(dataset(image, 32))), stretched(image))
    windowed = dataset(image, 32, WindowCenter=0, WindowWidth=10)
    assert set(np.unique(pixels(stored(windowed)))) <= {*range(256)}


@pytest.mark.parametrize(
    ("element", "dtype"), [("FloatPixelData", np.float32), ("DoubleFloatPixelData", np.float64)]
)
def test_numbers_with_a_point_are_read_and_those_that_are_none_are_black(element, dtype):
    image = (DEEP / 7).astype(dtype)
    image[0, :3] = np.nan, np.inf, -np.inf
    file = dataset(image, **{element: image.tobytes(), "PixelData": None})
    read = pixels(stored(file))
    low, high = np.percentile(image[np.isfinite(image)], [0.1, 99.9], method="inverted_cdf")
    expected = np.rint((np.nan_to_num(image, nan=-9, posinf=-9).clip(low, high) - low) * 255 / (high - low))
    np.testing.assert_allclose(read, expected, atol=1)


def test_deep_colours_are_stretched_together():
    deep = COLOUR.astype(np.uint16) * 16
    read = pixels(stored(dataset(deep, 12)))
    np.testing.assert_array_equal(read, stretched(deep))
    assert "more than 8 bits per colour" in refusal(
        stored(dataset(deep, 12, PhotometricInterpretation="YBR_FULL"))
    )


def palette(tables, depth, dtype):
    """The elements of a palette of red, green and blue."""
    elements = {"PhotometricInterpretation": "PALETTE COLOR"}
    for colour, table in zip(("Red", "Green", "Blue"), tables, strict=True):
        name = f"{colour}PaletteColorLookupTable"
        elements[f"{name}Descriptor"] = [len(table), 0, depth]
        elements[f"{name}Data"] = table.astype(dtype).tobytes()
    return elements


EVERY = np.arange(256)


@pytest.mark.parametrize("syntax", [uids.ExplicitVRLittleEndian, uids.ImplicitVRLittleEndian])
@pytest.mark.parametrize(
    ("table", "depth", "dtype"),
    [
        (EVERY, 8, np.uint8), (EVERY, 8, np.uint16), (EVERY, 16, np.uint16), (EVERY * 257, 16, np.uint16),
    ],
    ids=["8 bits", "8 bits in two bytes", "8 bits said to be 16", "16 bits"],
)  # fmt: skip
def test_a_palette_is_looked_up(table, depth, dtype, syntax):
    grey = stored(dataset(**palette([table] * 3, depth, dtype)), syntax)
    assert read_image(grey).mode == "L"
    np.testing.assert_array_equal(pixels(grey), GREY)
    coloured = stored(dataset(**palette([table, table[::-1], table // 2], depth, dtype)), syntax)
    np.testing.assert_allclose(pixels(coloured), np.stack([GREY, 255 - GREY, GREY / 2], -1), atol=1)


def test_a_palette_that_is_missing_or_damaged_is_refused():
    elements = palette([EVERY] * 3, 8, np.uint8)
    missing = elements | {"GreenPaletteColorLookupTableData": b""}
    assert "lacks GreenPaletteColorLookupTableData" in refusal(stored(dataset(**missing)))
    short = elements | {"GreenPaletteColorLookupTableData": b"12"}
    assert "damaged" in refusal(stored(dataset(**short)))


@pytest.mark.parametrize("syntax", LOSSLESS, ids=lambda syntax: syntax.name)
def test_signed_pixels_are_read_compressed_too(syntax, tmp_path):
    image = DEEP.astype(np.int16) - 2048
    np.testing.assert_array_equal(pixels(transcoded(dataset(image), syntax, tmp_path)), stretched(image))


def test_bytes_in_words_of_big_endian_are_read():
    image = dataset(PixelData=GREY.view(np.uint16).byteswap().tobytes())
    image["PixelData"].VR = "OW"
    np.testing.assert_array_equal(pixels(stored(image, uids.ExplicitVRBigEndian)), GREY)
