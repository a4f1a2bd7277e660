"""Compressed frames of DICOM files, and what a frame says of itself.

JPEG is ITU-T T.81, JPEG-LS T.87, JPEG 2000 T.800, and RLE is PS3.5 annex G.
"""

import re
import struct
from dataclasses import dataclass
from itertools import count

from pydicom.pixels import get_decoder
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from hub.errors import InputError
from hub.imaging.unreadable import DamagedError, few

ITEM = b"\xfe\xff\x00\xe0"
JPEG, JPEG_2000, JP2 = b"\xff\xd8", b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP\x20\x20"
STREAMS = (JPEG, JPEG_2000, JP2)  # how they begin
END = b"\xff\xd9"  # of all of them
FILLED = re.compile(rb"\xff*")  # any number of them may stand before a marker
# Markers of JPEG that say how a frame is compressed, followed by its size.
DCT, LOSSLESS, LS = (0xC0, 0xC1, 0xC2), 0xC3, 0xF7
OTHER_PROCESSES = (0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF)  # hierarchical, arithmetic
# Samples and bits by the number of segments of RLE, one for each byte of a pixel.
RLE = {1: (1, 8), 2: (1, 16), 4: (1, 32), 3: (3, 8), 6: (3, 16), 12: (3, 32)}
UNCOMPRESSED = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian)


@dataclass(frozen=True)
class Codestream:
    """What a compressed frame says of itself.

    `syntax` is the transfer syntax that decodes it. `kind`, the photometric interpretation, and the size are
    None where it does not say; `usual` is the kind of three samples where nothing says.
    """

    syntax: UID
    samples: int
    bits: int
    rows: int | None = None
    columns: int | None = None
    kind: str | None = None
    usual: str = "RGB"


def join(data: bytes, name: str) -> bytes:
    """Return the one frame of encapsulated pixels (PS3.5 A.4).

    It may have any number of fragments. Raises InputError for several frames, and DamagedError for one that
    is not whole.
    """
    fragments, place = [], 0
    for _ in few(count()):
        if not (data.startswith(ITEM, place) and place + 8 <= len(data)):
            break
        (length,) = struct.unpack_from("<L", data, place + 4)
        fragments.append(data[place + 8 : place + 8 + length])
        place += 8 + length
        if data.startswith(ITEM, place + 1):  # of odd length, and filled up without being counted
            place += 1
    if fragments and place > len(data) and not fragments[-1].rstrip(b"\0").endswith(END):
        raise DamagedError
    if fragments and not fragments[0].startswith(STREAMS):
        del fragments[0]  # the table of offsets, which some writers leave out
    if any(fragment.startswith(STREAMS) for fragment in fragments[1:]):
        raise InputError(f"{name} has several frames; give a single radiograph.")
    return b"".join(fragments)


def read_codestream(frame: bytes, stated: UID | None, name: str) -> Codestream:
    """Return what a compressed frame says of itself.

    `stated` is the transfer syntax that the header states. Raises InputError for one that is not read here,
    and DamagedError for a frame that is malformed.
    """
    try:
        if frame.startswith(JPEG):
            stream = _read_jpeg(frame, name)
        elif frame.startswith((JPEG_2000, JP2)):
            stream = _read_jpeg_2000(frame)
        else:
            stream = _read_rle(frame, stated, name)
    except (struct.error, IndexError):  # it ends within a header
        raise DamagedError from None
    check_syntax(stream.syntax, name)
    return stream


def check_syntax(syntax: UID, name: str) -> None:
    """Raise InputError for a transfer syntax that is not read here."""
    try:
        readable = get_decoder(syntax).is_available
    except NotImplementedError:
        readable = False
    if not readable:
        known = syntax.name if syntax.type == "Transfer Syntax" else "an unknown transfer syntax"
        raise InputError(f"{name} is stored as {known}, which is not read here; export it uncompressed.")


def _read_jpeg(frame: bytes, name: str) -> Codestream:
    place, jfif, adobe = 2, False, None
    for _ in few(count()):
        place = max(place, FILLED.match(frame, place).end() - 1)
        prefix, marker, length = struct.unpack_from(">BBH", frame, place)
        if prefix != 0xFF:
            raise DamagedError
        segment = frame[place + 4 : place + 2 + length]
        if marker in OTHER_PROCESSES:
            raise InputError(f"{name} is stored as an unusual kind of JPEG; export it uncompressed.")
        if marker in (*DCT, LOSSLESS, LS):
            return _read_frame_header(marker, segment, jfif, adobe)
        jfif |= marker == 0xE0 and segment.startswith(b"JFIF\0")
        if marker == 0xEE and segment.startswith(b"Adobe") and len(segment) == 12:
            adobe = segment[11]
        place += 2 + length


def _read_frame_header(marker: int, segment: bytes, jfif: bool, adobe: int | None) -> Codestream:
    """Return what the frame header of a JPEG says (T.81 B.2.2)."""
    bits, rows, columns, samples = struct.unpack_from(">BHHB", segment)
    names, sampling = segment[6::3][:samples], segment[7::3][:samples]
    if marker == LS:
        return Codestream(JPEGLSLossless, samples, bits, rows or None, columns or None)
    if marker == LOSSLESS:
        return Codestream(JPEGLosslessSV1, samples, bits, rows or None, columns or None)
    kind = None
    if adobe is not None:
        kind = "YBR_FULL" if adobe else "RGB"
    elif names == b"RGB":
        kind = "RGB"
    elif jfif or len(set(sampling)) > 1:
        kind = "YBR_FULL"
    syntax = JPEGBaseline8Bit if bits == 8 else JPEGExtended12Bit
    kind = kind if samples == 3 else None
    return Codestream(syntax, samples, bits, rows or None, columns or None, kind, "YBR_FULL")


def _read_jpeg_2000(frame: bytes) -> Codestream:
    """Return what the main header of a JPEG 2000 says (T.800 A.5.1, A.6.1)."""
    start = frame.find(JPEG_2000)
    if start < 0:
        raise DamagedError
    right, bottom, left, top = struct.unpack_from(">4L", frame, start + 8)
    samples, depth = struct.unpack_from(">HB", frame, start + 40)
    place, high_throughput, kind = start + 2, False, None
    for _ in few(count()):
        if frame[place : place + 2] in (b"\xff\x90", b""):  # the first tile
            break
        marker, length = struct.unpack_from(">HH", frame, place)
        high_throughput |= marker == 0xFF50
        if marker == 0xFF52 and samples == 3 and frame[place + 8]:
            kind = "RGB"  # the decoder undoes what made YBR_ICT or YBR_RCT of it
        place += 2 + length
    syntax = HTJ2K if high_throughput else JPEG2000
    return Codestream(syntax, samples, (depth & 0x7F) + 1, bottom - top, right - left, kind)


def _read_rle(frame: bytes, stated: UID | None, name: str) -> Codestream:
    """Return what the header of RLE says (PS3.5 G.5)."""
    if stated is not None and stated not in UNCOMPRESSED:
        check_syntax(stated, name)
    segments, first = struct.unpack_from("<2L", frame)
    if segments in RLE and first == 64:
        return Codestream(RLELossless, *RLE[segments])
    if stated is None or stated in UNCOMPRESSED:
        raise InputError(f"{name} is compressed and does not say how; export it uncompressed.")
    raise DamagedError
