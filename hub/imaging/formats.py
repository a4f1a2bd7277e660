"""Which files are images, and of which format, by their first bytes."""

import re

HEAD = 144  # bytes that are enough to tell
NAMES = "PNG, JPEG, JPEG 2000, WebP, HEIC, AVIF, GIF, TIFF, BMP, PNM or DICOM"  # PNM: PBM, PGM, PPM, PFM
SIGNATURES = re.compile(
    rb"""
      (?P<PNG>\x89PNG\r\n\x1a\n)
    | (?P<JPEG>\xff\xd8\xff)
    | (?P<GIF>GIF8[79]a)
    | (?P<WEBP>RIFF....WEBP)
    | (?P<TIFF>II[*+]\0|MM\0[*+])                             # TIFF and BigTIFF
    | (?P<BMP>BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0)    # with the length of its header
    | (?P<JPEG2000>\0\0\0\x0cjP\x20\x20\r\n\x87\n|\xff\x4f\xff\x51)
    # The brand itself, or among those that a general one is compatible with.
    | (?P<AVIF>....ftyp(?:avi[fs]|mi[fa][1f].{4}(?:.{4})*?avif|msf1.{4}(?:.{4})*?avis))
    | (?P<HEIC>....ftyp(?:he[iv].|mi[fa][1f]|msf1))
    | (?P<PNM>P[1-6fF]\s\s*[\d\#])
    """,
    re.DOTALL | re.VERBOSE,
)
# Files without preamble and prefix begin with an element of group 0002 or 0008, followed by the two letters
# of its type or a length under 65536; in big endian the bytes are swapped (PS3.5 7.1).
NO_PREAMBLE = re.compile(
    rb"[\x02\x08]\x00.\x00[A-Z]{2}|\x08\x00.\x00..\x00\x00|\x00[\x02\x08]\x00.[A-Z]{2}", re.DOTALL
)
# With other contents, a file of such a name is a damaged image and not something else.
SUFFIXES = {
    ".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".gif", ".webp", ".avif", ".heic", ".heif", ".hif", ".tif",
    ".tiff", ".bmp", ".dib", ".jp2", ".j2k", ".jpf", ".jpx", ".pbm", ".pgm", ".ppm", ".pnm", ".pfm", ".dcm",
    ".dicom",
}  # fmt: skip
# Files that people take for images and that are not read here.
OTHERS = {
    "a PDF": rb"%PDF-",
    "a web page": rb"(?i)\s*<(?:!doctype html|html)",
    "an SVG drawing": rb"(?i)\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)?(?:<!doctype svg[^>]*>\s*)?<svg",
    "PostScript": rb"%!PS|\xc5\xd0\xd3\xc6",
    "a Photoshop file": rb"8BPS",
    "a TGA file": rb"\0(?:\0[\x02\x03\x0a\x0b]\0{5}|\x01[\x01\x09]\0\0)",  # before icons, which begin alike
    "an icon": rb"\0\0[\x01\x02]\0",
    "a DDS texture": rb"DDS\ ",
    "a FITS file": rb"SIMPLE  =",
    "a NIfTI file": rb"\x5c\x01\0\0|\0\0\x01\x5c",
    "an HDF5 file": rb"\x89HDF\r\n",
    "an OpenEXR file": rb"v/1\x01",
    "JPEG XL": rb"\xff\x0a|\0\0\0\x0cJXL\ ",
    "JPEG XR": rb"II\xbc",
    "a QOI file": rb"qoif",
    "an SGI file": rb"\x01\xda[\0\x01][\x01\x02]",
    "a ZIP": rb"PK\x03\x04",
    "a gzip file": rb"\x1f\x8b",
}


def is_image(head: bytes) -> bool:
    """Return whether a file that begins with these bytes is an image read here.

    `head` has at least `HEAD` bytes, or all that the file has.
    """
    return image_format(head) is not None


def is_dicom(data: bytes) -> bool:
    """Return whether the bytes are a DICOM file.

    It may have preamble and prefix (PS3.10 7.1) or lack them.
    """
    return data[128:132] == b"DICM" or NO_PREAMBLE.match(data) is not None


def image_format(head: bytes) -> str | None:
    """Return the format of an image that begins with these bytes.

    It is the name of a group of `SIGNATURES`, or "DICOM"; None for anything else.
    """
    if is_dicom(head):  # first: before its prefix a DICOM file may begin as a TIFF does
        return "DICOM"
    match = SIGNATURES.match(head[:HEAD])
    return match and match.lastgroup


def other_format(head: bytes) -> str | None:
    """Return what a file that begins with these bytes is, if it is one of `OTHERS`."""
    return next((name for name, pattern in OTHERS.items() if re.match(pattern, head, re.DOTALL)), None)
