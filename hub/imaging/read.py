"""One validated 8-bit image from a path, encoded bytes, a PIL image or an array.

`read_image` returns the whole image, for data sets, hashes and pages; `read_reduced` does the same faster for
predictions, a large JPEG at reduced scale and without borders; `read_pixels` returns an array of the size
that a network takes, from the whole image, for training and evaluation.
"""

import io
import warnings
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import PHOTOMETRIC_INTERPRETATION

from hub.errors import InputError
from hub.imaging import dicom
from hub.imaging.borders import crop_borders

# Besides DICOM. JPEG includes MPO, the JPEG with a second, embedded image that many phones write.
FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP")
# Of training data, without DICOM: its header names the patient, and training data may be published.
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp")
MAX_PIXELS = 64_000_000
MIN_RADIOGRAPH_SIDE = 32
# How to turn an image upright, by its EXIF orientation.
TRANSPOSITIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# Pillow warns about large images, which are refused below, and about EXIF, which may hold anything.
# Set once: warnings.catch_warnings leaves its filters behind in threads, and threads decode images.
warnings.filterwarnings("ignore", module="PIL")

Source = bytes | str | Path | Image.Image | np.ndarray


def read_image(source: Source, radiograph: bool = False) -> Image.Image:
    """Return an upright 8-bit image, mode "L" where it is stored as grey, else "RGB".

    `source` is encoded bytes, a path, a PIL image or an array ([H, W], or [H, W, 3 or 4] uint8).
    Deeper greys (16 and 32 bits, float) are stretched so that the darkest pixel becomes 0 and the
    brightest 255; transparent pixels become black, like the air around a radiograph. DICOM is read
    through its window (`dicom.decode`). With `radiograph` the image is converted to grey and must be
    at least 32 px a side.

    Raises InputError for what is not an image, damaged, over 64 megapixels, too small for a radiograph, or
    DICOM of anything but a single frontal radiograph.
    """
    name = _name(source)
    image, _ = _read(source, name)
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
    name = _name(source)
    if isinstance(source, str | Path):
        source = read_file(source)  # once: a pipe is empty afterwards
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
        _check_radiograph(image, _name(source))
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


def read_file(path: str | Path) -> bytes:
    """Return the contents of a file.

    Raises InputError where it cannot be read.
    """
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        raise InputError(f"There is no file {path}; check the path.") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder; give the image files inside it.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path} cannot be read: {reason}.") from None


def _name(source: Source) -> str:
    return Path(source).name if isinstance(source, str | Path) else "The image"


def _check_radiograph(image: Image.Image, name: str) -> None:
    width, height = image.size
    if min(width, height) < MIN_RADIOGRAPH_SIDE:
        raise InputError(
            f"{name} is only {width} x {height} pixels; "
            f"a radiograph needs at least {MIN_RADIOGRAPH_SIDE} on each side."
        )


def _read(source: Source, name: str, side: int | None = None) -> tuple[Image.Image, bool]:
    """Return the upright 8-bit image, and whether its scale is reduced.

    With `side`, a large JPEG is decoded at a reduced scale that keeps at least `side` pixels a side.
    """
    decoded, reduced = _decode(source, name, side)
    image = _to_8_bit(_upright(decoded), name)
    # Pillow copies metadata along; with its EXIF an image read twice would be turned twice.
    image.info = {}
    return image, reduced


def _decode(source: Source, name: str, side: int | None) -> tuple[Image.Image, bool]:
    if isinstance(source, np.ndarray):
        return _from_array(source, name), False
    if isinstance(source, str | Path):
        source = read_file(source)
    if not source:
        raise InputError(f"{name} is empty; export or download it again.")
    try:
        opened = isinstance(source, Image.Image)
        if not opened and dicom.is_dicom(source):
            header = dicom.read_header(source, name)
            _check_pixels(header.Columns, header.Rows, name)
            return Image.fromarray(dicom.decode(source, header)), False
        image = source if opened else Image.open(io.BytesIO(source), formats=FORMATS)
        _check_pixels(*image.size, name)
        _check_depth(image, name)
        size = image.size
        if side and not opened:  # an image that the caller opened keeps its size
            image.draft(image.mode, (side, side))
        reduced = image.size != size
        image.load()
    except Image.DecompressionBombError:
        raise InputError(_too_large(name)) from None
    except Image.UnidentifiedImageError:
        raise InputError(
            f"{name} is not an image that can be read here; give a PNG, JPEG, WebP, TIFF, BMP or DICOM file."
        ) from None
    except InputError:
        raise
    except Exception:
        # Decoders report damage by exceptions of many kinds, struct.error and OverflowError among them.
        raise InputError(f"{name} is damaged or cut short; export or download it again.") from None
    return image, reduced


def _upright(image: Image.Image) -> Image.Image:
    """Turn the image upright by its EXIF, which is ignored if unreadable."""
    # ImageOps.exif_transpose also rewrites the EXIF, which fails where any other tag is malformed.
    try:
        transposition = TRANSPOSITIONS.get(image.getexif().get(ExifTags.Base.Orientation))
    except Exception:
        return image
    return image if transposition is None else image.transpose(transposition)


def _from_array(pixels: np.ndarray, name: str) -> Image.Image:
    grey = pixels.ndim == 2
    colour = pixels.ndim == 3 and pixels.shape[2] in (3, 4) and pixels.dtype == np.uint8
    if not (grey or colour) or 0 in pixels.shape or pixels.dtype.kind not in "uifb":
        raise InputError(
            f"{name} is an array of shape {pixels.shape} and type {pixels.dtype}; "
            "give [height, width], or [height, width, 3 or 4] in uint8."
        )
    _check_pixels(pixels.shape[1], pixels.shape[0], name)
    if pixels.dtype == np.uint8:
        return Image.fromarray(pixels)
    return Image.fromarray(_stretch(pixels, name))


def _to_8_bit(image: Image.Image, name: str) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        pixels = _stretch(np.asarray(image), name)
        # Pillow turns a TIFF whose 0 is white into one whose 0 is black, but only up to 8 bits.
        white_is_zero = getattr(image, "tag_v2", {}).get(PHOTOMETRIC_INTERPRETATION) == 0
        return Image.fromarray(255 - pixels if white_is_zero else pixels)
    if image.has_transparency_data:
        grey = image.mode in ("L", "LA", "La", "1")
        image = image.convert("RGBA")
        backdrop = Image.new("RGBA", image.size, (0, 0, 0, 255))
        return Image.alpha_composite(backdrop, image).convert("L" if grey else "RGB")
    return image.convert("L" if image.mode in ("L", "1") else "RGB")


def _stretch(pixels: np.ndarray, name: str) -> np.ndarray:
    """Stretch greys to 0 for the darkest and 255 for the brightest, as uint8.

    A blank image becomes black. Raises InputError for values that are not finite.
    """
    pixels = pixels.astype(np.float64)
    if not np.isfinite(pixels).all():
        raise InputError(f"{name} holds values that are not numbers; export it again as 8 or 16 bits.")
    low, high = pixels.min(), pixels.max()
    return np.rint((pixels - low) * (255 / (high - low) if high > low else 0)).astype(np.uint8)


def _check_pixels(width: int, height: int, name: str) -> None:
    if width * height > MAX_PIXELS:
        raise InputError(_too_large(name))


def _check_depth(image: Image.Image, name: str) -> None:
    # Pillow keeps the upper 8 of 16 bits of a colour: a 12-bit image would become nearly black.
    if image.mode in ("RGB", "RGBA", "LA") and any(
        ";16" in str(tile[3]) for tile in getattr(image, "tile", ())
    ):
        raise InputError(f"{name} has 16 bits per colour; save it as 16-bit grey, or with 8 bits per colour.")


def _too_large(name: str) -> str:
    return f"{name} has more than {MAX_PIXELS // 1_000_000} megapixels; make it smaller and try again."
