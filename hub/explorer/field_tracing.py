"""Follow the receptive field from tensor to tensor while a network runs.

After Araujo, Norris and Sim 2019, "Computing Receptive Fields of Convolutional Neural Networks"
(https://distill.pub/2019/computing-receptive-fields).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce

import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from hub.explorer.receptive_field import Axis, ReceptiveField, pair


@dataclass(frozen=True)
class ChannelsLast:
    """Receptive fields of a tensor [B, height, width, channels].

    ConvNeXt has such tensors between its convolutions.
    """

    field: ReceptiveField


class ReceptiveFieldMode(TorchFunctionMode):
    """A mode that follows the receptive field from tensor to tensor.

    It knows convolution, pooling, padding, functions that work cell by cell, and those that move channels
    behind the cells and back. The result of any other function has no field: each of its cells may see the
    whole image, which is never too little. `constants` are tensors that do not depend on the image.
    """

    def __init__(self, image: Tensor, constants: Iterable[Tensor]):
        super().__init__()
        # By id of the tensor; holding the tensor as well keeps its id from being reused.
        self._records: dict[int, tuple[Tensor, int, ReceptiveField | ChannelsLast | None]] = {}
        height, width = image.shape[-2:]
        self._record(image, ReceptiveField(Axis(1, 1, 0, 0, height), Axis(1, 1, 0, 0, width)))
        for tensor in constants:
            self._record(tensor, None)

    def field(self, tensor: Tensor) -> ReceptiveField | None:
        """Return the receptive field of a tensor's cells.

        It is None if each cell may see the whole image, or none of it, and where channels come last.
        """
        field = self._field(tensor)
        return field if isinstance(field, ReceptiveField) else None

    def _field(self, tensor: Tensor) -> ReceptiveField | ChannelsLast | None:
        return self._records[id(tensor)][2] if self._is_known(tensor) else None

    def _record(self, tensor: Tensor, field: ReceptiveField | ChannelsLast | None) -> None:
        self._records[id(tensor)] = tensor, tensor._version, field

    def _is_known(self, tensor: Tensor) -> bool:
        # A tensor changed in place since, perhaps through a view, is not the one that was recorded.
        _, version, _ = self._records.get(id(tensor), (None, None, None))
        return version == tensor._version

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        inputs = {tensor: self._field(tensor) for tensor in _tensors([args, kwargs])}
        inputs = {tensor: field for tensor, field in inputs.items() if field or not self._is_known(tensor)}
        result = function(*args, **kwargs)
        for tensor in _tensors(result):
            field = _follow(function, args, kwargs, inputs, tensor.shape)
            if field or not inputs:
                self._record(tensor, field)
        return result


def _tensors(value: object) -> Iterator[Tensor]:
    """Yield the tensors among the arguments or results of a function."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, list | tuple | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _tensors(item)


def _follow(
    function: Callable,
    args: tuple,
    kwargs: dict,
    inputs: dict[Tensor, ReceptiveField | ChannelsLast | None],
    shape: Sequence[int],
) -> ReceptiveField | ChannelsLast | None:
    """Return the receptive field of a function's result, None if it is not known.

    `inputs` are the tensors that may depend on the image, with their fields; `shape` is that of the result.
    """
    if function is Tensor.permute:
        return _permute(inputs.get(args[0]), args[1:])
    last = [isinstance(field, ChannelsLast) for field in inputs.values() if field]
    if function in WINDOWS:
        # With another input the kernel itself would depend on the image.
        field = inputs.get(args[0]) if args and len(inputs) == 1 and not any(last) else None
        window = WINDOWS[function](*args, **kwargs)
        return field.slide(shape[-2:], *window) if field and window else None
    cellwise = function.__name__.strip("_") in CELLWISE
    if any(last):
        over_channels = function is F.linear or (function is F.layer_norm and len(args[1]) == 1)
        if not all(last) or not (cellwise or over_channels):
            return None
        fields = {tensor: field and field.field for tensor, field in inputs.items()}
        field = _unite(fields, slice(1, 3), shape)
        return ChannelsLast(field) if field else None
    if function not in NORMS and not cellwise:
        return None
    return _unite(inputs, slice(-2, None), shape, whole=function in NORMS and kwargs.get("training", True))


def _permute(
    field: ReceptiveField | ChannelsLast | None, order: tuple
) -> ReceptiveField | ChannelsLast | None:
    """Return the field after channels went behind the cells, or back."""
    order = tuple(order[0]) if len(order) == 1 else order
    if isinstance(field, ReceptiveField) and order == (0, 2, 3, 1):
        return ChannelsLast(field)
    return field.field if isinstance(field, ChannelsLast) and order == (0, 3, 1, 2) else None


def _unite(
    inputs: dict[Tensor, ReceptiveField | None], places: slice, shape: Sequence[int], whole: bool = False
) -> ReceptiveField | None:
    """Return the field of cells that see those in the same place of the inputs.

    `places` says which part of `shape` counts the cells, (height, width).
    """
    fields = []
    for tensor, field in inputs.items():
        if field and tensor.shape[places] == shape[places]:
            fields.append(field)
        elif set(tensor.shape[places]) <= {1}:
            whole = True  # one number per channel, as squeeze-and-excitation gives
        else:
            return None
    if len({field.jump for field in fields}) != 1:
        return None
    field = reduce(ReceptiveField.union, fields)
    return replace(field, whole=field.whole or whole)


def _convolution_window(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    kernel, dilation = weight.shape[-2:], pair(dilation)
    if padding == "same":
        padding = [d * (k - 1) // 2 for d, k in zip(dilation, kernel, strict=True)]
    return kernel, pair(stride), pair(0 if padding == "valid" else padding), dilation


def _max_pooling_window(input, kernel_size, stride=None, padding=0, dilation=1, *_, **__):
    return pair(kernel_size), pair(stride or kernel_size), pair(padding), pair(dilation)


def _average_pooling_window(input, kernel_size, stride=None, padding=0, *_, **__):
    return _max_pooling_window(input, kernel_size, stride, padding)


def _padding_window(input, pad, mode="constant", value=None):
    left, _, top, _ = [*pad, 0, 0, 0, 0][:4]
    # Any other mode repeats pixels from elsewhere.
    return ((1, 1), (1, 1), (top, left)) if mode == "constant" else None


WINDOWS = {
    F.conv2d: _convolution_window,
    F.max_pool2d: _max_pooling_window,
    F.avg_pool2d: _average_pooling_window,
    F.pad: _padding_window,
}
# These may measure the whole map; batch norm does so in training.
NORMS = {F.batch_norm, F.group_norm, F.instance_norm, F.layer_norm}
# These leave cells in their places. In-place functions and operators have underscores around the name.
CELLWISE = {
    "add", "cat", "clamp", "clone", "contiguous", "div", "dropout", "dropout2d", "elu", "float", "gelu",
    "half", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu", "mish", "mul", "neg", "prelu", "relu",
    "relu6", "selu", "sigmoid", "silu", "softplus", "sub", "tanh", "to",
}  # fmt: skip
