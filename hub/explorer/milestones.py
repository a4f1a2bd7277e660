"""LeNet-5, AlexNet, VGG-16 and MobileNetV2: published figures and counts."""

import json
from dataclasses import dataclass
from pathlib import Path

# What milestone_networks.py counts, which takes torch; counts never change.
COUNTS = Path(__file__).with_name("milestones.json")


@dataclass(frozen=True)
class Paper:
    """A network as its authors published it.

    `top1` is the accuracy on ImageNet's validation images, 0 to 1; `shape` is (channels, height, width) of
    its input.
    """

    name: str
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


def papers() -> list[Paper]:
    """Return LeNet-5, AlexNet, VGG-16 and MobileNetV2.

    Years and ImageNet top-1 accuracies are from their papers.
    """
    return [
        Paper(
            "LeNet-5", (1, 32, 32), 1998, None,
            "LeCun et al. 1998, Gradient-based learning applied to document recognition",
            "https://doi.org/10.1109/5.726791",
        ),
        Paper(
            "AlexNet", (3, 224, 224), 2012, 0.593,  # table 2: 1 CNN, top-1 error 40.7 %
            "Krizhevsky et al. 2012, ImageNet classification with deep convolutional networks, table 2",
            "https://doi.org/10.1145/3065386",
        ),
        Paper(
            "VGG-16", (3, 224, 224), 2014, 0.744,  # table 3: configuration D at one scale, top-1 error 25.6 %
            "Simonyan and Zisserman 2014, Very deep convolutional networks, table 3, configuration D",
            "https://arxiv.org/abs/1409.1556",
        ),
        Paper(
            "MobileNetV2", (3, 224, 224), 2018, 0.720,  # table 4
            "Sandler et al. 2018, MobileNetV2: inverted residuals and linear bottlenecks, table 4",
            "https://arxiv.org/abs/1801.04381",
        ),
    ]  # fmt: skip


def architectures() -> list[Architecture]:
    """Return the counts of the networks of `papers`, in their order."""
    counts = json.loads(COUNTS.read_text(encoding="utf-8"))
    return [
        Architecture(paper, **counts[paper.name] | {"output": tuple(counts[paper.name]["output"])})
        for paper in papers()
    ]
