"""Prepare what pages show of a network where torch is missing: `inside/`.

`layers.json` holds the layers as `list_layers` returns them. `network.onnx` computes their maps and a cell's
effective receptive field; the weights are its inputs, so it is small and takes those of model.safetensors.
"""

from collections.abc import Callable
from dataclasses import asdict
from functools import reduce
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch._decomp import get_decompositions
from torch.func import functional_call
from torch.fx import GraphModule
from torch.fx.experimental.proxy_tensor import make_fx

from hub.errors import InputError
from hub.explorer.effective_receptive_field import effective_receptive_field
from hub.explorer.feature_maps import feature_maps, record_maps
from hub.explorer.layer_tracing import COUNTING, list_layers
from hub.explorer.layers import Layer
from hub.explorer.prepared import FIELD, FOLDER, INPUTS, LAYERS, NETWORK, look_into
from hub.files import replace_folder, write_json
from hub.models.factory import load_network
from hub.models.onnx_program import save_program

# Of ONNX Runtime from torch, as a share of the largest value. Rounding moves single activations over the edge
# of a ReLU, and with them the gradients behind it.
TOLERANCE = 0.01
ATEN = torch.ops.aten


def prepare(folder: Path) -> str:
    """Write `inside/` of a model folder; return in a sentence what it can show.

    Raises InputError where the folder has no network that torch loads.
    """
    model = load_network(folder)
    layers = list_layers(model)
    with replace_folder(Path(folder) / FOLDER) as partial:
        steps, missing = {}, None
        try:
            steps = write_network(model, layers, partial / NETWORK)
            check(model, layers, steps, partial)
        except OSError:
            raise  # of a full disk, say
        except Exception as error:  # whatever it is, the layers can be shown
            steps, missing = {}, error
            (partial / NETWORK).unlink(missing_ok=True)
        first = next((n for n, module in model.named_modules() if isinstance(module, nn.Conv2d)), None)
        content = {
            "first": first and f"{first}.weight",
            "steps": steps,
            "layers": [asdict(layer) for layer in layers],
        }
        write_json(partial / LAYERS, content)
    if missing:
        return (
            f"{len(layers)} layers; their maps need torch, because this network cannot be written ({missing})"
        )
    return f"{len(layers)} layers, the maps of {len(steps)} and their effective receptive fields"


def write_network(model: nn.Module, layers: list[Layer], file: Path) -> dict[str, str]:
    """Write what layers compute, and the gradient of a cell, to an ONNX file.

    Returns the steps behind the maps of each layer that has some, in the order by which the input `layer`
    counts them. The inputs are those of `INPUTS` and the weights; the outputs are the maps of each layer, by
    its name, and `FIELD`. Raises what torch's exporter raises where ONNX cannot express the network.
    """
    names = [layer.name for layer in layers if layer.field and layer.kind != "dense"]
    weights = {
        name: tensor.detach()
        for name, tensor in [*model.named_parameters(), *model.named_buffers()]
        if tensor.is_floating_point()
    }
    # A tensor each: the tracer tells inputs apart by their tensors.
    numbers = [torch.zeros(1, dtype=torch.int64) for _ in INPUTS[1:]]
    example = (torch.zeros(1, *model.pretrained_cfg["input_size"]), *numbers)
    with COUNTING:
        traced, steps = _trace(model, names, weights, example)
    program = torch.onnx.export(
        traced.eval(),
        (*example, *weights.values()),
        dynamo=True,
        input_names=[*INPUTS, *weights],
        output_names=[*names, FIELD],
        verbose=False,
    )
    save_program(program, file)
    return steps


def _trace(
    model: nn.Module, names: list[str], weights: dict[str, Tensor], example: tuple[Tensor, ...]
) -> tuple[GraphModule, dict[str, str]]:
    """Return network and gradient of a cell as one graph of operators, and the steps."""
    steps = {}

    def compute(pixels: Tensor, layer: Tensor, row: Tensor, column: Tensor, *values: Tensor) -> tuple:
        pixels = pixels.detach().requires_grad_()
        state = dict(zip(weights, values, strict=True))
        records = record_maps(model, names, lambda: functional_call(model, state, (pixels,)))
        steps.update({name: ", ".join(records[name].steps) for name in names})
        outputs = [records[name].output for name in names]
        cells = [_at(output, row, column, layer == index) for index, output in enumerate(outputs)]
        (gradient,) = torch.autograd.grad(outputs, pixels, cells)
        return *(records[name].maps.detach() for name in names), gradient.abs().sum(1)

    return make_fx(compute, decomposition_table=_decompositions())(*example, *weights.values()), steps


def _at(maps: Tensor, row: Tensor, column: Tensor, chosen: Tensor) -> Tensor:
    """Return 1 in a cell of all maps, 0 elsewhere, and only 0 unless `chosen`."""
    height, width = maps.shape[-2:]
    rows, columns = torch.arange(height) == row, torch.arange(width) == column
    return (rows[:, None] & columns[None, :] & chosen).float().expand_as(maps)


def _decompositions() -> dict[object, Callable]:
    """Return gradients written in operators that ONNX has."""
    operators = [
        ATEN.elu_backward, ATEN.gelu_backward, ATEN.hardsigmoid_backward, ATEN.hardswish_backward,
        ATEN.hardtanh_backward, ATEN.native_batch_norm, ATEN.native_batch_norm_backward,
        ATEN.native_group_norm_backward, ATEN.native_layer_norm_backward, ATEN.sigmoid_backward,
        ATEN.silu_backward, ATEN._softmax_backward_data, ATEN.tanh_backward, ATEN.threshold_backward,
    ]  # fmt: skip
    return get_decompositions(operators) | {
        ATEN.convolution_backward.default: _convolution_backward,
        ATEN.avg_pool2d_backward.default: _average_pooling_backward,
        ATEN.max_pool2d_with_indices_backward.default: _max_pooling_backward,
    }


def _convolution_backward(
    gradient: Tensor, image: Tensor, weight: Tensor, bias: object, stride: list[int], padding: list[int],
    dilation: list[int], transposed: bool, output_padding: list[int], groups: int, wanted: list[bool],
) -> tuple[Tensor, None, None]:  # fmt: skip
    """Return the gradient of a convolution's input (Dumoulin and Visin 2016)."""
    leftover = [
        size - ((cells - 1) * step - 2 * pad + spread * (kernel - 1) + 1)
        for size, cells, kernel, step, pad, spread in zip(
            image.shape[2:], gradient.shape[2:], weight.shape[2:], stride, padding, dilation, strict=True
        )
    ]
    return (
        ATEN.convolution(gradient, weight, None, stride, padding, dilation, True, leftover, groups),
        None,
        None,
    )


def _average_pooling_backward(
    gradient: Tensor, image: Tensor, kernel: list[int], stride: list[int], padding: list[int],
    ceil_mode: bool, count_padding: bool, divisor: int | None,
) -> Tensor:  # fmt: skip
    """Return the gradient of an average pooling's input, a convolution's."""
    if ceil_mode or divisor or (any(padding) and not count_padding):
        raise InputError("average pooling has windows of several sizes")
    channels, cells = image.shape[1], kernel[0] * kernel[1]
    weight = torch.full((channels, 1, *kernel), 1 / cells)
    window = (stride or kernel, padding, [1, 1], False, [0, 0], channels, [])
    return _convolution_backward(gradient, image, weight, None, *window)[0]


def _max_pooling_backward(
    gradient: Tensor, image: Tensor, kernel: list[int], stride: list[int], padding: list[int],
    dilation: list[int], ceil_mode: bool, indices: Tensor,
) -> Tensor:  # fmt: skip
    """Return the gradient of a max pooling's input: to the first pixel that it took.

    ONNX counts `indices` otherwise, so the pixels are found anew.
    """
    if ceil_mode:
        raise InputError("max pooling has windows of several sizes")
    stride, (height, width) = stride or kernel, gradient.shape[2:]
    below, right = padding
    padded = ATEN.constant_pad_nd(image, [right, right, below, below], torch.finfo(image.dtype).min)
    corners = [(i * dilation[0], j * dilation[1]) for i in range(kernel[0]) for j in range(kernel[1])]
    views = [
        padded[:, :, top : top + (height - 1) * stride[0] + 1 : stride[0],
               left : left + (width - 1) * stride[1] + 1 : stride[1]]
        for top, left in corners
    ]  # fmt: skip
    highest, free, parts = reduce(torch.maximum, views), torch.ones_like(gradient), []
    for view in views:
        hit = (view == highest).float() * free
        free = free - hit
        parts.append(gradient * hit)
    channels = image.shape[1]
    taps = torch.eye(len(corners)).view(len(corners), 1, *kernel).repeat(channels, 1, 1, 1)
    window = (stride, padding, dilation, False, [0, 0], channels, [])
    stacked = torch.stack(parts, 2).flatten(1, 2)
    return _convolution_backward(stacked, image, taps, None, *window)[0]


def check(model: nn.Module, layers: list[Layer], steps: dict[str, str], folder: Path) -> None:
    """Raise InputError where ONNX Runtime and torch differ, for noise."""
    weights = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    look = look_into(folder / NETWORK, weights, steps)
    pixels = torch.randn(1, *model.pretrained_cfg["input_size"], generator=torch.Generator().manual_seed(0))
    shapes = {layer.name: layer.output for layer in layers}
    names = list(steps)
    for name in {names[0], names[len(names) // 2], names[-1]}:
        cell = [side // 2 for side in shapes[name][1:]]
        pairs = (
            (look["feature_maps"](pixels.numpy(), name)[0], feature_maps(model, pixels, name)[0]),
            (look["effective_field"](pixels.numpy(), name, *cell),
             effective_receptive_field(model, pixels, name, *cell)),
        )  # fmt: skip
        for what, (found, expected) in zip(("maps", "field"), pairs, strict=True):
            if not np.abs(found - expected).max() <= TOLERANCE * max(np.abs(expected).max(), 1e-12):
                raise InputError(f"ONNX Runtime and torch differ in the {what} of {name}")
