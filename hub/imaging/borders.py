"""Plain borders around an image: letterboxes, slides, screenshots."""

import numpy as np
from PIL import Image

# What is a border: greys by which, and share of a row in which, it may not be plain; share of the picture.
BORDER_NOISE, BORDER_SHARE, SMALLEST_BORDER = 8, 0.97, 0.1


def crop_borders(picture: Image.Image) -> Image.Image:
    """Return the picture without the plain borders of a letterbox, a slide or a screenshot.

    A row or column belongs to the border where nearly all of it has one grey, that of the outermost row or
    column on either side, and the largest stretch of others between such is kept: so lines of text beside
    the film go with the border. A picture that is plain throughout stays as it is, and so does one whose
    border is less than a tenth of it: such are in the training films, and timm and transformers keep them.
    """
    across, down = _steps(picture)
    sample = _sample(picture)
    top, left, bottom, right = 0, 0, *sample.shape
    while True:
        before = top, left, bottom, right
        for axis in (0, 1):
            lines = sample[top:bottom, left:right]
            kept = _longest_stretch(~_border(lines if axis == 0 else lines.T))
            if kept is None:
                return picture
            if axis == 0:
                top, bottom = top + kept[0], top + kept[1]
            else:
                left, right = left + kept[0], left + kept[1]
        if (top, left, bottom, right) == before:
            break
    if (bottom - top) * (right - left) > (1 - SMALLEST_BORDER) * sample.size:
        return picture
    width, height = picture.size
    return picture.crop((left * across, top * down, min(right * across, width), min(bottom * down, height)))


def _steps(picture: Image.Image) -> tuple[int, int]:
    """Return at every how many pixels, across and down, borders are looked for: some 256 a side will do."""
    return max(1, picture.width // 256), max(1, picture.height // 256)


def _sample(picture: Image.Image) -> np.ndarray:
    """Return greys int16 [h, w] of the pixels at those steps, without a copy of the picture."""
    across, down = _steps(picture)
    size = -(-picture.width // across), -(-picture.height // down)
    places = across, 0, (1 - across) / 2, 0, down, (1 - down) / 2  # of the middles of these pixels
    few = picture.transform(size, Image.Transform.AFFINE, places, Image.Resampling.NEAREST)
    return np.asarray(few.convert("L")).astype(np.int16)


def _border(lines: np.ndarray) -> np.ndarray:
    """Return for each row of greys, int16 [H, W], whether it is plain and as the first or last row is."""
    border, ends = np.zeros(len(lines), bool), _plain_greys(lines[[0, -1]])
    for grey in set(ends[~np.isnan(ends)].tolist()):
        # Medians are slow: they are taken only of rows that can be plain and of this grey.
        near = np.flatnonzero((np.abs(lines - grey) <= 2 * BORDER_NOISE).mean(1) >= BORDER_SHARE)
        border[near] |= np.abs(_plain_greys(lines[near]) - grey) <= BORDER_NOISE
    return border


def _plain_greys(lines: np.ndarray) -> np.ndarray:
    """Return the grey of each row that is plain, float [H]; NaN for the others."""
    greys = np.median(lines, axis=1)
    plain = (np.abs(lines - greys[:, None]) <= BORDER_NOISE).mean(1) >= BORDER_SHARE
    return np.where(plain, greys, np.nan)


def _longest_stretch(flags: np.ndarray) -> tuple[int, int] | None:
    """Return where the longest run of True begins and ends; None where there is none."""
    changes = np.flatnonzero(np.diff(np.concatenate([[0], flags, [0]]).astype(int)))
    if not len(changes):
        return None
    longest = np.argmax(changes[1::2] - changes[::2])
    return int(changes[2 * longest]), int(changes[2 * longest + 1])
