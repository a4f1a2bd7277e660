"""What the header of an image says, before anything is decoded."""

import io

import PIL.Image

from hub.errors import InputError
from hub.imaging import dicom, formats
from hub.imaging.sources import read_file
from hub.imaging.unreadable import UnreadableError

# What Pillow raises for a header that is damaged, or of a format that it does not know.
HEADER_ERRORS = (
    OSError, ValueError, SyntaxError, RuntimeError, AssertionError, PIL.Image.DecompressionBombError,
)  # fmt: skip


def is_grey(image: bytes | str) -> bool:
    """Return whether an image, encoded bytes or a path, is stored as grey."""
    data = image if isinstance(image, bytes) else read_file(image)
    try:
        if formats.is_dicom(data):  # first, since some are TIFF, too
            return dicom.read_header(data, "The image").frame.kind.startswith("MONOCHROME")
        with PIL.Image.open(io.BytesIO(data)) as header:
            return header.mode in ("1", "L", "LA", "F") or header.mode.startswith("I")
    except (InputError, UnreadableError, *HEADER_ERRORS):
        return False
