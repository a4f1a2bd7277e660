"""The layers of a network as a picture meets them, and which pixels each of their cells sees.

Receptive fields follow Araujo, Norris and Sim 2019, "Computing Receptive Fields of Convolutional Neural
Networks" (https://distill.pub/2019/computing-receptive-fields).
"""

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import reduce

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from hub.errors import InputError

# Every output depends on every input, or on inputs that are no longer laid out as a picture.
MIXING = {
    "matmul", "mm", "bmm", "addmm", "baddbmm", "einsum", "softmax", "cumsum", "roll",
    "scaled_dot_product_attention", "multi_head_attention_forward",
}  # fmt: skip
# Divide by what they measure on the whole map.
NORMALISING = {"group_norm", "instance_norm"}
# Move cells about in ways that the formula does not cover.
UNCOVERED = {"conv_transpose2d", "grid_sampler", "pixel_shuffle", "pixel_unshuffle", "fold", "im2col"}


@dataclass(frozen=True)
class Field:
    """Where the cells of a map look, along (height, width), in pixels of the network's picture.

    Cell i sees the pixels from `first + i * jump`, `size` of them, as far as they lie within `reach`, the
    (first, last + 1) pixel that any cell sees: beyond is padding, or what no step comes to. `whole`: it also
    sees the whole picture, by one number per channel, as through squeeze-and-excitation.
    """

    size: tuple[int, int]
    jump: tuple[int, int]
    first: tuple[int, int]
    reach: tuple[tuple[int, int], tuple[int, int]]
    whole: bool = False

    def slide(
        self,
        cells: Sequence[int],
        kernel: Sequence[int] = (1, 1),
        stride: Sequence[int] = (1, 1),
        before: Sequence[int] = (0, 0),
        dilation: Sequence[int] = (1, 1),
    ) -> "Field":
        """Return the field of the `cells` that a kernel makes of this map, with padding `before` it.

        Araujo et al. 2019, the recurrences of r, j and the padded start.
        """
        jump = tuple(map(operator.mul, self.jump, stride))
        size = tuple(
            s + (k - 1) * d * j for s, k, d, j in zip(self.size, kernel, dilation, self.jump, strict=True)
        )
        first = tuple(f - p * j for f, p, j in zip(self.first, before, self.jump, strict=True))
        ends = [f + (n - 1) * j + s for f, n, j, s in zip(first, cells, jump, size, strict=True)]
        reach = tuple(
            (max(low, start), min(high, end))
            for (low, high), start, end in zip(self.reach, first, ends, strict=True)
        )
        return Field(size, jump, first, reach, self.whole)

    def union(self, other: "Field") -> "Field":
        """Return the field of a map made cell by cell of two; InputError where their jumps differ."""
        if self.jump != other.jump:
            raise InputError(
                f"The network joins maps whose cells are {self.jump[0]} and {other.jump[0]} pixels apart; "
                "its receptive field has no fixed size."
            )
        first = tuple(map(min, self.first, other.first))
        ends = [
            max(a + s, b + t)
            for a, s, b, t in zip(self.first, self.size, other.first, other.size, strict=True)
        ]
        size = tuple(map(operator.sub, ends, first))
        reach = tuple(
            (min(low, other_low), max(high, other_high))
            for (low, high), (other_low, other_high) in zip(self.reach, other.reach, strict=True)
        )
        return Field(size, self.jump, first, reach, self.whole or other.whole)


@dataclass(frozen=True)
class Layer:
    """A convolution, a pooling or a dense layer, as one picture of size `picture` (height, width) met it.

    `kind` is "convolution", "depthwise" (a kernel per channel), "pointwise" (1 x 1), "pooling" or "dense",
    which a convolution is, too, whose kernel covers all there is. `input` and `output` are shapes without
    the batch: (channels, height, width) of maps. `kernel`, `stride`, `padding` and `dilation` are
    (height, width), and (1, 1), (1, 1), (0, 0), (1, 1) of what has none; `padding` may be "same". `field` is
    None from where on cells are no longer laid out as a picture: every output may see all of it.
    """

    name: str
    kind: str
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int] | str
    dilation: tuple[int, int]
    groups: int
    input: tuple[int, ...]
    output: tuple[int, ...]
    parameters: int
    multiply_adds: int
    field: Field | None
    picture: tuple[int, int]

    @property
    def activations(self) -> int:
        """How many numbers the layer gives for one picture."""
        return int(np.prod(self.output))

    def box(self, row: int, column: int, whole: bool = True) -> tuple[int, int, int, int]:
        """Return the pixels that a cell sees: top, left, bottom and right, the last two exclusive.

        Beyond the picture is padding, and not in the box; pixels inside it that a dilated kernel skips are.
        `whole` False leaves out what comes by squeeze-and-excitation and other layers that measure the whole
        picture. Raises InputError where there is no such cell.
        """
        if self.field is None:
            return 0, 0, *self.picture
        height, width = self.output[-2:]
        if not (0 <= row < height and 0 <= column < width):
            raise InputError(
                f"{self.name} has {height} x {width} cells; there is no row {row}, column {column}."
            )
        if self.field.whole and whole:
            return 0, 0, *self.picture
        box = []
        for first, jump, size, (low, high), i in zip(
            self.field.first, self.field.jump, self.field.size, self.field.reach, (row, column), strict=True
        ):
            start = first + i * jump
            box.append((min(max(start, low), high), min(max(start + size, low), high)))
        (top, bottom), (left, right) = box
        return top, left, bottom, right


class _Fields(TorchDispatchMode):
    """Follows the receptive field of each tensor that is made while the mode is on.

    `found` has, by the id of a tensor, the tensor itself (which keeps the id from being given anew), its
    field, and which of its dimensions are height and width. Field and dimensions are None where the
    whole picture is seen without any layout.
    """

    def __init__(self, picture: Tensor):
        super().__init__()
        height, width = picture.shape[-2:]
        start = Field((1, 1), (1, 1), (0, 0), ((0, height), (0, width)))
        self.found = {id(picture): (picture, start, (2, 3))}

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        leaves = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        sources = [self.found[id(leaf)] for leaf in leaves if id(leaf) in self.found]
        if sources:
            given = _bind(function, args, kwargs or {})
            for tensor in tree_leaves(result):
                if isinstance(tensor, Tensor):
                    self.found[id(tensor)] = (
                        tensor,
                        *_follow(function.overloadpacket.__name__, given, sources, tensor),
                    )
        return result

    def field(self, tensor: Tensor) -> Field | None:
        return self.found[id(tensor)][1] if id(tensor) in self.found else None

    def shape(self, tensor: Tensor) -> tuple[int, ...]:
        """Return the shape without the batch, height and width last."""
        _, _, axes = self.found.get(id(tensor), (None, None, None))
        axes = axes or ()
        order = [axis for axis in range(1, tensor.ndim) if axis not in axes] + list(axes)
        return tuple(tensor.shape[axis] for axis in order)


def _bind(function: Callable, args: tuple, kwargs: dict) -> dict:
    """Return the arguments of an operator of torch by name, defaults too."""
    arguments = function._schema.arguments
    defaults = {
        argument.name: argument.default_value for argument in arguments if argument.has_default_value()
    }
    names = [argument.name for argument in arguments]
    return defaults | dict(zip(names, args, strict=False)) | kwargs


def _follow(
    name: str, given: dict, sources: list[tuple[Tensor, Field | None, tuple | None]], result: Tensor
) -> tuple[Field | None, tuple[int, int] | None]:
    """Return field and dimensions of what the operator `name` makes of tensors with those of `sources`."""
    laid_out = [source for source in sources if source[1] is not None]
    if not laid_out:
        return None, None
    if name in UNCOVERED or name.startswith("upsample"):
        raise InputError(f"The network has an operation, {name}, whose receptive field cannot be told.")
    tensor, _, axes = laid_out[0]
    field = reduce(Field.union, [field for _, field, _ in laid_out])
    if len(laid_out) < len(sources):  # such as a gate, which multiplies each channel by one number
        field = replace(field, whole=True)
    if name in MIXING or (name == "linear" and tensor.ndim - 1 in axes):
        return None, None
    if name in ("conv2d", "max_pool2d", "avg_pool2d"):
        return field.slide(result.shape[-2:], *_window(name, given)), axes
    if name in ("pad", "constant_pad_nd"):
        # Given from the last dimension backwards, before and after.
        pads = {tensor.ndim - 1 - number: pad for number, pad in enumerate(given["pad"][::2])}
        before = [pads.get(axis, 0) for axis in axes]
        return field.slide([result.shape[axis] for axis in axes], before=before), axes
    if name == "slice" and given["dim"] % tensor.ndim in axes:
        start, _, step = slice(given["start"], None, given["step"]).indices(tensor.shape[given["dim"]])
        along = [axis == given["dim"] % tensor.ndim for axis in axes]
        stride, before = [step if here else 1 for here in along], [-start if here else 0 for here in along]
        return field.slide([result.shape[axis] for axis in axes], stride=stride, before=before), axes
    if name in ("permute", "transpose"):
        order = list(range(tensor.ndim))
        if name == "permute":
            order = [dimension % tensor.ndim for dimension in given["dims"]]
        else:
            a, b = given["dim0"] % tensor.ndim, given["dim1"] % tensor.ndim
            order[a], order[b] = order[b], order[a]
        return field, tuple(order.index(axis) for axis in axes)
    if name in NORMALISING or (
        name == "layer_norm" and max(axes) >= tensor.ndim - len(given["normalized_shape"])
    ):
        field = replace(field, whole=True)
    cells = [tensor.shape[axis] for axis in axes]
    if result.ndim == tensor.ndim and [result.shape[axis] for axis in axes] == cells:
        return field, axes
    if axes == (tensor.ndim - 2, tensor.ndim - 1) and list(result.shape[-2:]) == cells:
        return field, (result.ndim - 2, result.ndim - 1)  # channels in groups, say
    return None, None


def _window(name: str, given: dict) -> tuple[Sequence[int], ...]:
    """Return kernel, stride, padding before and dilation of a convolution or pooling."""
    kernel = given["weight"].shape[-2:] if name == "conv2d" else _pair(given["kernel_size"])
    dilation = _pair(given.get("dilation", 1))
    padding = given["padding"]
    if padding == "valid":
        padding = 0
    if padding == "same":
        padding = [d * (k - 1) // 2 for d, k in zip(dilation, kernel, strict=True)]
    return kernel, _pair(given["stride"] or kernel), _pair(padding), dilation


def _pair(value: int | Sequence[int]) -> tuple[int, int]:
    values = (value,) if isinstance(value, int) else tuple(value)
    return values * 2 if len(values) == 1 else values


@torch.inference_mode()
def layers(model: nn.Module, shape: tuple[int, int, int] | None = None) -> list[Layer]:
    """Return the convolutions, poolings and dense layers, in the order in which a picture meets them.

    `shape` is (channels, height, width) of the picture, that of `model.pretrained_cfg` where left out. The
    network runs once on tensors without content: nothing is computed. Raises InputError where it cannot take
    such pictures, or its receptive field has no fixed size.
    """
    shape = shape or getattr(model, "pretrained_cfg", {}).get("input_size")
    if shape is None:
        raise InputError(
            "This network does not say what pictures it takes; give shape=(channels, height, width)."
        )
    kind = next((tensor.dtype for tensor in model.parameters()), torch.float32)
    picture = torch.empty(1, *shape, dtype=kind, device="meta")
    found, calls = _Fields(picture), []

    def note(module: nn.Module, inputs: tuple, output: Tensor) -> None:
        calls.append(
            (names[module], module, found.shape(inputs[0]), found.shape(output), found.field(output))
        )

    names = {module: name for name, module in model.named_modules() if is_layer(module)}
    hooks = [module.register_forward_hook(note) for module in names]
    weights = {
        name: tensor.to("meta") for name, tensor in [*model.named_parameters(), *model.named_buffers()]
    }
    training = model.training
    model.eval()
    try:
        with found:
            functional_call(model, weights, (picture,))
    except (RuntimeError, AssertionError) as error:
        size = " x ".join(map(str, shape))
        raise InputError(
            f"The network does not take pictures of {size} (channels, height, width)."
        ) from error
    finally:
        model.train(training)
        for hook in hooks:
            hook.remove()
    return [_layer(*call, picture=tuple(shape[1:])) for call in calls]


def is_layer(module: nn.Module) -> bool:
    """Whether it is a convolution, a pooling or a dense layer."""
    return isinstance(module, nn.Conv2d | nn.Linear) or _is_pooling(module)


def _is_pooling(module: nn.Module) -> bool:
    return "Pool" in type(module).__name__ and not any(module.children())


def _layer(
    name: str,
    module: nn.Module,
    input: tuple[int, ...],
    output: tuple[int, ...],
    field: Field | None,
    picture: tuple[int, int],
) -> Layer:
    kind, kernel, padding, groups, multiply_adds = "pooling", (1, 1), (0, 0), 1, 0
    cells = int(np.prod(output))
    if isinstance(module, nn.Conv2d):
        kernel, groups = module.kernel_size, module.groups
        same = "Same" in type(module).__name__  # timm's, of TensorFlow's weights
        padding = "same" if same else module.padding
        kind = _convolution_kind(module, input, output)
        multiply_adds = cells * module.in_channels // groups * kernel[0] * kernel[1]
    elif isinstance(module, nn.Linear):
        kind, multiply_adds = "dense", cells * module.in_features
    elif isinstance(getattr(module, "kernel_size", None), int | tuple):
        kernel, padding = _pair(module.kernel_size), _pair(module.padding)
    return Layer(
        name=name,
        kind=kind,
        kernel=tuple(kernel),
        stride=_pair(getattr(module, "stride", None) or 1),
        padding=padding,
        dilation=_pair(getattr(module, "dilation", 1)),
        groups=groups,
        input=input,
        output=output,
        parameters=sum(tensor.numel() for tensor in module.parameters()),
        multiply_adds=multiply_adds,
        field=field,
        picture=picture,
    )


def _convolution_kind(module: nn.Conv2d, input: tuple[int, ...], output: tuple[int, ...]) -> str:
    if output[1:] == (1, 1) and module.kernel_size == input[1:]:
        return "dense"
    if module.groups == module.in_channels > 1:
        return "depthwise"
    return "pointwise" if module.kernel_size == (1, 1) else "convolution"


def last_maps(layers: Sequence[Layer]) -> Layer | None:
    """Return the last layer that has more than one cell, laid out as a picture; None where none is."""
    maps = [layer for layer in layers if layer.field and layer.kind != "dense" and max(layer.output[-2:]) > 1]
    return maps[-1] if maps else None
