"""Inside the network: its layers, what they see and find, and the arithmetic held against torch."""

import shutil
import sys

import numpy as np
import pytest
import timm
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models import alexnet

from hub.cli import main
from hub.errors import InputError
from hub.explorer import conv_arithmetic, inside
from hub.explorer.layers import last_maps, list_layers
from hub.inference.classifier import Classifier
from hub.models import factory, filters
from hub.models.folder import BUNDLED, FILTERS

many = settings(max_examples=2000, derandomize=True, deadline=None, database=None)
some = settings(max_examples=400, derandomize=True, deadline=None, database=None)


@pytest.fixture(scope="module")
def model():
    """The network of the bundled model."""
    return factory.load(BUNDLED)


@pytest.fixture(scope="module")
def pixels():
    return torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))


def untrained(name, **options):
    with torch.device("meta"):
        return timm.create_model(name, **options)


def by_name(model, shape=None):
    return {layer.name: layer for layer in list_layers(model, shape)}


# Layers


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


def test_a_layer_says_what_it_is_made_of(model):
    layers = by_name(model)
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


def test_squeeze_and_excitation_lets_every_cell_see_the_whole_picture():
    layers = by_name(untrained("efficientnet_b0"))
    assert layers["blocks.0.0.conv_dw"].box(50, 50) == (97, 97, 104, 104)
    after = layers["blocks.0.0.conv_pw"]
    assert after.box(50, 50) == (0, 0, 224, 224)
    assert after.box(50, 50, whole=False) == (97, 97, 104, 104)


def test_group_norm_measures_the_whole_picture_and_batch_norm_does_not():
    for norm, whole in ((nn.GroupNorm(1, 4), True), (nn.LayerNorm([8, 8]), True), (nn.BatchNorm2d(4), False)):
        network = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), norm, nn.Conv2d(4, 4, 3, padding=1))
        assert list_layers(network, (1, 8, 8))[-1].field.whole == whole


def test_a_transformer_sees_all_from_its_first_attention_on():
    layers = by_name(untrained("vit_tiny_patch16_224"))
    assert layers["patch_embed.proj"].box(1, 0) == (16, 0, 32, 16)
    assert layers["blocks.0.mlp.fc1"].field is None
    assert last_maps(list(layers.values())).name == "patch_embed.proj"


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


# The box, and the pixels that the gradient really reaches


def open_up(model):
    """Let nothing cancel, in float64: equal positive weights, no norm or activation, mean for maximum."""
    for module in model.modules():
        for name, child in module.named_children():
            kind = type(child).__name__
            if isinstance(child, nn.MaxPool2d):
                setattr(module, name, nn.AvgPool2d(child.kernel_size, child.stride, child.padding))
            elif isinstance(child, nn.BatchNorm2d | nn.Dropout) or kind in ("ReLU", "ReLU6", "SiLU", "Tanh"):
                setattr(module, name, nn.Identity())
    for tensor in model.parameters():
        tensor.data.fill_(1 / tensor[0].numel() if tensor.ndim > 1 else 0)
    return model.double().eval()


def support(model, shape, layer, row, column):
    """Return the box of the pixels whose gradient is not 0."""
    found = inside.seen(model, torch.ones(1, *shape, dtype=torch.float64), layer, row, column)
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
            x = nn.functional.pad(x, (1, -1, -1, 0))
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
        (lambda: timm.create_model("efficientnet_b0"), (3, 96, 128)),
        (lambda: timm.create_model("efficientnet_b0", se_layer=NoGate), (3, 96, 128)),
    ],
    ids=["lenet5", "odd", "alexnet", "mobilenetv2", "resnet18", "tensorflow", "efficientnet", "no-gates"],
)
def test_the_box_is_where_the_gradient_is(make, shape):
    model = open_up(make())
    layers = [layer for layer in list_layers(model, shape) if layer.field and layer.kind != "dense"]
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
    found = inside.seen(model, torch.ones(1, 1, height, width, dtype=torch.float64), layer.name, row, column)
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


def test_seen_is_the_gradient_of_one_cell(model, pixels):
    found = inside.seen(model, pixels, "conv_stem", 10, 20)
    weights = model.conv_stem.weight.detach().sum(0).abs().sum(0).numpy()
    assert found.shape == (224, 224)
    np.testing.assert_allclose(found[19:22, 39:42], weights, rtol=1e-4)
    assert np.count_nonzero(found) == np.count_nonzero(weights)
    one = inside.seen(model, pixels, "conv_stem", 10, 20, channel=3)
    np.testing.assert_allclose(one[19:22, 39:42], model.conv_stem.weight[3].detach().abs().sum(0), rtol=1e-4)
    assert not pixels.requires_grad
    with pytest.raises(InputError, match="conv_stem has 112 x 112 cells; there is no row 112, column 0"):
        inside.seen(model, pixels, "conv_stem", 112, 0)
    with pytest.raises(InputError, match="classifier gives no maps"):
        inside.seen(model, pixels, "classifier", 0, 0)
    with pytest.raises(InputError, match="no convolution, pooling or dense layer nothing"):
        inside.seen(model, pixels, "nothing", 0, 0)


def test_seen_is_of_the_layer_itself_where_an_activation_works_in_place():
    network = nn.Sequential(nn.Conv2d(1, 1, 3), nn.ReLU(inplace=True))
    nn.init.constant_(network[0].weight, -1.0)
    found = inside.seen(network, torch.ones(1, 1, 5, 5), "0", 0, 0)
    np.testing.assert_array_equal(found[:3, :3], np.ones((3, 3)))


# Feature maps


def test_feature_maps_are_what_the_next_layer_sees(model, pixels):
    given = []
    hook = model.blocks[0][0].conv_dw.register_forward_hook(
        lambda m, inputs, o: given.append(inputs[0][0].clone())
    )
    model(pixels)
    hook.remove()
    maps, steps = inside.feature_maps(model, pixels, "conv_stem")
    assert steps == "Conv2d, BatchNorm2d, ReLU6"
    np.testing.assert_array_equal(maps, given[0].detach().numpy())


def test_feature_maps_stop_before_the_sum_of_a_residual_block(pixels):
    """Where the network goes on in place, too."""
    model = timm.create_model("resnet18").eval()
    maps, steps = inside.feature_maps(model, pixels, "layer1.0.conv2")
    assert steps == "Conv2d, BatchNorm2d"
    block = model.layer1[0]
    start = model.maxpool(model.act1(model.bn1(model.conv1(pixels))))
    np.testing.assert_allclose(
        maps, block.bn2(block.conv2(block.act1(block.bn1(block.conv1(start)))))[0].detach(), atol=1e-4
    )


def test_a_pooling_has_maps_and_a_dense_layer_has_none(model, pixels):
    maps, steps = inside.feature_maps(timm.create_model("lenet5"), torch.ones(1, 1, 32, 32), "stages.0.2")
    assert (maps.shape, steps) == ((6, 14, 14), "AvgPool2d")
    with pytest.raises(InputError, match="classifier gives no maps"):
        inside.feature_maps(model, pixels, "classifier")


def test_the_strongest_channels_have_the_highest_mean():
    maps = np.zeros((4, 2, 2), dtype=np.float32)
    maps[2], maps[1, 0, 0], maps[3] = 1, 9, -5
    assert inside.strongest(maps, 3) == [1, 2, 0]


# Filters


def test_a_grey_kernel_comes_back_from_the_three_of_a_package(model):
    kernels = filters.filters(model, radiograph=True)
    assert kernels.shape == (32, 1, 3, 3)
    rgb = filters.filters(model)
    assert rgb.shape == (32, 3, 3, 3)
    torch.testing.assert_close(rgb[:, 1:2], 0.587 * kernels)


def test_filters_from_before_training_are_kept_in_the_folder(tmp_path):
    assert filters.load_filters(tmp_path) is None
    before = torch.randn(4, 1, 3, 3)
    filters.save_filters(tmp_path, before)
    assert torch.equal(filters.load_filters(tmp_path), before)
    assert [path.name for path in tmp_path.iterdir()] == [FILTERS]
    save_file({"other": before}, tmp_path / FILTERS)
    with pytest.raises(InputError, match=r"filters\.safetensors is damaged"):
        filters.load_filters(tmp_path)
    (tmp_path / FILTERS).write_bytes(b"nothing")
    with pytest.raises(InputError, match="is damaged"):
        filters.load_filters(tmp_path)


def test_the_bundled_model_has_its_filters_of_before_and_they_changed_a_little(model):
    before, after = filters.load_filters(BUNDLED), filters.filters(model, radiograph=True)
    assert before.shape == after.shape
    change = (after - before).norm() / before.norm()
    assert 0 < change < 0.5
    assert Classifier.from_pretrained().radiograph


def test_a_command_keeps_the_filters_of_given_weights(shared, tmp_path, monkeypatch, capsys):
    weights = shared / "weights" / "mobilenetv2_100_imagenet.safetensors"
    shutil.copytree(BUNDLED, tmp_path / "model")
    (tmp_path / "model" / FILTERS).unlink()
    monkeypatch.setattr(sys, "argv", ["hub", "filters", str(tmp_path / "model"), "--weights", str(weights)])
    assert main.main() == 0
    assert "32 filters; training changed them by" in capsys.readouterr().out
    kept = load_file(tmp_path / "model" / FILTERS)["before"]
    torch.testing.assert_close(kept, load_file(weights)["conv_stem.weight"].sum(1, keepdim=True))
    assert torch.equal(kept, filters.load_filters(BUNDLED))


# Arithmetic

sides = {"size": st.integers(1, 64), "kernel": st.integers(1, 12), "stride": st.integers(1, 9)}
paddings = st.integers(0, 12) | st.sampled_from(["valid", "same"])


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@many
@given(**sides, padding=paddings, dilation=st.integers(1, 5))
def test_a_slide_is_what_torch_gives_and_impossible_where_torch_refuses(
    size, kernel, padding, stride, dilation
):
    settings = size, kernel, padding, stride, dilation
    try:
        found = conv_arithmetic.slide(*settings)
    except InputError as error:
        assert "does not fit" in str(error)
        with pytest.raises(RuntimeError, match="Kernel size can't be greater"):
            conv_arithmetic.torch_slide(*settings)
        return
    assert found.output == conv_arithmetic.torch_slide(*settings)[0]
    if padding == "same":
        assert found.output == -(-size // stride)
        assert 0 <= found.after - found.before <= 1
    # One position more would not fit; the pixels that are left over say by how much.
    last = found.starts[-1] + found.reach
    assert last <= size + found.after < last + stride
    assert found.leftover == size + found.after - last
    assert len(found.starts) == found.output


@many
@given(**sides, padding=st.integers(0, 12), dilation=st.integers(1, 5))
def test_positions_see_the_pixels_that_torch_adds_up(size, kernel, padding, stride, dilation):
    """One row of ones under a kernel of ones: each output is the number of taps that are on the picture."""
    assume(dilation * (kernel - 1) < size + 2 * padding)
    found = conv_arithmetic.slide(size, kernel, padding, stride, dilation)
    counts = nn.functional.conv1d(
        torch.ones(1, 1, size), torch.ones(1, 1, kernel), stride=stride, padding=padding, dilation=dilation
    )
    taps = [sum(0 <= start + tap * dilation < size for tap in range(kernel)) for start in found.starts]
    assert counts.flatten().tolist() == taps
    assert found.blind == taps.count(0)


def test_torch_refuses_same_with_a_stride_and_is_shown_with_the_padding_laid_around():
    with pytest.raises(ValueError, match="not supported for strided"):
        nn.Conv2d(1, 1, 3, stride=2, padding="same")
    assert conv_arithmetic.torch_slide(224, 3, "same", 2) == (
        112, "Sequential(ZeroPad2d((0, 1, 0, 1)), Conv2d(1, 1, 3, stride=2, padding=0))"
    )  # fmt: skip
    assert conv_arithmetic.torch_slide(224, 3, "same") == (224, "Conv2d(1, 1, 3, stride=1, padding='same')")


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"size": 5, "kernel": 7}, "A kernel of 7 pixels does not fit into 5 pixels with 0 of padding"),
        ({"size": 5, "kernel": 3, "dilation": 3}, "which dilation 3 spreads over 7, does not fit"),
        ({"size": 0, "kernel": 1}, "The picture is 0; give 1 or more"),
        ({"size": 5, "kernel": 0}, "The kernel is 0; give 1 or more"),
        ({"size": 5, "kernel": 3, "stride": 0}, "The stride is 0"),
        ({"size": 5, "kernel": 3, "dilation": 0}, "The dilation is 0"),
        ({"size": 5, "kernel": 3, "padding": -1}, "The padding is -1; give 0 or more"),
        ({"size": 5, "kernel": 2.5}, "The kernel is 2.5; give a whole number"),
        ({"size": 5, "kernel": True}, "The kernel is True; give a whole number"),
        ({"size": 5, "kernel": 3, "padding": "full"}, "There is no padding full"),
    ],
)
def test_impossible_settings_are_explained(settings, sentence):
    with pytest.raises(InputError, match=sentence):
        conv_arithmetic.slide(**settings)


@some
@given(
    channels=st.integers(1, 12), filters=st.integers(1, 12), kernel=st.integers(1, 7),
    size=st.integers(1, 40),
    padding=st.integers(0, 4), stride=st.integers(1, 4), groups=st.sampled_from([1, 1, 2, 3]),
    bias=st.booleans(),
)  # fmt: skip
def test_the_cost_of_a_convolution_is_what_torch_counts(
    channels, filters, kernel, size, padding, stride, groups, bias
):
    assume(kernel <= size + 2 * padding)
    channels, filters = channels * groups, filters * groups
    cost = conv_arithmetic.convolution(channels, filters, kernel, size, padding, stride, 1, groups, bias)
    layer = nn.Conv2d(channels, filters, kernel, stride, padding, 1, groups, bias, device="meta")
    (found,) = list_layers(layer, (channels, size, size))
    assert cost.parameters == sum(tensor.numel() for tensor in layer.parameters())
    assert (cost.multiply_adds, cost.activations) == (found.multiply_adds, found.activations)
    output = layer(torch.empty(1, channels, size, size, device="meta"))
    assert cost.activations == output.numel()


def test_stride_changes_multiply_adds_and_activations_and_not_the_parameters():
    one, two = (conv_arithmetic.convolution(3, 32, 3, 224, padding=1, stride=stride) for stride in (1, 2))
    assert one.parameters == two.parameters == 896
    assert one.multiply_adds == 4 * two.multiply_adds
    assert one.activations == 4 * two.activations
    with pytest.raises(InputError, match="2 groups do not divide 3 channels"):
        conv_arithmetic.convolution(3, 4, 3, 8, groups=2)
    with pytest.raises(InputError, match="number of filters is 0"):
        conv_arithmetic.convolution(3, 0, 3, 8)


def test_three_small_kernels_see_as_far_as_a_large_one_for_less():
    large, far = conv_arithmetic.stack([7], 64, 56)
    small, as_far = conv_arithmetic.stack([3, 3, 3], 64, 56)
    assert far == as_far == 7
    assert (large.parameters, small.parameters) == (49 * 64 * 64, 27 * 64 * 64)
    assert large.multiply_adds == large.parameters * 56 * 56
    assert small.activations == 3 * large.activations


@some
@given(channels=st.integers(1, 4), size=st.integers(3, 12), filters=st.integers(1, 4))
def test_a_dense_layer_in_its_place_has_a_weight_for_every_pair(channels, size, filters):
    (layer,) = list_layers(nn.Conv2d(channels, filters, 3, device="meta"), (channels, size, size))
    inputs, outputs = channels * size * size, filters * (size - 2) ** 2
    dense = nn.Linear(inputs, outputs, device="meta")
    cost = conv_arithmetic.dense_instead(layer)
    assert cost.parameters == sum(tensor.numel() for tensor in dense.parameters())
    assert (cost.multiply_adds, cost.activations) == (inputs * outputs, outputs)


# Architectures


def test_the_architectures_are_counted_as_their_papers_say(monkeypatch):
    monkeypatch.setattr(inside, "time_passes", lambda model, shape: 1.0)
    rows = {row.paper.name: row for row in inside.architectures()}
    assert {name: (row.depth, row.kernels, row.parameters, row.field) for name, row in rows.items()} == {
        "LeNet-5": (5, [5], 61_706, 16),
        "AlexNet": (8, [11, 5, 3], 61_100_840, 195),
        "VGG-16": (16, [3], 138_357_544, 212),
        "MobileNetV2": (53, [3, 1], 3_504_872, 491),
    }
    assert rows["MobileNetV2"].multiply_adds == pytest.approx(300e6, rel=0.01)
    assert rows["VGG-16"].multiply_adds == pytest.approx(15.5e9, rel=0.01)
    assert rows["AlexNet"].megabytes == pytest.approx(244.4, abs=0.1)
    assert rows["LeNet-5"].paper.top1 is None


def test_milliseconds_are_measured_and_the_memory_is_given_back():
    with torch.device("meta"):
        model = timm.create_model("lenet5")
    assert 0 < inside.time_passes(model, (1, 32, 32)) < 1000
    assert all(tensor.is_meta for tensor in model.parameters())
