"""DICOM radiographs: a header that is checked, and pixels as a screen shows them.

`python -m hub.imaging.dicom` is no command for people: it is how `decode` has a compressed file read in a
process of its own, DICOM on standard input, pixels on standard output.
"""

import io
import logging
import os
import re
import subprocess
import sys
import warnings
import zlib
from pathlib import Path

import gdcm  # noqa: F401, pydicom's decoder of JPEG Lossless and JPEG-LS: named here, the Space brings it
import numpy as np
from pydicom import Dataset, dcmread
from pydicom.pixels import apply_modality_lut, apply_windowing, get_decoder, pixel_array
from pydicom.pixels.processing import apply_voi
from pydicom.uid import (
    UID,
    AllTransferSyntaxes,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGExtended12Bit,
    JPEGLossless,
)

from hub.errors import InputError

# All that is read of a header: nothing in it says who the patient is.
ELEMENTS = [
    "SOPClassUID", "Modality", "ViewPosition", "PresentationIntentType", "NumberOfFrames", "Rows", "Columns",
    "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "BitsAllocated", "BitsStored",
    "HighBit", "PixelRepresentation", "PixelPaddingValue", "PixelPaddingRangeLimit", "ModalityLUTSequence",
    "RescaleSlope", "RescaleIntercept", "VOILUTSequence", "WindowCenter", "WindowWidth", "VOILUTFunction",
    "PresentationLUTShape", "ExtendedOffsetTable", "ExtendedOffsetTableLengths", "PixelData",
]  # fmt: skip
# OT is what a radiograph that was scanned or captured from a screen says; many of these say nothing.
RADIOGRAPHS = ("CR", "DX", "RG", "OT", "")
LATERAL = ("LL", "RL", "LAT", "LATERAL")
GREY = ("MONOCHROME1", "MONOCHROME2")
COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")
MAX_INFLATED = 512_000_000  # bytes
SECONDS = 60  # for one compressed file
MAX_MEMORY = 4 << 30  # bytes of addresses, which are more than is used
# Without preamble and prefix: an element of group 0002 or 0008, with the two letters of its type or a
# length of less than 65536 after it; big endian the other way round (PS3.5 7.1).
BARE = re.compile(
    rb"[\x02\x08]\x00.\x00[A-Z]{2}|\x08\x00.\x00..\x00\x00|\x00[\x02\x08]\x00.[A-Z]{2}", re.DOTALL
)

# What pydicom warns of quotes the header. Once for all, as in images.py.
warnings.filterwarnings("ignore", module="pydicom")
logging.getLogger("pydicom").propagate = False


def is_dicom(data: bytes) -> bool:
    """Whether the bytes are a DICOM file, with the 128 bytes of preamble and DICM (PS3.10 7.1) or without."""
    return data[128:132] == b"DICM" or BARE.match(data) is not None


def read_header(data: bytes, name: str) -> Dataset:
    """Return the `ELEMENTS` of a DICOM file of one frontal radiograph, its pixels as they are stored.

    Raises InputError for a file of anything else: no picture, several frames, another modality, a lateral
    view, raw values of a detector (PS3.3 C.8.11.1), more colours or bits than a radiograph has, a transfer
    syntax that is not read here. Of the header its sentence says nothing but the modality or the transfer
    syntax. Of damage any other exception tells.
    """
    header = _read(data)
    if "PixelData" not in header:
        kind = header.get("SOPClassUID") or header.file_meta.get("MediaStorageSOPClassUID")
        if "Rows" in header or (kind and "Image" in kind.name):
            raise ValueError("cut short")
        raise InputError(f"{name} is a DICOM file without a picture; give the file of the radiograph itself.")
    modality = _text(header, "Modality")
    if modality not in RADIOGRAPHS:
        # Two letters say no more than they should; what else may stand there nobody knows.
        told = f"of modality {modality}" if re.fullmatch("[A-Z]{2}", modality) else "of another modality"
        raise InputError(f"{name} is {told}, not a radiograph; give a CR or DX file.")
    if int(header.get("NumberOfFrames") or 1) > 1:
        raise InputError(f"{name} has several frames; give a single radiograph.")
    if _text(header, "ViewPosition") in LATERAL:
        # The network has seen frontal films only, and a lateral one looks enough like them to get an answer.
        raise InputError(f"{name} is a lateral view by its header; give the frontal one.")
    if _text(header, "PresentationIntentType") == "FOR PROCESSING":
        raise InputError(
            f"{name} is what the detector gave, not a film yet; give the image for presentation."
        )
    _check_syntax(header.file_meta.TransferSyntaxUID, name)
    _check_pixel_format(header, name)
    return header


def decode(data: bytes, header: Dataset) -> np.ndarray:
    """Return the picture of a file that `read_header` read: uint8 [rows, columns], or [rows, columns, 3] RGB.

    Bone is bright whatever MONOCHROME1 or 2 says. Overlays, and pixels that are not square, are left as
    they are: whoever shows the picture to a network squashes it anyway. Of damage any exception tells.
    """
    if header.file_meta.TransferSyntaxUID.is_encapsulated:
        pixels = _decode_apart(data)
    else:
        pixels = pixel_array(header)
    if header.SamplesPerPixel == 3:
        return np.ascontiguousarray(pixels)
    return _to_8_bit(pixels, header)


def _read(data: bytes) -> Dataset:
    header = dcmread(io.BytesIO(_inflate(data)), force=True, specific_tags=ELEMENTS)
    if "TransferSyntaxUID" not in header.file_meta:
        implicit, little = header.original_encoding
        explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        header.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit
    # An element without a value says as little as none, but pydicom stumbles over some.
    for empty in [element.tag for element in header if element.is_empty]:
        del header[empty]
    return header


def _inflate(data: bytes) -> bytes:
    """Return the bare data set of a deflated file (PS3.5 A.5), and any other file as it is.

    pydicom would inflate too, but without an end.
    """
    # Wherever its name stands: the header may be made to hide it from whoever looks at the beginning only.
    if DeflatedExplicitVRLittleEndian.encode() not in data:
        return data
    # The first element after the prefix says how long the rest of its group is (PS3.10 7.1).
    start = 144 + int.from_bytes(data[140:144], "little")
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    inflated = inflater.decompress(data[start:], MAX_INFLATED)
    if not inflater.eof:
        raise ValueError("cut short, or far larger than any radiograph")
    return inflated


def _text(header: Dataset, element: str) -> str:
    value = header.get(element)
    return value.strip().upper() if isinstance(value, str) else ""


def _check_syntax(syntax: UID, name: str) -> None:
    try:
        readable = get_decoder(syntax).is_available
    except NotImplementedError:
        readable = False
    if not readable:
        told = syntax.name if syntax in AllTransferSyntaxes else "an unknown transfer syntax"
        raise InputError(f"{name} is stored as {told}, which is not read here; export it uncompressed.")


def _check_pixel_format(header: Dataset, name: str) -> None:
    kind, depth = _text(header, "PhotometricInterpretation"), (header.BitsAllocated, header.BitsStored)
    if (kind, header.SamplesPerPixel) not in [(grey, 1) for grey in GREY] + [(rgb, 3) for rgb in COLOUR]:
        raise InputError(f"{name} has neither grey pixels nor plain colours; export it as grey.")
    if header.SamplesPerPixel == 3 and depth != (8, 8):
        raise InputError(f"{name} has more than 8 bits per colour; export it as grey.")
    # The bits of a pixel may stand anywhere in its bytes by the standard's first editions.
    in_place = header.get("HighBit", header.BitsStored - 1) == header.BitsStored - 1
    if header.BitsAllocated not in (8, 16) or not 8 <= header.BitsStored <= 16 or not in_place:
        raise InputError(f"{name} has an unusual number of bits per pixel; export it with 8 to 16.")


def _decode_apart(data: bytes) -> np.ndarray:
    """Return the pixels of a compressed file, decoded in a process of its own.

    A damaged frame makes GDCM abort, and with it all that runs in the same process.
    """
    done = subprocess.run(
        [sys.executable, "-m", "hub.imaging.dicom"],
        input=data,
        capture_output=True,
        cwd=Path(__file__).parents[2],
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},  # each thread takes addresses, which are limited
        timeout=SECONDS,
        check=True,
    )
    return np.load(io.BytesIO(done.stdout))


def _to_8_bit(stored: np.ndarray, header: Dataset) -> np.ndarray:
    """Return stored values, integers [h, w], as uint8: 0 is black, 255 white, padding black.

    The modality LUT or rescaling (PS3.3 C.11.1), then the first VOI LUT or window (C.11.2), then inversion.
    With neither of the second, 8 bits stay as they are, and deeper greys are stretched so that the darkest
    pixel becomes 0 and the brightest 255, padding (C.7.5.1.1.2) left out.
    """
    stored = stored.astype(stored.dtype.newbyteorder("="))
    limits = np.iinfo(stored.dtype)
    # All is done to the 256 or 65,536 values that there may be, and then looked up.
    every = np.arange(limits.min, limits.max + 1)
    padding = _padding(every, header)
    with np.errstate(all="ignore"):
        values = apply_modality_lut(every, header)
        if header.get("VOILUTSequence"):
            values, black, white = _apply_voi_lut(values, header)
        elif header.get("WindowCenter") is not None and header.get("WindowWidth") is not None:
            values = apply_windowing(values, header)
            black, white = apply_windowing(np.array([-np.inf, np.inf]), header)
        else:
            ends = values[_shown(stored, every, padding, header)]
            black, white = (ends.min(), ends.max()) if ends.size else (0, 0)
        scale = 255 / (white - black) if white != black else 0
        greys = np.rint(((values - black) * scale).clip(0, 255)).astype(np.uint8)
    # In a DX image MONOCHROME1 and INVERSE say the same thing twice (PS3.3 C.8.11.3.1).
    kind, shape = _text(header, "PhotometricInterpretation"), _text(header, "PresentationLUTShape")
    if kind == "MONOCHROME1" or shape == "INVERSE":
        greys = 255 - greys
    greys[padding] = 0
    return greys[stored.astype(np.int32) - limits.min]


def _shown(stored: np.ndarray, every: np.ndarray, padding: np.ndarray, header: Dataset) -> np.ndarray:
    """Return which of the values, bool like `every`, the grey scale spans where there is no window."""
    if header.BitsStored == 8:
        lowest = -128 * header.PixelRepresentation
        return (every >= lowest) & (every < lowest + 256)
    return (np.bincount((stored.astype(np.int32) - every[0]).ravel(), minlength=len(every)) > 0) & ~padding


def _padding(every: np.ndarray, header: Dataset) -> np.ndarray:
    """Return which of the stored values are padding, bool like `every`."""
    first = header.get("PixelPaddingValue")
    if first is None:
        return np.zeros(len(every), bool)
    last = header.get("PixelPaddingRangeLimit")
    low, high = sorted((first, first if last is None else last))
    return (every >= low) & (every <= high)


def _apply_voi_lut(values: np.ndarray, header: Dataset) -> tuple[np.ndarray, int, int]:
    """Return the first VOI LUT's entry for each value, and what black and white are in it (C.11.2.1.1)."""
    table = header.VOILUTSequence[0]
    entries, first, depth = table.LUTDescriptor
    # pydicom counts the entries in as many bits as they have: 8 bits are too few for 4096 of them.
    table.LUTDescriptor = [entries, first, 16]
    last = first + (entries or 65_536) - 1  # 0 is what is left of 65,536 in 16 bits
    return apply_voi(np.rint(values).astype(np.int64).clip(first, last), header), 0, 2**depth - 1


def main() -> None:
    """Decode the DICOM file on standard input; write its pixels to standard output as NumPy does."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    header = _read(sys.stdin.buffer.read())
    if header.file_meta.TransferSyntaxUID == JPEGExtended12Bit and header.BitsStored > 8:
        # pydicom will not have GDCM read 12 bits of this, but GDCM goes by the frame, not by its name.
        header.file_meta.TransferSyntaxUID = JPEGLossless
    pixels = io.BytesIO()
    np.save(pixels, pixel_array(header))
    sys.stdout.buffer.write(pixels.getvalue())


if __name__ == "__main__":
    main()
