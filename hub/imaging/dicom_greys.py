"""From the pixels of a DICOM file to greys and colours as a viewer shows them.

Sections are those of PS3.3. An element whose value makes no sense is as good as missing.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from pydicom import Dataset

from hub.imaging import greys
from hub.imaging.dicom_elements import PALETTE, items, number, numbers, raw, text
from hub.imaging.dicom_frame import Frame, stated_kind
from hub.imaging.unreadable import DamagedError


def to_8_bit(samples: np.ndarray, frame: Frame, header: Dataset) -> np.ndarray:
    """Return samples in 8 bits.

    `samples` are those of `dicom_frame.decode`, and the result is uint8 of the same shape, or [h, w, 3] for a
    palette of colours. The modality LUT or rescaling (C.11.1) is applied, then the
    first valid VOI LUT or window (C.11.2), then inversion. Without VOI LUT and window, and in colour, samples
    of up to 8 bits stay as they are, and deeper ones are stretched between `greys.limits`, not counting
    padding (C.7.5.1.1.2), which becomes black. Raises DamagedError for a malformed palette.
    """
    # Computed once for each value that occurs, then looked up for every sample.
    occurring, counts, for_each = _distinct(samples)
    with np.errstate(all="ignore"):
        values = _stored(occurring, frame)
        if frame.kind == "PALETTE COLOR":
            return for_each(_palette(values, frame, header))
        padding = _padding(occurring, values, frame, header)
        show = _show_colour if frame.samples == 3 else _show_grey
        shares = show(values, counts, padding, frame, header)
    shades = np.rint(255 * np.nan_to_num(shares)).astype(np.uint8)
    # In a DX image MONOCHROME1 and INVERSE mean one inversion, not two (C.8.11.3.1).
    inverse = frame.samples == 1 and text(header, "PresentationLUTShape") == "INVERSE"
    if inverse or stated_kind(header) == "MONOCHROME1":
        shades = 255 - shades
    shades[padding] = 0
    return for_each(shades)


def _distinct(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray, Callable]:
    """Return the values that occur, how often each does, and a function.

    From an entry for each of these values, it makes an array of that of each sample.
    """
    if samples.dtype.kind == "f" or samples.dtype.itemsize > 2:
        values, places, counts = np.unique(samples, return_inverse=True, return_counts=True)
        return values, counts, lambda entries: entries[places.reshape(samples.shape)]
    counts = greys.count(samples)
    values = np.flatnonzero(counts)

    def for_each(entries: np.ndarray) -> np.ndarray:
        table = np.zeros((len(counts), *entries.shape[1:]), entries.dtype)
        table[values] = entries
        return greys.look_up(samples, table)

    return values, counts[values], for_each


def _stored(occurring: np.ndarray, frame: Frame) -> np.ndarray:
    """Return the values without the bits that do not count, and with their sign."""
    if occurring.dtype.kind == "f":
        return occurring.astype(np.float64)
    values = occurring.astype(np.int64)
    # Many a header that has unused bits below the others is wrong, and they are above; and the other way.
    unused, below, is_small = frame.unused, frame.precision - frame.stored, values.max() < 2**frame.stored
    if is_small and (values % 2**unused).any():
        unused = 0
    elif not (unused or is_small or _extended(values, frame) or (values % 2**below).any()):
        unused = below
    values = (values >> unused) & (2**frame.stored - 1)
    return _signed(values, frame.stored) if frame.signed else values


def _extended(values: np.ndarray, frame: Frame) -> bool:
    """Return whether values are signed, with their sign in all bits above them."""
    above, ones = values >> (frame.stored - 1), 2 ** (frame.precision - frame.stored + 1) - 1
    return frame.signed and bool(np.isin(above, [0, ones]).all())


def _signed(values: np.ndarray, bits: int) -> np.ndarray:
    return np.where(values >= 2 ** (bits - 1), values - 2**bits, values)


def _padding(occurring: np.ndarray, values: np.ndarray, frame: Frame, header: Dataset) -> np.ndarray:
    """Return which values are padding, bool.

    Its value may be one of all bits of a sample, or of those that count. What is no number is padding, too.
    """
    ends = [number(header, name) for name in ("PixelPaddingValue", "PixelPaddingRangeLimit")]
    if ends[0] is None or frame.samples == 3 or occurring.dtype.kind == "f":
        return ~np.isfinite(values)
    ends = [ends[0] if end is None else end for end in ends]
    allocated = occurring.astype(np.int64)
    if frame.signed:
        allocated = _signed(allocated, frame.allocated)
    among_stored = _between(values, _in_range(ends, frame.stored, frame.signed))
    if among_stored.any():  # with unused bits below, all bits of another value may make the same number
        return among_stored
    return _between(allocated, _in_range(ends, frame.allocated, frame.signed))


def _in_range(ends: list[float], bits: int, signed: bool) -> list[float] | None:
    """Return both ends as numbers of so many bits, None if they are none.

    Writers choose the wrong one of US and SS, which PixelRepresentation decides (C.7.5.1.1.2), so a number
    with the same bits counts as the same. Where one end alone is beyond these bits, it is the last number of
    them: one with the same bits may lie on the other side, and the whole film in between.
    """
    lowest = -(2 ** (bits - 1)) if signed else 0
    highest = lowest + 2**bits - 1

    def moved(*offsets: int) -> list[float | None]:
        same = ([end + offset for offset in offsets] for end in ends)
        return [next((number for number in each if lowest <= number <= highest), None) for each in same]

    found = moved(0, -(2**16), 2**16)
    if found == [None, None]:
        found = moved(-(2**bits), 2**bits)
        return None if None in found else found
    pairs = zip(ends, found, strict=True)
    return [min(max(end, lowest), highest) if number is None else number for end, number in pairs]


def _between(values: np.ndarray, ends: list[float] | None) -> np.ndarray:
    if ends is None:
        return np.zeros(len(values), bool)
    return (values >= min(ends)) & (values <= max(ends))


def _show_grey(
    values: np.ndarray, counts: np.ndarray, padding: np.ndarray, frame: Frame, header: Dataset
) -> np.ndarray:
    """Return how bright each value of a grey image is, float from 0 for black to 1."""
    rescaled = _rescale(values, frame, header)
    if table := _first_table(header, "VOILUTSequence", signed=bool((rescaled < 0).any())):
        return _look_up(rescaled, table) / table.white
    if window := _first_window(header):
        function, centre, width = window
        return function(rescaled, centre, width)
    if frame.stored <= 8:
        lowest = -(2 ** (frame.stored - 1)) if frame.signed else 0
        every = _rescale(np.arange(lowest, lowest + 2**frame.stored), frame, header)
        return _stretch(rescaled, every.min(), every.max())
    return _stretch(rescaled, *_limits(rescaled, counts, padding))


def _show_colour(
    values: np.ndarray, counts: np.ndarray, padding: np.ndarray, frame: Frame, header: Dataset
) -> np.ndarray:
    """Return how bright each value of a colour is, float from 0 to 1.

    Windows are for grey only (C.11.2).
    """
    if frame.stored <= 8:
        return _stretch(values, 0, 2**frame.stored - 1)
    return _stretch(values, *_limits(values, counts, padding))


def _limits(values: np.ndarray, counts: np.ndarray, padding: np.ndarray) -> tuple[float, float]:
    """Return the values that become black and white, by `greys.limits`."""
    if padding.all():
        return 0, 0
    values, counts = values[~padding], counts[~padding]
    order = np.argsort(values, kind="stable")
    return greys.limits(values[order], counts[order])


def _stretch(values: np.ndarray, black: float, white: float) -> np.ndarray:
    return ((values - black) / (white - black)).clip(0, 1) if white > black else np.zeros(len(values))


def _rescale(values: np.ndarray, frame: Frame, header: Dataset) -> np.ndarray:
    """Apply the first valid modality LUT (C.11.1.1), else slope and intercept."""
    if table := _first_table(header, "ModalityLUTSequence", frame.signed):
        return _look_up(values, table)
    slope = number(header, "RescaleSlope") or 1  # 0 would make every image blank
    return values * slope + (number(header, "RescaleIntercept") or 0)


def _first_window(header: Dataset) -> tuple[Callable, float, float] | None:
    """Return function, centre and width of the first valid window; None without one."""
    function, least = FUNCTIONS.get(text(header, "VOILUTFunction"), (_linear, 1))
    for centre, width in zip(numbers(header, "WindowCenter"), numbers(header, "WindowWidth"), strict=False):
        if np.isfinite([centre, width]).all() and width >= least:
            return function, centre, width
    return None


def _linear(x: np.ndarray, centre: float, width: float) -> np.ndarray:
    """Apply a window as C.11.2.1.2.1 says; 1 is the least width."""
    ramp = (x - (centre - 0.5)) / max(width - 1, np.finfo(float).tiny) + 0.5
    return np.where(x <= centre - 0.5 - (width - 1) / 2, 0, ramp.clip(0, 1))


def _sigmoid(x: np.ndarray, centre: float, width: float) -> np.ndarray:
    """Apply a window as C.11.2.1.3.1 says."""
    return 1 / (1 + np.exp((-4 * (x - centre) / width).clip(-700, 700)))


def _linear_exact(x: np.ndarray, centre: float, width: float) -> np.ndarray:
    """Apply a window as C.11.2.1.3.2 says."""
    return ((x - centre) / width + 0.5).clip(0, 1)


# By VOILUTFunction, with the least width.
FUNCTIONS = {
    "LINEAR": (_linear, 1),
    "LINEAR_EXACT": (_linear_exact, np.finfo(float).tiny),
    "SIGMOID": (_sigmoid, np.finfo(float).tiny),
}


@dataclass(frozen=True)
class Table:
    """A lookup table.

    `entries`, int [N], are for the values from `first` on, and at most `white`.
    """

    first: int
    entries: np.ndarray
    white: int


def _first_table(header: Dataset, sequence: str, signed: bool) -> Table | None:
    tables = (_table(item, "LUTDescriptor", "LUTData", signed) for item in items(header, sequence))
    return next(filter(None, tables), None)


def _table(header: Dataset, descriptor: str, data: str, signed: bool) -> Table | None:
    """Return a lookup table (C.11.1.1.1); None if it is malformed.

    `signed` says whether the values to look up may be negative.
    """
    described, data_bytes = numbers(header, descriptor), raw(header, data)
    # Of numbers that fit 16 bits, or a count of one more; NaN does not.
    if len(described) != 3 or not all(-32_768 <= value <= 65_536 for value in described) or not data_bytes:
        return None
    count, first, depth = (int(value) for value in described)
    count = count % 65_536 or 65_536  # which does not fit in 16 bits, and is stored as 0
    # Entries of 8 bits may be stored in one byte or two.
    size = 2 if len(data_bytes) >= 2 * count else 1 if len(data_bytes) in (count, count + 1) else 0
    if not size:
        return None
    order = "<" if header.get_item(data).is_little_endian else ">"
    entries = np.frombuffer(data_bytes, f"{order}u{size}", count).astype(np.int64)
    depth = max(depth if 1 <= depth <= 16 else 1, int(entries.max()).bit_length())
    return Table(first - 65_536 if signed and first >= 32_768 else first, entries, 2**depth - 1)


def _look_up(values: np.ndarray, table: Table) -> np.ndarray:
    places = np.rint(np.nan_to_num(values)).clip(table.first, table.first + len(table.entries) - 1)
    return table.entries[places.astype(np.int64) - table.first]


def _palette(values: np.ndarray, frame: Frame, header: Dataset) -> np.ndarray:
    """Return the colour of each value (C.7.9), uint8 [N, 3], or [N] if all are grey."""
    tables = [_table(header, f"{name}Descriptor", f"{name}Data", frame.signed) for name in PALETTE]
    if not all(tables):
        raise DamagedError
    # Many tables of 16 bits hold 8.
    white = 255 if all(table.entries.max() < 256 for table in tables) else max(t.white for t in tables)
    colours = np.stack([_look_up(values, table) for table in tables], -1)
    colours = np.rint(colours * (255 / white)).astype(np.uint8)
    return colours[:, 0] if (colours == colours[:, :1]).all() else colours
