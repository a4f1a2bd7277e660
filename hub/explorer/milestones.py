"""LeNet-5, AlexNet, VGG-16 and MobileNetV2: published figures, and costs here."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import timm
import torch
from torch import nn

import hub.models.architectures  # noqa: F401 (timm then knows them)
from hub.explorer.layers import last_maps, list_layers

PASSES = 5  # timed, of which the median counts


@dataclass(frozen=True)
class Paper:
    """A network as its authors published it.

    `top1` is the accuracy on ImageNet's validation images, 0 to 1; `shape` is (channels, height, width) of
    its input.
    """

    name: str
    make: Callable[[], nn.Module]
    shape: tuple[int, int, int]
    year: int
    top1: float | None
    citation: str
    url: str


@dataclass(frozen=True)
class Architecture:
    """Counts of the untrained network of a `paper`, for one image.

    `depth` is the number of layers with weights, `kernels` are the sides of its filters, without dense
    layers, `output` is the shape of its last maps with several cells and `field` their receptive field, in
    pixels a side, `megabytes` (10^6 bytes) the size of its weights in 32 bits.
    """

    paper: Paper
    depth: int
    kernels: list[int]
    parameters: int
    multiply_adds: int
    output: tuple[int, int, int]
    field: int
    megabytes: float


def _alexnet() -> nn.Module:
    from torchvision.models import alexnet  # a second to import

    return alexnet()


def papers() -> list[Paper]:
    """Return LeNet-5, AlexNet, VGG-16 and MobileNetV2.

    Years and ImageNet top-1 accuracies are from their papers.
    """
    return [
        Paper(
            "LeNet-5", lambda: timm.create_model("lenet5"), (1, 32, 32), 1998, None,
            "LeCun et al. 1998, Gradient-based learning applied to document recognition",
            "https://doi.org/10.1109/5.726791",
        ),
        Paper(
            "AlexNet", _alexnet, (3, 224, 224), 2012, 0.593,  # table 2: 1 CNN, top-1 error 40.7 %
            "Krizhevsky et al. 2012, ImageNet classification with deep convolutional networks, table 2",
            "https://doi.org/10.1145/3065386",
        ),
        Paper(
            "VGG-16", lambda: timm.create_model("vgg16"), (3, 224, 224), 2014,
            0.744,  # table 3: configuration D at one scale, top-1 error 25.6 %
            "Simonyan and Zisserman 2014, Very deep convolutional networks, table 3, configuration D",
            "https://arxiv.org/abs/1409.1556",
        ),
        Paper(
            "MobileNetV2", lambda: timm.create_model("mobilenetv2_100"), (3, 224, 224), 2018,
            0.720,  # table 4
            "Sandler et al. 2018, MobileNetV2: inverted residuals and linear bottlenecks, table 4",
            "https://arxiv.org/abs/1801.04381",
        ),
    ]  # fmt: skip


def count(paper: Paper) -> Architecture:
    """Return the counts of the network of a paper; nothing is computed."""
    model = _without_content(paper)
    layers = list_layers(model, paper.shape)
    weighted = [layer for layer in layers if layer.parameters]
    parameters = sum(tensor.numel() for tensor in model.parameters())
    last = last_maps(layers)
    return Architecture(
        paper=paper,
        depth=len(weighted),
        kernels=sorted({layer.kernel[0] for layer in weighted if layer.kind != "dense"}, reverse=True),
        parameters=parameters,
        multiply_adds=sum(layer.multiply_adds for layer in layers),
        output=last.output,
        field=last.field.size[0],
        megabytes=4 * parameters / 1e6,
    )


def milliseconds(paper: Paper) -> float:
    """Return the time of one image in the network of a paper, on this machine.

    This may take seconds.
    """
    return forward_milliseconds(_without_content(paper), paper.shape)


def _without_content(paper: Paper) -> nn.Module:
    with torch.device("meta"):
        return paper.make().eval()


@torch.inference_mode()
def forward_milliseconds(model: nn.Module, shape: tuple[int, int, int]) -> float:
    """Return the milliseconds of a forward pass of one image, the median of a few.

    The model's tensors, on the meta device, are filled with constants that keep activations in an ordinary
    range: numbers near zero would make the processor slow. They are emptied again at the end.
    """
    model.to_empty(device="cpu")
    for tensor in model.state_dict().values():
        tensor.fill_(1 / tensor[0].numel() if tensor.ndim > 1 else 1)
    image = torch.ones(1, *shape)
    model(image)
    moments = [time.perf_counter()]
    for _ in range(PASSES):
        model(image)
        moments.append(time.perf_counter())
    model.to("meta")
    return 1000 * statistics.median(after - before for before, after in pairwise(moments))
