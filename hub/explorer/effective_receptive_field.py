"""The effective receptive field: how much each pixel changes a cell of a layer."""

import numpy as np
import torch
from torch import Tensor, nn

from hub.errors import InputError
from hub.explorer.layer_tracing import find_maps


def effective_receptive_field(
    model: nn.Module, pixels: Tensor, layer: str, row: int, column: int, channel: int | None = None
) -> np.ndarray:
    """Return the magnitude of a cell's gradient at each pixel, float32 [H, W].

    Luo et al. 2016, "Understanding the Effective Receptive Field in Deep Convolutional Neural Networks"
    (https://arxiv.org/abs/1701.04128): most of a receptive field hardly counts, and its centre the most.
    `pixels` is one image, float32 [1, C, H, W]; the cell is of one channel, or the sum over all. Magnitudes
    are summed over the image's channels. Raises InputError where there is no such layer or cell.
    """
    outputs = []
    hook = find_maps(model, layer).register_forward_hook(
        lambda module, inputs, output: outputs.append(output.clone())
    )
    pixels = pixels.detach().clone().requires_grad_()
    with hook, torch.enable_grad():
        model(pixels)
    (maps,) = outputs[-1]
    height, width = maps.shape[1:]
    if not (0 <= row < height and 0 <= column < width):
        raise InputError(f"{layer} has {height} x {width} cells; there is no row {row}, column {column}.")
    cell = maps[:, row, column]
    (gradient,) = torch.autograd.grad(cell.sum() if channel is None else cell[channel], pixels)
    return gradient[0].abs().sum(0).numpy()
