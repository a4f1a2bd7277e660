"""One validated 8-bit image from a path, bytes, a file, an image or a tensor.

`read_image` returns the whole image, for data sets, hashes and pages; `read_reduced` does the same faster for
predictions, a large JPEG at reduced scale and without borders; `read_pixels` returns an array of the size
that a network takes, from the whole image, for training and evaluation.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial

import numpy as np
from PIL import Image, ImageChops
from PIL.TiffImagePlugin import PHOTOMETRIC_INTERPRETATION

from hub.errors import InputError
from hub.imaging import decoders, greys
from hub.imaging.borders import crop_borders
from hub.imaging.formats import HEAD, NAMES, image_format, other_format
from hub.imaging.memory import room_for
from hub.imaging.orientation import upright
from hub.imaging.sources import Source, image_name, read_source
from hub.imaging.unreadable import Admit, UnreadableError, check_size
from hub.imaging.views import OBLIQUE
from hub.imaging.worker import read_apart

# Part of the key of what is kept decoded: raise it when `read_pixels` gives other pixels than before.
PIXELS_VERSION = 3
MIN_RADIOGRAPH_SIDE = 32
MAX_RADIOGRAPH_RATIO = 20  # of the longer side to the shorter
LARGE = 16_000_000  # pixels above which an image of any format is reduced for predictions
STRIP = 1 << 20  # pixels that are converted at a time


class _ApartError(Exception):
    """The image has to be decoded in another process."""


class _MeasuredError(Exception):
    """The number of pixels of an image, which is all that was asked for."""


def read_image(source: Source, radiograph: bool = False) -> Image.Image:
    """Return an upright 8-bit image, mode "L" where it is stored as grey, else "RGB".

    `source` is a path, encoded bytes, an open binary file, an upload of Gradio or Streamlit, a PIL image, an
    array ([H, W], or [H, W, 1, 3 or 4]) or a torch tensor ([H, W], or [1, 3 or 4, H, W]). Greys and colours
    of more than 8 bits are stretched (`greys.stretch`); transparent pixels become black, like the air around
    a radiograph, unless all are transparent. DICOM is read through its window (`dicom.decode`), and an
    oblique view by its header is `info["view"]` of the image. With `radiograph` the image is converted to
    grey and must be at least 32 px a side.

    Raises InputError for what is not an image, damaged, over 64 megapixels, too small for a radiograph, or
    DICOM of anything but a single frontal radiograph; TypeError for a source of another type.
    """
    name = image_name(source)
    image, _ = _read(read_source(source), name, radiograph)
    return image.convert("L") if radiograph else image


def read_reduced(source: Source, side: int, radiograph: bool, crop: bool = False) -> Image.Image:
    """Return nearly the same image as `read_image`, faster, for predictions.

    A large JPEG is decoded at a half, a quarter or an eighth of its size, as long as each side keeps `side`
    pixels; an image of another format of more than `LARGE` pixels is reduced by a whole number. With `crop`
    borders are cut off (`crop_borders`), and each side keeps `side` pixels within them. Radiographs are
    checked, but keep their colours. Raises InputError as `read_image` does.
    """
    name = image_name(source)
    source = read_source(source)  # once: a pipe is empty afterwards
    image, reduced = _read(source, name, radiograph, side)
    if not crop:
        return image
    inside = crop_borders(image)
    if reduced and min(inside.size) < side:
        enough = side * min(image.size) // max(1, min(inside.size))
        return crop_borders(_read(source, name, radiograph, enough)[0])
    return inside


def read_pixels(source: Source, size: int, channels: int, radiograph: bool, crop: bool = False) -> np.ndarray:
    """Return an image as a network takes it, for training and evaluation.

    The result is uint8 [size, size, channels]. With `crop` borders are cut off first (`crop_borders`), as for
    predictions; training keeps them. Radiographs are checked as by `read_image`. With three channels they
    keep any colours they have: the network's first layer converts them to grey for every reader. Raises
    InputError as `read_image` does.
    """
    image, _ = _read(read_source(source), image_name(source), radiograph)
    if crop:
        image = crop_borders(image)
    return squash(image, size, channels)


def count_pixels(data: bytes) -> int:
    """Return how many pixels an encoded image says that it has.

    It is 0 where it says nothing, or something that is refused.
    """

    def measure(width: int, height: int, *_: object) -> None:
        raise _MeasuredError(width * height)

    try:
        _decode(data, "", None, measure)
    except _MeasuredError as error:
        return error.args[0]
    except (InputError, UnreadableError):
        return 0
    return 0


def read_here(
    data: bytes | Image.Image | np.ndarray, name: str, side: int | None, admit: Admit = check_size
) -> Image.Image:
    """Return an upright 8-bit image, decoded in this process.

    `data` is what `read_source` returns. `admit` is called before pixels are decoded (`unreadable.Admit`).
    With `side` a large image is reduced, so that each side keeps so many pixels. Raises UnreadableError or
    InputError.
    """
    decoded = upright(_decode(data, name, side, admit))
    image = _to_8_bit(decoded, _reduction(decoded.size, side))
    if image is decoded and not (isinstance(data, bytes) and image.width * image.height > LARGE):
        image = image.copy()  # of the caller's image, or of one that keeps its file's tags
    # Pillow copies metadata along; with its EXIF an image read twice would be turned twice. The view of a
    # DICOM file stays.
    image.info = _view(decoded.info)
    return image


def squash(image: Image.Image, size: int, channels: int) -> np.ndarray:
    """Return an image resized to a square, whatever its aspect ratio.

    The result is uint8 [size, size, channels]. Nothing is cropped. The pixels are those of timm's and
    transformers' `crop_mode: squash`, bicubic.
    """
    mode = "L" if channels == 1 else "RGB"
    # Each channel is resampled alone, so grey gives the same pixels before and after conversion to RGB.
    if image.mode not in ("L", mode):
        image = image.convert(mode)
    pixels = np.asarray(image.resize((size, size), Image.Resampling.BICUBIC).convert(mode))
    return pixels.reshape(size, size, channels)


def _check_radiograph(width: int, height: int, name: str) -> None:
    if min(width, height) < MIN_RADIOGRAPH_SIDE:
        raise InputError(
            f"{name} is only {width} x {height} pixels; "
            f"a radiograph needs at least {MIN_RADIOGRAPH_SIDE} on each side."
        )
    if max(width, height) > MAX_RADIOGRAPH_RATIO * min(width, height):
        raise InputError(f"{name} is {width} x {height} pixels; no radiograph is so long, so cut it out.")


def _read(
    source: bytes | Image.Image | np.ndarray, name: str, radiograph: bool, side: int | None = None
) -> tuple[Image.Image, bool]:
    """Return the upright 8-bit image, and whether its scale is reduced.

    `source` is what `read_source` returns. With `side`, a large image keeps at least `side` pixels a side.
    Waits while other threads decode large images.
    """
    stored = [0]

    def admit(width: int, height: int, bytes_per_pixel: float, apart: bool) -> None:
        check_size(width, height, bytes_per_pixel)
        if radiograph:
            _check_radiograph(width, height, name)
        stored[0] = width * height
        room.close()  # of a decoder that has failed
        room.enter_context(room_for(width * height * bytes_per_pixel))
        if apart and isinstance(source, bytes):
            raise _ApartError

    with ExitStack() as room:
        try:
            image = read_here(source, name, side, admit)
        except _ApartError:
            image = _read_apart(source, name, side)
        except UnreadableError as error:
            raise InputError(f"{name} {error}") from None
    return image, image.width * image.height < stored[0]


def _read_apart(data: bytes, name: str, side: int | None) -> Image.Image:
    try:
        return read_apart(data, name, side)
    except UnreadableError as error:
        raise InputError(f"{name} {error}") from None


def _decode(
    source: bytes | Image.Image | np.ndarray, name: str, side: int | None, admit: Admit
) -> Image.Image:
    if isinstance(source, np.ndarray):
        return _from_array(source, admit)
    if isinstance(source, Image.Image):
        return decoders.load(source, admit)
    if not source:
        raise UnreadableError("is empty; export or download it again.")
    kind = image_format(source[:HEAD])
    if kind is None:
        other = other_format(source[:HEAD])
        what = f"is {other}, not an image" if other else "is not an image"
        raise UnreadableError(f"{what} that can be read here; give a {NAMES} file.")
    if kind == "DICOM":
        return _decode_dicom(source, name, admit)
    return decoders.decode(source, kind, side, admit)


def _view(info: dict) -> dict:
    return {"view": OBLIQUE} if info.get("view") == OBLIQUE else {}


def _decode_dicom(data: bytes, name: str, admit: Admit) -> Image.Image:
    from hub.imaging import dicom  # pydicom takes as long to import as all else, and few files need it

    header = dicom.read_header(data, name)
    frame = header.frame
    admit(frame.columns, frame.rows, frame.bytes_per_pixel, frame.is_compressed)
    image = Image.fromarray(dicom.decode(header))
    image.info = {"view": header.view}
    return image


def _from_array(pixels: np.ndarray, admit: Admit) -> Image.Image:
    has_channels = pixels.ndim == 3 and pixels.shape[2] in (1, 3, 4)
    if not (pixels.ndim == 2 or has_channels) or 0 in pixels.shape or pixels.dtype.kind not in "uifb":
        raise UnreadableError(
            f"is an array of shape {pixels.shape} and type {pixels.dtype}; "
            "give numbers, [height, width] or [height, width, 1, 3 or 4]."
        )
    depth = greys.bytes_per_pixel(pixels[0, 0].size, pixels.dtype.itemsize)
    admit(pixels.shape[1], pixels.shape[0], depth, False)
    return greys.to_image(pixels)


def _reduction(size: tuple[int, int], side: int | None) -> int:
    """Return the whole number by which an image is reduced."""
    width, height = size
    return max(1, min(size) // side) if side and width * height > LARGE else 1


def _to_8_bit(image: Image.Image, factor: int) -> Image.Image:
    """Return the image in mode "L" or "RGB", reduced by a whole number."""
    if image.mode.startswith("I") or image.mode == "F":
        grey = greys.to_image(_numbers(image))
        # Pillow turns a TIFF whose 0 is white into one whose 0 is black, but only up to 8 bits.
        white_is_zero = getattr(image, "tag_v2", {}).get(PHOTOMETRIC_INTERPRETATION) == 0
        image = ImageChops.invert(grey) if white_is_zero else grey
    if image.mode == "LAB":
        return _by_strips(image, "L", factor, lambda strip: strip.getchannel("L"))
    if image.mode == "La":  # the one mode that Pillow converts to another of grey alone
        image = image.convert("LA")
    mode = "L" if image.mode in ("L", "LA", "1") else "RGB"
    if not image.has_transparency_data:
        if image.mode == mode and factor == 1:
            return image
        return _by_strips(image, mode, factor, lambda strip: strip.convert(mode))
    # Programs that know no transparency leave it at 0 everywhere, in BMP files above all.
    strips = (image.crop(box).convert("RGBA").getchannel("A").getbbox() for box in _boxes(image.size, 1))
    return _by_strips(image, mode, factor, partial(_on_black if any(strips) else _opaque, mode=mode))


def _numbers(image: Image.Image) -> np.ndarray:
    """Return a deep image as an array; np.asarray would make three copies of it."""
    strips = [np.asarray(image.crop(box)) for box in _boxes(image.size, 1)]
    return np.concatenate(strips) if len(strips) > 1 else strips[0]


def _on_black(image: Image.Image, mode: str) -> Image.Image:
    image = image.convert("RGBA")
    backdrop = Image.new("RGBA", image.size, (0, 0, 0, 255))
    return Image.alpha_composite(backdrop, image).convert(mode)


def _opaque(image: Image.Image, mode: str) -> Image.Image:
    return image.convert("RGBA").convert(mode)


def _by_strips(
    image: Image.Image, mode: str, factor: int, convert: Callable[[Image.Image], Image.Image]
) -> Image.Image:
    """Return an image converted strip by strip, and reduced by a whole number."""
    width, height = image.size
    made = Image.new(mode, (-(-width // factor), -(-height // factor)))
    for box in _boxes(image.size, factor):
        strip = convert(image.crop(box))
        made.paste(strip.reduce(factor) if factor > 1 else strip, (0, box[1] // factor))
    return made


def _boxes(size: tuple[int, int], factor: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield boxes of some `STRIP` pixels each, of a multiple of `factor` rows."""
    width, height = size
    rows = factor * max(1, STRIP // (factor * width))
    for top in range(0, height, rows):
        yield 0, top, width, min(top + rows, height)
