"""What the header of an image says, before anything is decoded."""

import PIL.Image

from hub.errors import InputError
from hub.imaging import decoders, dicom, formats
from hub.imaging.sources import read_file
from hub.imaging.unreadable import UnreadableError

# What Pillow raises for a header that is damaged, or of a format that it does not know.
HEADER_ERRORS = (
    OSError, ValueError, SyntaxError, RuntimeError, AssertionError, PIL.Image.DecompressionBombError,
)  # fmt: skip


def is_grey(image: bytes | str) -> bool:
    """Return whether an image, encoded bytes or a path, is stored as grey."""
    data = image if isinstance(image, bytes) else read_file(image)
    kind = formats.image_format(data[: formats.HEAD])
    try:
        if kind == "DICOM":
            return dicom.read_header(data, "The image").frame.kind.startswith("MONOCHROME")
        if kind is None:
            return False
        with decoders.open_header(data, kind) as header:
            return header.mode in ("1", "L", "LA", "F") or header.mode.startswith("I")
    except (InputError, UnreadableError):
        return False
