"""Receptive fields: published sizes, and boxes held against the gradient."""

import numpy as np
import pytest
import timm
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional
from torchvision.models import alexnet

from hub.errors import InputError
from hub.explorer.effective_receptive_field import effective_receptive_field
from hub.explorer.layer_tracing import list_layers
from hub.explorer.layers import last_maps

some = settings(max_examples=150, derandomize=True, deadline=None, database=None)


def untrained(name, **options):
    with torch.device("meta"):
        return timm.create_model(name, **options)


def by_name(model, shape=None):
    return {layer.name: layer for layer in list_layers(model, shape)}


@pytest.mark.parametrize(
    ("name", "layer", "size"),
    [
        ("vgg16", "features.30", 212),
        ("inception_v3", "Mixed_7c.branch3x3dbl_3b.conv", 1311),
        ("mobilenetv1_100", "blocks.4.1.conv_pw", 315),
        ("mobilenetv2_100", "conv_head", 491),
    ],
)
def test_receptive_fields_are_those_that_araujo_et_al_list(name, layer, size):
    """Their table; MobileNetV2, which it lacks, counted by hand: 1 + sum of 2 jumps per 3 x 3 kernel."""
    assert by_name(untrained(name))[layer].field.size[0] == size


def test_alexnets_receptive_field_is_195_as_in_their_table():
    assert by_name(alexnet().to("meta"), (3, 224, 224))["features.12"].field.size == (195, 195)


def test_squeeze_and_excitation_lets_every_cell_see_the_whole_image():
    layers = by_name(untrained("efficientnet_b0"))
    assert layers["blocks.0.0.conv_dw"].box(50, 50) == (97, 97, 104, 104)
    after = layers["blocks.0.0.conv_pw"]
    assert after.box(50, 50) == (0, 0, 224, 224)
    assert after.box(50, 50, whole=False) == (97, 97, 104, 104)


def test_group_norm_measures_the_whole_image_and_batch_norm_does_not():
    for norm, whole in ((nn.GroupNorm(1, 4), True), (nn.LayerNorm([8, 8]), True), (nn.BatchNorm2d(4), False)):
        network = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), norm, nn.Conv2d(4, 4, 3, padding=1))
        assert list_layers(network, (1, 8, 8))[-1].field.whole == whole


def test_a_layer_norm_over_channels_sees_no_further():
    for options in ({}, {"conv_mlp": False}):
        layers = by_name(untrained("convnext_atto", **options))
        last = layers["stages.3.blocks.1.conv_dw"].field
        assert (last.size[0], last.whole) == (
            4 + 4 * 2 * 6 + 4 + 8 * 2 * 6 + 8 + 16 * 6 * 6 + 16 + 32 * 2 * 6,
            False,
        )
    assert layers["stages.3.blocks.1.mlp.fc1"].field is None  # its channels come last


def test_a_transformer_sees_all_from_its_first_attention_on():
    layers = by_name(untrained("vit_tiny_patch16_224"))
    assert layers["patch_embed.proj"].box(1, 0) == (16, 0, 32, 16)
    assert layers["blocks.0.mlp.fc1"].field is None
    assert last_maps(list(layers.values())).name == "patch_embed.proj"


ACTIVATIONS = ("GELU", "ReLU", "ReLU6", "SiLU", "Tanh")


def open_up(model):
    """Let nothing cancel, in float64: equal positive weights, no norm or activation, mean for maximum."""
    for module in model.modules():
        for name, child in module.named_children():
            kind = type(child).__name__
            if isinstance(child, nn.MaxPool2d):
                setattr(module, name, nn.AvgPool2d(child.kernel_size, child.stride, child.padding))
            elif isinstance(child, nn.BatchNorm2d | nn.LayerNorm | nn.Dropout) or kind in ACTIVATIONS:
                setattr(module, name, nn.Identity())
    for name, tensor in model.named_parameters():
        tensor.data.fill_(1 / tensor[0].numel() if tensor.ndim > 1 else name.endswith("gamma"))
    return model.double().eval()


def support(model, shape, layer, row, column):
    """Return the box of the pixels whose gradient is not 0."""
    found = effective_receptive_field(model, torch.ones(1, *shape, dtype=torch.float64), layer, row, column)
    rows, columns = np.flatnonzero(found.any(1)), np.flatnonzero(found.any(0))
    return rows[0], columns[0], rows[-1] + 1, columns[-1] + 1


def cells(layer):
    height, width = layer.output[-2:]
    return {(0, 0), (height // 2, width // 3), (height - 1, width - 1)}


class NoGate(nn.Identity):
    """In place of squeeze-and-excitation."""

    def __init__(self, channels, **options):
        super().__init__()


def odd_network():
    """Strides and paddings that differ by axis, a crop, 'same' with an even kernel, and two branches."""

    class Branches(nn.Module):
        def __init__(self):
            super().__init__()
            self.wide = nn.Conv2d(4, 4, 4, padding="same")
            self.narrow = nn.Conv2d(4, 4, (1, 3), padding=(0, 1))
            self.after = nn.Conv2d(8, 2, 1)

        def forward(self, x):
            x = functional.pad(x, (1, -1, -1, 0))
            return self.after(torch.cat([self.wide(x), self.narrow(x)], 1))

    return nn.Sequential(
        nn.Conv2d(3, 4, (3, 4), stride=(1, 2), padding=(0, 1)), nn.MaxPool2d((2, 1)), Branches()
    )


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda: timm.create_model("lenet5"), (1, 32, 32)),
        (odd_network, (3, 40, 60)),
        (lambda: alexnet().features, (3, 256, 200)),
        (lambda: timm.create_model("mobilenetv2_100"), (3, 224, 160)),
        (lambda: timm.create_model("resnet18"), (3, 96, 224)),
        (lambda: timm.create_model("tf_mobilenetv3_small_minimal_100"), (3, 96, 128)),
        (lambda: timm.create_model("convnext_atto"), (3, 96, 128)),
        (lambda: timm.create_model("convnext_atto", conv_mlp=False), (3, 96, 128)),
        (lambda: timm.create_model("efficientnet_b0"), (3, 96, 128)),
        (lambda: timm.create_model("efficientnet_b0", se_layer=NoGate), (3, 96, 128)),
    ],
    ids=[
        "lenet5",
        "odd",
        "alexnet",
        "mobilenetv2",
        "resnet18",
        "tensorflow",
        "convnext",
        "convnext-linear",
        "efficientnet",
        "no-gates",
    ],
)
def test_the_box_is_where_the_gradient_is(make, shape):
    model = open_up(make())
    layers = list_layers(model, shape)
    assert all(layer.field for layer in layers if layer.kind != "dense" and max(layer.output[1:]) > 1)
    layers = [layer for layer in layers if layer.field and layer.kind != "dense"]
    checked = layers[:: max(1, len(layers) // 4)] + layers[-1:]
    for layer in checked:
        for row, column in cells(layer):
            assert layer.box(row, column) == support(model, shape, layer.name, row, column), (
                layer,
                row,
                column,
            )


@st.composite
def networks(draw):
    """A few convolutions and poolings of any kind."""
    parts = []
    for _ in range(draw(st.integers(1, 4))):
        kernel = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
        stride = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
        if draw(st.booleans()):
            parts.append(nn.AvgPool2d(kernel, stride, tuple(k // 2 for k in kernel)))
        else:
            padding = draw(st.tuples(st.integers(0, 3), st.integers(0, 3)))
            dilation = draw(st.tuples(st.integers(1, 2), st.integers(1, 2)))
            parts.append(nn.Conv2d(1, 1, kernel, stride, padding, dilation))
    return nn.Sequential(*parts)


@some
@given(
    network=networks(),
    height=st.integers(20, 50),
    width=st.integers(20, 50),
    place=st.tuples(*[st.floats(0, 1)] * 2),
)
def test_the_box_of_any_stack_is_where_the_gradient_is(network, height, width, place):
    try:
        layer = list_layers(network, (1, height, width))[-1]
    except InputError:  # a kernel that does not fit
        assume(False)
    assume(layer.field)
    row, column = (round(share * (side - 1)) for share, side in zip(place, layer.output[-2:], strict=True))
    model, top, left, bottom, right = open_up(network), *layer.box(row, column)
    found = effective_receptive_field(
        model, torch.ones(1, 1, height, width, dtype=torch.float64), layer.name, row, column
    )
    rows, columns = np.flatnonzero(found.any(1)), np.flatnonzero(found.any(0))
    if gaps(network) or not found.any():
        assert all(top <= i < bottom for i in rows) and all(left <= i < right for i in columns)
    else:
        assert (top, left, bottom, right) == (rows[0], columns[0], rows[-1] + 1, columns[-1] + 1)


def gaps(network):
    """Whether it skips pixels, by dilation or by steps above the kernel: a box may end in such."""
    sizes = [
        (nn.modules.utils._pair(part.kernel_size), nn.modules.utils._pair(part.stride)) for part in network
    ]
    wide = any(step > side for kernel, stride in sizes for side, step in zip(kernel, stride, strict=True))
    return wide or any(getattr(part, "dilation", (1, 1)) != (1, 1) for part in network)


def write_into_view(x):
    x[:, :, :3] += x[:, :, -3:]
    return x


def write_into_buffer(x):
    buffer = torch.zeros(x.shape, dtype=x.dtype, device=x.device)
    buffer[..., ::2] = x[..., 4:]
    return x + buffer


def scale_by_neighbours(x):
    """A gate with one number per cell, made of the rows above it."""
    return x * functional.pad(x, (0, 0, 2, 0))[:, :, :-2].sigmoid()


UNKNOWN = {
    "rows upside down": lambda x: x.flip(2),
    "turned about": lambda x: x.transpose(2, 3),
    "moved around": lambda x: x.roll((3, 2), (2, 3)),
    "cut": lambda x: x[..., 2:, ::2],
    "chosen": lambda x: x.index_select(2, torch.tensor([7, 0, 3], device=x.device)),
    "split": lambda x: x.chunk(2, 3)[1],
    "reshaped": lambda x: x.reshape(1, 1, 4, 16),
    "unshuffled": lambda x: functional.pixel_unshuffle(x, 2).mean(1, keepdim=True),
    "enlarged": lambda x: functional.interpolate(x, scale_factor=2),
    "transposed convolution": lambda x: functional.conv_transpose2d(x, x.new_ones(1, 1, 2, 2), stride=2),
    "reflected": lambda x: functional.pad(x, (3, 3, 3, 3), mode="reflect"),
    "wrapped": lambda x: functional.pad(x, (3, 3, 3, 3), mode="circular"),
    "summed up": lambda x: x.cumsum(2),
    "a row for all": lambda x: x[:, :, :1].expand(-1, -1, 8, -1),
    "means of rows": lambda x: x + x.mean(3, keepdim=True),
    "mean of all": lambda x: x - x.mean(),
    "softmax": lambda x: x.flatten(2).softmax(-1).reshape(x.shape),
    "attention": lambda x: functional.scaled_dot_product_attention(x, x, x),
    "expanded gate": lambda x: x * x.mean((2, 3), keepdim=True).sigmoid().expand_as(x),
    "spatial gate": scale_by_neighbours,
    "kernel of the image": lambda x: functional.conv2d(x, x[..., :3, :3], padding=1),
    "kernel alone": lambda x: functional.conv2d(x.new_ones(1, 1, 8, 8), x),
    "stacked": lambda x: torch.stack([x, x.flip(3)], -1).mean(-1),
    "one above the other": lambda x: torch.cat([x, x], 2),
    "two jumps": lambda x: functional.avg_pool2d(x, 1, 2) + x[..., :4, :4],
    "adaptive pooling": lambda x: functional.adaptive_avg_pool2d(x, 5),
    "statistics of the batch": lambda x: functional.batch_norm(x, None, None, training=True),
    "statistics of the image": lambda x: functional.instance_norm(x),
    "statistics of a column": lambda x: functional.layer_norm(x, x.shape[-1:]),
    "written into a view": write_into_view,
    "written into a buffer": write_into_buffer,
}


class Between(nn.Module):
    """Any operation between two convolutions."""

    def __init__(self, operation):
        super().__init__()
        self.before, self.after = nn.Conv2d(1, 1, 3, padding=1), nn.Conv2d(1, 1, 3, padding=1)
        self.operation = operation

    def forward(self, x):
        return self.after(self.operation(self.before(x)).relu())


@pytest.mark.parametrize("operation", UNKNOWN.values(), ids=UNKNOWN)
def test_no_field_is_smaller_than_the_gradient_shows_whatever_the_operation(operation):
    model = open_up(Between(operation))
    pixels = torch.rand(1, 1, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    before, after = list_layers(model, (1, 8, 8))
    assert before.field
    height, width = after.output[-2:]
    for row in range(height):
        for column in range(width):
            seen = effective_receptive_field(model, pixels, "after", row, column)
            top, left, bottom, right = after.box(row, column)
            seen[top:bottom, left:right] = 0
            assert not seen.any(), (row, column, after.field)


@pytest.mark.parametrize(
    "operation", ["cut", "reflected", "spatial gate", "written into a view", "two jumps"]
)
def test_what_is_not_followed_has_no_field(operation):
    *_, after = list_layers(Between(UNKNOWN[operation]), (1, 8, 8))
    assert after.field is None
    assert after.box(0, 0) == (0, 0, 8, 8)
