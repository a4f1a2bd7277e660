"""The layers of a network: their shapes, and costs held against torch's own counts."""

import threading

import pytest
import timm
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from hub.errors import InputError
from hub.explorer.layer_tracing import COUNTING, list_layers


def untrained(name, **options):
    with torch.device("meta"):
        return timm.create_model(name, **options)


def test_the_layers_of_lenet_5_are_those_of_the_paper():
    layers = list_layers(timm.create_model("lenet5"), (1, 32, 32))
    assert [(layer.kind, layer.output, layer.parameters) for layer in layers] == [
        ("convolution", (6, 28, 28), 156),
        ("pooling", (6, 14, 14), 0),
        ("convolution", (16, 10, 10), 2416),
        ("pooling", (16, 5, 5), 0),
        ("dense", (120,), 48_120),
        ("dense", (84,), 10_164),
        ("dense", (10,), 850),
    ]
    assert sum(layer.parameters for layer in layers) == 61_706
    assert [layer.field and (layer.field.size[0], layer.field.jump[0]) for layer in layers] == [
        (5, 1), (6, 2), (14, 2), (16, 4), None, None, None
    ]  # fmt: skip
    assert layers[0].multiply_adds == 28 * 28 * 6 * 25
    assert layers[3].box(0, 0) == (0, 0, 16, 16)
    assert layers[3].box(4, 4) == (16, 16, 32, 32)
    assert layers[-1].box(0, 0) == (0, 0, 32, 32)


def test_a_layer_says_what_it_is_made_of(model):
    layers = {layer.name: layer for layer in list_layers(model)}
    stem, depthwise = layers["conv_stem"], layers["blocks.1.0.conv_dw"]
    assert (stem.kernel, stem.stride, stem.padding, stem.dilation) == ((3, 3), (2, 2), (1, 1), (1, 1))
    assert (stem.input, stem.output, stem.activations) == ((3, 224, 224), (32, 112, 112), 32 * 112 * 112)
    assert (depthwise.kind, depthwise.groups, depthwise.multiply_adds) == ("depthwise", 96, 96 * 9 * 56 * 56)
    assert layers["conv_head"].kind == "pointwise"
    assert (layers["classifier"].kind, layers["classifier"].parameters) == ("dense", 2562)


@pytest.mark.parametrize("name", ["mobilenetv2_100", "resnet18", "efficientnet_b0", "vgg16"])
def test_parameters_and_multiply_adds_are_what_torch_counts(name):
    model = untrained(name).eval()
    layers = list_layers(model)
    with FlopCounterMode(display=False) as counter:
        model(torch.empty(1, 3, 224, 224, device="meta"))
    assert 2 * sum(layer.multiply_adds for layer in layers) == counter.get_total_flops()
    norms = sum(
        p.numel() for m in model.modules() if isinstance(m, nn.BatchNorm2d) for p in m.parameters(False)
    )
    assert sum(layer.parameters for layer in layers) + norms == sum(p.numel() for p in model.parameters())


def test_looking_leaves_the_network_as_it_was(model):
    training = timm.create_model("lenet5")
    training.train()
    list_layers(training, (1, 32, 32))
    assert training.training
    assert all(not module._forward_hooks for module in training.modules())
    assert next(training.parameters()).device.type == "cpu"


def test_what_a_network_does_not_take_is_said():
    with pytest.raises(InputError, match="does not take pictures of 1 x 8 x 8"):
        list_layers(timm.create_model("lenet5"), (1, 8, 8))
    with pytest.raises(InputError, match="does not say what pictures it takes"):
        list_layers(nn.Conv2d(1, 1, 3))
    with pytest.raises(InputError, match="5 x 5 cells; there is no row 5"):
        list_layers(timm.create_model("lenet5"), (1, 32, 32))[3].box(5, 0)


def test_layers_are_not_counted_while_another_thread_runs_a_network():
    """torch's counter would hook that network, too, and its gradients would fail."""
    counted = []
    thread = threading.Thread(
        target=lambda: counted.extend(list_layers(timm.create_model("lenet5"), (1, 32, 32)))
    )
    with COUNTING:
        thread.start()
        thread.join(0.3)
        assert counted == []
    thread.join()
    assert len(counted) == 7
