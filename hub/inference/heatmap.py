"""Where in the picture the answer comes from, as a picture."""

import numpy as np
from PIL import Image

from hub.inference.classifier import Prediction

MAX_SIDE = 768  # pixels: what a screen shows
FULL_COLOUR = 6  # log odds: 400 to 1; at even odds and below there is no colour
OPACITY = 0.75  # of full colour, so that the film still shows
FAINT, FULL = (255, 214, 10), (220, 38, 38)  # yellow, over orange to red


def local_log_odds(prediction: Prediction, label: str) -> np.ndarray:
    """Return float [h, w]: the log odds of `label` if the whole picture looked as it does there.

    The network averages its class activation maps over positions, adds a bias and takes the
    softmax; this takes the softmax at each position instead. The bias is what separates the
    mean of a map from its logit, and logits are log probabilities up to a shared constant.
    """
    maps = np.stack(list(prediction.heatmaps.values())).astype(np.float64)
    logits = np.log(np.maximum(list(prediction.probabilities.values()), 1e-30))
    local = maps - maps.mean((1, 2), keepdims=True) + logits[:, None, None]
    index = list(prediction.heatmaps).index(label)
    return local[index] - np.logaddexp.reduce(np.delete(local, index, 0), 0)


def tint(heat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the colour [..., 3], 0 to 255, and opacity [..., 1], 0 to 1, of heat [..., 1] from 0 to 1."""
    return np.array(FAINT) * (1 - heat) + np.array(FULL) * heat, OPACITY * heat**2


def fit_screen(picture: Image.Image) -> Image.Image:
    """Return the picture with `MAX_SIDE` pixels on its longer side, or as it is where it has fewer."""
    scale = min(1.0, MAX_SIDE / max(picture.size))
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    return picture.resize(size, Image.Resampling.LANCZOS)


def overlay(picture: Image.Image, prediction: Prediction, label: str) -> Image.Image:
    """Return the picture, RGB, with what speaks for `label` laid over it: clear, yellow, orange, red.

    The scale is fixed, from even odds to FULL_COLOUR. Opacity goes with the square of the log odds: weak
    evidence lies over most of a film with pneumonia and must not tint it all.
    The picture itself where the network has no class activation map.
    """
    picture = fit_screen(picture.convert("RGB"))
    base = np.asarray(picture, dtype=np.float32)
    if not prediction.heatmaps:
        return Image.fromarray(base.astype(np.uint8))
    evidence = Image.fromarray((local_log_odds(prediction, label) / FULL_COLOUR).astype(np.float32))
    heat = np.asarray(evidence.resize(picture.size, Image.Resampling.BICUBIC)).clip(0, 1)[..., None]
    colour, opacity = tint(heat)
    return Image.fromarray((base * (1 - opacity) + colour * opacity).round().astype(np.uint8))
