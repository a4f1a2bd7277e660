"""A file that was cut short is read where every pixel is there, and refused where one is missing."""

import imagecodecs
import numpy as np
import pytest
from encoded_images import encoded, exif, gradient, png, tiff
from PIL import Image

from hub.errors import InputError
from hub.imaging.read import read_image, read_reduced

NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 47, 3), dtype=np.uint8))
DEEP = np.random.default_rng(1).integers(0, 4_096, (40, 47), dtype=np.uint16)
# How many bytes at the end hold no pixels.
ENDS = {
    "PNG": (encoded(NOISE, "PNG"), 16),
    "16-bit PNG": (png(DEEP), 16),
    "JPEG": (encoded(NOISE, "JPEG"), 2),
    "progressive JPEG": (encoded(NOISE, "JPEG", progressive=True), 2),
    "restarted JPEG": (encoded(NOISE, "JPEG", restart_marker_blocks=1), 2),
    "JPEG of rows": (encoded(NOISE, "JPEG", restart_marker_rows=1), 2),
    "12-bit JPEG": (imagecodecs.jpeg8_encode(DEEP, bitspersample=12), 2),
    "lossless JPEG": (imagecodecs.jpeg8_encode(DEEP, bitspersample=12, lossless=True), 2),
    "GIF": (encoded(NOISE, "GIF"), 2),
    "WebP": (encoded(NOISE, "WEBP"), 1),
    "lossless WebP": (encoded(NOISE, "WEBP", lossless=True), 1),
    "WebP with EXIF": (encoded(NOISE, "WEBP", exif=exif(1)), 30),
    "BMP": (encoded(NOISE, "BMP"), 3),
    "JPEG 2000": (encoded(NOISE, "JPEG2000"), 2),
    "AVIF": (encoded(NOISE, "AVIF"), 0),
    "TIFF": (encoded(NOISE, "TIFF"), 0),
    "16-bit TIFF": (tiff(DEEP), 0),
    "PPM": (encoded(NOISE, "PPM"), 0),
}


def cut(data, count):
    return data[: len(data) - count]


@pytest.mark.parametrize(("data", "end"), ENDS.values(), ids=ENDS)
def test_a_file_is_read_without_each_of_its_last_bytes_that_hold_no_pixels(data, end):
    whole = np.asarray(read_image(data))
    for count in range(1, end + 1):
        np.testing.assert_array_equal(np.asarray(read_image(cut(data, count))), whole)


@pytest.mark.parametrize("name", ENDS)
def test_a_file_without_more_bytes_is_whole_or_refused(name):
    """Some formats end in bits that no pixel needs."""
    data, end = ENDS[name]
    whole, refused = np.asarray(read_image(data)), 0
    for count in range(end + 1, len(data) - 40, 1 + len(data) // (10 if name == "AVIF" else 60)):
        try:
            np.testing.assert_array_equal(np.asarray(read_image(cut(data, count))), whole)
        except InputError as error:
            assert "damaged or cut short" in str(error)
            refused += 1
    assert refused > (7 if name == "AVIF" else 45)  # each of which has a process of its own


@pytest.mark.parametrize("rest", [b"\0\0\x10\0IDAT", b"\0\0\x10\0IDATxx", b"\0\0\0\5tEXtab", b"\0\0\0\0IE"])
@pytest.mark.parametrize("kind", ["PNG", "16-bit PNG"])
def test_a_png_is_read_that_ends_within_a_chunk_after_its_pixels(kind, rest):
    data, _ = ENDS[kind]
    np.testing.assert_array_equal(np.asarray(read_image(data[:-12] + rest)), np.asarray(read_image(data)))


@pytest.mark.parametrize("options", [{"progressive": True}, {"subsampling": 0, "progressive": True}, {}])
def test_a_jpeg_without_a_whole_scan_is_refused(options):
    """It has every pixel, but not as it was."""
    data = encoded(NOISE, "JPEG", **options)
    scans = [index for index in range(len(data)) if data[index : index + 2] == b"\xff\xda"]
    for start in scans[1:]:
        with pytest.raises(InputError, match="damaged or cut short"):
            read_image(data[:start])
    assert len(scans) > 5 or not options


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}])
@pytest.mark.parametrize("part", [0.3, 0.6, 0.95])
def test_a_jpeg_whose_rest_is_zeros_is_refused(part, options, radiograph):
    """A download that stopped may have its full length."""
    data = encoded(radiograph, "JPEG", **options)
    start = int(part * len(data))
    with pytest.raises(InputError, match="damaged or cut short"):
        read_image(data[:start] + bytes(len(data) - start))


def test_a_large_jpeg_without_its_end_is_read_at_reduced_scale():
    large = Image.fromarray(np.kron(gradient(), np.ones((40, 40), np.uint8)))
    data = encoded(large, "JPEG")
    image = read_reduced(data[:-2], 224, radiograph=True)
    assert image.size == (480, 400)
    np.testing.assert_array_equal(np.asarray(image), np.asarray(read_reduced(data, 224, radiograph=True)))


@pytest.mark.parametrize("junk", [b"\0", b"\0" * 5_000, b"appended by a viewer", b"\xff\xd8\xff\xd9"])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"])
def test_what_follows_an_image_is_ignored(kind, junk):
    data = encoded(NOISE, kind)
    np.testing.assert_array_equal(np.asarray(read_image(data + junk)), np.asarray(read_image(data)))


def test_an_animation_that_was_cut_after_its_first_frame_is_read():
    for kind in ("WEBP", "GIF", "PNG"):
        data = encoded(NOISE, kind, save_all=True, append_images=[NOISE.rotate(90), NOISE.rotate(180)])
        first = np.asarray(read_image(data))
        np.testing.assert_array_equal(np.asarray(read_image(data[: len(data) * 2 // 3])), first)
