"""Draw filters, feature maps and gradients as PNG images in data URIs.

The colours of a heatmap's cells are returned as numbers.
"""

import math

import numpy as np

from hub.demo.render import png_uri
from hub.inference.heatmap import FAINT, tint

SMALLEST_FILTER = 0.01  # of the largest: weaker filters are drawn grey, not enlarged
FILTER_SIDE = 24  # pixels, at least, that a filter is drawn in
GLOW_OPACITY = 230  # of 255, at the pixel with the largest gradient


def compare_filters(before: np.ndarray | None, after: np.ndarray) -> dict:
    """Return the tiles of filters before and after training, and of their change.

    Filters are [filters, channels, h, w]. "before" and "after" are lists of data URIs, one per filter; both
    tiles of a filter have the same scale. "change" has "tiles", enlarged by "factor" to be visible, and
    "share", the norm of the change over that of `before`. "before" and "change" are None if `before` is None.
    """
    if before is None:
        return {"before": None, "after": _tiles(after, _scale(np.abs(after))), "change": None}
    scale = _scale(np.maximum(np.abs(before), np.abs(after)))
    difference = after - before
    factor = _enlargement(difference, scale)
    share = float(np.linalg.norm(difference) / max(np.linalg.norm(before), 1e-12))
    change = {"share": share, "factor": factor, "tiles": _tiles(difference * factor, scale)}
    return {"before": _tiles(before, scale), "after": _tiles(after, scale), "change": change}


def _scale(magnitudes: np.ndarray) -> np.ndarray:
    """Return the magnitude of each filter that is drawn as black or white.

    The result is [filters, 1, 1, 1].
    """
    scale = magnitudes.max((1, 2, 3), keepdims=True)
    return np.maximum(scale, max(SMALLEST_FILTER * float(scale.max()), 1e-12))


def _enlargement(difference: np.ndarray, scale: np.ndarray) -> int:
    """Return the factor that makes a change of filters visible within the scale.

    It is a power of two, at least 1.
    """
    share = float((np.abs(difference) / scale).max())
    return 2 ** max(0, math.floor(-math.log2(max(share, 1e-4))))


def _tiles(filters: np.ndarray, scale: np.ndarray) -> list[str]:
    """Return filters as data URIs: zero is grey, `scale` is black or white.

    Filters are [filters, channels, h, w]. Those of three channels are drawn in colour, others as the mean of
    their channels.
    """
    if filters.shape[1] not in (1, 3):
        filters = filters.mean(1, keepdims=True)
    pixels = np.clip(127.5 + 127.5 * filters / scale, 0, 255).astype(np.uint8).transpose(0, 2, 3, 1)
    pixels = np.broadcast_to(pixels, (*pixels.shape[:3], 3))
    zoom = max(1, FILTER_SIDE // max(pixels.shape[1:3]))
    return [png_uri(tile.repeat(zoom, 0).repeat(zoom, 1)) for tile in pixels]


def grey(values: np.ndarray) -> str:
    """Return a map [h, w] in grey, its lowest value black and its highest white."""
    return png_uri((255 * _stretch(values))[..., None].astype(np.uint8))


def colour(values: np.ndarray) -> str:
    """Return a map [h, w] in the heatmap's colours, transparent at its lowest value.

    Higher values are yellow, orange and red.
    """
    heat = _stretch(values)[..., None]
    rgb, opacity = tint(heat)
    return png_uri(np.concatenate([rgb, 255 * opacity], 2).astype(np.uint8))


def glow(values: np.ndarray) -> str:
    """Return magnitudes [h, w] in yellow, the larger ones more opaque.

    Opacity is proportional to the square root of a magnitude's share of the largest.
    """
    pixels = np.zeros((*values.shape, 4), dtype=np.uint8)
    pixels[..., :3] = FAINT
    pixels[..., 3] = GLOW_OPACITY * np.sqrt(values / max(float(values.max()), 1e-30))
    return png_uri(pixels)


def cell_tints(heat: np.ndarray) -> dict[tuple[int, int], dict]:
    """Return the colour and opacity of each cell of a heatmap that is above 0.

    `heat` is [h, w], from 0 to 1. Keys are (row, column); "colour" is [red, green, blue] from 0 to 255,
    "opacity" from 0 to 1.
    """
    tints = {}
    for row, column in np.argwhere(heat > 0).tolist():
        rgb, opacity = tint(heat[row, column, None])
        tints[row, column] = {"colour": [round(value) for value in rgb], "opacity": opacity.item()}
    return tints


def _stretch(values: np.ndarray) -> np.ndarray:
    """Return a map scaled to the range from 0 to 1; all 0 if it is constant."""
    values = values - values.min()
    return values / max(float(values.max()), 1e-12)
