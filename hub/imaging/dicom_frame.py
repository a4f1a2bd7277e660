"""The one frame of a DICOM file: how its pixels are stored, and decoding them.

Where header and pixels contradict each other the pixels count: a compressed frame has a header of its own
(`dicom_codestream`), and an uncompressed one has a length.
"""

import math
import zlib  # noqa: F401, before GDCM, whose own zlib would take the place of Python's and crash in it
from dataclasses import dataclass, replace

import gdcm  # noqa: F401, pydicom's decoder of JPEG Lossless and JPEG-LS: missing, it should fail here
import numpy as np
from pydicom import Dataset
from pydicom.encaps import encapsulate
from pydicom.pixels import convert_color_space, get_decoder
from pydicom.uid import UID, JPEGExtended12Bit, JPEGLossless, JPEGLSLossless

from hub.errors import InputError
from hub.imaging import greys
from hub.imaging.dicom_codestream import (
    ITEM,
    STREAMS,
    UNCOMPRESSED,
    Codestream,
    check_syntax,
    join,
    read_codestream,
)
from hub.imaging.dicom_elements import (
    UNDEFINED_LENGTH,
    byte_order,
    integer,
    pixels,
    raw,
    syntax,
    text,
)
from hub.imaging.unreadable import DamagedError

SORTED = 40  # bytes for a number that is sorted, and its place
GREY = ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR")  # one sample per pixel
COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")  # three
KINDS = {kind.replace("_", "").replace(" ", ""): kind for kind in GREY + COLOUR}
FLOATS = {"FloatPixelData": 32, "DoubleFloatPixelData": 64}  # bits


@dataclass(frozen=True)
class Frame:
    """One frame as it is stored.

    `data` are its bytes in the transfer syntax `syntax`, `kind` is its photometric interpretation. A sample
    has `allocated` bits, or `precision` where it is compressed. Above the lowest `unused` bits lie `stored`
    ones, which alone count, and are `signed` or not. `planar` says that colours are stored one after the
    other, `element` where the pixels were in the header, and `vr` of what type.
    """

    data: bytes
    syntax: UID
    rows: int
    columns: int
    samples: int
    kind: str
    allocated: int
    precision: int
    stored: int
    unused: int
    signed: bool
    planar: bool = False
    element: str = "PixelData"
    vr: str = "OB"

    @property
    def size(self) -> int:
        """Bytes that the uncompressed pixels take."""
        size = math.ceil(self.rows * self.columns * self.samples * self.allocated / 8)
        # Two pixels share their colour (PS3.3 C.7.6.3.1.2).
        return size // 3 * 2 if self.kind == "YBR_FULL_422" else size

    @property
    def bytes_per_pixel(self) -> float:
        """Bytes of memory that a pixel takes until it has 8 bits."""
        if self.element in FLOATS or self.allocated > 16:
            return SORTED * self.samples
        # As in the file, decoded, and in 8 bits; colours may be arranged or converted.
        return self.samples * (self.allocated / 4 + 1) + (self.samples == 3) * (self.allocated / 8 + 3)

    @property
    def is_compressed(self) -> bool:
        """Whether a library has to decode it, which may crash or take long."""
        return self.syntax not in UNCOMPRESSED


def read_frame(header: Dataset, name: str) -> Frame:
    """Return the frame of a header that has pixels.

    What the header lacks is taken from the pixels, or is what viewers take. Raises InputError that names the
    element at fault, or a transfer syntax that is not read, and DamagedError for pixels that are not whole.
    """
    element, stated = pixels(header), syntax(header)
    data = raw(header, element)
    undefined_length = header.get_item(element).length == UNDEFINED_LENGTH
    if undefined_length or (stated is not None and stated not in UNCOMPRESSED):
        if data.startswith(ITEM):
            data = join(data, name)
            return _compressed(header, data, read_codestream(data, stated, name), name)
        if data.startswith(STREAMS):
            return _compressed(header, data, read_codestream(data, stated, name), name)
        if stated is not None:
            check_syntax(stated, name)
    return _uncompressed(header, data, element, name)


def decode(frame: Frame) -> np.ndarray:
    """Return the samples of a frame as stored.

    They are [rows, columns], or [rows, columns, 3] RGB: unsigned integers with the bits that do not count, or
    numbers with a point. Raises DamagedError for a frame that cannot be decoded.
    """
    options = {
        "rows": frame.rows,
        "columns": frame.columns,
        "number_of_frames": 1,
        "samples_per_pixel": frame.samples,
        "photometric_interpretation": frame.kind,
        "planar_configuration": int(frame.planar),
        "bits_allocated": frame.allocated,
        "bits_stored": frame.precision,
        "pixel_representation": 0,
        "pixel_keyword": frame.element,
        "pixel_vr": frame.vr,
    }
    if frame.is_compressed:
        samples = _decode_compressed(frame.data, frame.syntax, options)
    elif len(frame.data) < frame.size:
        raise DamagedError
    else:
        samples, _ = get_decoder(frame.syntax).as_array(frame.data, raw=True, **options)
        samples = samples.astype(samples.dtype.newbyteorder("="), copy=False)
        if frame.samples == 3 and frame.kind != "YBR_FULL_422":
            samples = _arrange(samples, frame.planar)
    if frame.kind.startswith("YBR"):
        samples = np.array(samples)  # or it may be of the file's bytes, which cannot be changed
        for rows in greys.strips(samples):  # pydicom calculates in numbers with a point
            samples[rows] = convert_color_space(samples[rows], "YBR_FULL", "RGB")
    return samples


def stated_kind(header: Dataset) -> str:
    """Return the photometric interpretation that the header states, "" if none.

    It is taken for one that the standard knows if only spaces and underscores differ.
    """
    stated = text(header, "PhotometricInterpretation")
    return KINDS.get(stated.replace("_", "").replace(" ", ""), stated)


def _uncompressed(header: Dataset, data: bytes, element: str, name: str) -> Frame:
    rows, columns = _size(header, "Rows", name), _size(header, "Columns", name)
    samples = _samples(header, len(data) // (rows * columns), name)
    allocated = _allocated(header, element, len(data), rows * columns * samples, name)
    kind = _kind(header, samples, name)
    _check_depth(kind, allocated, name)
    stored, unused = _bits(header, allocated, name)
    planar = samples == 3 and integer(header, "PlanarConfiguration") == 1
    vr = header.get_item(element).VR or "OW"
    frame = Frame(
        data, byte_order(header), rows, columns, samples, kind, allocated, allocated, stored, unused,
        _signed(header), planar, element, vr,
    )  # fmt: skip
    if kind == "YBR_FULL_422" and 2 * len(data) >= 3 * frame.size:  # each pixel has a colour all the same
        frame = replace(frame, kind="YBR_FULL")
    elif kind == "YBR_FULL_422" and columns % 2:  # which pixels share a colour?
        raise InputError(_unusual(name, "PhotometricInterpretation"))
    if samples == 3 and len(data) - frame.size // 3 in (0, 1):  # of one sample per pixel
        raise InputError(_unusual(name, "SamplesPerPixel"))
    if len(data) >= 2 * frame.size:
        raise InputError(
            f"{name} has {len(data) // frame.size} times the pixels of its Rows, Columns, SamplesPerPixel, "
            "BitsAllocated and NumberOfFrames; export it again, or as PNG."
        )
    return frame


def _compressed(header: Dataset, data: bytes, stream: Codestream, name: str) -> Frame:
    if stream.samples not in (1, 3):
        raise InputError(f"{name} has neither grey pixels nor plain colours; export it as grey.")
    rows = stream.rows or _size(header, "Rows", name)
    columns = stream.columns or _size(header, "Columns", name)
    kind = stream.kind or _kind(header, stream.samples, name, stream.usual).removesuffix("_422")
    _check_depth(kind, stream.bits, name)
    # GDCM decodes no more, and of JPEG-LS not these.
    if stream.bits > 32 or (stream.syntax == JPEGLSLossless and stream.bits in (6, 7)):
        raise InputError(_unusual(name, "number of bits per pixel"))
    allocated = next(bits for bits in (8, 16, 32) if stream.bits <= bits)
    stored, unused = _bits(header, stream.bits, name)
    return Frame(
        data, stream.syntax, rows, columns, stream.samples, kind, allocated, stream.bits, stored, unused,
        _signed(header),
    )  # fmt: skip


def _size(header: Dataset, element: str, name: str) -> int:
    value = integer(header, element)
    if value is None:
        raise InputError(_missing(name, element))
    if not 0 < value < 65_536:
        raise InputError(_unusual(name, element))
    return value


def _samples(header: Dataset, bytes_per_pixel: int, name: str) -> int:
    """Return the samples per pixel of uncompressed pixels.

    Where the header contradicts itself, the pixels tell.
    """
    kind, stated = stated_kind(header), integer(header, "SamplesPerPixel")
    usual = 1 if kind in GREY else 3 if kind in COLOUR else None
    if stated and stated not in (1, 3):
        raise InputError(_unusual(name, "SamplesPerPixel"))
    if stated and usual in (None, stated):
        return stated
    if not stated and usual:
        return usual
    bytes_per_sample = (integer(header, "BitsAllocated") or 8) // 8 or 1
    return 3 if bytes_per_pixel >= 3 * bytes_per_sample else 1


def _allocated(header: Dataset, element: str, length: int, samples: int, name: str) -> int:
    """Return the bits that a sample takes in uncompressed pixels."""
    if element in FLOATS:
        return FLOATS[element]
    stated, stored = integer(header, "BitsAllocated"), integer(header, "BitsStored") or 1
    possible = stated in (1, 8, 16, 32) and stored <= stated
    if possible and length >= samples * stated / 8:
        return stated
    # The length tells, if whole bytes make it but for a byte that makes it even.
    fitting = (bits for bits in (8, 16, 32) if length - samples * bits // 8 in (0, 1) and stored <= bits)
    allocated = next(fitting, stated if possible else None)
    if allocated is None:
        if stated is None:
            raise InputError(_missing(name, "BitsAllocated"))
        raise InputError(_unusual(name, "BitsStored" if stated in (1, 8, 16, 32) else "BitsAllocated"))
    return allocated


def _kind(header: Dataset, samples: int, name: str, usual: str = "RGB") -> str:
    """Return the photometric interpretation of so many samples per pixel.

    It is `usual` for three if the header states none of three.
    """
    stated = stated_kind(header)
    if stated and stated not in GREY + COLOUR:
        raise InputError(_unusual(name, "PhotometricInterpretation"))
    if samples == 1:
        return stated if stated in GREY else "MONOCHROME2"
    # YBR_ICT and YBR_RCT exist only in JPEG 2000, whose decoder turns them into RGB.
    return stated if stated in ("RGB", "YBR_FULL", "YBR_FULL_422") else usual


def _check_depth(kind: str, bits: int, name: str) -> None:
    if kind.startswith("YBR") and bits > 8:
        raise InputError(f"{name} has more than 8 bits per colour in {kind}; export it as grey.")


def _bits(header: Dataset, precision: int, name: str) -> tuple[int, int]:
    """Return how many bits of a sample count, and how many lie below (PS3.5 8.1.1)."""
    stored, high = integer(header, "BitsStored"), integer(header, "HighBit")
    stored = min(stored or (high + 1 if high is not None else precision), precision)
    high = stored - 1 if high is None else min(high, precision - 1)
    if stored < 1:
        raise InputError(_unusual(name, "BitsStored"))
    if high < stored - 1:
        raise InputError(_unusual(name, "HighBit"))
    return stored, high - stored + 1


def _signed(header: Dataset) -> bool:
    return integer(header, "PixelRepresentation") == 1


def _missing(name: str, element: str) -> str:
    return f"{name} lacks {element}; export it again, or as PNG."


def _unusual(name: str, element: str) -> str:
    return f"{name} has an unusual {element}; export it again, or as PNG."


def _arrange(samples: np.ndarray, planar: bool) -> np.ndarray:
    """Return colours, [h, w, 3], arranged the other way if that is far smoother.

    PlanarConfiguration is often wrong, and rows of a wrong arrangement do not continue one another.
    """
    height, width, _ = samples.shape
    stored = samples.transpose(2, 0, 1) if planar else samples
    other = (
        stored.reshape(height, width, 3) if planar else stored.reshape(3, height, width).transpose(1, 2, 0)
    )
    return other if _roughness(other) < _roughness(samples) / 2 else samples


def _roughness(samples: np.ndarray) -> float:
    strips = (samples[rows.start : rows.stop + 1].astype(np.float32) for rows in greys.strips(samples))
    return float(sum(np.abs(np.diff(strip, axis=0)).sum(dtype=np.float64) for strip in strips))


def _decode_compressed(data: bytes, syntax: UID, options: dict) -> np.ndarray:
    """Return the samples of a compressed frame; raise DamagedError."""
    if syntax == JPEGExtended12Bit and options["bits_stored"] > 8:
        # pydicom refuses to have GDCM read 12 bits of this, but GDCM goes by the frame, not by its name.
        syntax = JPEGLossless
    try:
        samples, _ = get_decoder(syntax).as_array(encapsulate([data]), raw=True, **options)
    except (RuntimeError, ValueError):  # RuntimeError is what pydicom makes of others'
        raise DamagedError from None
    return samples
