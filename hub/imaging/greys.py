"""Deep greys and colours, of more than 8 bits, stretched to 8 bits."""

import math
from collections.abc import Iterator

import numpy as np
from PIL import Image

from hub.imaging.unreadable import UnreadableError

# Pixels that are dead, hot or part of a marker must not decide how dark the rest is. So black and white are
# percentiles, moved apart by a share of their distance: the pixels of a radiograph reach hardly further.
# `python -m hub.analysis deep_greys` chose both on training radiographs.
PERCENTILES = (1, 99)
WIDENING = 0.25
SAMPLE = 1_000_000  # pixels that are enough for percentiles of values that cannot be counted one by one
STRIP = 1 << 20  # pixels that are converted at a time: copies of a whole image as int64 or float64 are large


def limits(
    values: np.ndarray,
    counts: np.ndarray,
    percentiles: tuple[float, float] = PERCENTILES,
    widening: float = WIDENING,
) -> tuple[float, float]:
    """Return the values that become black and white.

    They are `percentiles` of the pixels, moved apart on either side by the share `widening` of their
    distance, but no further than to the lowest and the highest value. Where the percentiles are equal, they
    are the lowest and the highest value. `values` are sorted, float [N], and `counts`, int [N], says how many
    pixels have each.
    """
    shares = 100 * np.cumsum(counts) / counts.sum()
    low, high = (float(values[np.searchsorted(shares, percentile)]) for percentile in percentiles)
    lowest, highest = float(values[0]), float(values[-1])
    if low == high:
        return lowest, highest
    margin = widening * (high - low)
    return max(low - margin, lowest), min(high + margin, highest)


def bytes_per_pixel(channels: int, size: int) -> int:
    """Return the bytes of memory that `to_image` takes for each pixel.

    The pixels themselves count; `size` is that of one number.
    """
    return size + 1 if channels == 1 else channels * (2 * size + 2) + 4


def to_image(pixels: np.ndarray) -> Image.Image:
    """Return pixels as an image of 8 bits, mode "L", "LA", "RGB" or "RGBA".

    `pixels` are [H, W], or [H, W, 1 to 4]: grey, grey and alpha, RGB, RGBA. uint8 stays as it is. Deeper
    colours are stretched together, and three equal ones are grey.

    Raises UnreadableError for values that are not finite.
    """
    if pixels.dtype == np.uint8:
        return Image.fromarray(pixels[..., 0] if pixels.shape[2:] == (1,) else pixels)
    pixels = pixels.reshape(*pixels.shape[:2], -1)
    colours, alpha = (pixels, None) if pixels.shape[2] % 2 else (pixels[..., :-1], pixels[..., -1])
    if colours.shape[2] == 3 and all(np.array_equal(colours[..., 0], colours[..., i]) for i in (1, 2)):
        colours = colours[..., :1]
    if alpha is not None and not np.isfinite(alpha).all():
        raise _not_finite()
    if alpha is not None and alpha.any():
        colours = _without_hidden(colours, alpha)
        opacity = scale(alpha, 0, float(alpha.max()))
    else:
        opacity = None  # where all is transparent, nothing is meant to be
    bands = [Image.fromarray(band) for band in np.moveaxis(stretch(colours), 2, 0)]
    if opacity is not None:
        bands.append(Image.fromarray(opacity))
    return Image.merge({1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[len(bands)], bands)


def _without_hidden(colours: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Return colours with the least that is seen where they are transparent.

    What nobody sees must not move the limits; it becomes black anyway.
    """
    least = min(colours[rows][alpha[rows] > 0].min() for rows in strips(colours) if (alpha[rows] > 0).any())
    seen = np.empty(colours.shape, colours.dtype)
    for rows in strips(colours):
        seen[rows] = np.where(alpha[rows][..., None] > 0, colours[rows], least)
    return seen


def stretch(pixels: np.ndarray) -> np.ndarray:
    """Return numbers as uint8 of the same shape, black and white at their `limits`.

    Floats from 0 to 1 of which some are above a half are shares of white already. A blank image becomes
    black. Raises UnreadableError for values that are not finite.
    """
    if pixels.dtype == bool:
        pixels = pixels.view(np.uint8)
    pixels = pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
    if pixels.dtype.kind in "ui" and pixels.dtype.itemsize <= 2:
        return _stretch_by_table(pixels)
    lowest, highest = pixels.min(), pixels.max()
    if not math.isfinite(float(highest) - float(lowest)):
        raise _not_finite()
    if pixels.dtype.kind == "f" and lowest >= 0 and 0.5 < highest <= 1:
        return scale(pixels, 0, 1)
    step = math.ceil(math.sqrt(pixels.size / SAMPLE))
    sample = np.append(pixels[::step, ::step], [lowest, highest]).astype(np.float64)
    return scale(pixels, *limits(*np.unique(sample, return_counts=True)))


def _not_finite() -> UnreadableError:
    return UnreadableError("holds values that are not numbers; export it again as 8 or 16 bits.")


def _stretch_by_table(pixels: np.ndarray) -> np.ndarray:
    """Stretch integers of at most 16 bits, converting each value once."""
    first, counts = int(np.iinfo(pixels.dtype).min), count(pixels)
    present = np.flatnonzero(counts)
    every = np.arange(len(counts))
    ends = limits(present + float(first), counts[present])
    return look_up(pixels, scale(every[None], *(end - first for end in ends))[0])


def count(pixels: np.ndarray) -> np.ndarray:
    """Return how often each value occurs, from the lowest of the type to the highest.

    `pixels` are integers of at most 16 bits, and the result is int64 [256] or [65536].
    """
    first = int(np.iinfo(pixels.dtype).min)
    counts = np.zeros(1 << 8 * pixels.dtype.itemsize, np.int64)
    for rows in strips(pixels):
        counts += np.bincount(pixels[rows].ravel().astype(np.intp) - first, minlength=len(counts))
    return counts


def look_up(pixels: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Return the entry of each pixel in a table in the order of `count`."""
    first = int(np.iinfo(pixels.dtype).min)
    found = np.empty(pixels.shape + table.shape[1:], table.dtype)
    for rows in strips(pixels):
        found[rows] = table[pixels[rows].astype(np.intp) - first]
    return found


def scale(pixels: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return numbers as uint8 of the same shape: 0 up to `low`, 255 from `high`."""
    scaled = np.zeros(pixels.shape, np.uint8)
    if low < high:
        for rows in strips(pixels):
            shares = (pixels[rows] - np.float64(low)) / (high - low)
            scaled[rows] = np.rint(255 * shares.clip(0, 1))
    return scaled


def strips(pixels: np.ndarray) -> Iterator[slice]:
    """Yield slices of rows of about `STRIP` values, which together are all rows."""
    rows = max(1, STRIP // max(1, pixels[0].size))
    for start in range(0, len(pixels), rows):
        yield slice(start, start + rows)
