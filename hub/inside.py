"""Inside a network: its filters, what its layers find and see, and the arithmetic of convolutions.

For any network of timm or torchvision that is made of torch's own layers. Pictures are float32 [N, C, H, W],
normalised as the network was trained (`Classifier.normalize`).

Receptive fields follow Araujo, Norris and Sim 2019, "Computing Receptive Fields of Convolutional Neural
Networks" (https://distill.pub/2019/computing-receptive-fields); output sizes and the arithmetic of strides
and dilations Dumoulin and Visin 2016, "A guide to convolution arithmetic for deep learning"
(https://arxiv.org/abs/1603.07285).
"""

import operator
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import timm
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import hub.architectures  # noqa: F401 (timm then knows them)
from hub.errors import InputError
from hub.files import FILTERS

if TYPE_CHECKING:
    from hub.classifier import Classifier

# Every output depends on every input, or on inputs that are no longer laid out as a picture.
MIXING = {
    "matmul", "mm", "bmm", "addmm", "baddbmm", "einsum", "softmax", "cumsum", "roll",
    "scaled_dot_product_attention", "multi_head_attention_forward",
}  # fmt: skip
# Divide by what they measure on the whole map.
NORMALISING = {"group_norm", "instance_norm"}
# Move cells about in ways that the formula does not cover.
UNCOVERED = {"conv_transpose2d", "grid_sampler", "pixel_shuffle", "pixel_unshuffle", "fold", "im2col"}
PASSES = 5  # timed, of which the median is told


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


def load(folder: Path) -> nn.Module:
    """Return the network of a model folder; InputError where its weights are missing or damaged."""
    try:
        return timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
    except (RuntimeError, OSError, SafetensorError):
        raise InputError(f"The weights in {folder} are missing or damaged; get them again.") from None


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

    names = {module: name for name, module in model.named_modules() if _is_layer(module)}
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


def _is_layer(module: nn.Module) -> bool:
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


@dataclass(frozen=True)
class Network:
    """What the pages show of a model folder; `drawings` draws it.

    `before` and `after` are the first layer's filters, None where there are none. What could not be had is
    None or empty, and `trouble` says why. One picture at a time goes through `model`, held by `lock`:
    hooks hear whatever passes, another visitor's picture, too. `normalize` is `Classifier.normalize`.
    """

    model: nn.Module | None
    layers: list[Layer]
    trouble: str
    before: Tensor | None
    after: Tensor | None
    normalize: Callable[[np.ndarray], np.ndarray]
    lock: threading.Lock

    @property
    def maps(self) -> list[Layer]:
        """The layers whose cells are laid out as a picture."""
        return [layer for layer in self.layers if layer.field and layer.kind != "dense"]


def open_network(classifier: "Classifier") -> Network:
    """Return the network of a classifier's folder, as far as it can be shown."""
    model, found, trouble, before, after = None, [], "", None, None
    try:
        model = load(classifier.folder)
        after = filters(model, classifier.radiograph)
        found = layers(model)
        before = load_filters(classifier.folder)
    except InputError as error:
        trouble = str(error)
    return Network(model, found, trouble, before, after, classifier.normalize, threading.Lock())


def find_layer(model: nn.Module, name: str) -> nn.Module:
    """Return a layer by its name in the network; InputError where there is none of that name."""
    module = dict(model.named_modules()).get(name)
    if module is None or not _is_layer(module):
        raise InputError(f"The network has no convolution, pooling or dense layer {name}.")
    return module


def _find_maps(model: nn.Module, name: str) -> nn.Module:
    """Return a layer that gives maps; InputError for a dense one."""
    module = find_layer(model, name)
    if isinstance(module, nn.Linear):
        raise InputError(f"{name} gives no maps, only numbers without a place; choose a layer before it.")
    return module


def seen(
    model: nn.Module, pixels: Tensor, layer: str, row: int, column: int, channel: int | None = None
) -> np.ndarray:
    """Return how much each pixel moves one cell of a layer: float32 [H, W], the gradient's magnitude.

    Luo et al. 2016, "Understanding the Effective Receptive Field in Deep Convolutional Neural Networks"
    (https://arxiv.org/abs/1701.04128): most of a receptive field hardly counts, and its centre the most.
    `pixels` is one picture, float32 [1, C, H, W]; the cell is of one channel, or the sum over all. Magnitudes
    are summed over the picture's channels. Raises InputError where there is no such layer or cell.
    """
    maps = []
    hook = _find_maps(model, layer).register_forward_hook(
        lambda module, inputs, output: maps.append(output.clone())
    )
    pixels = pixels.detach().clone().requires_grad_()
    try:
        with torch.enable_grad():
            model(pixels)
    finally:
        hook.remove()
    (found,) = maps[-1]
    height, width = found.shape[1:]
    if not (0 <= row < height and 0 <= column < width):
        raise InputError(f"{layer} has {height} x {width} cells; there is no row {row}, column {column}.")
    cell = found[:, row, column]
    (gradient,) = torch.autograd.grad(cell.sum() if channel is None else cell[channel], pixels)
    return gradient[0].abs().sum(0).numpy()


@torch.no_grad()
def feature_maps(model: nn.Module, pixels: Tensor, layer: str) -> tuple[np.ndarray, str]:
    """Return what a layer finds in one picture, float32 [channels, h, w], and after which steps.

    Norm and activation that directly follow are included: so it is what the next layer sees. The steps are
    named as in torch, "Conv2d, BatchNorm2d, ReLU6". `pixels` is float32 [1, C, H, W]. Raises InputError where
    the layer is unknown or gives no maps.
    """
    target = _find_maps(model, layer)
    steps, maps, following = [], [], {target}
    last, version = None, None

    def follow(module: nn.Module, inputs: tuple) -> None:
        # The same tensor may have been added to in place: then it is no longer what the layer gave.
        if inputs and inputs[0] is last and inputs[0]._version == version:
            following.add(module)

    def note(module: nn.Module, inputs: tuple, output: Tensor) -> None:
        nonlocal last, version
        if module in following:
            following.discard(module)
            last, version = output, output._version
            maps[:] = [output.clone()]
            if not isinstance(module, nn.Identity | nn.Dropout):
                steps.append(_step_name(module))

    after = [module for module in model.modules() if _is_elementwise(module)]
    hooks = [module.register_forward_pre_hook(follow) for module in after]
    hooks += [module.register_forward_hook(note) for module in [target, *after]]
    try:
        model(pixels)
    finally:
        for hook in hooks:
            hook.remove()
    (found,) = maps[0]
    return found.float().numpy(), ", ".join(steps)


def _is_elementwise(module: nn.Module) -> bool:
    """Whether it is a norm (timm's have the activation inside), an activation, or nothing at all."""
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


def strongest(maps: np.ndarray, count: int = 12) -> list[int]:
    """Return the channels of the highest mean activation, the highest first, of maps [channels, h, w]."""
    return np.argsort(-maps.mean((1, 2)), kind="stable")[:count].tolist()


def filters(model: nn.Module, radiograph: bool = False) -> Tensor:
    """Return the kernels of the first convolution, float32 [filters, channels, k, k].

    `radiograph`: a model folder of radiographs weighs red, green and blue into grey in this layer
    (`package.save_package`); its channels are added up, which gives back the one grey kernel. Raises
    InputError where there is no convolution.
    """
    first = next((module for module in model.modules() if isinstance(module, nn.Conv2d)), None)
    if first is None:
        raise InputError("This network has no convolution, so there are no filters to see.")
    kernels = first.weight.detach().float()
    return kernels.sum(1, keepdim=True) if radiograph else kernels.clone()


def save_filters(folder: Path, before: Tensor) -> None:
    """Keep in a model folder what `filters` gave before training, float32 [filters, channels, k, k]."""
    partial = Path(folder) / f".{FILTERS}.partial"
    save_file({"before": before.detach().float().contiguous()}, partial)
    partial.chmod(0o644)  # safetensors writes for the owner alone
    partial.replace(Path(folder) / FILTERS)


def load_filters(folder: Path) -> Tensor | None:
    """Return what `save_filters` kept, None where nothing was; InputError where it is damaged."""
    file = Path(folder) / FILTERS
    if not file.is_file():
        return None
    try:
        before = load_file(file)["before"]
    except (SafetensorError, KeyError):
        raise InputError(f"{file} is damaged; get it again or delete it.") from None
    if before.ndim != 4:
        raise InputError(f"{file} does not hold kernels; get it again or delete it.")
    return before.float()


@dataclass(frozen=True)
class Slide:
    """A kernel sliding along one side of a picture; all lengths in pixels.

    `before` and `after` are the padding, `reach` is how far the kernel extends, dilation (F - 1) + 1,
    `output` the number of its positions, and `leftover` how many pixels at the end no step reaches.
    """

    size: int
    kernel: int
    before: int
    after: int
    stride: int
    dilation: int
    reach: int
    output: int
    leftover: int

    @property
    def starts(self) -> range:
        """Where the kernel's first tap lies at each position; negative in the padding."""
        return range(-self.before, -self.before + self.output * self.stride, self.stride)

    @property
    def blind(self) -> int:
        """At how many positions the kernel sees nothing but padding."""
        return sum(
            not any(0 <= start + tap * self.dilation < self.size for tap in range(self.kernel))
            for start in self.starts
        )


def slide(size: int, kernel: int, padding: int | str = 0, stride: int = 1, dilation: int = 1) -> Slide:
    """Return how a kernel of F pixels slides over N pixels: floor((N - F + 2P) / S) + 1 positions.

    With dilation D the kernel reaches over D (F - 1) + 1 pixels in place of F (Dumoulin and Visin 2016,
    relationships 6 and 15). `padding` is P, or "valid": none; or "same" as TensorFlow means it, for an output
    of ceil(N / S), where one pixel more may lie at the end. Raises InputError for what is impossible.
    """
    given = {"picture": size, "kernel": kernel, "stride": stride, "dilation": dilation}
    if not isinstance(padding, str):
        given["padding"] = padding
    for name, value in given.items():
        if isinstance(value, bool) or not isinstance(value, int | np.integer):
            raise InputError(f"The {name} is {value}; give a whole number.")
        least = 0 if name == "padding" else 1
        if value < least:
            raise InputError(f"The {name} is {value}; give {least} or more.")
    if isinstance(padding, str) and padding not in ("valid", "same"):
        raise InputError(f"There is no padding {padding}; give valid, same or a whole number.")
    reach = dilation * (kernel - 1) + 1
    if padding == "same":
        total = max((-(-size // stride) - 1) * stride + reach - size, 0)
    else:
        total = 0 if padding == "valid" else 2 * padding
    room = size - reach + total
    if room < 0:
        spread = f", which dilation {dilation} spreads over {reach}," if dilation > 1 else ""
        raise InputError(
            f"A kernel of {kernel} pixels{spread} does not fit into {size} pixels with {total} of padding in "
            "all; make the kernel or its dilation smaller, or the padding larger."
        )
    return Slide(
        size=size,
        kernel=kernel,
        before=total // 2,
        after=total - total // 2,
        stride=stride,
        dilation=dilation,
        reach=reach,
        output=room // stride + 1,
        leftover=room % stride,
    )


def torch_slide(
    size: int, kernel: int, padding: int | str = 0, stride: int = 1, dilation: int = 1
) -> tuple[int, str]:
    """Return the side of what `torch.nn.Conv2d` really gives, and the call; arguments as of `slide`.

    torch refuses padding="same" with a stride above 1; the padding that TensorFlow would take is then laid
    around the picture first. Nothing is computed: the tensors have no content. Raises what torch raises.
    """
    options = f"stride={stride}, padding={padding!r}" + (f", dilation={dilation}" if dilation > 1 else "")
    call = f"Conv2d(1, 1, {kernel}, {options})"
    picture = torch.empty(1, 1, size, size, device="meta")
    if padding == "same" and stride > 1:
        found = slide(size, kernel, padding, stride, dilation)
        pads = (found.before, found.after) * 2
        picture, padding = nn.ZeroPad2d(pads)(picture), 0
        call = f"Sequential(ZeroPad2d({pads}), {call.replace(repr('same'), '0')})"
    layer = nn.Conv2d(1, 1, kernel, stride=stride, padding=padding, dilation=dilation, device="meta")
    return layer(picture).shape[-1], call


@dataclass(frozen=True)
class Cost:
    """What a layer costs for one picture: numbers learned, multiplications (each added up), numbers given."""

    parameters: int
    multiply_adds: int
    activations: int


def convolution(
    channels: int,
    filters: int,
    kernel: int,
    size: int,
    padding: int | str = 0,
    stride: int = 1,
    dilation: int = 1,
    groups: int = 1,
    bias: bool = True,
) -> Cost:
    """Return what a convolution of a square map, `channels` x size x size, into `filters` maps costs.

    K (F F C / groups + 1) parameters, F F C / groups multiply-adds for each of the K x out x out numbers it
    gives: the size of the picture, and so the stride, is in the last two only (Dumoulin and Visin 2016; the
    counts are those of Sandler et al. 2018). Raises InputError for what is impossible.
    """
    for name, value in {"channels": channels, "filters": filters, "groups": groups}.items():
        if value < 1:
            raise InputError(f"The number of {name} is {value}; give 1 or more.")
    if channels % groups or filters % groups:
        raise InputError(
            f"{groups} groups do not divide {channels} channels and {filters} filters; give others."
        )
    output = slide(size, kernel, padding, stride, dilation).output
    weights = kernel * kernel * channels // groups
    activations = filters * output * output
    return Cost(filters * (weights + bias), weights * activations, activations)


def dense_instead(layer: Layer) -> Cost:
    """Return what a dense layer between the same input and output as a convolution's would cost.

    Each output has a weight for each input and a bias: what sharing one kernel over all positions saves
    (LeCun et al. 1998, section II).
    """
    inputs, outputs = int(np.prod(layer.input)), layer.activations
    return Cost((inputs + 1) * outputs, inputs * outputs, outputs)


def stack(kernels: Sequence[int], channels: int, size: int) -> tuple[Cost, int]:
    """Return what convolutions upon each other cost, and the pixels a side that one output sees.

    Each keeps the number of channels and, by padding, the size, and has no bias: 7 x 7 takes 49 C C
    parameters and three of 3 x 3 take 27 C C, for the same 7 pixels (Simonyan and Zisserman 2015,
    section 2.3, https://arxiv.org/abs/1409.1556).
    """
    costs = [convolution(channels, channels, kernel, size, "same", bias=False) for kernel in kernels]
    total = Cost(*(sum(getattr(cost, name) for cost in costs) for name in Cost.__annotations__))
    return total, 1 + sum(kernel - 1 for kernel in kernels)


@dataclass(frozen=True)
class Paper:
    """A network as its authors published it; `top1` is the share of ImageNet's validation pictures."""

    name: str
    make: Callable[[], nn.Module]
    shape: tuple[int, int, int]
    year: int
    top1: float | None
    citation: str
    url: str
    note: str = ""


@dataclass(frozen=True)
class Architecture:
    """A `paper` and what was counted and timed of its network, untrained, for one picture.

    `depth` counts layers with weights, `kernels` are the sides of its filters, dense layers left out,
    `field` is the receptive field of its last maps, in pixels a side, `megabytes` (10^6 bytes) the size of
    its weights in 32 bits, `milliseconds` the median of a few passes in torch, here.
    """

    paper: Paper
    depth: int
    kernels: list[int]
    parameters: int
    multiply_adds: int
    field: int
    megabytes: float
    milliseconds: float


def _alexnet() -> nn.Module:
    from torchvision.models import alexnet  # a second to import

    return alexnet()


def papers() -> list[Paper]:
    """Return LeNet-5, AlexNet, VGG-16 and MobileNetV2, with year and ImageNet top-1 from their papers."""
    return [
        Paper(
            "LeNet-5", lambda: timm.create_model("lenet5"), (1, 32, 32), 1998, None,
            "LeCun et al. 1998, Gradient-based learning applied to document recognition",
            "https://doi.org/10.1109/5.726791",
            "Made for digits, before there was ImageNet.",
        ),
        Paper(
            "AlexNet", _alexnet, (3, 224, 224), 2012, 0.593,  # table 2: 1 CNN, top-1 error 40.7 %
            "Krizhevsky et al. 2012, ImageNet classification with deep convolutional networks, table 2",
            "https://doi.org/10.1145/3065386",
            "Counted and timed: torchvision's, without the two towers (Krizhevsky 2014, arXiv 1404.5997).",
        ),
        Paper(
            "VGG-16", lambda: timm.create_model("vgg16"), (3, 224, 224), 2014,
            0.744,  # table 3: configuration D at one scale, top-1 error 25.6 %
            "Simonyan and Zisserman 2014, Very deep convolutional networks, table 3, configuration D",
            "https://arxiv.org/abs/1409.1556",
            "Its top-1 is of pictures whose smaller side has 384 pixels.",
        ),
        Paper(
            "MobileNetV2", lambda: timm.create_model("mobilenetv2_100"), (3, 224, 224), 2018,
            0.720,  # table 4
            "Sandler et al. 2018, MobileNetV2: inverted residuals and linear bottlenecks, table 4",
            "https://arxiv.org/abs/1801.04381",
        ),
    ]  # fmt: skip


def architectures() -> Iterator[Architecture]:
    """Yield the networks of `papers`, counted and timed here, one after another: each may take seconds."""
    for paper in papers():
        with torch.device("meta"):
            model = paper.make().eval()
        every = layers(model, paper.shape)
        weighted = [layer for layer in every if layer.parameters]
        parameters = sum(tensor.numel() for tensor in model.parameters())
        yield Architecture(
            paper=paper,
            depth=len(weighted),
            kernels=sorted({layer.kernel[0] for layer in weighted if layer.kind != "dense"}, reverse=True),
            parameters=parameters,
            multiply_adds=sum(layer.multiply_adds for layer in every),
            field=last_maps(every).field.size[0],
            megabytes=4 * parameters / 1e6,
            milliseconds=time_passes(model, paper.shape),
        )


@torch.inference_mode()
def time_passes(model: nn.Module, shape: tuple[int, int, int]) -> float:
    """Return the milliseconds that a network without content takes for one picture, median of a few passes.

    Its tensors, on the meta device, are filled with constants that keep activations in an ordinary range:
    numbers near zero would make the processor slow. They are emptied again at the end.
    """
    model.to_empty(device="cpu")
    for tensor in model.state_dict().values():
        tensor.fill_(1 / tensor[0].numel() if tensor.ndim > 1 else 1)
    picture = torch.ones(1, *shape)
    model(picture)
    moments = [time.perf_counter()]
    for _ in range(PASSES):
        model(picture)
        moments.append(time.perf_counter())
    model.to("meta")
    return 1000 * statistics.median(after - before for before, after in pairwise(moments))
