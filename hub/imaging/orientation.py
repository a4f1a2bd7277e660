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
ORIENTATION = 0x0112  # the tag
ORDERS = {b"II*\0": "<", b"MM\0*": ">"}  # of bytes, by how EXIF begins
NUMBERS = {1: "B", 3: "H", 4: "L"}  # by the types of EXIF
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


def exif_orientation(exif: bytes) -> int | None:
    """Return the orientation that EXIF states; None if it states none.

    Pillow would copy the values of all its tags, which may share their bytes and come to gigabytes.
    """
    data = exif.removeprefix(b"Exif\0\0")
    order, found = ORDERS.get(data[:4]), None
    if order is None:
        return None
    try:
        (start,) = struct.unpack_from(f"{order}L", data, 4)
        (count,) = struct.unpack_from(f"{order}H", data, start)
    except struct.error:  # it ends here
        return None
    whole = min(count, max(0, len(data) - start - 2) // 12)
    tags = struct.iter_unpack(f"{order}HHL4s", data[start + 2 : start + 2 + 12 * whole])
    # Of the last one that states it: a file of 100 MB may have millions of tags.
    for tag, kind, values, value in tags:
        if tag == ORIENTATION and kind in NUMBERS and values == 1:
            found = kind, value
    return found and struct.unpack_from(order + NUMBERS[found[0]], found[1])[0]


def orientation_alone(exif: bytes) -> bytes:
    """Return EXIF of the orientation alone; b"" where there is none to turn by."""
    orientation = exif_orientation(exif)
    if orientation not in TRANSPOSITIONS:
        return b""
    entry = struct.pack(">HHHLHH", 1, ORIENTATION, 3, 1, orientation, 0)
    return b"Exif\0\0MM\0*" + struct.pack(">L", 8) + entry + bytes(4)


def turn(image: Image.Image, orientation: object) -> Image.Image:
    """Return an image of this EXIF orientation turned upright."""
    transposition = TRANSPOSITIONS.get(orientation) if isinstance(orientation, int) else None
    return image if transposition is None else image.transpose(transposition)
