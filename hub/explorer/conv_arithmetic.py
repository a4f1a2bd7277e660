"""The arithmetic of convolutions: output sizes and costs of layers.

Output sizes and the arithmetic of strides and dilations follow Dumoulin and Visin 2016, "A guide to
convolution arithmetic for deep learning" (https://arxiv.org/abs/1603.07285).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hub.errors import InputError
from hub.explorer.layers import Layer


@dataclass(frozen=True)
class Slide:
    """A kernel that slides along one side of an image; all lengths in pixels.

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
        """Position of the kernel's first tap at each step; negative in the padding."""
        return range(-self.before, -self.before + self.output * self.stride, self.stride)

    @property
    def blind(self) -> int:
        """Number of positions at which the kernel sees only padding."""
        return sum(
            not any(0 <= start + tap * self.dilation < self.size for tap in range(self.kernel))
            for start in self.starts
        )


def slide(size: int, kernel: int, padding: int | str = 0, stride: int = 1, dilation: int = 1) -> Slide:
    """Return how a kernel slides along one side of an image.

    A kernel of F pixels has floor((N - F + 2P) / S) + 1 positions on N pixels, with stride S. With dilation D
    it extends over D (F - 1) + 1 pixels instead of F (Dumoulin and Visin 2016, relationships 6 and 15).
    `padding` is P, or "valid": none; or "same" as in TensorFlow: an output of ceil(N / S), with an odd pixel
    of padding at the end. Raises InputError if an argument is invalid or the kernel does not fit.
    """
    lengths = {"picture": size, "kernel": kernel, "stride": stride, "dilation": dilation}
    if not isinstance(padding, str):
        lengths["padding"] = padding
    for name, value in lengths.items():
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


def torch_call(size: int, kernel: int, padding: int | str = 0, stride: int = 1, dilation: int = 1) -> str:
    """Return the call in `torch.nn` that slides such a kernel, from those of `slide`.

    torch refuses padding="same" with a stride above 1; the image is then padded first, as TensorFlow would.
    Raises what `slide` raises.
    """
    options = f"stride={stride}, padding={padding!r}" + (f", dilation={dilation}" if dilation > 1 else "")
    call = f"Conv2d(1, 1, {kernel}, {options})"
    if padding == "same" and stride > 1:
        position = slide(size, kernel, padding, stride, dilation)
        pads = (position.before, position.after) * 2
        call = f"Sequential(ZeroPad2d({pads}), {call.replace(repr('same'), '0')})"
    return call


def torch_output(size: int, kernel: int, padding: int | str = 0, stride: int = 1, dilation: int = 1) -> int:
    """Return the output size of the layer of `torch_call`, as torch gives it.

    Nothing is computed: the tensors have no content. Raises what torch raises.
    """
    import torch
    from torch import nn

    image = torch.empty(1, 1, size, size, device="meta")
    if padding == "same" and stride > 1:
        position = slide(size, kernel, padding, stride, dilation)
        image, padding = nn.ZeroPad2d((position.before, position.after) * 2)(image), 0
    layer = nn.Conv2d(1, 1, kernel, stride=stride, padding=padding, dilation=dilation, device="meta")
    return layer(image).shape[-1]


@dataclass(frozen=True)
class Cost:
    """Cost of a layer for one image: parameters, multiply-adds and activations.

    Activations are the numbers that the layer outputs.
    """

    parameters: int
    multiply_adds: int
    activations: int


def convolution_cost(
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
    """Return the cost of a convolution for one image.

    The input is C x size x size, where C is `channels`. K `filters` of F x F have K (F F C / groups + 1)
    parameters, and F F C / groups multiply-adds for each of the K x out x out activations: the size of the
    image and the stride do not change the parameters (Dumoulin and Visin 2016; counted as in Sandler et al.
    2018). Raises InputError if an argument is invalid or the kernel does not fit.
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


def dense_cost(layer: Layer) -> Cost:
    """Return the cost of a dense layer in place of a convolution.

    It has the same input and output. Each output has a weight for each input and a bias: what a convolution
    saves by sharing one kernel over all positions (LeCun et al. 1998, section II).
    """
    inputs, outputs = int(np.prod(layer.input)), layer.activations
    return Cost((inputs + 1) * outputs, inputs * outputs, outputs)


def stack_cost(kernels: Sequence[int], channels: int, size: int) -> tuple[Cost, int]:
    """Return the cost and receptive field of a stack of convolutions.

    The receptive field is its side in pixels. Each convolution keeps the number of channels and, by padding,
    the size, and has no bias: 7 x 7 takes 49 C C parameters and three of 3 x 3 take 27 C C, for the same 7
    pixels (Simonyan and Zisserman 2015, section 2.3, https://arxiv.org/abs/1409.1556).
    """
    costs = [convolution_cost(channels, channels, kernel, size, "same", bias=False) for kernel in kernels]
    total = Cost(*(sum(getattr(cost, name) for cost in costs) for name in Cost.__annotations__))
    return total, 1 + sum(kernel - 1 for kernel in kernels)
