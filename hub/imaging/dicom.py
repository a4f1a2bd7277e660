"""Check the headers of DICOM radiographs, and render their pixels in 8 bits.

`python -m hub.imaging.dicom` is not a command for users: `decode` runs it to decode a compressed file in
a separate process, DICOM on standard input, pixels on standard output.
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

import gdcm  # noqa: F401, pydicom's decoder of JPEG Lossless and JPEG-LS: missing, it should fail here
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

# All that is read of a header. Nothing in it identifies the patient.
ELEMENTS = [
    "SOPClassUID", "Modality", "ViewPosition", "PresentationIntentType", "NumberOfFrames", "Rows", "Columns",
    "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "BitsAllocated", "BitsStored",
    "HighBit", "PixelRepresentation", "PixelPaddingValue", "PixelPaddingRangeLimit", "ModalityLUTSequence",
    "RescaleSlope", "RescaleIntercept", "VOILUTSequence", "WindowCenter", "WindowWidth", "VOILUTFunction",
    "PresentationLUTShape", "ExtendedOffsetTable", "ExtendedOffsetTableLengths", "PixelData",
]  # fmt: skip
# OT is the modality of radiographs scanned or captured from a screen; many of these give none.
RADIOGRAPHS = ("CR", "DX", "RG", "OT", "")
LATERAL = ("LL", "RL", "LAT", "LATERAL")
GREY = ("MONOCHROME1", "MONOCHROME2")
COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")
MAX_INFLATED = 512_000_000  # bytes
TIMEOUT = 60  # seconds for one compressed file
MAX_MEMORY = 4 << 30  # bytes of address space, of which less is used
# Files without preamble and prefix begin with an element of group 0002 or 0008, followed by the two letters
# of its type or a length under 65536; in big endian the bytes are swapped (PS3.5 7.1).
NO_PREAMBLE = re.compile(
    rb"[\x02\x08]\x00.\x00[A-Z]{2}|\x08\x00.\x00..\x00\x00|\x00[\x02\x08]\x00.[A-Z]{2}", re.DOTALL
)

# pydicom's warnings quote the header. Set once, as in read.py.
warnings.filterwarnings("ignore", module="pydicom")
logging.getLogger("pydicom").propagate = False


def is_dicom(data: bytes) -> bool:
    """Return whether the bytes are a DICOM file.

    It may have preamble and prefix (PS3.10 7.1) or lack them.
    """
    return data[128:132] == b"DICM" or NO_PREAMBLE.match(data) is not None


def read_header(data: bytes, name: str) -> Dataset:
    """Return the `ELEMENTS` of a DICOM file of one frontal radiograph.

    Pixels are as stored. Raises InputError for a file of anything else: no image, several frames, another
    modality, a lateral view, raw values of a detector (PS3.3 C.8.11.1), more colours or bits than a
    radiograph has, a transfer syntax that is not supported. The sentence quotes nothing of the header but the
    modality or the transfer syntax. A damaged file may raise any other exception.
    """
    header = _read(data)
    if "PixelData" not in header:
        kind = header.get("SOPClassUID") or header.file_meta.get("MediaStorageSOPClassUID")
        if "Rows" in header or (kind and "Image" in kind.name):
            raise ValueError("cut short")
        raise InputError(f"{name} is a DICOM file without a picture; give the file of the radiograph itself.")
    modality = _text(header, "Modality")
    if modality not in RADIOGRAPHS:
        # Two letters identify nobody; anything longer might.
        kind = f"of modality {modality}" if re.fullmatch("[A-Z]{2}", modality) else "of another modality"
        raise InputError(f"{name} is {kind}, not a radiograph; give a CR or DX file.")
    if int(header.get("NumberOfFrames") or 1) > 1:
        raise InputError(f"{name} has several frames; give a single radiograph.")
    if _text(header, "ViewPosition") in LATERAL:
        # The network was trained on frontal views only, and the input check may pass a lateral one.
        raise InputError(f"{name} is a lateral view by its header; give the frontal one.")
    if _text(header, "PresentationIntentType") == "FOR PROCESSING":
        raise InputError(
            f"{name} is what the detector gave, not a film yet; give the image for presentation."
        )
    _check_syntax(header.file_meta.TransferSyntaxUID, name)
    _check_pixel_format(header, name)
    return header


def decode(data: bytes, header: Dataset) -> np.ndarray:
    """Return the image of a file, uint8 [rows, columns], or [rows, columns, 3] RGB.

    `header` is what `read_header` returns for `data`. Bone is bright, in MONOCHROME1 as in MONOCHROME2.
    Overlays are left out, and pixels that are not square stay so: networks get a squashed image anyway.
    A damaged file may raise any exception.
    """
    if header.file_meta.TransferSyntaxUID.is_encapsulated:
        pixels = _decode_in_subprocess(data)
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
    # An element without a value means the same as none, but pydicom fails on some.
    for empty in [element.tag for element in header if element.is_empty]:
        del header[empty]
    return header


def _inflate(data: bytes) -> bytes:
    """Return the data set of a deflated file (PS3.5 A.5) inflated.

    Any other file stays as it is. pydicom would inflate too, but without a limit.
    """
    # Search the whole file: a crafted header may hide the name from a search of its beginning.
    if DeflatedExplicitVRLittleEndian.encode() not in data:
        return data
    # The first element after the prefix holds the length of the rest of its group (PS3.10 7.1).
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
        known = syntax.name if syntax in AllTransferSyntaxes else "an unknown transfer syntax"
        raise InputError(f"{name} is stored as {known}, which is not read here; export it uncompressed.")


def _check_pixel_format(header: Dataset, name: str) -> None:
    kind, depth = _text(header, "PhotometricInterpretation"), (header.BitsAllocated, header.BitsStored)
    if (kind, header.SamplesPerPixel) not in [(grey, 1) for grey in GREY] + [(rgb, 3) for rgb in COLOUR]:
        raise InputError(f"{name} has neither grey pixels nor plain colours; export it as grey.")
    if header.SamplesPerPixel == 3 and depth != (8, 8):
        raise InputError(f"{name} has more than 8 bits per colour; export it as grey.")
    # Early editions of the standard let the bits of a pixel lie anywhere in its bytes.
    in_place = header.get("HighBit", header.BitsStored - 1) == header.BitsStored - 1
    if header.BitsAllocated not in (8, 16) or not 8 <= header.BitsStored <= 16 or not in_place:
        raise InputError(f"{name} has an unusual number of bits per pixel; export it with 8 to 16.")


def _decode_in_subprocess(data: bytes) -> np.ndarray:
    """Return the pixels of a compressed file, decoded in a separate process.

    GDCM aborts on some damaged frames, and everything in the same process ends with it.
    """
    process = subprocess.run(
        [sys.executable, "-m", "hub.imaging.dicom"],
        input=data,
        capture_output=True,
        cwd=Path(__file__).parents[2],  # the folder that holds hub, a checkout or site-packages
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},  # each thread takes address space, which is limited
        timeout=TIMEOUT,
        check=True,
    )
    return np.load(io.BytesIO(process.stdout))


def _to_8_bit(stored: np.ndarray, header: Dataset) -> np.ndarray:
    """Return stored values as greys, uint8 [h, w]: 0 is black, 255 white.

    `stored` are integers [h, w]. The modality LUT or rescaling (PS3.3 C.11.1) is applied, then the first VOI
    LUT or window (C.11.2), then inversion. Without VOI LUT and window 8 bits stay as they are, and deeper
    greys are stretched so that the darkest pixel becomes 0 and the brightest 255, not counting padding
    (C.7.5.1.1.2), which becomes black.
    """
    stored = stored.astype(stored.dtype.newbyteorder("="))
    limits = np.iinfo(stored.dtype)
    # Computed once for each of the 256 or 65,536 possible values, then looked up for every pixel.
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
    # In a DX image MONOCHROME1 and INVERSE mean one inversion, not two (PS3.3 C.8.11.3.1).
    kind, shape = _text(header, "PhotometricInterpretation"), _text(header, "PresentationLUTShape")
    if kind == "MONOCHROME1" or shape == "INVERSE":
        greys = 255 - greys
    greys[padding] = 0
    return greys[stored.astype(np.int32) - limits.min]


def _shown(stored: np.ndarray, every: np.ndarray, padding: np.ndarray, header: Dataset) -> np.ndarray:
    """Return which values span the grey scale without a window.

    The result is bool like `every`, the possible values.
    """
    if header.BitsStored == 8:
        lowest = -128 * header.PixelRepresentation
        return (every >= lowest) & (every < lowest + 256)
    return (np.bincount((stored.astype(np.int32) - every[0]).ravel(), minlength=len(every)) > 0) & ~padding


def _padding(every: np.ndarray, header: Dataset) -> np.ndarray:
    """Return which of the possible values are padding, bool like `every`."""
    first = header.get("PixelPaddingValue")
    if first is None:
        return np.zeros(len(every), bool)
    last = header.get("PixelPaddingRangeLimit")
    low, high = sorted((first, first if last is None else last))
    return (every >= low) & (every <= high)


def _apply_voi_lut(values: np.ndarray, header: Dataset) -> tuple[np.ndarray, int, int]:
    """Apply the first VOI LUT; return its entries, black and white (C.11.2.1.1)."""
    table = header.VOILUTSequence[0]
    entries, first, depth = table.LUTDescriptor
    # pydicom counts the entries in as many bits as they have: 8 bits are too few for 4096 of them.
    table.LUTDescriptor = [entries, first, 16]
    last = first + (entries or 65_536) - 1  # 65,536 does not fit in 16 bits and is stored as 0
    return apply_voi(np.rint(values).astype(np.int64).clip(first, last), header), 0, 2**depth - 1


def main() -> None:
    """Decode DICOM from standard input; write pixels to standard output as .npy."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    header = _read(sys.stdin.buffer.read())
    if header.file_meta.TransferSyntaxUID == JPEGExtended12Bit and header.BitsStored > 8:
        # pydicom refuses to have GDCM read 12 bits of this, but GDCM goes by the frame, not by its name.
        header.file_meta.TransferSyntaxUID = JPEGLossless
    pixels = io.BytesIO()
    np.save(pixels, pixel_array(header))
    sys.stdout.buffer.write(pixels.getvalue())


if __name__ == "__main__":
    main()
