"""Reading images: every format, depth and orientation, and a sentence for whatever is not one."""

import io
import os
import random
import struct
import warnings
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from timm.data import create_transform

from hub.errors import InputError
from hub.imaging.borders import crop_borders
from hub.imaging.read import read_image, read_reduced, squash

RANDOM = np.random.default_rng(0)
# A gradient survives JPEG; noise makes files long enough to cut. Both hold 0 and 255.
GREY = np.tile(np.linspace(0, 255, 48).round().astype(np.uint8), (40, 1))
COLOUR = np.stack([GREY, GREY[:, ::-1], np.tile(np.linspace(0, 255, 40)[:, None], 48).astype(np.uint8)], -1)
NOISE = RANDOM.integers(0, 256, (40, 48, 3), dtype=np.uint8)
SEE_THROUGH = np.where(np.arange(48) < 24, 0, 255).astype(np.uint8) * np.ones((40, 1), np.uint8)

STORED = {
    "PNG": ("1", "L", "LA", "P", "P+", "RGB", "RGBA", "I;16"),
    "JPEG": ("L", "RGB", "CMYK"),
    "WEBP": ("RGB", "RGBA"),
    "TIFF": ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F"),
    "BMP": ("1", "L", "P", "RGB"),
}
SUFFIX = {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp", "TIFF": ".tif", "BMP": ".bmp"}


def encoded(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **({"quality": 95} if kind == "JPEG" else {"lossless": True}) | options)
    return buffer.getvalue()


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
    assert (Path(source).name if isinstance(source, str | Path) else "The image") in sentence
    assert sentence.endswith(".") and ". " not in sentence and "\n" not in sentence
    return sentence


def png_of_size(width, height):
    """The first bytes of a PNG, up to where its pixels would come."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"no pixels here")


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
    [("MPO", {"quality": 95}), ("WEBP", {"lossless": True}), ("TIFF", {}), ("PNG", {})],
)
def test_the_first_image_is_read_where_a_file_holds_several(kind, options):
    first, second = Image.fromarray(COLOUR), Image.fromarray(255 - COLOUR)
    buffer = io.BytesIO()
    first.save(buffer, kind, save_all=True, append_images=[second], **options)
    assert Image.open(buffer).n_frames == 2
    read = read_image(buffer.getvalue())
    np.testing.assert_allclose(pixels(read), COLOUR, atol=8 if kind == "MPO" else 0)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
@pytest.mark.parametrize(
    ("orientation", "upright"),
    [
        (1, lambda x: x),
        (2, lambda x: x[:, ::-1]),
        (3, lambda x: x[::-1, ::-1]),
        (4, lambda x: x[::-1]),
        (5, lambda x: x.swapaxes(0, 1)),
        (6, lambda x: np.rot90(x, -1)),
        (7, lambda x: np.rot90(x, 2).swapaxes(0, 1)),
        (8, lambda x: np.rot90(x)),
    ],
)
def test_the_image_is_turned_as_its_exif_says(kind, orientation, upright):
    exif = Image.Exif()
    exif[0x0112] = orientation
    read = read_image(encoded(Image.fromarray(COLOUR), kind, exif=exif))
    np.testing.assert_allclose(pixels(read), upright(COLOUR), atol=8 if kind == "JPEG" else 0)


def test_a_malformed_exif_tag_does_not_keep_the_image_from_being_turned():
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x011A] = 72.0  # a resolution, which is turned into a fraction of strings below
    data = exif.tobytes().replace(struct.pack(">HHI", 0x011A, 5, 1), struct.pack(">HHI", 0x011A, 7, 1))
    for kind in ("PNG", "JPEG", "WEBP"):
        assert read_image(encoded(Image.fromarray(COLOUR), kind, exif=data)).size == (40, 48)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_damaged_exif_never_hides_the_image(kind):
    exif = Image.Exif()
    exif[0x0112], exif[0x010E], exif[0x011A] = 6, "a chest", 72.0
    whole, dice = exif.tobytes(), random.Random(0)
    for data in (b"", b"Exif\0\0", b"Exif\0\0MM", b"II*\0", b"nonsense"):
        assert read_image(encoded(Image.fromarray(GREY), kind, exif=data)).size == (48, 40)
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(dice.choice([1, 2, 8])):
            data[dice.randrange(6, len(data))] = dice.choice([0, 1, 255, dice.randrange(256)])
        cut = bytes(data[: dice.choice([len(data), dice.randrange(6, len(data))])])
        assert sorted(read_image(encoded(Image.fromarray(GREY), kind, exif=cut)).size) == [40, 48]


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_twelve_bits_in_a_sixteen_bit_file_are_stretched_to_the_full_range(kind):
    image = np.linspace(300, 4095, 48 * 40).astype(np.uint16).reshape(40, 48)
    read = pixels(read_image(encoded(Image.fromarray(image), kind)))
    assert (read.min(), read.max()) == (0, 255)
    assert len(np.unique(read)) == 256, "stretched, not clipped"
    assert (np.diff(read.ravel()) >= 0).all()


def test_a_deep_tiff_whose_zero_is_white_is_read_as_a_shallow_one():
    for image in (GREY, GREY.astype(np.uint16) * 16):
        data = encoded(Image.fromarray(image), "TIFF", tiffinfo={262: 0})
        stored = Image.open(io.BytesIO(data))
        assert stored.tag_v2[262] == 0
        # Pillow writes 8-bit pixels inverted and 16-bit ones as they are.
        expected = GREY if image.dtype == np.uint8 else 255 - GREY
        np.testing.assert_array_equal(pixels(read_image(data)), expected)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_image_with_values_that_are_not_numbers_is_refused(value, tmp_path):
    image = GREY.astype(np.float32)
    image[3, 4] = value
    assert "not numbers" in refusal(image)
    Image.fromarray(image).save(tmp_path / "float.tif")
    assert "not numbers" in refusal(tmp_path / "float.tif")


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
        np.zeros((40, 48, 1), np.uint8),
        np.zeros((40, 48, 3), np.float32),
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


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::RuntimeWarning")
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("WEBP", {}),
        ("WEBP", {"lossless": False}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "jpeg"}),
        ("BMP", {}),
    ],
)
def test_a_damaged_file_is_an_image_or_refused_and_never_anything_else(kind, options):
    exif = {} if kind == "BMP" else {"exif": Image.Exif()}
    if exif:
        exif["exif"][0x0112] = 6
    whole, dice = encoded(Image.fromarray(NOISE), kind, **exif | options), random.Random(0)
    read = refused = 0
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(dice.choice([0, 1, 2, 16])):
            near = dice.choice([200, len(data)])  # most of what can go wrong is in the header
            data[dice.randrange(min(near, len(data)))] = dice.choice([0, 255, dice.randrange(256)])
        data = bytes(data[: dice.choice([len(data), len(data), dice.randrange(len(data))])])
        try:
            assert isinstance(read_image(data), Image.Image)
            read += 1
        except InputError:
            refused += 1
    assert read > 10 and refused > 10


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
    "data",
    [
        b"a letter about a chest radiograph",
        b"<!DOCTYPE html><html></html>",
        b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n",
        encoded(Image.fromarray(GREY), "GIF"),
        zipped(),
    ],
    ids=["text", "HTML", "PDF", "GIF", "zip"],
)
def test_a_file_that_is_not_an_image_is_refused_and_told_what_is(data, tmp_path):
    (tmp_path / "image.png").write_bytes(data)
    sentence = refusal(tmp_path / "image.png")
    assert "not an image" in sentence and "PNG, JPEG, WebP, TIFF, BMP or DICOM" in sentence
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


@pytest.mark.parametrize("side", [9_000, 20_000, 2**31 - 1])
def test_more_than_64_megapixels_are_refused_before_any_is_decoded(side, tmp_path):
    (tmp_path / "wall.png").write_bytes(png_of_size(side, side))
    assert "more than 64 megapixels" in refusal(tmp_path / "wall.png")


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


def test_sixteen_bits_per_colour_are_refused_rather_than_read_nearly_black():
    pixels = np.random.default_rng(0).integers(0, 4096, (40, 50, 3))
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 50, 40, 16, 2, 0, 0, 0)
    png = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
    with pytest.raises(InputError, match="16 bits per colour"):
        read_image(png)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_image_read_twice_is_turned_once(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    Image.fromarray(NOISE).save(buffer, "PNG", exif=exif)
    once = read_image(buffer.getvalue())
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
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(smooth(1200, 900), "JPEG", exif=exif)
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
