"""The elements of a DICOM header, read one by one and none of them trusted.

Headers are written by devices of thirty years, and many break the standard. pydicom finds the elements; their
values are taken here from the bytes, so that a malformed one is no value and not an error.
"""

import io
import logging
import math
import struct
import warnings
import zlib

import numpy as np
from pydicom import Dataset, Sequence
from pydicom.datadict import dictionary_VR
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filereader import read_dataset, read_partial, read_sequence
from pydicom.tag import Tag
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ExplicitVRLittleEndian

from hub.imaging.unreadable import DamagedError

# Where the pixels are, in the order of their tags.
PIXELS = ("FloatPixelData", "DoubleFloatPixelData", "PixelData")
# The tables of a palette, each with a descriptor and data.
PALETTE = [f"{colour}PaletteColorLookupTable" for colour in ("Red", "Green", "Blue")]
# All that is read of a header. Nothing in it identifies the patient.
ELEMENTS = [
    "SOPClassUID", "Modality", "ViewPosition", "ViewCodeSequence", "ViewModifierCodeSequence",
    "PatientOrientation", "PresentationIntentType", "NumberOfFrames", "Rows", "Columns", "SamplesPerPixel",
    "PhotometricInterpretation", "PlanarConfiguration", "BitsAllocated", "BitsStored", "HighBit",
    "PixelRepresentation", "PixelPaddingValue", "PixelPaddingRangeLimit", "ModalityLUTSequence",
    "RescaleSlope", "RescaleIntercept", "VOILUTSequence", "WindowCenter", "WindowWidth", "VOILUTFunction",
    "PresentationLUTShape", *(table + part for table in PALETTE for part in ("Descriptor", "Data")), *PIXELS,
]  # fmt: skip
TAGS = [Tag(element) for element in ELEMENTS]
BINARY = {
    "US": "u2", "SS": "i2", "UL": "u4", "SL": "i4", "UV": "u8", "SV": "i8", "FL": "f4", "FD": "f8",
}  # fmt: skip
MAX_INFLATED = 160_000_000  # bytes: 64 megapixels of 16 bits, and what is around them
MAX_READS = 100_000  # one to four for each element or item, of which a radiograph has a few hundred
LONGEST = 4096  # bytes of a text or of numbers; a list of millions would take gigabytes and minutes
PIXEL_DATA = Tag("PixelData")
UNDEFINED_LENGTH = 0xFFFFFFFF
SEQUENCE_DELIMITER = bytes.fromhex("feffdde000000000")

# pydicom's warnings quote the header. Set once, as in pillow.py.
warnings.filterwarnings("ignore", module="pydicom")
logging.getLogger("pydicom").propagate = False

# What pydicom raises for bytes that are malformed.
MALFORMED = (
    AttributeError, BytesLengthException, EOFError, InvalidDicomError, LookupError,
    NotImplementedError, OSError, OverflowError, RecursionError, TypeError, ValueError, struct.error,
)  # fmt: skip


class _Budget:
    """How many pieces of a file may still be read, its sequences in sequences too.

    pydicom takes microseconds for each element or item, and a file may hold millions of empty ones.
    """

    left = MAX_READS


class _Bounded(io.BytesIO):
    """Bytes that are read in as many pieces as a budget has left."""

    def __init__(self, data: bytes, budget: _Budget):
        """Begin at the first byte."""
        super().__init__(data)
        self.budget = budget

    def read(self, size: int | None = -1) -> bytes:
        """Return the next bytes; raise DamagedError once there were too many pieces.

        All bytes are read only by pydicom, to inflate them without a limit, which `_inflate` does with one.
        """
        self.budget.left -= 1
        if self.budget.left < 0 or size is None or size < 0:
            raise DamagedError
        return super().read(size)


def parse(data: bytes) -> tuple[Dataset, bool]:
    """Return the `ELEMENTS` of a DICOM file, and whether it ends within one.

    Its meta information is their `file_meta`. Ask `text`, `numbers` and `items` for values. Raises
    DamagedError for bytes that are no elements, and for far more elements than a radiograph has.
    """
    data = _inflate(data)
    header, cut_short = _parse(data)
    if pixels(header) is None:
        # Some writers leave out what ends pixels of undefined length (PS3.5 A.4), and pydicom needs it.
        header, _ = _parse(data + SEQUENCE_DELIMITER)
    return header, cut_short


def syntax(header: Dataset) -> UID | None:
    """Return the transfer syntax, None if the file names none."""
    value = header.file_meta.get("TransferSyntaxUID")  # pydicom needed it, and has read it
    return UID(value) if value and isinstance(value, str) else None


def byte_order(header: Dataset) -> UID:
    """Return the uncompressed transfer syntax whose byte order the elements have."""
    _, little_endian = header.original_encoding
    return ExplicitVRLittleEndian if little_endian else ExplicitVRBigEndian


def pixels(header: Dataset) -> str | None:
    """Return which of `PIXELS` the header has; None if they are missing or empty."""
    return next((element for element in PIXELS if raw(header, element)), None)


def raw(header: Dataset, element: str) -> bytes:
    """Return the bytes of an element; b"" if it is missing, empty or a sequence."""
    item = header.get_item(element, keep_deferred=True)  # or pydicom converts an empty one, and may fail
    return item.value if item is not None and isinstance(item.value, bytes) else b""


def text(header: Dataset, element: str) -> str:
    """Return the text of an element in capitals; "" if it is missing or empty.

    One of over `LONGEST` bytes is no text.
    """
    value = raw(header, element)
    return value.decode("latin-1").strip(" \0").upper() if len(value) <= LONGEST else ""


def numbers(header: Dataset, element: str) -> list[float]:
    """Return the numbers of an element, NaN for those that are none.

    A decimal comma is taken as a point. The list is empty if the element is missing, empty, or of over
    `LONGEST` bytes.
    """
    value = raw(header, element)
    if not 0 < len(value) <= LONGEST:
        return []
    item = header.get_item(element)
    kind = item.VR
    if kind in (None, "UN"):
        kind = dictionary_VR(item.tag)[:2]  # the first of "US or SS"
    if kind not in BINARY:
        return [_number(part) for part in value.decode("latin-1").strip(" \0").split("\\")]
    dtype = np.dtype(BINARY[kind]).newbyteorder("<" if item.is_little_endian else ">")
    return np.frombuffer(value, dtype).tolist() if len(value) % dtype.itemsize == 0 else []


def number(header: Dataset, element: str) -> float | None:
    """Return the first number of an element; None if it is missing or not finite."""
    values = numbers(header, element)
    return values[0] if values and math.isfinite(values[0]) else None


def integer(header: Dataset, element: str) -> int | None:
    """Return the first number of an element as an integer; None if it is none."""
    value = number(header, element)
    return int(value) if value is not None and value == int(value) else None


def items(header: Dataset, sequence: str) -> list[Dataset]:
    """Return the items of a sequence; [] if it is missing, empty or malformed.

    Raises DamagedError for far more of them than a radiograph has, in all sequences together.
    """
    element = header.get_item(sequence, keep_deferred=True)
    if element is None or element.VR not in (None, "SQ", "UN"):
        return []
    found, budget = element.value, header.budget
    if isinstance(found, bytes):  # of a stated length, and not read yet
        stream = _Bounded(found, budget)
        kind = element.is_implicit_VR, element.is_little_endian
        try:
            found = read_sequence(stream, *kind, len(found), "latin-1")
        except MALFORMED:
            if budget.left < 0:
                raise DamagedError from None
            return []
    items = list(found) if isinstance(found, Sequence) else []
    for item in items:
        item.budget = budget
    return items


def _parse(data: bytes) -> tuple[Dataset, bool]:
    """Return the header, and whether the bytes end within an element."""
    budget = _Budget()
    stream, tags, end = _Bounded(data, budget), [], 0

    def after_the_pixels(tag: int, _, length: int) -> bool:
        nonlocal end
        end = stream.tell() + length if length != UNDEFINED_LENGTH else len(data)
        tags.append(tag)
        return len(tags) > 1 and tags[-2] == PIXEL_DATA

    try:
        # What follows the pixels is of no use, and often no elements.
        header = read_partial(stream, stop_when=after_the_pixels, force=True, specific_tags=TAGS)
    except MALFORMED as error:
        raise DamagedError from error
    header.budget = budget
    return header, end != len(data)


def _inflate(data: bytes) -> bytes:
    """Return the data set of a deflated file (PS3.5 A.5) inflated.

    Any other file stays as it is. pydicom would inflate too, but without a limit.
    """
    # Search the whole file: a crafted header may hide the name from a search of its beginning.
    if DeflatedExplicitVRLittleEndian.encode() not in data:
        return data
    stream = _Bounded(data, _Budget())
    stream.seek(132 if data[128:132] == b"DICM" else 0)
    try:  # the meta information (PS3.10 7.1), whose own statement of its length may be missing
        meta = read_dataset(stream, False, True, stop_when=lambda tag, *_: tag >> 16 != 2)
        if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
            return data  # which names it elsewhere
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        inflated = inflater.decompress(data[stream.tell() :], MAX_INFLATED)
    except (*MALFORMED, zlib.error) as error:
        raise DamagedError from error
    if not inflater.eof:
        raise DamagedError
    return inflated


def _number(part: str) -> float:
    try:
        return float(part.strip(" \0").replace(",", "."))
    except ValueError:
        return math.nan
