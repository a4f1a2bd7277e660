"""Reading images: every format, depth and orientation, and a sentence for whatever is not one."""

import io
import os
import random
import struct
import warnings
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from encoded_images import encoded, exif, jpeg_segment, png, png_chunk, tiff
from PIL import Image
from timm.data import create_transform

from hub.errors import InputError
from hub.imaging.borders import crop_borders
from hub.imaging.read import read_image, read_reduced, squash

RANDOM = np.random.default_rng(0)
# A gradient survives JPEG; noise makes files long enough to cut. Both hold 0 and 255.
GREY = np.tile(np.linspace(0, 255, 48).round().astype(np.uint8), (40, 1))
DEEP = GREY.astype(np.uint16) * 16
COLOUR = np.stack([GREY, GREY[:, ::-1], np.tile(np.linspace(0, 255, 40)[:, None], 48).astype(np.uint8)], -1)
NOISE = RANDOM.integers(0, 256, (40, 48, 3), dtype=np.uint8)
DEEP_COLOUR = COLOUR.astype(np.uint16) * 16
SEE_THROUGH = np.where(np.arange(48) < 24, 0, 255).astype(np.uint8) * np.ones((40, 1), np.uint8)

STORED = {
    "PNG": ("1", "L", "LA", "P", "P+", "RGB", "RGBA", "I;16"),
    "JPEG": ("L", "RGB", "CMYK"),
    "WEBP": ("RGB", "RGBA"),
    "TIFF": ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F"),
    "BMP": ("1", "L", "P", "RGB"),
    "GIF": ("1", "P", "P+"),
    "JPEG2000": ("L", "LA", "RGB", "RGBA", "I;16"),
    "PPM": ("1", "L", "RGB", "I;16", "F"),
}
SUFFIX = {
    "PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp", "TIFF": ".tif", "BMP": ".bmp", "GIF": ".gif",
    "JPEG2000": ".jp2", "PPM": ".ppm",
}  # fmt: skip


def pixels(image):
    return np.asarray(image).astype(int)


def stored_and_expected(mode):
    """An image in that mode, and the pixels it must be read as."""
    grey, colour = Image.fromarray(GREY), Image.fromarray(COLOUR)
    alpha = Image.fromarray(SEE_THROUGH)
    match mode:
        case "1":
            return grey.convert("1"), pixels(grey.convert("1").convert("L"))
        case "L":
            return grey, pixels(grey)
        case "LA":
            return Image.merge("LA", (grey, alpha)), np.where(SEE_THROUGH, GREY, 0)
        case "P":
            return colour.convert("P"), pixels(colour.convert("P").convert("RGB"))
        case "P+":
            image = colour.convert("P")
            image.info["transparency"] = index = image.getpixel((0, 0))
            shown = (np.asarray(image) != index)[..., None]
            return image, np.where(shown, pixels(image.convert("RGB")), 0)
        case "RGB" | "CMYK":
            return colour.convert(mode), pixels(colour)
        case "RGBA":
            colour.putalpha(alpha)
            return colour, np.where(SEE_THROUGH[..., None], COLOUR, 0)
        case "I;16":
            return Image.fromarray(GREY.astype(np.uint16) * 16), pixels(grey)
        case "I":
            return Image.fromarray(GREY.astype(np.int32) * 70_000 - 5), pixels(grey)
        case "F":
            return Image.fromarray(GREY.astype(np.float32) / 1000 - 0.1), pixels(grey)


def refusal(source, radiograph=False):
    """The one sentence with which the source is refused; it names the file."""
    with pytest.raises(InputError) as caught:
        read_image(source, radiograph)
    sentence = str(caught.value)
    name = Path(source).name if isinstance(source, str | Path) else "The image"
    assert name.replace("\0", " ") in sentence
    assert sentence.endswith(".") and ". " not in sentence and "\n" not in sentence
    return sentence


def png_of_size(width, height, bits=1):
    """The first bytes of a PNG, up to where its pixels would come."""
    header = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", b"no pixels here")


@pytest.mark.parametrize(("kind", "mode"), [(kind, mode) for kind in STORED for mode in STORED[kind]])
def test_every_format_and_mode_is_read_from_bytes_and_from_a_path(kind, mode, tmp_path):
    stored, expected = stored_and_expected(mode)
    data = encoded(stored, kind)
    path = tmp_path / f"image{SUFFIX[kind]}"
    path.write_bytes(data)
    for source in (data, path, str(path)):
        image = read_image(source)
        assert image.mode == ("L" if expected.ndim == 2 else "RGB")
        np.testing.assert_allclose(pixels(image), expected, atol=8 if kind == "JPEG" else 0)
        assert read_image(source, radiograph=True).mode == "L"


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "P+", "RGB", "RGBA", "CMYK", "I;16", "I", "F"])
def test_every_mode_is_read_from_a_pillow_image(mode):
    stored, expected = stored_and_expected(mode)
    np.testing.assert_array_equal(pixels(read_image(stored)), expected)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("MPO", {"quality": 95}), ("WEBP", {"lossless": True}), ("TIFF", {}), ("PNG", {}), ("GIF", {}),
        ("AVIF", {"quality": 100}),
    ],
)  # fmt: skip
def test_the_first_image_is_read_where_a_file_holds_several(kind, options):
    first, second = Image.fromarray(GREY), Image.fromarray(255 - GREY)
    buffer = io.BytesIO()
    first.save(buffer, kind, save_all=True, append_images=[second], **options)
    assert Image.open(buffer).n_frames == 2
    read = pixels(read_image(buffer.getvalue()).convert("L"))
    np.testing.assert_allclose(read, GREY, atol=8 if kind in ("MPO", "AVIF") else 0)


UPRIGHT = {
    1: lambda x: x,
    2: lambda x: x[:, ::-1],
    3: lambda x: x[::-1, ::-1],
    4: lambda x: x[::-1],
    5: lambda x: x.swapaxes(0, 1),
    6: lambda x: np.rot90(x, -1),
    7: lambda x: np.rot90(x, 2).swapaxes(0, 1),
    8: lambda x: np.rot90(x),
}


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}), ("JPEG", {}), ("WEBP", {}), ("AVIF", {"quality": 100}), ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}), ("TIFF", {"compression": "jpeg", "quality": 95}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_the_image_is_turned_as_its_exif_says(kind, options, orientation):
    read = read_image(encoded(Image.fromarray(COLOUR), kind, exif=exif(orientation), **options))
    is_lossy = kind in ("JPEG", "AVIF") or options.get("compression") == "jpeg"
    np.testing.assert_allclose(pixels(read), UPRIGHT[orientation](COLOUR), atol=8 if is_lossy else 0)


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_a_deep_image_is_turned_as_its_exif_says(orientation):
    expected = UPRIGHT[orientation](COLOUR)
    chunk = png_chunk(b"eXIf", exif(orientation).tobytes().removeprefix(b"Exif\0\0"))
    tag = (274, 3, 1, orientation, True)
    late = png(DEEP_COLOUR)[:-12] + chunk + png(DEEP_COLOUR)[-12:]
    jpeg = imagecodecs.jpeg8_encode(DEEP, bitspersample=12, lossless=True)
    jpeg = jpeg[:2] + jpeg_segment(0xE1, exif(orientation).tobytes()) + jpeg[2:]
    np.testing.assert_array_equal(pixels(read_image(jpeg)), UPRIGHT[orientation](GREY))
    for data in (png(DEEP_COLOUR, chunk), late, tiff(DEEP_COLOUR, photometric="rgb", extratags=[tag])):
        np.testing.assert_array_equal(pixels(read_image(data)), expected)


def test_a_malformed_exif_tag_does_not_keep_the_image_from_being_turned():
    tags = exif(6)
    tags[0x011A] = 72.0  # a resolution, which is turned into a fraction of strings below
    data = tags.tobytes().replace(struct.pack(">HHI", 0x011A, 5, 1), struct.pack(">HHI", 0x011A, 7, 1))
    for kind in ("PNG", "JPEG", "WEBP"):
        assert read_image(encoded(Image.fromarray(COLOUR), kind, exif=data)).size == (40, 48)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_damaged_exif_never_hides_the_image(kind):
    tags = exif(6)
    tags[0x010E], tags[0x011A] = "a chest", 72.0
    whole, dice = tags.tobytes(), random.Random(0)
    for data in (b"", b"Exif\0\0", b"Exif\0\0MM", b"II*\0", b"nonsense"):
        assert read_image(encoded(Image.fromarray(GREY), kind, exif=data)).size == (48, 40)
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(dice.choice([1, 2, 8])):
            data[dice.randrange(6, len(data))] = dice.choice([0, 1, 255, dice.randrange(256)])
        cut = bytes(data[: dice.choice([len(data), dice.randrange(6, len(data))])])
        assert sorted(read_image(encoded(Image.fromarray(GREY), kind, exif=cut)).size) == [40, 48]


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG2000"])
def test_twelve_bits_in_a_sixteen_bit_file_are_stretched_to_the_full_range(kind):
    image = np.linspace(300, 4095, 48 * 40).astype(np.uint16).reshape(40, 48)
    read = pixels(read_image(encoded(Image.fromarray(image), kind)))
    assert (read.min(), read.max()) == (0, 255)
    assert len(np.unique(read)) == 256, "stretched, not clipped"
    assert (np.diff(read.ravel()) >= 0).all()


def in_deep_colour(pixels):
    """The same pixels of 16 bits per channel in every format that holds them."""
    return {
        "PNG": png(pixels),
        "TIFF": tiff(pixels, photometric="rgb"),
        "planes": tiff(np.moveaxis(pixels, -1, 0), photometric="rgb", planarconfig="separate"),
        "tiles": tiff(pixels, photometric="rgb", tile=(16, 16), compression="zlib", predictor=True),
        "BigTIFF": tiff(pixels, photometric="rgb", bigtiff=True, byteorder=">"),
        "JPEG 2000": imagecodecs.jpeg2k_encode(pixels, level=0, reversible=True),
        "PPM": b"P6\n# 12 bits\n48 40\n65535\n" + pixels.astype(">u2").tobytes(),
    }


@pytest.mark.parametrize("kind", in_deep_colour(DEEP_COLOUR))
def test_sixteen_bits_per_colour_are_read_at_full_depth(kind):
    read = read_image(in_deep_colour(DEEP_COLOUR)[kind])
    assert read.mode == "RGB"
    np.testing.assert_array_equal(pixels(read), COLOUR)
    grey = read_image(in_deep_colour(np.stack([DEEP] * 3, -1))[kind])
    assert grey.mode == "L", "a film"
    np.testing.assert_array_equal(pixels(grey), GREY)


def test_sixteen_bits_with_transparency_are_read_at_full_depth():
    alpha = SEE_THROUGH.astype(np.uint16) * 257
    grey, colour = np.where(SEE_THROUGH, GREY, 0), np.where(SEE_THROUGH[..., None], COLOUR, 0)
    for stored, expected in ((DEEP, grey), (DEEP_COLOUR, colour)):
        with_alpha = np.dstack([stored, alpha])
        kind = "minisblack" if stored.ndim == 2 else "rgb"
        for data in (png(with_alpha), tiff(with_alpha, photometric=kind, extrasamples=["unassalpha"])):
            read = pixels(read_image(data))
            assert read.shape == expected.shape and not read[:, :24].any()
            # Stretched without the half that nobody sees.
            assert np.corrcoef(read[:, 24:].ravel(), expected[:, 24:].ravel())[0, 1] > 0.999
    one_grey = png(DEEP, png_chunk(b"tRNS", struct.pack(">H", DEEP[0, 24])))
    np.testing.assert_array_equal(pixels(read_image(one_grey)), np.where(GREY[0, 24] == GREY, 0, GREY))


@pytest.mark.parametrize("planes", ["contig", "separate"])
@pytest.mark.parametrize("compression", [None, "lzw", "zlib", "packbits"])
def test_transparency_of_a_grey_tiff_is_black_however_it_is_stored(planes, compression):
    stored = np.stack([GREY, SEE_THROUGH], -1 if planes == "contig" else 0)
    options = {"planarconfig": planes, "compression": compression, "extrasamples": ["unassalpha"]}
    read = pixels(read_image(tiff(stored, photometric="minisblack", **options)))
    np.testing.assert_array_equal(read, np.where(SEE_THROUGH, GREY, 0))


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "u2", "i2", "u4", "i4", "i8", "i1"])
@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}, {"bigtiff": True, "byteorder": ">"}])
def test_a_tiff_of_numbers_of_any_kind_is_read(dtype, options):
    values = GREY // 2 if dtype == "i1" else GREY
    np.testing.assert_allclose(pixels(read_image(tiff(values.astype(dtype), **options))), GREY, atol=1)


@pytest.mark.parametrize("compression", ["lerc", "jpeg2000", "jpegxl", "png", "lzma", "zstd", "packbits"])
def test_a_tiff_is_read_however_it_is_compressed(compression):
    for image in (GREY, DEEP):
        if image is GREY or compression != "packbits":
            np.testing.assert_array_equal(pixels(read_image(tiff(image, compression=compression))), GREY)


def test_the_first_page_of_a_deep_tiff_is_read():
    np.testing.assert_array_equal(
        pixels(read_image(tiff(np.stack([DEEP, DEEP[::-1, ::-1]]), photometric="minisblack"))), GREY
    )


@pytest.mark.parametrize("lossless", [True, False])
def test_a_jpeg_of_more_than_8_bits_is_read(lossless):
    data = imagecodecs.jpeg8_encode(DEEP, bitspersample=12, lossless=lossless, level=95)
    np.testing.assert_allclose(pixels(read_image(data)), GREY, atol=0 if lossless else 3)


@pytest.mark.parametrize("scale", ["1.0", "-1.0"])
@pytest.mark.parametrize("stored", [GREY, COLOUR], ids=["grey", "colour"])
def test_a_pfm_is_read_from_its_last_row_up(scale, stored):
    order, kind = "<" if scale[0] == "-" else ">", b"PF" if stored.ndim == 3 else b"Pf"
    data = kind + f"\n48 40\n{scale}\n".encode() + stored[::-1].astype(f"{order}f4").tobytes()
    np.testing.assert_array_equal(pixels(read_image(data)), stored)


def test_the_white_of_a_pnm_is_what_it_says():
    np.testing.assert_array_equal(pixels(read_image(b"P5 48 40 100\n" + bytes([50] * 1920))), 128)
    text = b"P2 48 40 255\n" + b" ".join(b"%d" % value for value in GREY.flat)
    np.testing.assert_array_equal(pixels(read_image(text)), GREY)


@pytest.mark.parametrize(
    ("binary", "text", "white"), [(b"P5", b"P2", 200), (b"P6", b"P3", 255), (b"P5", b"P2", 4095)]
)
def test_a_pnm_of_text_is_read_as_the_same_one_of_bytes(binary, text, white):
    values = np.random.default_rng(0).integers(0, white, (40, 48, 3 if binary == b"P6" else 1), endpoint=True)
    header = b" 48 40 %d\n" % white
    stored = values.astype("u1" if white < 256 else ">u2").tobytes()
    expected = read_image(binary + header + stored)
    spelled = b"\n".join(b"%d" % value for value in values.flat)
    for body in (spelled, spelled + b"\n7 7"):
        np.testing.assert_array_equal(pixels(read_image(text + header + body)), pixels(expected))
    noted = spelled.replace(b"\n", b" # a note of 7\n")
    np.testing.assert_array_equal(pixels(read_image(text + header + noted)), pixels(expected))
    rest = spelled.split(b"\n", 1)[1]
    for odd in (b"-1", b"%d" % (white + 1), b"%d" % (2**32 + 1), b"x"):
        with pytest.raises(InputError):
            read_image(text + header + odd + b"\n" + rest)


@pytest.mark.parametrize("white", ["0", "-1", "65536", "0.0"])
@pytest.mark.parametrize("kind", ["P2", "P5", "P6", "Pf"])
def test_a_pnm_whose_white_is_none_is_damaged(kind, white):
    if kind == "Pf" and float(white):
        return  # any number but 0 is the order of bytes
    with pytest.raises(InputError, match="damaged"):
        read_image(f"{kind} 40 40 {white}\n".encode() + 12_000 * b"1 ")


def test_a_pnm_of_text_that_was_cut_short_is_refused():
    for rows in (20, 39):
        spelled = b"\n".join(b"%d" % value for value in GREY[:rows].flat)
        with pytest.raises(InputError, match="cut short"):
            read_image(b"P2 48 40 255\n" + spelled)


def test_images_that_are_read_in_threads_leave_warnings_as_they_are():
    spelled = b"\n".join(b"%d" % value for value in GREY.flat)
    films = [b"P2 48 40 255\n" + spelled, png(GREY), tiff(DEEP)] * 50
    before = list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(read_image, films))
    assert warnings.filters == before


def test_avif_is_read():
    for stored in (GREY, COLOUR):
        read = read_image(encoded(Image.fromarray(stored), "AVIF", quality=100))
        np.testing.assert_allclose(pixels(read.convert("L" if stored.ndim == 2 else "RGB")), stored, atol=6)


def bmp_of_32_bits(pixels):
    """A BMP whose header says where the alpha is, from uint8 [H, W, 4]."""
    height, width = pixels.shape[:2]
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    header = struct.pack("<IiiHHIIiiII", 124, width, height, 1, 32, 3, 0, 0, 0, 0, 0) + masks + bytes(68)
    rows = pixels[::-1, :, [2, 1, 0, 3]].tobytes()
    return b"BM" + struct.pack("<IHHI", 138 + len(rows), 0, 0, 138) + header + rows


def test_transparent_pixels_of_a_bmp_are_black():
    read = read_image(bmp_of_32_bits(np.dstack([COLOUR, SEE_THROUGH])))
    np.testing.assert_array_equal(pixels(read), np.where(SEE_THROUGH[..., None], COLOUR, 0))


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "BMP"])
def test_an_image_that_is_transparent_everywhere_is_opaque(kind):
    """Programs that know no transparency leave it at 0."""
    stored = np.dstack([COLOUR, np.zeros_like(GREY)])
    options = {"exact": True} if kind == "WEBP" else {}
    data = bmp_of_32_bits(stored) if kind == "BMP" else encoded(Image.fromarray(stored), kind, **options)
    np.testing.assert_array_equal(pixels(read_image(data)), COLOUR)


def test_a_deep_tiff_whose_zero_is_white_is_read_as_a_shallow_one():
    for image in (GREY, DEEP):
        data = encoded(Image.fromarray(image), "TIFF", tiffinfo={262: 0})
        stored = Image.open(io.BytesIO(data))
        assert stored.tag_v2[262] == 0
        # Pillow writes 8-bit pixels inverted and 16-bit ones as they are.
        expected = GREY if image.dtype == np.uint8 else 255 - GREY
        np.testing.assert_array_equal(pixels(read_image(data)), expected)
        np.testing.assert_array_equal(pixels(read_image(stored)), expected)


@pytest.mark.parametrize("compression", [None, "lzw", "zlib", "packbits"])
def test_zero_is_black_in_a_tiff_that_does_not_say_what_it_is(compression):
    tag, nothing = struct.pack("<HHL", 262, 3, 1), bytes(8)
    for image in (GREY, DEEP, GREY > 127):
        data = tiff(image, photometric="minisblack", compression=compression)
        assert data.count(tag) == 1
        np.testing.assert_array_equal(
            pixels(read_image(data.replace(tag, nothing))), pixels(read_image(data))
        )


def test_zero_is_white_in_a_fax_that_does_not_say_what_it_is():
    fax = encoded(Image.fromarray(GREY > 127), "TIFF", compression="group4")
    data = fax.replace(struct.pack("<HHL", 262, 3, 1), bytes(8))
    np.testing.assert_array_equal(pixels(read_image(data)), 255 - pixels(read_image(fax)))


@pytest.mark.parametrize("scale", [1, 257])
def test_the_palette_of_a_tiff_may_have_8_bits_in_16(scale):
    colours = np.stack([np.arange(256), np.arange(256)[::-1], np.arange(256) // 2]).astype(np.uint16)
    data = tiff(GREY, photometric="palette", colormap=colours * scale)
    np.testing.assert_array_equal(pixels(read_image(data)), colours.T[GREY])


def test_a_deep_tiff_in_colours_other_than_rgb_is_refused_with_the_reason(tmp_path):
    (tmp_path / "film.tif").write_bytes(tiff(np.dstack([DEEP_COLOUR, DEEP]), photometric="separated"))
    assert "neither grey nor RGB" in refusal(tmp_path / "film.tif")
    (tmp_path / "film.tif").write_bytes(tiff(DEEP * (1 + 1j)))
    assert "complex" in refusal(tmp_path / "film.tif")


def test_a_bmp_that_no_library_reads_is_refused_with_the_reason(tmp_path):
    data = bytearray(encoded(Image.fromarray(COLOUR), "BMP"))
    data[30] = 5  # PNG inside a BMP
    (tmp_path / "image.bmp").write_bytes(data)
    assert "BMP of an unusual kind" in refusal(tmp_path / "image.bmp")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_image_with_values_that_are_not_numbers_is_refused(value, tmp_path):
    image = GREY.astype(np.float32)
    image[3, 4] = value
    assert "not numbers" in refusal(image)
    Image.fromarray(image).save(tmp_path / "float.tif")
    assert "not numbers" in refusal(tmp_path / "float.tif")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_transparency_that_is_no_number_is_refused(value):
    image = np.random.default_rng(0).random((40, 48, 4)).astype(np.float32)
    image[0, 0, 3] = value
    assert "not numbers" in refusal(image)


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32])
def test_a_blank_deep_image_becomes_black(dtype):
    blank = np.full((40, 48), 700, dtype)
    for source in (blank, encoded(Image.fromarray(blank), "TIFF")):
        assert not pixels(read_image(source)).any()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.int64, np.float16, np.float64, ">u2"])
def test_grey_arrays_of_every_type_are_read(dtype):
    read = read_image(GREY.astype(dtype))
    assert read.mode == "L"
    np.testing.assert_array_equal(pixels(read), GREY)


def test_eight_bit_arrays_are_not_stretched():
    np.testing.assert_array_equal(pixels(read_image(GREY // 2)), GREY // 2)
    np.testing.assert_array_equal(pixels(read_image(COLOUR // 2)), COLOUR // 2)


def test_colour_arrays_with_and_without_transparency_are_read_and_may_be_views():
    np.testing.assert_array_equal(pixels(read_image(COLOUR[::-1, ::2])), COLOUR[::-1, ::2])
    see_through = np.dstack([COLOUR, SEE_THROUGH])
    np.testing.assert_array_equal(
        pixels(read_image(see_through)), np.where(SEE_THROUGH[..., None], COLOUR, 0)
    )


@pytest.mark.parametrize(
    "array",
    [
        np.zeros(40),
        np.zeros((0, 40)),
        np.zeros((40, 48, 2), np.uint8),
        np.zeros((40, 48, 5), np.float32),
        np.zeros((3, 40, 48), np.uint8),
        np.zeros((2, 40, 48, 3), np.uint8),
        np.zeros((40, 48), complex),
        np.full((40, 48), "black"),
    ],
    ids=lambda array: f"{array.shape} {array.dtype}",
)
def test_an_array_that_is_no_image_is_refused_with_its_shape(array):
    assert str(array.shape) in refusal(array)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("kind", SUFFIX)
@pytest.mark.parametrize("part", [0.02, 0.5, 0.9])
def test_a_truncated_file_is_refused_by_name(kind, part, tmp_path):
    data = encoded(Image.fromarray(NOISE), kind)
    path = tmp_path / f"cut{SUFFIX[kind]}"
    path.write_bytes(data[: int(part * len(data))])
    sentence = refusal(path)
    assert "damaged or cut short" in sentence or "not an image" in sentence


def test_a_pillow_image_whose_file_is_truncated_is_refused():
    data = encoded(Image.fromarray(NOISE), "JPEG")
    assert "cut short" in refusal(Image.open(io.BytesIO(data[: len(data) // 2])))


def test_reading_in_threads_leaves_the_warning_filters_alone():
    data, before = encoded(Image.fromarray(NOISE), "PNG"), list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(read_image, [data] * 4000))
    assert warnings.filters == before


def zipped():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("image.png", encoded(Image.fromarray(GREY), "PNG"))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"a letter about a chest radiograph", ""),
        (b"<!DOCTYPE html><html></html>", "a web page"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n", "a PDF"),
        (b"8BPS\0\1", "a Photoshop file"),
        (b"SIMPLE  =                    T", "a FITS file"),
        (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG drawing"),
        (zipped(), "a ZIP"),
    ],
    ids=["text", "HTML", "PDF", "PSD", "FITS", "SVG", "zip"],
)
def test_a_file_that_is_not_an_image_is_refused_and_told_what_is(data, what, tmp_path):
    (tmp_path / "image.png").write_bytes(data)
    sentence = refusal(tmp_path / "image.png")
    assert what in sentence and "not an image" in sentence and "PNG, JPEG" in sentence and "DICOM" in sentence
    assert "not an image" in refusal(data)


def test_an_empty_file_is_refused(tmp_path):
    (tmp_path / "image.png").touch()
    assert "is empty" in refusal(tmp_path / "image.png")
    assert "is empty" in refusal(b"")


def test_a_folder_is_refused(tmp_path):
    assert "is a folder" in refusal(tmp_path)


@pytest.mark.parametrize("name", ["missing.png", "a" * 300 + ".png", "nul\0.png"])
def test_a_file_that_is_not_there_is_refused(name, tmp_path):
    refusal(tmp_path / name)
    refusal(str(tmp_path / name))


def resized(data, *places):
    """The data with 9,000 in these places, each an offset and the bytes that it has, big-endian."""
    data = bytearray(data)
    for place, count in places:
        data[place : place + count] = (9_000).to_bytes(count)
    return bytes(data)


JPEG_OF_12_BITS = imagecodecs.jpeg8_encode(DEEP, bitspersample=12)
FRAME = JPEG_OF_12_BITS.index(b"\xff\xc1")
CODESTREAM = encoded(Image.fromarray(GREY), "JPEG2000", no_jp2=True)


@pytest.mark.parametrize(
    "data",
    [
        png_of_size(9_000, 9_000),
        png_of_size(20_000, 20_000),
        png_of_size(2**31 - 1, 2**31 - 1),
        png_of_size(9_000, 9_000, bits=16),
        resized(JPEG_OF_12_BITS, (FRAME + 5, 2), (FRAME + 7, 2)),
        resized(CODESTREAM, (8, 4), (12, 4)),
        tiff(np.broadcast_to(np.uint16(0), (9_000, 9_000)), compression="zlib"),
        b"P5 9000 9000 255\n",
        b"PF 9000 9000 -1.0\n",
        b"P1 9000 9000\n0",
        encoded(Image.new("1", (9_000, 9_000)), "GIF"),
        encoded(Image.new("1", (9_000, 9_000)), "BMP"),
    ],
    ids=[
        "PNG", "400 megapixels", "far too many", "16-bit PNG", "12-bit JPEG", "JPEG 2000", "TIFF", "PGM",
        "PFM", "PBM", "GIF", "BMP",
    ],
)  # fmt: skip
def test_more_than_64_megapixels_are_refused_before_any_is_decoded(data, tmp_path):
    (tmp_path / "wall").write_bytes(data)
    assert "more than 64 megapixels" in refusal(tmp_path / "wall")


def test_64_megapixels_are_not_too_many():
    assert "damaged" in refusal(png_of_size(8_000, 8_000))


def test_the_limit_holds_for_arrays_and_pillow_images_too():
    assert "megapixels" in refusal(np.broadcast_to(np.uint8(0), (9_000, 9_000)))
    assert "megapixels" in refusal(Image.new("1", (9_000, 9_000)))


@pytest.mark.parametrize("size", [(31, 400), (400, 31)])
def test_31_pixels_are_too_few_for_a_radiograph_only(size, tmp_path):
    Image.new("L", size).save(tmp_path / "strip.png")
    assert "31" in refusal(tmp_path / "strip.png", radiograph=True)
    assert read_image(tmp_path / "strip.png").size == size


STRIP = np.zeros((31, 400))


@pytest.mark.parametrize(
    "data",
    [
        *(encoded(Image.fromarray(STRIP.astype(np.uint8)), kind) for kind in ("JPEG", "WEBP", "AVIF", "PPM")),
        encoded(Image.fromarray(STRIP.astype(np.uint8)), "JPEG2000", irreversible=False),
        png(STRIP.astype(np.uint16)),
        tiff(STRIP),
        b"Pf 400 31 -1.0\n" + STRIP.astype(np.float32).tobytes(),
    ],
    ids=["JPEG", "WebP", "AVIF", "PGM", "JPEG 2000", "deep PNG", "float TIFF", "PFM"],
)
def test_an_image_of_any_format_that_is_too_small_is_not_said_to_be_damaged(data):
    assert "400 x 31" in refusal(data, radiograph=True)


def test_32_pixels_are_enough_for_a_radiograph():
    assert read_image(Image.new("L", (32, 32)), radiograph=True).size == (32, 32)


def test_a_digit_of_28_pixels_is_left_as_it_is():
    digit = RANDOM.integers(0, 200, (28, 28), dtype=np.uint8)
    np.testing.assert_array_equal(pixels(read_image(encoded(Image.fromarray(digit), "PNG"))), digit)


@pytest.mark.parametrize("size", [(300, 200), (150, 431), (1000, 1000), (224, 224), (28, 28)])
def test_squash_gives_the_pixels_of_timms_squash(size):
    noise = RANDOM.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    transform = create_transform(
        (3, 224, 224),
        mean=(0, 0, 0),
        std=(1, 1, 1),
        crop_pct=1.0,
        crop_mode="squash",
        interpolation="bicubic",
    )
    expected = transform(Image.fromarray(noise)).permute(1, 2, 0).mul(255).round().numpy()
    squashed = squash(Image.fromarray(noise), 224, 3)
    assert squashed.dtype == np.uint8
    np.testing.assert_array_equal(squashed, expected)


def test_squash_to_one_channel_resizes_the_grey():
    squashed = squash(Image.fromarray(COLOUR), 32, 1)
    expected = Image.fromarray(COLOUR).convert("L").resize((32, 32), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(squashed[..., 0], np.asarray(expected))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_image_read_twice_is_turned_once(orientation):
    once = read_image(encoded(Image.fromarray(NOISE), "PNG", exif=exif(orientation)))
    assert np.array_equal(np.asarray(read_image(once)), np.asarray(once))


def test_a_grey_image_gives_the_same_three_channels_as_one_made_rgb_first():
    grey = Image.fromarray(RANDOM.integers(0, 256, (700, 301), dtype=np.uint8))
    np.testing.assert_array_equal(squash(grey, 224, 3), squash(grey.convert("RGB"), 224, 3))
    assert squash(grey, 224, 3).flags.c_contiguous


# Large images, read for answering fast


def smooth(width, height):
    """An image without detail finer than twenty pixels, grey."""
    coarse = Image.fromarray(RANDOM.integers(40, 216, (24, 32), dtype=np.uint8))
    return coarse.resize((width, height), Image.Resampling.BICUBIC)


@pytest.mark.parametrize(("size", "read"), [(895, 895), (896, 448), (2000, 500)])
@pytest.mark.parametrize("options", [{}, {"progressive": True}])
def test_a_large_jpeg_is_decoded_at_reduced_scale_and_keeps_the_pixels_asked_for(size, read, options):
    for image in (smooth(size + 8, size), smooth(size, size + 8).convert("RGB")):
        data = encoded(image, "JPEG", **options)
        reduced, full = read_reduced(data, 448, radiograph=True), read_image(data)
        assert (min(reduced.size), reduced.mode) == (read, full.mode)
        small, expected = (pixels(squash(each, 224, 3)) for each in (reduced, full))
        assert np.abs(small - expected).max() <= 4


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "BMP"])
def test_images_of_other_formats_are_read_as_they_are(kind):
    data = encoded(Image.fromarray(np.tile(GREY, (24, 24))), kind)
    np.testing.assert_array_equal(pixels(read_reduced(data, 64, radiograph=True)), pixels(read_image(data)))


def test_a_small_jpeg_an_array_and_an_opened_image_are_read_as_they_are():
    data = encoded(smooth(1000, 1000), "JPEG")
    opened = Image.open(io.BytesIO(data))
    for source in (encoded(smooth(300, 300), "JPEG"), np.asarray(smooth(1000, 1000)), opened):
        np.testing.assert_array_equal(pixels(read_reduced(source, 224, False)), pixels(read_image(source)))
    assert opened.size == (1000, 1000)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_jpeg_of_reduced_scale_is_turned_as_its_exif_says(orientation):
    data = encoded(smooth(1200, 900), "JPEG", exif=exif(orientation))
    image, full = read_reduced(data, 224, radiograph=True), read_image(data)
    assert image.size == (full.width // 4, full.height // 4)
    np.testing.assert_allclose(pixels(image), pixels(full.resize(image.size)), atol=8)


@pytest.mark.parametrize(("side", "least"), [(1600, 400), (500, 500), (300, 300)])
def test_a_jpeg_with_borders_keeps_the_pixels_asked_for_between_them(side, least, tmp_path):
    page = Image.new("L", (2000, 1900))
    page.paste(smooth(side, side), (150, 160))
    (tmp_path / "page.jpeg").write_bytes(encoded(page, "JPEG"))
    image = read_reduced(tmp_path / "page.jpeg", 350, radiograph=True, crop=True)
    np.testing.assert_allclose(image.size, (least, least), atol=20)
    full = crop_borders(read_image(tmp_path / "page.jpeg"))
    small, expected = (pixels(squash(each, 64, 1))[2:-2, 2:-2] for each in (image, full))
    np.testing.assert_allclose(small, expected, atol=24)  # edges are found to a 256th of the page


def test_a_pipe_that_holds_a_small_image_on_a_large_page_is_read_once(tmp_path):
    page = Image.new("L", (2000, 1900))
    page.paste(smooth(300, 300), (150, 160))
    os.mkfifo(tmp_path / "pipe")
    with ThreadPoolExecutor() as pool:
        pool.submit((tmp_path / "pipe").write_bytes, encoded(page, "JPEG"))
        image = read_reduced(tmp_path / "pipe", 448, radiograph=True, crop=True)
    np.testing.assert_allclose(image.size, (300, 300), atol=20)


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_a_large_jpeg_that_is_cut_short_is_refused_by_name(part, tmp_path):
    data = encoded(smooth(2000, 2000), "JPEG")
    (tmp_path / "image.jpeg").write_bytes(data[: int(part * len(data))])
    with pytest.raises(InputError, match=r"image\.jpeg is damaged or cut short"):
        read_reduced(tmp_path / "image.jpeg", 448, radiograph=True)
