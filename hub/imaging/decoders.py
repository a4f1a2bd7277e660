"""From an encoded image to its pixels, at full depth.

Pillow decodes what has 8 bits a channel, imagecodecs and tifffile decode deeper greys and colours, and
pi-heif decodes HEIC. Of animations and files of several pages the first image is read. The other libraries
are imported when they are first needed: together they take as long to import as Pillow.
"""

import io
import logging
import math
import re
import struct
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageChops

from hub.imaging import greys, heic, truncation
from hub.imaging.metadata import JPEG_FRAMES, JPEG_LOSSLESS, jpeg_segments, without_metadata
from hub.imaging.orientation import turn
from hub.imaging.unreadable import DamagedError, UnreadableError, check_size, too_large

if TYPE_CHECKING:
    from tifffile import TiffFile

# What the libraries raise for damaged files; tests/imaging/test_damage.py looks for more. They are caught
# around calls of libraries alone, so that a mistake here is not called damage.
ERRORS = (
    AttributeError, EOFError, LookupError, OSError, OverflowError, RuntimeError, SyntaxError, TypeError,
    ValueError, ZeroDivisionError, struct.error,
)  # fmt: skip
PILLOW_NAMES = {"PNM": "PPM"}  # where they differ from ours
BINARY_PNM = re.compile(
    rb"""
    P(?P<kind>[56fF]) SPACE (?P<width>\d{1,9}) SPACE (?P<height>\d{1,9}) SPACE (?P<scale>[-+.\deE]{1,30}) \s
    """.replace(b"SPACE", rb"(?:\s|\#[^\r\n]*[\r\n])+"),
    re.VERBOSE,
)
# Tags of TIFF, and values of them.
BITS_PER_SAMPLE, PHOTOMETRIC, ORIENTATION, SAMPLE_FORMAT = 258, 262, 274, 339
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB = 0, 1, 2
UNCOMPRESSED = 1
UNSIGNED, SEPARATE_ALPHA = 1, 2
# Tags that say how pixels are stored, from ImageWidth to SampleFormat and JPEGTables.
PIXEL_TAGS = {256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 317, 322, 323, 324, 325, 338, 339, 347}

# Pillow warns about large images, which are refused, and about EXIF, which may hold anything; tifffile warns
# about tags. Set once: warnings.catch_warnings leaves its filters behind in threads, and threads decode
# images.
warnings.filterwarnings("ignore", module="PIL|tifffile")
logging.getLogger("tifffile").disabled = True


def decode(data: bytes, image_format: str, side: int | None = None) -> tuple[Image.Image, bool]:
    """Return an encoded image, and whether it is smaller than stored.

    `image_format` is what `formats.image_format` returns for the bytes, other than DICOM. The image has 8
    bits a channel and may still have to be turned upright by its EXIF. With `side`, a large JPEG is decoded
    at a half, a quarter or an eighth of its size, as long as each side keeps so many pixels. A file that was
    cut short after its last pixel is read. Raises UnreadableError for what is damaged or too large.
    """
    data = without_metadata(data, image_format)
    read_full = READERS.get(image_format) or partial(_read_by_pillow, image_format=image_format)
    read = partial(_read_jpeg, side=side) if image_format == "JPEG" else read_full
    try:
        image = read(data)
    except DamagedError:
        data = _complete(data, image_format, read_full)
        image = read(data)
    return image, side is not None and image_format == "JPEG" and image.size != _jpeg_frame(data)[2:]


def load(image: Image.Image) -> Image.Image:
    """Load the pixels of an image that Pillow has opened, and return it.

    Raises UnreadableError for one that is damaged or too large.
    """
    check_size(*image.size)
    with _library():
        image.load()
    if image.mode == "P" and image.palette is None:
        raise DamagedError
    return image


def is_deep(image: Image.Image) -> bool:
    """Return whether Pillow would cut 16 bits per colour down to 8."""
    # It keeps the upper 8: an image of 12 bits would become nearly black.
    tiles = getattr(image, "tile", ())
    return image.mode in ("RGB", "RGBA", "LA") and any(";16" in str(tile[3]) for tile in tiles)


def _complete(data: bytes, image_format: str, reader: Callable[[bytes], Image.Image]) -> bytes:
    """Return a file that was cut short after its last pixel with an end.

    Raises DamagedError where a pixel is missing.
    """
    candidates = truncation.endings(data, image_format)
    images = (np.asarray(reader(candidate)) for candidate in candidates)
    first = next(images, None)
    if first is None or not all(np.array_equal(first, image) for image in images):
        raise DamagedError
    return candidates[0]


@contextmanager
def _library() -> Iterator[None]:
    """Raise DamagedError for what a library raises in the block."""
    try:
        yield
    except Image.DecompressionBombError:
        raise too_large() from None
    except ERRORS as error:
        if str(error).startswith("Unsupported BMP"):
            raise UnreadableError("is a BMP of an unusual kind; save it as PNG.") from None
        raise DamagedError from None


def _open(data: bytes, image_format: str) -> Image.Image:
    """Return an image that Pillow has opened but not loaded."""
    with _library():
        image = Image.open(io.BytesIO(data), formats=[PILLOW_NAMES.get(image_format, image_format)])
    check_size(*image.size)
    return image


def _read_by_pillow(data: bytes, image_format: str) -> Image.Image:
    return load(_open(data, image_format))


def _read_jpeg(data: bytes, side: int | None = None) -> Image.Image:
    try:
        image = _open(data, "JPEG")
        if side:
            image.draft(image.mode, (side, side))
        return load(image)
    except DamagedError:
        marker, bits, width, height = _jpeg_frame(data)
        if marker != JPEG_LOSSLESS and bits == 8:
            raise
    return _read_deep_jpeg(data, width, height)


def _jpeg_frame(data: bytes) -> tuple[int, int, int, int]:
    """Return marker, bits, width and height of a JPEG, or raise DamagedError."""
    for marker, start, end in jpeg_segments(data):
        if marker in JPEG_FRAMES and end - start >= 9 and end <= len(data):
            bits, height, width = struct.unpack_from(">BHH", data, start + 4)
            return marker, bits, width, height
    raise DamagedError


def _read_deep_jpeg(data: bytes, width: int, height: int) -> Image.Image:
    """Return a JPEG of 12 bits, or a lossless one of up to 16."""
    import imagecodecs

    check_size(width, height)
    if truncation.JPEG_END not in data:  # the library would make up the rest
        raise DamagedError
    with _library():
        pixels = imagecodecs.jpeg8_decode(data)
    return greys.to_image(pixels)


def _read_png(data: bytes) -> Image.Image:
    image = _open(data, "PNG")
    if data[24] < 16:  # bits per channel
        return load(image)
    import imagecodecs

    with _library():
        pixels = imagecodecs.png_decode(data)
    deep = greys.to_image(pixels)
    deep.info["exif"] = image.info.get("exif")
    return deep


def _read_jpeg_2000(data: bytes) -> Image.Image:
    image = _open(data, "JPEG2000")
    header = data.find(b"\xff\x4f\xff\x51")
    # Three bytes for each component, of which the first is its bits less 1, and its sign.
    components = data[header + 42 :][: 3 * int.from_bytes(data[header + 40 : header + 42]) : 3]
    if max((component & 0x7F for component in components), default=0) < 8:
        return load(image)
    import imagecodecs

    with _library():
        pixels = imagecodecs.jpeg2k_decode(data)
    return greys.to_image(pixels)


def _read_tiff(data: bytes) -> Image.Image:
    try:
        image = _open(data, "TIFF")
        bits, kinds = (image.tag_v2.get(tag, (1,)) for tag in (BITS_PER_SAMPLE, SAMPLE_FORMAT))
        if max(bits) <= 8 and set(kinds) == {UNSIGNED}:
            return load(image)
    except DamagedError:
        pass  # or stored in a way that Pillow does not know
    return _read_by_tifffile(data)


def _read_by_tifffile(data: bytes) -> Image.Image:
    """Return the first page of a TIFF, upright.

    Raises UnreadableError also for colours other than RGB, and for complex numbers.
    """
    import tifffile

    with _library(), tifffile.TiffFile(io.BytesIO(data)) as file:
        page = file.pages.first
        if not _stored_tags(data, file) & PIXEL_TAGS <= set(page.tags.keys()):
            raise DamagedError  # tifffile takes a tag that it cannot read for one that is not there
        photometric, orientation = page.tags.valueof(PHOTOMETRIC), page.tags.valueof(ORIENTATION)
        depth, is_known = np.max(page.bitspersample), photometric in (None, WHITE_IS_ZERO, BLACK_IS_ZERO, RGB)
        ends = map(sum, zip(page.dataoffsets, page.databytecounts, strict=True))
        is_whole = max(ends) <= len(data)
        # Of a compressed page of 8 bits Pillow knows what is damaged.
        if not is_known and (depth > 8 or (is_whole and page.compression == UNCOMPRESSED)):
            raise UnreadableError("has colours that are neither grey nor RGB; save it as grey or RGB.")
        if page.dtype.kind == "c":
            raise UnreadableError("holds complex numbers; export it again as 8 or 16 bits.")
        # Room for four channels, as of every other format.
        check_size(page.imagewidth * -(-page.samplesperpixel // 4), page.imagelength * page.imagedepth)
        if not (is_known and is_whole):  # some decoders would make up what is missing
            raise DamagedError
        planes = page.asarray(maxworkers=1).reshape(page.shaped)[:, 0]  # of the first layer
        pixels = np.concatenate(planes, -1) if len(planes) > 1 else planes[0]
        colours = 3 if photometric == RGB else 1
        channels = colours + (page.extrasamples[:1] == (SEPARATE_ALPHA,))
    pixels = pixels[..., :channels]
    image = greys.to_image(pixels.astype(np.uint16) if depth < 8 else pixels)
    if photometric == WHITE_IS_ZERO:
        image = Image.merge(image.mode, [ImageChops.invert(image.getchannel(0)), *image.split()[1:]])
    return turn(image, orientation)


def _stored_tags(data: bytes, file: "TiffFile") -> set[int]:
    """Return the codes of the first page's tags, readable or not."""
    form, start = file.tiff, file.pages.first.offset
    (count,) = struct.unpack_from(form.tagnoformat, data, start)
    first = start + form.tagnosize
    return {
        struct.unpack_from(f"{form.byteorder}H", data, first + form.tagsize * index)[0]
        for index in range(count)
    }


def _read_pnm(data: bytes) -> Image.Image:
    """Return a PNM, at a depth to which Pillow does not read colours."""
    header = BINARY_PNM.match(data)
    if header is None:
        return _read_by_pillow(data, "PNM")
    width, height, kind = int(header["width"]), int(header["height"]), header["kind"]
    check_size(width, height)
    with _library():
        scale = float(header["scale"])  # of floats its sign is the order of bytes; else the value of white
        dtype = ("<f4" if scale < 0 else ">f4") if kind in b"fF" else "u1" if scale < 256 else ">u2"
        shape = height, width, 3 if kind in b"6F" else 1
        pixels = np.frombuffer(data, dtype, math.prod(shape), header.end()).reshape(shape)
    if kind in b"fF":
        pixels = pixels[::-1]
    return greys.to_image(greys.scale(pixels, 0, scale) if pixels.dtype == np.uint8 else pixels)


READERS = {
    "HEIC": heic.decode,
    "JPEG": _read_jpeg,
    "JPEG2000": _read_jpeg_2000,
    "PNG": _read_png,
    "PNM": _read_pnm,
    "TIFF": _read_tiff,
}
