"""Inside a network: its filters, what its layers find and see, and the arithmetic of convolutions.

For any network of timm or torchvision that is made of torch's own layers. Pictures are float32 [N, C, H, W],
normalised as the network was trained (`Classifier.normalize`). What `receptive_field` and
`conv_arithmetic` have is here, too.
"""

import statistics
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import timm
import torch
from torch import Tensor, nn

import hub.models.architectures  # noqa: F401 (timm then knows them)
from hub.errors import InputError
from hub.explorer.layers import Layer, find_maps, last_maps
from hub.explorer.layers import list_layers as layers
from hub.models.factory import load
from hub.models.filters import filters, load_filters

if TYPE_CHECKING:
    from hub.inference.classifier import Classifier

PASSES = 5  # timed, of which the median is told


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
    hook = find_maps(model, layer).register_forward_hook(
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
    target = find_maps(model, layer)
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
