"""Deep greys, of more than 8 bits, stretched to 8 bits."""

import numpy as np

# Of all pixels: a few that are dead, hot or part of a marker must not decide how dark the rest is.
PERCENTILES = (0.1, 99.9)


def limits(values: np.ndarray, counts: np.ndarray) -> tuple[float, float]:
    """Return the values that become black and white.

    They are `PERCENTILES` of the pixels, or the lowest and the highest value where these are equal. `values`
    are sorted, float [N], and `counts`, int [N], says how many pixels have each.
    """
    shares = 100 * np.cumsum(counts) / counts.sum()
    low, high = (values[np.searchsorted(shares, percentile)] for percentile in PERCENTILES)
    return (low, high) if low < high else (values[0], values[-1])
