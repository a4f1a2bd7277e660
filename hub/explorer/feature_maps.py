"""Feature maps: the outputs of a layer for one image."""

from contextlib import ExitStack

import numpy as np
import torch
from torch import Tensor, nn

from hub.explorer.layers import find_maps


@torch.no_grad()
def feature_maps(model: nn.Module, pixels: Tensor, layer: str) -> tuple[np.ndarray, str]:
    """Return the feature maps of a layer, and the steps that made them.

    The maps are float32 [channels, h, w]. A norm and an activation that directly follow the layer are
    included: the maps are the input of the next layer. The steps are named as in torch, "Conv2d, BatchNorm2d,
    ReLU6". `pixels` is one image, float32 [1, C, H, W]. Raises InputError if the layer is unknown or has no
    maps.
    """
    target = find_maps(model, layer)
    steps, following = [], {target}
    last, version, maps = None, None, None

    def follow(module: nn.Module, inputs: tuple) -> None:
        # A tensor that was changed in place is no longer the layer's output.
        if inputs and inputs[0] is last and inputs[0]._version == version:
            following.add(module)

    def record(module: nn.Module, inputs: tuple, output: Tensor) -> None:
        nonlocal last, version, maps
        if module in following:
            following.discard(module)
            last, version, maps = output, output._version, output.clone()
            if not isinstance(module, nn.Identity | nn.Dropout):
                steps.append(_step_name(module))

    elementwise = [module for module in model.modules() if _is_elementwise(module)]
    with ExitStack() as hooks:
        for module in elementwise:
            hooks.enter_context(module.register_forward_pre_hook(follow))
        for module in [target, *elementwise]:
            hooks.enter_context(module.register_forward_hook(record))
        model(pixels)
    return maps[0].float().numpy(), ", ".join(steps)


def _is_elementwise(module: nn.Module) -> bool:
    """Return whether a module is a norm, an activation, an identity or a dropout.

    timm's norms include the activation.
    """
    if isinstance(module, nn.modules.batchnorm._BatchNorm | nn.GroupNorm | nn.LayerNorm):
        return True
    source = type(module).__module__
    activation = source == "torch.nn.modules.activation" or source.startswith("timm.layers.activations")
    return not any(module.children()) and (
        isinstance(module, nn.Identity | nn.Dropout)
        or (activation and not isinstance(module, nn.MultiheadAttention))
    )


def _step_name(module: nn.Module) -> str:
    activation = getattr(module, "act", None)  # in timm's BatchNormAct2d and its like
    if activation is None or isinstance(activation, nn.Identity):
        return type(module).__name__.replace("NormAct", "Norm")
    return f"{type(module).__name__.replace('NormAct', 'Norm')}, {type(activation).__name__}"


def strongest_channels(maps: np.ndarray, count: int = 12) -> list[int]:
    """Return the channels with the highest means, the highest first.

    `maps` is float [channels, h, w].
    """
    return np.argsort(-maps.mean((1, 2)), kind="stable")[:count].tolist()
