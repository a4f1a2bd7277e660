"""Feature maps: the outputs of a layer for one image, in torch."""

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from hub.explorer.layer_tracing import find_maps


@dataclass
class Record:
    """What a layer put out: `output` at once, `maps` after the `steps` behind it."""

    output: Tensor
    maps: Tensor
    last: Tensor
    version: int
    steps: list[str] = field(default_factory=list)


@torch.no_grad()
def feature_maps(model: nn.Module, pixels: Tensor, layer: str) -> tuple[np.ndarray, str]:
    """Return the feature maps of a layer, and the steps that made them.

    The maps are float32 [channels, h, w]. A norm and an activation that directly follow the layer are
    included: the maps are the input of the next layer. The steps are named as in torch, "Conv2d, BatchNorm2d,
    ReLU6". `pixels` is one image, float32 [1, C, H, W]. Raises InputError if the layer is unknown or has no
    maps.
    """
    record = record_maps(model, [layer], lambda: model(pixels))[layer]
    return record.maps[0].float().numpy(), ", ".join(record.steps)


def record_maps(model: nn.Module, layers: Iterable[str], run: Callable[[], object]) -> dict[str, Record]:
    """Return a record of each layer, by name, while `run` runs the network once.

    Raises InputError if a layer is unknown or has no maps.
    """
    targets = {find_maps(model, name): name for name in layers}
    records, following = {}, {}

    def follow(module: nn.Module, inputs: tuple) -> None:
        for name, record in records.items():
            # A tensor that was changed in place is no longer the layer's output.
            if inputs and inputs[0] is record.last and inputs[0]._version == record.version:
                following[module] = name

    def keep(module: nn.Module, inputs: tuple, output: Tensor) -> None:
        if name := following.pop(module, None):
            record = records[name]
            record.maps, record.last, record.version = output.clone(), output, output._version
        elif (name := targets.get(module)) and name not in records:
            copy = output.clone()
            records[name] = Record(copy, copy, output, output._version)
        if name and not isinstance(module, nn.Identity | nn.Dropout):
            records[name].steps.append(_step_name(module))

    elementwise = [module for module in model.modules() if _is_elementwise(module)]
    with ExitStack() as hooks:
        for module in elementwise:
            hooks.enter_context(module.register_forward_pre_hook(follow))
        for module in [*targets, *elementwise]:
            hooks.enter_context(module.register_forward_hook(keep))
        run()
    return records


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
