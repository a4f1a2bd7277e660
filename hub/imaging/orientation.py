"""Images turned upright, as their EXIF says."""

import struct

from PIL import ExifTags, Image

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
# What Pillow raises for EXIF that is damaged.
EXIF_ERRORS = (SyntaxError, TypeError, ValueError, struct.error)


def upright(image: Image.Image) -> Image.Image:
    """Return the image turned upright by its EXIF, which is ignored if unreadable."""
    # ImageOps.exif_transpose also rewrites the EXIF, which fails where any other tag is malformed.
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation)
    except EXIF_ERRORS:
        return image
    return turn(image, orientation)


def turn(image: Image.Image, orientation: object) -> Image.Image:
    """Return an image of this EXIF orientation turned upright."""
    transposition = TRANSPOSITIONS.get(orientation) if isinstance(orientation, int) else None
    return image if transposition is None else image.transpose(transposition)
