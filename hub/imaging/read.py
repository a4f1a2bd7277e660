"""One validated 8-bit image from a path, bytes, a file, an image or a tensor.

`read_image` returns the whole image, for data sets, hashes and pages; `read_reduced` does the same faster for
predictions, a large JPEG at reduced scale and without borders; `read_pixels` returns an array of the size
that a network takes, from the whole image, for training and evaluation.
"""

import numpy as np
from PIL import Image, ImageChops
from PIL.TiffImagePlugin import PHOTOMETRIC_INTERPRETATION

from hub.errors import InputError
from hub.imaging import decoders, dicom, greys
from hub.imaging.borders import crop_borders
from hub.imaging.dicom_views import OBLIQUE
from hub.imaging.formats import HEAD, NAMES, image_format, other_format
from hub.imaging.orientation import upright
from hub.imaging.sources import Source, image_name, read_source
from hub.imaging.unreadable import UnreadableError, check_size

MIN_RADIOGRAPH_SIDE = 32


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
    image, _ = _read(read_source(source), name)
    if radiograph:
        _check_radiograph(image, name)
        return image.convert("L")
    return image


def read_reduced(source: Source, side: int, radiograph: bool, crop: bool = False) -> Image.Image:
    """Return nearly the same image as `read_image`, faster, for predictions.

    A large JPEG is decoded at a half, a quarter or an eighth of its size, as long as each side keeps `side`
    pixels. With `crop` borders are cut off (`crop_borders`), and each side keeps `side` pixels within them.
    Radiographs are checked, but keep their colours. Raises InputError as `read_image` does.
    """
    name = image_name(source)
    source = read_source(source)  # once: a pipe is empty afterwards
    image, reduced = _read(source, name, side)
    if radiograph:
        _check_radiograph(image, name)
    if not crop:
        return image
    inside = crop_borders(image)
    if reduced and min(inside.size) < side:
        return crop_borders(_read(source, name)[0])
    return inside


def read_pixels(source: Source, size: int, channels: int, radiograph: bool, crop: bool = False) -> np.ndarray:
    """Return an image as a network takes it, for training and evaluation.

    The result is uint8 [size, size, channels]. With `crop` borders are cut off first (`crop_borders`), as for
    predictions; training keeps them. Radiographs are checked as by `read_image`. With three channels they
    keep any colours they have: the network's first layer converts them to grey for every reader. Raises
    InputError as `read_image` does.
    """
    image = read_image(source)
    if radiograph:
        _check_radiograph(image, image_name(source))
    if crop:
        image = crop_borders(image)
    return squash(image, size, channels)


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


def _check_radiograph(image: Image.Image, name: str) -> None:
    width, height = image.size
    if min(width, height) < MIN_RADIOGRAPH_SIDE:
        raise InputError(
            f"{name} is only {width} x {height} pixels; "
            f"a radiograph needs at least {MIN_RADIOGRAPH_SIDE} on each side."
        )


def _read(
    source: bytes | Image.Image | np.ndarray, name: str, side: int | None = None
) -> tuple[Image.Image, bool]:
    """Return the upright 8-bit image, and whether its scale is reduced.

    `source` is what `read_source` returns. With `side`, a large JPEG is decoded at a reduced scale that keeps
    at least `side` pixels a side.
    """
    try:
        decoded, reduced = _decode(source, name, side)
        image = _to_8_bit(upright(decoded))
    except UnreadableError as error:
        raise InputError(f"{name} {error}") from None
    # Pillow copies metadata along; with its EXIF an image read twice would be turned twice. The view of a
    # DICOM file stays.
    image.info = {"view": OBLIQUE} if decoded.info.get("view") == OBLIQUE else {}
    return image, reduced


def _decode(
    source: bytes | Image.Image | np.ndarray, name: str, side: int | None
) -> tuple[Image.Image, bool]:
    if isinstance(source, np.ndarray):
        return _from_array(source, name), False
    if isinstance(source, Image.Image):
        return decoders.load(source), False
    if not source:
        raise UnreadableError("is empty; export or download it again.")
    kind = image_format(source[:HEAD])
    if kind is None:
        other = other_format(source[:HEAD])
        what = f"is {other}, not an image" if other else "is not an image"
        raise UnreadableError(f"{what} that can be read here; give a {NAMES} file.")
    if kind == "DICOM":
        return _decode_dicom(source, name), False
    return decoders.decode(source, kind, side)


def _decode_dicom(data: bytes, name: str) -> Image.Image:
    header = dicom.read_header(data, name)
    check_size(header.frame.columns, header.frame.rows)
    image = Image.fromarray(dicom.decode(header))
    image.info = {"view": header.view}
    return image


def _from_array(pixels: np.ndarray, name: str) -> Image.Image:
    has_channels = pixels.ndim == 3 and pixels.shape[2] in (1, 3, 4)
    if not (pixels.ndim == 2 or has_channels) or 0 in pixels.shape or pixels.dtype.kind not in "uifb":
        raise UnreadableError(
            f"is an array of shape {pixels.shape} and type {pixels.dtype}; "
            "give numbers, [height, width] or [height, width, 1, 3 or 4]."
        )
    check_size(pixels.shape[1], pixels.shape[0])
    return greys.to_image(pixels)


def _to_8_bit(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        grey = greys.to_image(np.asarray(image))
        # Pillow turns a TIFF whose 0 is white into one whose 0 is black, but only up to 8 bits.
        white_is_zero = getattr(image, "tag_v2", {}).get(PHOTOMETRIC_INTERPRETATION) == 0
        return ImageChops.invert(grey) if white_is_zero else grey
    if image.mode == "LAB":
        return image.getchannel("L")
    grey = image.mode in ("L", "LA", "La", "1")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        # Programs that know no transparency leave it at 0 everywhere, in BMP files above all.
        if image.getchannel("A").getextrema() != (0, 0):
            backdrop = Image.new("RGBA", image.size, (0, 0, 0, 255))
            image = Image.alpha_composite(backdrop, image)
    return image.convert("L" if grey else "RGB")
