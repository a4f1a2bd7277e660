"""From an encoded image to its pixels, at full depth.

Pillow decodes what has 8 bits a channel, imagecodecs and tifffile decode deeper greys and colours, and
pi-heif decodes HEIC; JPEG, TIFF and PNM have modules of their own. Of animations and files of several pages
the first image is read. The other libraries are imported when they are first needed: together they take as
long to import as Pillow.
"""

import struct
from collections.abc import Callable
from functools import partial

import numpy as np
from PIL import Image

from hub.imaging import greys, heic, pillow, truncation
from hub.imaging.jpeg import check_scans, read_jpeg
from hub.imaging.metadata import without_metadata
from hub.imaging.pnm import read_pnm
from hub.imaging.tiff import check_tags, read_tiff
from hub.imaging.unreadable import MAX_QUICK, Admit, DamagedError, check_size, other_colours

MAX_COMPLETED = 16_000_000  # pixels of an image that is decoded again and again, as it was cut short
WEBP_BYTES = 16  # libwebp keeps the frame and the animation's canvas, and each is copied
PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by the type of colours


def decode(data: bytes, image_format: str, side: int | None = None, admit: Admit = check_size) -> Image.Image:
    """Return an encoded image.

    `image_format` is what `formats.image_format` returns for the bytes, other than DICOM. The image has 8
    bits a channel and may still have to be turned upright by its EXIF. With `side`, a large JPEG is decoded
    at a half, a quarter or an eighth of its size, as long as each side keeps so many pixels. A file that was
    cut short after its last pixel is read. `admit` is called each time before pixels are decoded. Raises
    UnreadableError for what is damaged or too large.
    """
    data = without_metadata(data, image_format)
    read_full = READERS.get(image_format) or partial(pillow.read, image_format=image_format)
    read = partial(read_jpeg, side=side) if image_format == "JPEG" else read_full
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
        check_tags(data)
    return pillow.open_image(data, image_format)


def load(image: Image.Image, admit: Admit = check_size) -> Image.Image:
    """Load the pixels of an image that a caller has opened, and return it.

    Raises UnreadableError for one that is damaged or too large.
    """
    if getattr(image, "tile", ()) and image.fp is None:
        raise pillow.closed()
    admit(*image.size, pillow.BYTES.get(image.mode, 4), False)
    if image.format in ("JPEG", "MPO") and getattr(image, "tile", ()):
        with pillow.library():
            place = image.fp.tell()
            image.fp.seek(0)
            data = image.fp.read()
            image.fp.seek(place)
        check_scans(data, *image.size)
    return pillow.load_admitted(image)


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


def _admit_small(admit: Admit, width: int, height: int, bytes_per_pixel: float, apart: bool) -> None:
    if width * height > MAX_COMPLETED:
        raise DamagedError
    admit(width, height, bytes_per_pixel, apart)


def _read_png(data: bytes, admit: Admit) -> Image.Image:
    image = pillow.open_image(data, "PNG")
    bits = data[24]  # per channel
    if bits in (2, 4) and image.mode == "L" and "transparency" in image.info:
        image.info["transparency"] *= 255 // (2**bits - 1)  # as Pillow does with the pixels
    if bits < 16:
        return pillow.load(image, admit)
    import imagecodecs

    channels = PNG_CHANNELS.get(data[25], 4) + ("transparency" in image.info)
    admit(*image.size, greys.bytes_per_pixel(channels, 2), False)
    with pillow.library():
        pixels = imagecodecs.png_decode(data)
    deep = greys.to_image(pixels)
    deep.info["exif"] = image.info.get("exif")
    return deep


def _read_heic(data: bytes, admit: Admit) -> Image.Image:
    with pillow.library():
        return heic.decode(data, admit)


def _read_gif(data: bytes, admit: Admit) -> Image.Image:
    """Return the first frame of a GIF.

    Around one that is smaller than the image nothing is to be seen, so that is black.
    """
    image = pillow.open_image(data, "GIF")
    box = image.tile[0].extents
    is_whole = box == (0, 0, *image.size) or "transparency" in image.info
    admit(*image.size, pillow.BYTES["P"] if is_whole else pillow.BYTES["P"] + 8, False)
    frame = pillow.load_admitted(image)
    if is_whole:
        return frame
    shown = Image.new("L" if frame.mode == "L" else "RGB", frame.size)
    shown.paste(frame.crop(box).convert(shown.mode), box)
    return shown


def _read_webp(data: bytes, admit: Admit) -> Image.Image:
    image = pillow.open_image(data, "WEBP")
    admit(*image.size, WEBP_BYTES, False)
    return pillow.load_admitted(image)


def _read_avif(data: bytes, admit: Admit) -> Image.Image:
    # Before it is opened: Pillow then reads its EXIF, which may take gigabytes.
    admit(*heic.stated_size(data), heic.BYTES_PER_PIXEL, True)
    return pillow.load(pillow.open_image(data, "AVIF"), admit, is_slow=True)


def _read_jpeg_2000(data: bytes, admit: Admit) -> Image.Image:
    header = data.find(b"\xff\x4f\xff\x51")
    if header < 0 or len(data) < header + 42:
        raise DamagedError
    # The size here counts, whatever a box before it says.
    right, bottom, left, top = struct.unpack_from(">4L", data, header + 8)
    (channels,) = struct.unpack_from(">H", data, header + 40)
    check_size(right - left, bottom - top)
    if channels > 4:
        raise other_colours()
    small = (right - left) * (bottom - top) * channels <= MAX_QUICK and len(data) <= MAX_QUICK
    # Before it is opened: Pillow reads millions of boxes in Python.
    admit(right - left, bottom - top, 4 * channels + pillow.BYTES["L"] + 1, not small)
    image = pillow.open_image(data, "JPEG2000")
    # OpenJPEG calculates in 32 bits, and says "damaged" where it gets no memory.
    admit(*image.size, 4 * channels + pillow.BYTES.get(image.mode, 4) + 1, not small)
    # Three bytes for each component, of which the first is its bits less 1, and its sign.
    components = data[header + 42 :][: 3 * channels : 3]
    bits = 1 + max((component & 0x7F for component in components), default=0)
    if bits <= 8:
        if image.mode.startswith("I"):  # by a box before the codestream, which contradicts it
            raise DamagedError
        return _brightened(pillow.load_admitted(image), bits)
    import imagecodecs

    with pillow.library():
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


READERS = {
    "AVIF": _read_avif,
    "GIF": _read_gif,
    "HEIC": _read_heic,
    "JPEG": read_jpeg,
    "JPEG2000": _read_jpeg_2000,
    "PNG": _read_png,
    "PNM": read_pnm,
    "TIFF": read_tiff,
    "WEBP": _read_webp,
}
