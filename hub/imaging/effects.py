"""JPEG compression, Gaussian blur and gamma of an image. No torch here."""

import io

import numpy as np
from PIL import Image, ImageFilter


def jpeg(pixels: np.ndarray, quality: int) -> np.ndarray:
    """Return an image after JPEG compression.

    `pixels` and the result are uint8 [H, W] or [H, W, 3]; `quality` is from 1 to 95.
    """
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return np.array(Image.open(file))


def blur(pixels: np.ndarray, sigma: float) -> np.ndarray:
    """Return an image after Pillow's Gaussian blur.

    `pixels` and the result are uint8 [H, W] or [H, W, 3]; `sigma` is in pixels.
    """
    return np.array(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(sigma)))


def gamma(pixels: np.ndarray, exponent: float) -> np.ndarray:
    """Return pixels after gamma correction.

    `pixels` and the result are uint8 of any shape. Their values, as 0 to 1, are raised to the power
    `exponent`; above 1 they get darker.
    """
    return (255 * (pixels / np.float32(255)) ** np.float32(exponent)).round().astype(np.uint8)
