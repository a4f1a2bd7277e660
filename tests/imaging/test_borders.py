"""Borders: what is plain at the edges, and what is cut off."""

import numpy as np
import pytest
from PIL import Image

from hub.imaging import borders

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize("size", [(90, 70), (257, 600), (1100, 513)])
def test_borders_are_those_of_the_plain_definition(size):
    """Medians of all rows of every so many pixels, whatever is left out to find them faster."""

    def border(lines):
        greys = np.median(lines, axis=1)
        plain = (np.abs(lines - greys[:, None]) <= 8).mean(1) >= 0.97
        ends = [greys[end] for end in (0, -1) if plain[end]]
        return [bool(p and any(abs(g - end) <= 8 for end in ends)) for p, g in zip(plain, greys, strict=True)]

    for _ in range(20):
        page = Image.new("RGB", size, tuple(RANDOM.integers(0, 256, 3).tolist()))
        coarse = Image.fromarray(RANDOM.integers(40, 216, (24, 32), dtype=np.uint8))
        smooth = coarse.resize((size[0] // 2, size[1] // 2), Image.Resampling.BICUBIC)
        page.paste(smooth, tuple(int(side * RANDOM.uniform(0, 0.5)) for side in size))
        noisy = np.clip(
            np.asarray(page) + RANDOM.normal(0, RANDOM.choice([0, 3, 5]), (*size[::-1], 3)), 0, 255
        )
        page = Image.fromarray(noisy.astype(np.uint8))
        across, down = (max(1, side // 256) for side in size)
        sample = np.asarray(page.convert("L"))[::down, ::across].astype(np.int16)
        np.testing.assert_array_equal(borders._sample(page), sample)
        for lines in (sample, sample.T):
            assert borders._border(lines).tolist() == border(lines)
