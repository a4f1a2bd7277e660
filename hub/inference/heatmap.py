"""Heatmaps: the regions of an image that speak for a class."""

import numpy as np
from PIL import Image

from hub.inference.classifier import Prediction
from hub.prevalence import EVEN, move

MAX_SIDE = 1024  # pixels on a screen
FULL_COLOUR = 9  # log odds, 8,000 to 1; even odds and less have no colour
OPACITY = 0.75  # of full colour, so that the radiograph shows through
LAYER_POWER = 1.5  # of its opacity: at half strength it is about as strong as `overlay`, and never hides all
LAYER_SIDE = 320  # pixels of the heatmap alone, which a browser enlarges: it is smooth
VISIBLE = 8  # of 255: less opacity than this is not seen
FAINT, FULL = (255, 214, 10), (220, 38, 38)  # yellow, over orange to red


def local_log_odds(prediction: Prediction, label: str) -> np.ndarray:
    """Return the log odds of `label` at each position, float [h, w].

    They are the log odds if the whole image looked as at that position. The network averages its class
    activation maps over positions, adds a bias and takes the softmax; this takes the softmax at each position
    instead. The bias is the difference between the mean of a map and its logit, and logits are log
    probabilities at even odds up to a shared constant: evidence is the same at any prevalence.
    """
    maps = np.stack(list(prediction.heatmaps.values())).astype(np.float64)
    probabilities = [*prediction.probabilities.values()]
    if prediction.prevalence != EVEN:
        probabilities = move(probabilities, EVEN, prediction.prevalence)
    logits = np.log(np.maximum(probabilities, 1e-30))
    local = maps - maps.mean((1, 2), keepdims=True) + logits[:, None, None]
    index = list(prediction.heatmaps).index(label)
    return local[index] - np.logaddexp.reduce(np.delete(local, index, 0), 0)


def tint(heat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the colour and the opacity of heat.

    The heat is [..., 1], 0 to 1; the colour [..., 3], 0 to 255, and the opacity [..., 1], 0 to 1.
    """
    return np.array(FAINT) * (1 - heat) + np.array(FULL) * heat, OPACITY * heat**2


def layer_tint(heat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return colour and opacity of heat in a layer, shown at half strength.

    Shapes are those of `tint`; the opacity ends at 1.
    """
    return tint(heat)[0], heat**LAYER_POWER


def fit_screen(image: Image.Image) -> Image.Image:
    """Return the image with at most `MAX_SIDE` pixels on its longer side."""
    scale = min(1.0, MAX_SIDE / max(image.size))
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    return image.resize(size, Image.Resampling.LANCZOS)


def heat(prediction: Prediction, label: str, size: tuple[int, int]) -> np.ndarray:
    """Return the evidence for `label` at each pixel, float32 [h, w, 1], 0 to 1.

    `size` is (w, h). The scale is fixed: even odds and less are 0, `FULL_COLOUR` and more are 1.
    """
    evidence = Image.fromarray((local_log_odds(prediction, label) / FULL_COLOUR).astype(np.float32))
    return np.asarray(evidence.resize(size, Image.Resampling.BICUBIC)).clip(0, 1)[..., None]


def layer(prediction: Prediction, label: str, size: tuple[int, int]) -> Image.Image | None:
    """Return the heatmap alone, transparent where there is no evidence for `label`.

    It is a palette image of `size`, (w, h), or smaller: an enlarged one looks the same. None without class
    activation maps, and where it would be too faint to be seen.
    """
    if not prediction.heatmaps:
        return None
    scale = min(1.0, LAYER_SIDE / max(size))
    size = max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
    levels = (255 * heat(prediction, label, size)[..., 0]).round().astype(np.uint8)
    colour, opacity = layer_tint(np.linspace(0, 1, 256)[:, None])
    palette = np.concatenate([colour, 255 * opacity], 1).round().astype(np.uint8)
    if palette[levels.max(), 3] < VISIBLE:
        return None
    image = Image.fromarray(levels)
    image.putpalette(palette.tobytes(), "RGBA")
    return image


def overlay(image: Image.Image, prediction: Prediction, label: str) -> Image.Image:
    """Return the image under a heatmap of the evidence for `label`.

    The result is RGB. The heatmap goes from clear over yellow and orange to red, on a fixed scale from even
    odds to FULL_COLOUR. Opacity follows the square of the log odds, because weak evidence covers most of a
    radiograph with pneumonia. Without class activation maps, the image is returned alone.
    """
    image = fit_screen(image.convert("RGB"))
    base = np.asarray(image, dtype=np.float32)
    if not prediction.heatmaps:
        return Image.fromarray(base.astype(np.uint8))
    colour, opacity = tint(heat(prediction, label, image.size))
    return Image.fromarray((base * (1 - opacity) + colour * opacity).round().astype(np.uint8))
