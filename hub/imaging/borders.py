"""Plain borders around an image, and how to crop them."""

import numpy as np
from PIL import Image

TOLERANCE = 8  # grey levels by which pixels of a plain row may differ from its median
PLAIN_SHARE = 0.97  # least share of pixels within the tolerance in a plain row
SMALLEST_BORDER = 0.1  # as a share of the image's area


def crop_borders(image: Image.Image) -> Image.Image:
    """Return the image without its plain borders.

    Letterboxes, slides and screenshots have such borders. A row or column belongs to one if nearly all of it
    has one grey, that of the outermost row or column on either side. The longest run of other rows, and of
    other columns, remains, so lines of text in a border are cropped with it. An image that is plain
    throughout stays as it is, and so does one whose border is less than a tenth of it: training images have
    such borders, and timm and transformers keep them.
    """
    across, down = _steps(image)
    sample = _sample(image)
    top, left, bottom, right = 0, 0, *sample.shape
    while True:
        before = top, left, bottom, right
        rows = _longest_run(~_border(sample[top:bottom, left:right]))
        if rows is None:
            return image
        top, bottom = top + rows[0], top + rows[1]
        columns = _longest_run(~_border(sample[top:bottom, left:right].T))
        if columns is None:
            return image
        left, right = left + columns[0], left + columns[1]
        if (top, left, bottom, right) == before:
            break
    if (bottom - top) * (right - left) > (1 - SMALLEST_BORDER) * sample.size:
        return image
    width, height = image.size
    return image.crop((left * across, top * down, min(right * across, width), min(bottom * down, height)))


def _steps(image: Image.Image) -> tuple[int, int]:
    """Return the steps, across and down, between sampled pixels.

    256 or more samples a side are enough.
    """
    return max(1, image.width // 256), max(1, image.height // 256)


def _sample(image: Image.Image) -> np.ndarray:
    """Return the greys of the sampled pixels, int16 [h, w].

    The pixels are `_steps` apart. The image is not copied.
    """
    across, down = _steps(image)
    size = -(-image.width // across), -(-image.height // down)
    affine = across, 0, (1 - across) / 2, 0, down, (1 - down) / 2  # to the centres of these pixels
    sample = image.transform(size, Image.Transform.AFFINE, affine, Image.Resampling.NEAREST)
    return np.asarray(sample.convert("L")).astype(np.int16)


def _border(lines: np.ndarray) -> np.ndarray:
    """Return whether each row belongs to a border, bool [H].

    `lines` are greys, int16 [H, W]. A row of a border is plain and has the grey of the first or last row.
    """
    border, ends = np.zeros(len(lines), bool), _plain_greys(lines[[0, -1]])
    for grey in set(ends[~np.isnan(ends)].tolist()):
        # Medians are slow, so only rows that can be plain and of this grey get one.
        near = np.flatnonzero((np.abs(lines - grey) <= 2 * TOLERANCE).mean(1) >= PLAIN_SHARE)
        border[near] |= np.abs(_plain_greys(lines[near]) - grey) <= TOLERANCE
    return border


def _plain_greys(lines: np.ndarray) -> np.ndarray:
    """Return the grey of each row that is plain, float [H]; NaN for the others."""
    greys = np.median(lines, axis=1)
    plain = (np.abs(lines - greys[:, None]) <= TOLERANCE).mean(1) >= PLAIN_SHARE
    return np.where(plain, greys, np.nan)


def _longest_run(flags: np.ndarray) -> tuple[int, int] | None:
    """Return start and stop of the longest run of True; None if there is none."""
    changes = np.flatnonzero(np.diff(np.concatenate([[0], flags, [0]]).astype(int)))
    if not len(changes):
        return None
    longest = np.argmax(changes[1::2] - changes[::2])
    return int(changes[2 * longest]), int(changes[2 * longest + 1])
