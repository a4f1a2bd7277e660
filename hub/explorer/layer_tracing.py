"""The layers of a network in torch, in forward order."""

import threading
from collections.abc import Iterable
from contextlib import ExitStack

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils.flop_counter import FlopCounterMode

from hub.errors import InputError
from hub.explorer.field_tracing import ReceptiveFieldMode
from hub.explorer.layers import Layer
from hub.explorer.receptive_field import pair

# torch's counter of FLOPs hooks every module of the process: no other thread may run a network meanwhile.
COUNTING = threading.Lock()


def list_layers(model: nn.Module, shape: tuple[int, int, int] | None = None) -> list[Layer]:
    """Return the convolutions, poolings and dense layers, in forward order.

    `shape` is (channels, height, width) of the image, by default that of `model.pretrained_cfg`. The network
    runs once on tensors without content: nothing is computed. Multiply-adds are half the FLOPs that torch
    counts. Raises InputError if the network does not take such images.
    """
    shape = shape or getattr(model, "pretrained_cfg", {}).get("input_size")
    if shape is None:
        raise InputError(
            "This network does not say what pictures it takes; give shape=(channels, height, width)."
        )
    names = {module: name for name, module in model.named_modules() if is_layer(module)}
    layers = []
    for module, input, output, multiply_adds, field in _run(model, names, shape):
        # timm's own layers may lack a kernel, or pad by themselves for TensorFlow's weights.
        padding = getattr(module, "padding", 0) if hasattr(module, "kernel_size") else 0
        layers.append(
            Layer(
                name=names[module],
                kind=_kind(module, input, output),
                kernel=pair(getattr(module, "kernel_size", 1)),
                stride=pair(getattr(module, "stride", None) or 1),
                padding="same" if "Same" in type(module).__name__ else pair(padding),
                dilation=pair(getattr(module, "dilation", 1)),
                groups=getattr(module, "groups", 1),
                input=input,
                output=output,
                parameters=sum(tensor.numel() for tensor in module.parameters()),
                multiply_adds=multiply_adds,
                field=field,
                image_size=tuple(shape[1:]),
            )
        )
    return layers


@torch.inference_mode(False)  # inference tensors do not record changes in place
@torch.no_grad()
def _run(model: nn.Module, modules: Iterable[nn.Module], shape: tuple[int, int, int]) -> list[tuple]:
    """Return one tuple for each call of the modules.

    It holds the module, the shapes of input and output, multiply-adds and the receptive field.
    """
    weights = {
        name: torch.empty_like(tensor, device="meta")
        for name, tensor in [*model.named_parameters(), *model.named_buffers()]
    }
    dtype = next((tensor.dtype for tensor in model.parameters()), torch.float32)
    image = torch.empty(1, *shape, dtype=dtype, device="meta")
    mode, counter = ReceptiveFieldMode(image, weights.values()), FlopCounterMode(display=False)
    calls, flops_before = [], {}

    def start(module: nn.Module, inputs: tuple) -> None:
        flops_before[module] = counter.get_total_flops()

    def end(module: nn.Module, inputs: tuple, output: Tensor) -> None:
        multiply_adds = (counter.get_total_flops() - flops_before[module]) // 2
        shapes = tuple(inputs[0].shape[1:]), tuple(output.shape[1:])
        calls.append((module, *shapes, multiply_adds, mode.field(output)))

    training = {module: module.training for module in model.modules()}
    model.eval()
    try:
        with ExitStack() as hooks:
            for module in modules:
                hooks.enter_context(module.register_forward_pre_hook(start))
                hooks.enter_context(module.register_forward_hook(end))
            with COUNTING, counter, mode:
                functional_call(model, weights, (image,))
    except (RuntimeError, AssertionError) as error:
        size = " x ".join(map(str, shape))
        raise InputError(
            f"The network does not take pictures of {size} (channels, height, width)."
        ) from error
    finally:
        for module, was_training in training.items():
            module.training = was_training
    return calls


def _kind(module: nn.Module, input: tuple[int, ...], output: tuple[int, ...]) -> str:
    if isinstance(module, nn.Linear):
        return "dense"
    if not isinstance(module, nn.Conv2d):
        return "pooling"
    if output[1:] == (1, 1) and module.kernel_size == input[1:]:
        return "dense"
    if module.groups == module.in_channels > 1:
        return "depthwise"
    return "pointwise" if module.kernel_size == (1, 1) else "convolution"


def is_layer(module: nn.Module) -> bool:
    """Return whether a module is a convolution, a pooling or a dense layer."""
    pooling = "Pool" in type(module).__name__ and not any(module.children())
    return pooling or isinstance(module, nn.Conv2d | nn.Linear)


def find_layer(model: nn.Module, name: str) -> nn.Module:
    """Return a layer by its name in the network.

    Raises InputError if there is none of that name.
    """
    module = dict(model.named_modules()).get(name)
    if module is None or not is_layer(module):
        raise InputError(f"The network has no convolution, pooling or dense layer {name}.")
    return module


def find_maps(model: nn.Module, name: str) -> nn.Module:
    """Return a layer with feature maps by its name in the network.

    Raises InputError for a dense layer, and if there is no layer of that name.
    """
    module = find_layer(model, name)
    if isinstance(module, nn.Linear):
        raise InputError(f"{name} gives no maps, only numbers without a place; choose a layer before it.")
    return module
