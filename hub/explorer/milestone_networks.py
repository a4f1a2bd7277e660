"""Count and time the networks of milestones.py in torch.

`python -m hub.explorer.milestone_networks` writes their counts to milestones.json.
"""

import statistics
import time
from itertools import pairwise

import timm
import torch
from torch import nn

import hub.models.architectures  # noqa: F401 (timm then knows them)
from hub.explorer.layer_tracing import list_layers
from hub.explorer.layers import last_maps
from hub.explorer.milestones import COUNTS, Architecture, Paper, papers
from hub.files import write_json

NAMES = {"LeNet-5": "lenet5", "VGG-16": "vgg16", "MobileNetV2": "mobilenetv2_100"}  # in timm
PASSES = 5  # timed, of which the median counts


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
        return _make(paper.name).eval()


def _make(name: str) -> nn.Module:
    if name in NAMES:
        return timm.create_model(NAMES[name])
    from torchvision.models import alexnet  # a second to import

    return alexnet()


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


def main() -> None:
    """Write the counts of all networks."""
    counts = {paper.name: dict(vars(count(paper))) for paper in papers()}
    for row in counts.values():
        del row["paper"]
    write_json(COUNTS, counts)


if __name__ == "__main__":
    main()
