"""Decode by Pillow, and tell what any library raises for a damaged file."""

import ctypes
import io
import logging
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import PIL
from PIL import Image

from hub.errors import InputError
from hub.imaging.unreadable import MAX_QUICK, Admit, DamagedError, UnreadableError, check_size, too_large

# What the libraries raise for damaged files; tests/imaging/test_damage.py looks for more. They are caught
# around calls of libraries alone, so that a mistake here is not called damage.
ERRORS = (
    AssertionError, AttributeError, EOFError, LookupError, OSError, OverflowError, RuntimeError, SyntaxError,
    TypeError, ValueError, ZeroDivisionError, struct.error,
)  # fmt: skip
PILLOW_NAMES = {"PNM": "PPM"}  # where they differ from ours
SLOW_CODECS = {"bmp_rle", "ppm", "ppm_plain"}  # which Pillow decodes in Python
# Bytes for a pixel, by Pillow's modes; 4 in all others. The second is what converting to 8 bits takes.
BYTES = {"1": 1, "L": 1, "P": 1, "I;16": 2 + 1, "I;16L": 2 + 1, "I;16B": 2 + 1, "I": 4 + 1, "F": 4 + 1}

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


def read(data: bytes, admit: Admit, image_format: str) -> Image.Image:
    """Return an image of a format that Pillow reads well."""
    image = open_image(data, image_format)
    codecs = {tile[0] for tile in image.tile}
    return load(image, admit, is_slow=len(data) > MAX_QUICK and bool(codecs & SLOW_CODECS))


def open_image(data: bytes, image_format: str) -> Image.Image:
    """Return an image that Pillow has opened but not loaded."""
    with library():
        image = Image.open(io.BytesIO(data), formats=[PILLOW_NAMES.get(image_format, image_format)])
    check_size(*image.size)
    return image


def load(image: Image.Image, admit: Admit, is_slow: bool = False) -> Image.Image:
    """Admit an image that Pillow has opened, load its pixels, and return it.

    `is_slow` says that decoding may take long.
    """
    admit(*image.size, BYTES.get(image.mode, 4), is_slow)
    return load_admitted(image)


def load_admitted(image: Image.Image) -> Image.Image:
    """Load the pixels of an image that Pillow has opened, and return it."""
    with library():
        image.load()
    if image.mode == "P" and image.palette is None:
        raise DamagedError
    return image


@contextmanager
def library() -> Iterator[None]:
    """Raise DamagedError for what a library raises in the block."""
    try:
        yield
    except InputError:  # of `admit`, and a ValueError too
        raise
    except Image.DecompressionBombError:
        raise too_large() from None
    except ERRORS as error:
        if "closed" in str(error):  # a PIL image, or its file
            raise closed() from None
        if str(error).startswith("Unsupported BMP"):
            raise UnreadableError("is a BMP of an unusual kind; save it as PNG.") from None
        raise DamagedError from None


def closed() -> UnreadableError:
    """Return the exception for an image whose file is closed."""
    return UnreadableError(
        "was closed before its pixels were read; open it again, and give it while it is open."
    )
