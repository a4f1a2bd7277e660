"""TIFF of 8 bits by Pillow, and deeper ones by tifffile."""

import io
import math
import struct
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageChops

from hub.imaging import greys, pillow
from hub.imaging.orientation import ORIENTATION, turn
from hub.imaging.unreadable import (
    MAX_QUICK,
    Admit,
    DamagedError,
    UnreadableError,
    check_size,
    few,
    other_colours,
)

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage

# Tags of TIFF, and values of them.
BITS_PER_SAMPLE, COMPRESSION, PHOTOMETRIC, SAMPLE_FORMAT = 258, 259, 262, 339
COLOR_MAP = 320
ROWS_PER_STRIP, PLANAR, TILE_WIDTH, TILE_LENGTH = 278, 284, 322, 323
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB = 0, 1, 2
SEPARATE_PLANES = 2
# Bytes of a value by its type; those of bytes and text become no list of numbers, which is long enough for
# every tile of an image.
TYPE_BYTES = {
    1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8,
}  # fmt: skip
RAW_TYPES, MAX_NUMBERS = (1, 2, 7), 1_000_000
UNCOMPRESSED = 1
UNPREDICTED = (UNCOMPRESSED, 32_773)  # compressions that know no predictors; the second is PackBits
FAX = {2, 3, 4}  # compressions in which 0 is white, if nothing says what it is
# Fax, LZW, Deflate and PackBits. What they take is known: others are whole images, or need much memory.
PLAIN_COMPRESSIONS = {UNCOMPRESSED, *FAX, 5, 8, 32_773, 32_946}
UNSIGNED, SEPARATE_ALPHA = 1, 2
# Tags that say how pixels are stored, from ImageWidth to SampleFormat and JPEGTables.
PIXEL_TAGS = {256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 317, 322, 323, 324, 325, 338, 339, 347}


def read_tiff(data: bytes, admit: Admit) -> Image.Image:
    """Return the first page of a TIFF; Pillow leaves it to others to turn it upright."""
    check_tags(data)
    try:
        image = pillow.open_image(data, "TIFF")
        bits, kinds = (image.tag_v2.get(tag, (1,)) for tag in (BITS_PER_SAMPLE, SAMPLE_FORMAT))
        # Pillow loses the transparency of greys that is stored after them.
        is_lost = image.mode == "LA" and image.tag_v2.get(PLANAR) == SEPARATE_PLANES
        compression = image.tag_v2.get(COMPRESSION, UNCOMPRESSED)
        # Where nothing says what 0 is, it takes 0 for white in any image.
        is_inverted = PHOTOMETRIC not in image.tag_v2 and compression not in FAX
        if max(bits) <= 8 and set(kinds) == {UNSIGNED} and not is_lost and not is_inverted:
            apart = compression not in PLAIN_COMPRESSIONS
            extra = len(bits) * max(bits) / 8 * _segment(image) / math.prod(image.size)
            admit(*image.size, pillow.BYTES.get(image.mode, 4) + extra, apart)
            return _with_palette(pillow.load_admitted(image))
    except DamagedError:
        pass  # or stored in a way that Pillow does not know
    return _read_by_tifffile(data, admit)


def _with_palette(image: Image.Image) -> Image.Image:
    """Return an image with its colours, which older programs write in 8 bits."""
    colours = image.tag_v2.get(COLOR_MAP, ())
    if image.mode == "P" and max(colours, default=256) < 256:  # all of which Pillow takes for black
        image.putpalette(bytes(colours), "RGB;L")
    return image


def _segment(image: Image.Image) -> int:
    """Return the pixels of a strip or tile of a TIFF, which are decoded at once.

    Raises DamagedError where a tag is no whole number: it may be text, or a fraction of 0.
    """
    tags = {TILE_WIDTH: 0, TILE_LENGTH: 0, ROWS_PER_STRIP: image.height}
    with pillow.library():  # Pillow reads a tag when it is asked for
        width, length, rows = (image.tag_v2.get(tag, default) for tag, default in tags.items())
    if not all(isinstance(number, int) and number >= 0 for number in (width, length, rows)):
        raise DamagedError
    return width * length or min(rows, image.height) * image.width


def _read_by_tifffile(data: bytes, admit: Admit) -> Image.Image:
    """Return the first page of a TIFF, upright.

    Raises UnreadableError also for colours other than RGB, and for complex numbers.
    """
    import tifffile

    with pillow.library(), tifffile.TiffFile(io.BytesIO(data)) as file:
        page = file.pages.first
        if page.compression in UNPREDICTED:
            page.predictor = 1  # which tifffile would undo all the same
        if not _stored_tags(data, file) & PIXEL_TAGS <= set(page.tags.keys()):
            raise DamagedError  # tifffile takes a tag that it cannot read for one that is not there
        photometric, orientation = page.tags.valueof(PHOTOMETRIC), page.tags.valueof(ORIENTATION)
        depth, is_known = np.max(page.bitspersample), photometric in (None, WHITE_IS_ZERO, BLACK_IS_ZERO, RGB)
        ends = map(sum, zip(page.dataoffsets, page.databytecounts, strict=True))
        is_whole = max(ends) <= len(data)
        # Of a compressed page of 8 bits Pillow knows what is damaged.
        if not is_known and (depth > 8 or (is_whole and page.compression == UNCOMPRESSED)):
            raise other_colours()
        if page.dtype.kind == "c":
            raise UnreadableError("holds complex numbers; export it again as 8 or 16 bits.")
        # Room for four channels, as of every other format.
        check_size(page.imagewidth * -(-page.samplesperpixel // 4), page.imagelength * page.imagedepth)
        apart = page.compression not in PLAIN_COMPRESSIONS
        admit(page.imagewidth, page.imagelength * page.imagedepth, _bytes_per_pixel(page), apart)
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


def check_tags(data: bytes) -> None:
    """Raise DamagedError where the tags of a TIFF take far more than its bytes.

    Pillow copies the values of each into memory, and they may share their bytes.
    """
    order, is_big = ("<" if data[:1] == b"I" else ">"), b"+" in data[2:4]
    offset, count, head = ("8xQ", "Q", "HHQ8x") if is_big else ("4xL", "H", "HHL4x")
    size = 0
    with suppress(struct.error, OverflowError):  # it ends here, which the libraries find out
        (start,) = struct.unpack_from(order + offset, data)
        (tags,) = struct.unpack_from(order + count, data, start)
        start += struct.calcsize(order + count)
        for number in few(range(tags)):
            place = start + number * struct.calcsize(order + head)
            _, kind, values = struct.unpack_from(order + head, data, place)
            size += values * TYPE_BYTES.get(kind, 0)
            if size > len(data) + MAX_QUICK or (values > MAX_NUMBERS and kind not in RAW_TYPES):
                raise DamagedError


def _bytes_per_pixel(page: "TiffPage") -> float:
    """Return the bytes that a pixel takes until it has 8 bits.

    Strips and tiles are decoded one by one: a strip that is the whole image is there twice, and a tile may be
    larger than the image.
    """
    size, channels = max(1, page.dtype.itemsize), page.samplesperpixel
    rows = min(page.rowsperstrip or page.imagelength, page.imagelength)
    segment = page.tilewidth * page.tilelength * page.tiledepth if page.is_tiled else rows * page.imagewidth
    pixels = page.imagewidth * page.imagelength * page.imagedepth
    return greys.bytes_per_pixel(channels, size) + size * channels * segment / pixels


def _stored_tags(data: bytes, file: "TiffFile") -> set[int]:
    """Return the codes of the first page's tags, readable or not."""
    form, start = file.tiff, file.pages.first.offset
    (count,) = struct.unpack_from(form.tagnoformat, data, start)
    first = start + form.tagnosize
    return {
        struct.unpack_from(f"{form.byteorder}H", data, first + form.tagsize * index)[0]
        for index in range(count)
    }
