"""Encoded images without their metadata, on some of which decoders fail.

Color profiles, texts, previews and the further frames of animations are left out. What says how to show
pixels stays: transparency, and of EXIF the orientation. PNG, JPEG, WebP, GIF and TIFF need this; the decoders
of other formats read metadata only on request.
"""

import re
import struct
import zlib
from collections.abc import Iterator
from itertools import count

from hub.imaging.orientation import ORIENTATION, orientation_alone
from hub.imaging.unreadable import few

PNG_CHUNKS = (b"IHDR", b"PLTE", b"tRNS", b"eXIf", b"IDAT", b"IEND")
PNG_OPTIONAL = (b"tRNS", b"eXIf")
# Application segments that are kept, by their marker: how they begin, and the least bytes of a whole one.
# JFIF and Adobe say how colours are stored.
JPEG_EXIF = 0xE1
JPEG_APPLICATION = {0xE0: (b"JFIF\0", 14), JPEG_EXIF: (b"Exif\0\0", 6), 0xEE: (b"Adobe", 12)}
JPEG_MARKER = re.compile(rb"\xff[\x01\xc0-\xfe]")
JPEG_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
JPEG_PROGRESSIVE = {0xC2, 0xC6, 0xCA, 0xCE}
JPEG_LOSSLESS, JPEG_LAST, JPEG_SCAN, JPEG_COMMENT = 0xC3, 0xD9, 0xDA, 0xFE
# What coded data does not hold: in it, 0xFF is followed by 0 or by the number of a restart.
JPEG_AFTER_DATA = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
WEBP_CHUNKS = (b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"EXIF")
GIF_PALETTE, GIF_EXTENSION, GIF_CONTROL = 0x80, b"!", b"\xf9"  # the last says what is transparent
WEBP_PROFILE_AND_XMP = 0x20 | 0x04  # flags of VP8X
# How pixels are stored and shown, from ImageWidth to SampleFormat; of fax, JPEG, YCbCr and LERC; and how deep
# a volume is.
TIFF_TAGS = {
    256, 257, 258, 259, 262, 266, 273, ORIENTATION, 277, 278, 279, 284, 292, 293, 317, 320, 322, 323, 324,
    325, 332, 334, 338, 339, 347, 512, 513, 514, 515, 517, 518, 519, 520, 521, 529, 530, 531, 532, 32_997,
    32_998, 50_674,
}  # fmt: skip


def without_metadata(data: bytes, image_format: str) -> bytes:
    """Return an encoded image without metadata.

    `image_format` is what `formats.image_format` returns. The image may be damaged or cut short; raises
    DamagedError for one of far too many parts.
    """
    match image_format:
        case "PNG":
            return _png(data)
        case "JPEG":
            return _jpeg(data)
        case "WEBP":
            return _webp(data)
        case "GIF":
            return _gif(data)
        case "TIFF":
            return _tiff(data)
    return data


def jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield marker, start and end of each segment of a JPEG, up to its first scan.

    Bytes between segments are skipped, as libjpeg does. Raises DamagedError for far too many.
    """
    return few(_jpeg_segments(data))


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    position = 2
    while match := JPEG_MARKER.search(data, position):
        start, marker = match.start(), data[match.start() + 1]
        standalone = marker == 0x01 or 0xD0 <= marker <= 0xD9
        position = start + 2 + (0 if standalone else int.from_bytes(data[start + 2 : start + 4]))
        yield marker, start, position
        if marker == JPEG_SCAN:
            return


def jpeg_scans(data: bytes) -> int:
    """Return how many scans a JPEG has, up to its end.

    They are those that libjpeg finds: it, too, passes over segments by their length. Raises DamagedError for
    far too many segments.
    """
    scans = 0
    for marker, _, end in jpeg_segments(data):
        if marker == JPEG_SCAN:
            scans = 1 + sum(marker == JPEG_SCAN for marker in few(_markers(data, end)))
    return scans


def _markers(data: bytes, position: int) -> Iterator[int]:
    """Yield the markers of a JPEG after the header of its first scan, up to its end."""
    while match := JPEG_AFTER_DATA.search(data, position):
        marker, position = data[match.start() + 1], match.end()
        yield marker
        if marker == JPEG_LAST:
            return
        # Of a scan its header alone is passed over; 0x01 to 0xBF and 0xD8 are no segments.
        if 0xC0 <= marker != 0xD8:
            position += int.from_bytes(data[position : position + 2])


def _png(data: bytes) -> bytes:
    """Leave out chunks, and put EXIF before the pixels.

    It may follow them, where nobody looks who does not decode them.
    """
    view, kept, turned = memoryview(data), [data[:8]], b""
    for name, start, end in few(png_chunks(data)):
        if name not in PNG_CHUNKS or (name in PNG_OPTIONAL and _has_wrong_checksum(view[start:end])):
            continue
        if name != b"eXIf":
            kept.append(view[start:end])
        elif exif := orientation_alone(data[start + 8 : end - 4]).removeprefix(b"Exif\0\0"):
            checksum = zlib.crc32(name + exif).to_bytes(4)
            turned = len(exif).to_bytes(4) + name + exif + checksum
    return b"".join([*kept[:2], turned, *kept[2:]])


def png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, start and end of each chunk of a PNG, up to IEND."""
    name, position = b"", 8
    while position < len(data) and name != b"IEND":
        length, name = int.from_bytes(data[position : position + 4]), data[position + 4 : position + 8]
        start, position = position, position + 12 + length
        yield name, start, position


def _has_wrong_checksum(chunk: memoryview) -> bool:
    return zlib.crc32(chunk[4:-4]) != int.from_bytes(chunk[-4:])


def _jpeg(data: bytes) -> bytes:
    view, kept, scan = memoryview(data), [data[:2]], len(data)
    for marker, start, end in jpeg_segments(data):
        if marker == JPEG_SCAN:
            scan = start
        elif 0xE0 <= marker <= 0xEF:
            name, least = JPEG_APPLICATION.get(marker, (b"", len(data)))
            if end - start - 4 < least or not data.startswith(name, start + 4):
                continue
            if marker != JPEG_EXIF:
                kept.append(view[start:end])
            elif exif := orientation_alone(data[start + 4 : end]):
                kept.append(data[start : start + 2] + (len(exif) + 2).to_bytes(2) + exif)
        elif marker != JPEG_COMMENT:
            kept.append(view[start:end])
    return b"".join([*kept, view[scan:]])


def _webp(data: bytes) -> bytes:
    kept, size, frames = [], 4, 0
    for name, start, position in few(_webp_chunks(data)):
        frames += name == b"ANMF"
        is_further = name == b"ANMF" and frames > 1
        if name not in WEBP_CHUNKS or is_further:
            continue
        if name == b"EXIF":
            exif = orientation_alone(data[start + 8 : position]) if position <= len(data) else b""
            chunk = name + len(exif).to_bytes(4, "little") + exif if exif else b""
            size += len(chunk)
        else:
            chunk = bytearray(data[start:position])
            size += position - start  # all of it, even where it is cut short
        if name == b"VP8X" and len(chunk) > 8:
            chunk[8] &= ~WEBP_PROFILE_AND_XMP
        kept.append(chunk)
    return b"".join([b"RIFF", (size & 0xFFFFFFFF).to_bytes(4, "little"), b"WEBP", *kept])


def _gif(data: bytes) -> bytes:
    """Leave out comments and the like before the first image, which take Pillow long."""
    flags = int.from_bytes(data[10:11])
    place = 13 + (6 << (flags & 7) if flags & GIF_PALETTE else 0)
    kept, blocks = [data[:place]], few(count())
    while data[place : place + 1] == GIF_EXTENSION:
        start, place = place, place + 2
        for _ in blocks:
            length = int.from_bytes(data[place : place + 1])
            place += 1 + length
            if not length:
                break
        if data[start + 1 : start + 2] == GIF_CONTROL:
            kept.append(data[start:place])
    return b"".join([*kept, data[place:]])


def _tiff(data: bytes) -> bytes:
    """Blank the tags of the first page that do not say how to show its pixels.

    Libraries would read what some of them lead to, however much that is.
    """
    order, is_big = ("<" if data[:1] == b"I" else ">"), b"+" in data[2:4]
    offset, count, size = ("8xQ", "Q", 20) if is_big else ("4xL", "H", 12)
    try:
        (start,) = struct.unpack_from(order + offset, data)
        (tags,) = struct.unpack_from(order + count, data, start)
    except (struct.error, OverflowError):  # it ends here, which the libraries find out
        return data
    first = start + struct.calcsize(order + count)
    last = min(first + tags * size, len(data))
    view, kept = memoryview(data), []
    for place in few(range(first, last - size + 1, size)):
        (tag,) = struct.unpack_from(order + "H", data, place)
        kept.append(view[place : place + size] if tag in TIFF_TAGS else bytes(size))
    end = first + len(kept) * size
    return b"".join([view[:first], *kept, view[end:]])


def _webp_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, start and end of each chunk of a WebP."""
    position, end = 12, min(len(data), 8 + int.from_bytes(data[4:8], "little"))
    while position < end:
        start, name = position, data[position : position + 4]
        length = int.from_bytes(data[position + 4 : position + 8], "little")
        position += 8 + length + length % 2
        yield name, start, position
