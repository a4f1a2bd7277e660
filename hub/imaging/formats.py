"""Which files are images, by their first bytes."""

import re

from hub.imaging.dicom import is_dicom

HEAD = 144  # bytes that are enough to tell
SIGNATURES = re.compile(
    rb"""
      \x89PNG\r\n\x1a\n
    | \xff\xd8\xff                                      # JPEG
    | GIF8[79]a
    | RIFF....WEBP
    | (?:II[*+]\0|MM\0[*+])                             # TIFF and BigTIFF
    | BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0       # BMP, and the length of its header
    | (?:\0\0\0\x0cjP\x20\x20\r\n\x87\n|\xff\x4f\xff\x51)  # JPEG 2000
    | ....ftyp(?:hei|hev|mif1|msf1|avi[fs])             # HEIC and AVIF
    | P[1-6fF]\s                                        # PBM, PGM, PPM, PFM
    """,
    re.DOTALL | re.VERBOSE,
)
# With other contents, a file of such a name is a damaged image and not something else.
SUFFIXES = {
    ".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".gif", ".webp", ".avif", ".heic", ".heif", ".tif", ".tiff",
    ".bmp", ".dib", ".jp2", ".j2k", ".jpx", ".pbm", ".pgm", ".ppm", ".pnm", ".pfm", ".dcm", ".dicom",
}  # fmt: skip


def is_image(head: bytes) -> bool:
    """Return whether a file that begins with these bytes is an image read here.

    `head` has at least `HEAD` bytes, or all that the file has.
    """
    return SIGNATURES.match(head) is not None or is_dicom(head)
