"""One validated picture from whatever a person hands over."""

import io
import warnings
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import PHOTOMETRIC_INTERPRETATION

from hub.errors import InputError
from hub.imaging import dicom
from hub.imaging.borders import crop_borders

# Beside these, DICOM. JPEG includes MPO, the JPEG with a second, embedded picture that many phones write.
FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP")
# Of training data. DICOM, whose header names the patient, is not for what may be published.
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp")
MAX_PIXELS = 64_000_000
MIN_RADIOGRAPH_SIDE = 32
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# Pillow warns about big pictures, which are refused below, and about EXIF, which may say anything.
# Once for all: warnings.catch_warnings in threads, which decode images, leaves its filters behind.
warnings.filterwarnings("ignore", module="PIL")

Source = bytes | str | Path | Image.Image | np.ndarray


def read_image(source: Source, radiograph: bool = False) -> Image.Image:
    """Return an upright 8-bit picture, mode "L" when it is stored as grey, else "RGB".

    `source` is encoded bytes, a path, a PIL image or an array ([H, W], or [H, W, 3 or 4] uint8).
    Deeper greys (16 and 32 bits, float) are stretched so that their darkest pixel becomes 0 and
    their brightest 255; transparent pixels become black, as the air around a radiograph is.
    DICOM is read as its window shows it (`dicom.decode`).
    With `radiograph` the picture is grey whatever it was stored as, and at least 32 px a side.

    Raises InputError: not an image, damaged, over 64 megapixels, or too small for a radiograph; of DICOM
    also what is no single frontal radiograph.
    """
    name = _name(source)
    picture, _ = _read(source, name)
    if radiograph:
        _check_radiograph(picture, name)
        return picture.convert("L")
    return picture


def read_film(source: Source, side: int, radiograph: bool, crop: bool = False) -> Image.Image:
    """Return a picture as `read_image` does, faster and nearly the same: for answers, not for training.

    A large JPEG is decoded at a half, a quarter or an eighth of its size, as long as each side keeps `side`
    pixels, with `crop` also within the borders, which then go (`crop_borders`). Radiographs are checked.
    Raises InputError as `read_image` does.
    """
    name = _name(source)
    if isinstance(source, str | Path):
        source = read_file(source)  # once: a pipe is empty afterwards
    picture, reduced = _read(source, name, side)
    if radiograph:
        _check_radiograph(picture, name)
    if not crop:
        return picture
    film = crop_borders(picture)
    if reduced and min(film.size) < side:
        return crop_borders(_read(source, name)[0])
    return film


def read_pixels(source: Source, size: int, channels: int, radiograph: bool, crop: bool = False) -> np.ndarray:
    """Return uint8 [size, size, channels]: the one way from a file to what networks are given.

    With `crop` the borders go first (`crop_borders`): so it is for whoever asks, and not in training.

    Radiographs are checked as by `read_image`; with three channels their colours, should they have
    any, are left to the network's first layer, which weighs them into grey for every reader.
    Raises InputError as `read_image` does.
    """
    picture = read_image(source)
    if radiograph:
        _check_radiograph(picture, _name(source))
    if crop:
        picture = crop_borders(picture)
    return squash(picture, size, channels)


def squash(picture: Image.Image, size: int, channels: int) -> np.ndarray:
    """Return uint8 [size, size, channels], the aspect ratio given up: no part of the film is cut off.

    Same pixels as timm's and transformers' `crop_mode: squash` with bicubic interpolation.
    """
    mode = "L" if channels == 1 else "RGB"
    # Resampling goes channel by channel: grey gives the same pixels before and after it is made RGB.
    if picture.mode not in ("L", mode):
        picture = picture.convert(mode)
    pixels = np.asarray(picture.resize((size, size), Image.Resampling.BICUBIC).convert(mode))
    return pixels.reshape(size, size, channels)


def read_file(path: str | Path) -> bytes:
    """Return the contents; InputError where there are none to be had."""
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


def _check_radiograph(picture: Image.Image, name: str) -> None:
    width, height = picture.size
    if min(width, height) < MIN_RADIOGRAPH_SIDE:
        raise InputError(
            f"{name} is only {width} x {height} pixels; "
            f"a radiograph needs at least {MIN_RADIOGRAPH_SIDE} on each side."
        )


def _read(source: Source, name: str, side: int | None = None) -> tuple[Image.Image, bool]:
    """Return the upright 8-bit picture, and whether it was decoded at reduced scale, for `side` pixels."""
    decoded, reduced = _decode(source, name, side)
    picture = _to_8_bit(_upright(decoded), name)
    # Pillow copies metadata along; with its EXIF a picture read twice would be turned twice.
    picture.info = {}
    return picture, reduced


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
        picture = source if opened else Image.open(io.BytesIO(source), formats=FORMATS)
        _check_pixels(*picture.size, name)
        _check_depth(picture, name)
        size = picture.size
        if side and not opened:  # an opened picture is its owner's, for whom it keeps its size
            picture.draft(picture.mode, (side, side))
        reduced = picture.size != size
        picture.load()
    except Image.DecompressionBombError:
        raise InputError(_too_large(name)) from None
    except Image.UnidentifiedImageError:
        raise InputError(
            f"{name} is not an image that can be read here; give a PNG, JPEG, WebP, TIFF, BMP or DICOM file."
        ) from None
    except InputError:
        raise
    except Exception:
        # Decoders report damage by whatever they stumble over, struct.error and OverflowError too.
        raise InputError(f"{name} is damaged or cut short; export or download it again.") from None
    return picture, reduced


def _upright(picture: Image.Image) -> Image.Image:
    """Turn the picture as its EXIF says; EXIF that cannot be read says nothing."""
    # ImageOps.exif_transpose also writes the EXIF anew, which fails where any other tag is malformed.
    try:
        turn = TURNS.get(picture.getexif().get(ExifTags.Base.Orientation))
    except Exception:
        return picture
    return picture if turn is None else picture.transpose(turn)


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


def _to_8_bit(picture: Image.Image, name: str) -> Image.Image:
    if picture.mode.startswith("I") or picture.mode == "F":
        pixels = _stretch(np.asarray(picture), name)
        # Pillow turns a TIFF whose 0 is white into one whose 0 is black, but only up to 8 bits.
        white_is_zero = getattr(picture, "tag_v2", {}).get(PHOTOMETRIC_INTERPRETATION) == 0
        return Image.fromarray(255 - pixels if white_is_zero else pixels)
    if picture.has_transparency_data:
        grey = picture.mode in ("L", "LA", "La", "1")
        picture = picture.convert("RGBA")
        backdrop = Image.new("RGBA", picture.size, (0, 0, 0, 255))
        return Image.alpha_composite(backdrop, picture).convert("L" if grey else "RGB")
    return picture.convert("L" if picture.mode in ("L", "1") else "RGB")


def _stretch(pixels: np.ndarray, name: str) -> np.ndarray:
    """Scale by content: darkest to 0, brightest to 255; a blank picture becomes black."""
    pixels = pixels.astype(np.float64)
    if not np.isfinite(pixels).all():
        raise InputError(f"{name} holds values that are not numbers; export it again as 8 or 16 bits.")
    low, high = pixels.min(), pixels.max()
    return np.rint((pixels - low) * (255 / (high - low) if high > low else 0)).astype(np.uint8)


def _check_pixels(width: int, height: int, name: str) -> None:
    if width * height > MAX_PIXELS:
        raise InputError(_too_large(name))


def _check_depth(picture: Image.Image, name: str) -> None:
    # Pillow keeps the upper 8 of 16 bits of a colour: a 12-bit film would come out nearly black.
    if picture.mode in ("RGB", "RGBA", "LA") and any(
        ";16" in str(tile[3]) for tile in getattr(picture, "tile", ())
    ):
        raise InputError(f"{name} has 16 bits per colour; save it as 16-bit grey, or with 8 bits per colour.")


def _too_large(name: str) -> str:
    return f"{name} has more than {MAX_PIXELS // 1_000_000} megapixels; make it smaller and try again."
