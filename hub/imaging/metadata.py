"""Encoded images without their metadata, on some of which decoders fail.

Color profiles, texts, previews and the further frames of animations are left out. What says how to show
pixels stays: transparency, and EXIF for its orientation. PNG, JPEG and WebP need this; the decoders of other
formats read metadata only on request.
"""

import re
import zlib
from collections.abc import Iterator

PNG_CHUNKS = (b"IHDR", b"PLTE", b"tRNS", b"eXIf", b"IDAT", b"IEND")
PNG_OPTIONAL = (b"tRNS", b"eXIf")
# Application segments that are kept, by their marker: how they begin, and the least bytes of a whole one.
# JFIF and Adobe say how colours are stored.
JPEG_APPLICATION = {0xE0: (b"JFIF\0", 14), 0xE1: (b"Exif\0\0", 6), 0xEE: (b"Adobe", 12)}
JPEG_MARKER = re.compile(rb"\xff[\x01\xc0-\xfe]")
JPEG_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
JPEG_PROGRESSIVE = {0xC2, 0xC6, 0xCA, 0xCE}
JPEG_LOSSLESS, JPEG_LAST, JPEG_SCAN, JPEG_COMMENT = 0xC3, 0xD9, 0xDA, 0xFE
# What coded data does not hold: in it, 0xFF is followed by 0 or by the number of a restart.
JPEG_AFTER_DATA = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
WEBP_CHUNKS = (b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"EXIF")
WEBP_PROFILE_AND_XMP = 0x20 | 0x04  # flags of VP8X


def without_metadata(data: bytes, image_format: str) -> bytes:
    """Return an encoded image without metadata.

    `image_format` is what `formats.image_format` returns. The image may be damaged or cut short.
    """
    match image_format:
        case "PNG":
            return _png(data)
        case "JPEG":
            return _jpeg(data)
        case "WEBP":
            return _webp(data)
    return data


def jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield marker, start and end of each segment of a JPEG, up to its first scan.

    Bytes between segments are skipped, as libjpeg does.
    """
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

    They are those that libjpeg finds: it, too, passes over segments by their length.
    """
    scans = 0
    for marker, _, end in jpeg_segments(data):
        if marker == JPEG_SCAN:
            scans, position = 1, end
    while scans and (match := JPEG_AFTER_DATA.search(data, position)):
        marker, position = data[match.start() + 1], match.end()
        scans += marker == JPEG_SCAN
        if marker == JPEG_LAST:
            break
        # Of a scan its header alone is passed over; 0x01 to 0xBF and 0xD8 are no segments.
        if 0xC0 <= marker != 0xD8:
            position += int.from_bytes(data[position : position + 2])
    return scans


def _png(data: bytes) -> bytes:
    view, kept, position = memoryview(data), [data[:8]], 8
    while position < len(data):
        length, name = int.from_bytes(data[position : position + 4]), data[position + 4 : position + 8]
        start, position = position, position + 12 + length
        if name in PNG_CHUNKS and not (name in PNG_OPTIONAL and _has_wrong_checksum(view[start:position])):
            kept.append(view[start:position])
        if name == b"IEND":
            break
    return b"".join(kept)


def _has_wrong_checksum(chunk: memoryview) -> bool:
    return zlib.crc32(chunk[4:-4]) != int.from_bytes(chunk[-4:])


def _jpeg(data: bytes) -> bytes:
    view, kept, scan = memoryview(data), [data[:2]], len(data)
    for marker, start, end in jpeg_segments(data):
        if marker == JPEG_SCAN:
            scan = start
        elif 0xE0 <= marker <= 0xEF:
            name, least = JPEG_APPLICATION.get(marker, (b"", len(data)))
            if end - start - 4 >= least and data.startswith(name, start + 4):
                kept.append(view[start:end])
        elif marker != JPEG_COMMENT:
            kept.append(view[start:end])
    return b"".join([*kept, view[scan:]])


def _webp(data: bytes) -> bytes:
    end = min(len(data), 8 + int.from_bytes(data[4:8], "little"))
    kept, size, position, frames = [], 4, 12, 0
    while position < end:
        name, length = (
            data[position : position + 4],
            int.from_bytes(data[position + 4 : position + 8], "little"),
        )
        start, position = position, position + 8 + length + length % 2
        frames += name == b"ANMF"
        is_cut, is_further = position > len(data), name == b"ANMF" and frames > 1
        if name in WEBP_CHUNKS and not is_further and not (name == b"EXIF" and is_cut):
            chunk = bytearray(data[start:position])
            if name == b"VP8X" and len(chunk) > 8:
                chunk[8] &= ~WEBP_PROFILE_AND_XMP
            kept.append(chunk)
            size += position - start  # all of it, even where it is cut short
    return b"".join([b"RIFF", (size & 0xFFFFFFFF).to_bytes(4, "little"), b"WEBP", *kept])
