"""From an encoded image to its pixels, at full depth.

Pillow decodes what has 8 bits a channel, imagecodecs and tifffile decode deeper greys and colours, and
pi-heif decodes HEIC. Of animations and files of several pages the first image is read. The other libraries
are imported when they are first needed: together they take as long to import as Pillow.
"""

import ctypes
import io
import logging
import math
import re
import struct
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import PIL
from PIL import Image, ImageChops

from hub.errors import InputError
from hub.imaging import greys, heic, truncation
from hub.imaging.metadata import (
    JPEG_EXIF,
    JPEG_FRAMES,
    JPEG_LOSSLESS,
    JPEG_PROGRESSIVE,
    jpeg_scans,
    jpeg_segments,
    without_metadata,
)
from hub.imaging.orientation import ORIENTATION, turn
from hub.imaging.unreadable import Admit, DamagedError, UnreadableError, check_size, few, too_large

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage

# What the libraries raise for damaged files; tests/imaging/test_damage.py looks for more. They are caught
# around calls of libraries alone, so that a mistake here is not called damage.
ERRORS = (
    AssertionError, AttributeError, EOFError, LookupError, OSError, OverflowError, RuntimeError, SyntaxError,
    TypeError, ValueError, ZeroDivisionError, struct.error,
)  # fmt: skip
PILLOW_NAMES = {"PNM": "PPM"}  # where they differ from ours
PNM_HEADER = re.compile(
    rb"""
    P(?P<kind>[2356fF]) SPACE (?P<width>\d{1,9}) SPACE (?P<height>\d{1,9}) SPACE (?P<scale>[-+.\deE]{1,30}) \s
    """.replace(b"SPACE", rb"(?:\s|\#[^\r\n]*[\r\n])+"),
    re.VERBOSE,
)
COMMENT = re.compile(rb"\#[^\r\n]*")
BITS_HEADER = re.compile(rb"P[14]SPACE\d{1,9}SPACE\d{1,9}\s".replace(b"SPACE", rb"(?:\s|#[^\r\n]*[\r\n])+"))
HEADER = 65_536  # bytes of a PNM in which its size has to be, whatever comments it has
MAX_SCANNED = 2_000_000_000  # pixels in all scans of a JPEG: ten scans of any image, two seconds
MAX_COMPLETED = 16_000_000  # pixels of an image that is decoded again and again, as it was cut short
SLOW_CODECS = {"bmp_rle", "ppm", "ppm_plain"}  # which Pillow decodes in Python
MAX_QUICK = 1_000_000  # bytes, or samples of JPEG 2000, that even a slow decoder reads in a second
# Bytes for a pixel, by Pillow's modes; 4 in all others. The second is what converting to 8 bits takes.
BYTES = {"1": 1, "L": 1, "P": 1, "I;16": 2 + 1, "I;16L": 2 + 1, "I;16B": 2 + 1, "I": 4 + 1, "F": 4 + 1}
WEBP_BYTES = 16  # libwebp keeps the frame and the animation's canvas, and each is copied
# Tags of TIFF, and values of them.
BITS_PER_SAMPLE, COMPRESSION, PHOTOMETRIC, SAMPLE_FORMAT = 258, 259, 262, 339
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
# What text of a PNM consists of, and numbers beyond 32 bits.
DIGIT, SPACE, OTHER = b"0", b" ", b"?"
KINDS = bytes(
    (DIGIT if byte in b"0123456789" else SPACE if byte in b" \t\n\v\f\r" else OTHER)[0] for byte in range(256)
)
TOO_LONG = DIGIT * 10
# Fax, LZW, Deflate and PackBits. What they take is known: others are whole images, or need much memory.
PLAIN_COMPRESSIONS = {UNCOMPRESSED, 2, 3, 4, 5, 8, 32_773, 32_946}
UNSIGNED, SEPARATE_ALPHA = 1, 2
# Tags that say how pixels are stored, from ImageWidth to SampleFormat and JPEGTables.
PIXEL_TAGS = {256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 317, 322, 323, 324, 325, 338, 339, 347}

# Pillow warns about large images, which are refused, and about EXIF, which may hold anything; tifffile warns
# about tags. Set once: warnings.catch_warnings leaves its filters behind in threads, and threads decode
# images. Both log what is wrong with a file, too, which our sentence says.
warnings.filterwarnings("ignore", module="PIL|tifffile")
for name in ("PIL", "tifffile"):
    logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def _silence_libtiff() -> None:
    """Let the libtiff of Pillow's wheels write nothing to standard error.

    Of a damaged fax it would write about each line of the image.
    """
    folder = Path(PIL.__file__).parent
    for path in [*folder.with_name("pillow.libs").glob("libtiff*"), *folder.glob(".dylibs/libtiff*")]:
        library = ctypes.CDLL(str(path))
        for set_handler in (library.TIFFSetErrorHandler, library.TIFFSetWarningHandler):
            set_handler.argtypes, set_handler.restype = [ctypes.c_void_p], ctypes.c_void_p
            set_handler(None)


_silence_libtiff()


def decode(data: bytes, image_format: str, side: int | None = None, admit: Admit = check_size) -> Image.Image:
    """Return an encoded image.

    `image_format` is what `formats.image_format` returns for the bytes, other than DICOM. The image has 8
    bits a channel and may still have to be turned upright by its EXIF. With `side`, a large JPEG is decoded
    at a half, a quarter or an eighth of its size, as long as each side keeps so many pixels. A file that was
    cut short after its last pixel is read. `admit` is called each time before pixels are decoded. Raises
    UnreadableError for what is damaged or too large.
    """
    data = without_metadata(data, image_format)
    read_full = READERS.get(image_format) or partial(_read_by_pillow, image_format=image_format)
    read = partial(_read_jpeg, side=side) if image_format == "JPEG" else read_full
    try:
        return read(data, admit)
    except DamagedError:
        data = _complete(data, image_format, partial(read_full, admit=partial(_admit_small, admit)))
        return read(data, admit)


def open_header(data: bytes, image_format: str) -> Image.Image:
    """Return an encoded image without metadata, whose pixels are not decoded yet.

    `image_format` is one that Pillow reads. Raises UnreadableError for one that is damaged or too large.
    """
    data = without_metadata(data, image_format)
    if image_format == "TIFF":
        _check_tags(data)
    return _open(data, image_format)


def load(image: Image.Image, admit: Admit = check_size, is_slow: bool = False) -> Image.Image:
    """Load the pixels of an image that Pillow has opened, and return it.

    `is_slow` says that decoding may take long. Raises UnreadableError for one that is damaged or too large.
    """
    if getattr(image, "tile", ()) and image.fp is None:
        raise _closed()
    admit(*image.size, BYTES.get(image.mode, 4), is_slow)
    # Of one that a caller has opened; `_read_jpeg` has counted those of its own.
    if image.format in ("JPEG", "MPO") and getattr(image, "tile", ()):
        with _library():
            place = image.fp.tell()
            image.fp.seek(0)
            data = image.fp.read()
            image.fp.seek(place)
        _check_scans(data, *image.size)
    return _load(image)


def _load(image: Image.Image) -> Image.Image:
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
    except InputError:  # of `admit`, and a ValueError too
        raise
    except Image.DecompressionBombError:
        raise too_large() from None
    except ERRORS as error:
        if "closed" in str(error):  # a PIL image, or its file
            raise _closed() from None
        if str(error).startswith("Unsupported BMP"):
            raise UnreadableError("is a BMP of an unusual kind; save it as PNG.") from None
        raise DamagedError from None


def _closed() -> UnreadableError:
    return UnreadableError(
        "was closed before its pixels were read; open it again, and give it while it is open."
    )


def _other_colours() -> UnreadableError:
    return UnreadableError("has colours that are neither grey nor RGB; save it as grey or RGB.")


def _admit_small(admit: Admit, width: int, height: int, bytes_per_pixel: float, apart: bool) -> None:
    if width * height > MAX_COMPLETED:
        raise DamagedError
    admit(width, height, bytes_per_pixel, apart)


def _open(data: bytes, image_format: str) -> Image.Image:
    """Return an image that Pillow has opened but not loaded."""
    with _library():
        image = Image.open(io.BytesIO(data), formats=[PILLOW_NAMES.get(image_format, image_format)])
    check_size(*image.size)
    return image


def _read_by_pillow(data: bytes, admit: Admit, image_format: str) -> Image.Image:
    image = _open(data, image_format)
    codecs = {tile[0] for tile in image.tile}
    return load(image, admit, is_slow=len(data) > MAX_QUICK and bool(codecs & SLOW_CODECS))


def _read_jpeg(data: bytes, admit: Admit, side: int | None = None) -> Image.Image:
    try:
        image = _open(data, "JPEG")
        size = image.size
        coefficients = _check_scans(data, *size)
        if side:
            image.draft(image.mode, (side, side))
        pixels = BYTES.get(image.mode, 4) * math.prod(image.size) / math.prod(size)
        admit(*size, coefficients + pixels, False)
        return _load(image)
    except DamagedError:
        marker, bits, width, height = _jpeg_frame(data)
        if marker != JPEG_LOSSLESS and bits == 8:
            raise
    return _read_deep_jpeg(data, width, height, admit)


def _check_scans(data: bytes, width: int, height: int) -> float:
    """Return the bytes that a JPEG's coefficients take for each of its pixels.

    They are kept where several scans give them. Each scan passes over the whole image, though it may have a
    few bytes: raises UnreadableError where that takes too long.
    """
    scans, marker = jpeg_scans(data), _jpeg_frame(data)[0]
    if scans * width * height > MAX_SCANNED:
        raise UnreadableError("has far too many scans; save it as a plain JPEG.")
    return 2 * _jpeg_samples(data) if scans > 1 or marker in JPEG_PROGRESSIVE else 0


def _jpeg_samples(data: bytes) -> float:
    """Return the samples that the components of a JPEG have for each of its pixels."""
    for marker, start, end in jpeg_segments(data):
        if marker in JPEG_FRAMES and end <= len(data):
            factors = [(sampling >> 4, sampling & 15) for sampling in data[start + 11 : end : 3]]
            largest = math.prod(map(max, zip(*factors, strict=True)))
            return sum(map(math.prod, factors)) / max(1, largest)
    raise DamagedError


def _jpeg_frame(data: bytes) -> tuple[int, int, int, int]:
    """Return marker, bits, width and height of a JPEG, or raise DamagedError."""
    for marker, start, end in jpeg_segments(data):
        if marker in JPEG_FRAMES and end - start >= 9 and end <= len(data):
            bits, height, width = struct.unpack_from(">BHH", data, start + 4)
            return marker, bits, width, height
    raise DamagedError


def _read_deep_jpeg(data: bytes, width: int, height: int, admit: Admit) -> Image.Image:
    """Return a JPEG of 12 bits, or a lossless one of up to 16."""
    import imagecodecs

    admit(width, height, BYTES["I;16"], max(width * height, len(data)) > MAX_QUICK)
    if truncation.JPEG_END not in data:  # the library would make up the rest
        raise DamagedError
    with _library():
        pixels = imagecodecs.jpeg8_decode(data)
    if pixels.ndim == 3 and pixels.shape[2] != 3:
        raise _other_colours()
    deep = greys.to_image(pixels)
    segments = jpeg_segments(data)
    deep.info["exif"] = next(
        (data[start + 4 : end] for mark, start, end in segments if mark == JPEG_EXIF), None
    )
    return deep


def _read_png(data: bytes, admit: Admit) -> Image.Image:
    image = _open(data, "PNG")
    bits = data[24]  # per channel
    if bits in (2, 4) and image.mode == "L" and "transparency" in image.info:
        image.info["transparency"] *= 255 // (2**bits - 1)  # as Pillow does with the pixels
    if bits < 16:
        return load(image, admit)
    import imagecodecs

    channels = PNG_CHANNELS.get(data[25], 4) + ("transparency" in image.info)
    admit(*image.size, greys.bytes_per_pixel(channels, 2), False)
    with _library():
        pixels = imagecodecs.png_decode(data)
    deep = greys.to_image(pixels)
    deep.info["exif"] = image.info.get("exif")
    return deep


def _read_heic(data: bytes, admit: Admit) -> Image.Image:
    with _library():
        return heic.decode(data, admit)


def _read_gif(data: bytes, admit: Admit) -> Image.Image:
    """Return the first frame of a GIF.

    Around one that is smaller than the image nothing is to be seen, so that is black.
    """
    image = _open(data, "GIF")
    box = image.tile[0].extents
    is_whole = box == (0, 0, *image.size) or "transparency" in image.info
    admit(*image.size, BYTES["P"] if is_whole else BYTES["P"] + 8, False)
    frame = _load(image)
    if is_whole:
        return frame
    shown = Image.new("L" if frame.mode == "L" else "RGB", frame.size)
    shown.paste(frame.crop(box).convert(shown.mode), box)
    return shown


def _read_webp(data: bytes, admit: Admit) -> Image.Image:
    image = _open(data, "WEBP")
    admit(*image.size, WEBP_BYTES, False)
    return _load(image)


def _read_avif(data: bytes, admit: Admit) -> Image.Image:
    # Before it is opened: Pillow then reads its EXIF, which may take gigabytes.
    admit(*heic.stated_size(data), heic.BYTES_PER_PIXEL, True)
    return load(_open(data, "AVIF"), admit, is_slow=True)


def _read_jpeg_2000(data: bytes, admit: Admit) -> Image.Image:
    header = data.find(b"\xff\x4f\xff\x51")
    if header < 0 or len(data) < header + 42:
        raise DamagedError
    # The size here counts, whatever a box before it says.
    right, bottom, left, top = struct.unpack_from(">4L", data, header + 8)
    (channels,) = struct.unpack_from(">H", data, header + 40)
    check_size(right - left, bottom - top)
    if channels > 4:
        raise _other_colours()
    small = (right - left) * (bottom - top) * channels <= MAX_QUICK and len(data) <= MAX_QUICK
    # Before it is opened: Pillow reads millions of boxes in Python.
    admit(right - left, bottom - top, 4 * channels + BYTES["L"] + 1, not small)
    image = _open(data, "JPEG2000")
    # OpenJPEG calculates in 32 bits, and says "damaged" where it gets no memory.
    admit(*image.size, 4 * channels + BYTES.get(image.mode, 4) + 1, not small)
    # Three bytes for each component, of which the first is its bits less 1, and its sign.
    components = data[header + 42 :][: 3 * channels : 3]
    bits = 1 + max((component & 0x7F for component in components), default=0)
    if bits <= 8:
        return _brightened(_load(image), bits)
    import imagecodecs

    with _library():
        pixels = imagecodecs.jpeg2k_decode(data)
    return greys.to_image(pixels)


def _brightened(image: Image.Image, bits: int) -> Image.Image:
    """Return an image whose white is 255.

    Pillow puts few bits into the highest of 8.
    """
    if bits == 8 or image.mode in ("P", "PA"):
        return image
    white = (2**bits - 1) << (8 - bits)
    return image.point(lambda value: round(255 * value / white))


def _read_tiff(data: bytes, admit: Admit) -> Image.Image:
    _check_tags(data)
    try:
        image = _open(data, "TIFF")
        bits, kinds = (image.tag_v2.get(tag, (1,)) for tag in (BITS_PER_SAMPLE, SAMPLE_FORMAT))
        # Pillow loses the transparency of greys that is stored after them.
        is_lost = image.mode == "LA" and image.tag_v2.get(PLANAR) == SEPARATE_PLANES
        if max(bits) <= 8 and set(kinds) == {UNSIGNED} and not is_lost:
            apart = image.tag_v2.get(COMPRESSION, UNCOMPRESSED) not in PLAIN_COMPRESSIONS
            extra = len(bits) * max(bits) / 8 * _segment(image) / math.prod(image.size)
            admit(*image.size, BYTES.get(image.mode, 4) + extra, apart)
            return _load(image)
    except DamagedError:
        pass  # or stored in a way that Pillow does not know
    return _read_by_tifffile(data, admit)


def _segment(image: Image.Image) -> int:
    """Return the pixels of a strip or tile of a TIFF, which are decoded at once.

    Raises DamagedError where a tag is no whole number: it may be text, or a fraction of 0.
    """
    tags = {TILE_WIDTH: 0, TILE_LENGTH: 0, ROWS_PER_STRIP: image.height}
    with _library():  # Pillow reads a tag when it is asked for
        width, length, rows = (image.tag_v2.get(tag, default) for tag, default in tags.items())
    if not all(isinstance(number, int) and number >= 0 for number in (width, length, rows)):
        raise DamagedError
    return width * length or min(rows, image.height) * image.width


def _read_by_tifffile(data: bytes, admit: Admit) -> Image.Image:
    """Return the first page of a TIFF, upright.

    Raises UnreadableError also for colours other than RGB, and for complex numbers.
    """
    import tifffile

    with _library(), tifffile.TiffFile(io.BytesIO(data)) as file:
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
            raise _other_colours()
        if page.dtype.kind == "c":
            raise UnreadableError("holds complex numbers; export it again as 8 or 16 bits.")
        # Room for four channels, as of every other format.
        check_size(page.imagewidth * -(-page.samplesperpixel // 4), page.imagelength * page.imagedepth)
        apart = page.compression not in PLAIN_COMPRESSIONS
        admit(page.imagewidth, page.imagelength * page.imagedepth, _tiff_bytes(page), apart)
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


def _check_tags(data: bytes) -> None:
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


def _tiff_bytes(page: "TiffPage") -> float:
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


def _read_pnm(data: bytes, admit: Admit) -> Image.Image:
    """Return a PNM, also at a depth to which Pillow does not read colours.

    Bits are left to Pillow.
    """
    header = PNM_HEADER.match(data, 0, HEADER)
    if header is None and not BITS_HEADER.match(data, 0, HEADER):
        raise DamagedError  # Pillow would read a comment without an end byte by byte
    if header is None:
        return _read_by_pillow(data, admit, "PNM")
    width, height, kind = int(header["width"]), int(header["height"]), header["kind"]
    check_size(width, height)
    with _library():
        scale = float(header["scale"])  # of floats its sign is the order of bytes; else the value of white
        if not (0 < scale < 65_536 or (kind in b"fF" and scale)):
            raise DamagedError
        dtype = ("<f4" if scale < 0 else ">f4") if kind in b"fF" else "u1" if scale < 256 else ">u2"
        shape = height, width, 3 if kind in b"36F" else 1
        size = np.dtype(np.int32 if kind in b"23" else dtype).itemsize
        is_slow = kind in b"23" and len(data) > MAX_QUICK
        admit(width, height, greys.bytes_per_pixel(shape[2], size), is_slow)
        if kind in b"23":
            numbers = _numbers(COMMENT.sub(b" ", data[header.end() :]), math.prod(shape), scale)
            if numbers is None:
                raise DamagedError
            pixels = numbers.astype(dtype).reshape(shape)
        else:
            pixels = np.frombuffer(data, dtype, math.prod(shape), header.end()).reshape(shape)
    if kind in b"fF":
        pixels = pixels[::-1]
    return greys.to_image(greys.scale(pixels, 0, scale) if pixels.dtype == np.uint8 else pixels)


def _numbers(text: bytes, count: int, highest: float) -> np.ndarray | None:
    """Return the first numbers of a text, int32 [count].

    None where one is wrong or missing.
    """
    if not _is_of_numbers(text):
        return None
    # All of them: asked for more than there are, NumPy would add what lies in memory.
    numbers = np.fromstring(text, np.int32, sep=" ")[:count]
    return numbers if len(numbers) == count and numbers.max() <= highest else None


def _is_of_numbers(text: bytes) -> bool:
    """Return whether a text is of space and of numbers that fit 32 bits alone.

    NumPy would warn of anything else; to make errors of warnings is not safe in threads.
    """
    kinds = text.translate(KINDS)
    return OTHER not in kinds and TOO_LONG not in kinds


PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by the type of colours
READERS = {
    "AVIF": _read_avif,
    "GIF": _read_gif,
    "HEIC": _read_heic,
    "JPEG": _read_jpeg,
    "JPEG2000": _read_jpeg_2000,
    "PNG": _read_png,
    "PNM": _read_pnm,
    "TIFF": _read_tiff,
    "WEBP": _read_webp,
}
