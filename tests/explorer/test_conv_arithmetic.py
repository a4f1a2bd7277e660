"""The arithmetic of convolutions, held against torch."""

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from hub.errors import InputError
from hub.explorer import conv_arithmetic
from hub.explorer.layer_tracing import list_layers

many = settings(max_examples=500, derandomize=True, deadline=None, database=None)
some = settings(max_examples=150, derandomize=True, deadline=None, database=None)

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
            conv_arithmetic.torch_output(*settings)
        return
    assert found.output == conv_arithmetic.torch_output(*settings)
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
    """One row of ones under a kernel of ones: each output is the number of taps that lie on the image."""
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
    for stride, output, call in (
        (2, 112, "Sequential(ZeroPad2d((0, 1, 0, 1)), Conv2d(1, 1, 3, stride=2, padding=0))"),
        (1, 224, "Conv2d(1, 1, 3, stride=1, padding='same')"),
    ):
        assert conv_arithmetic.torch_output(224, 3, "same", stride) == output
        assert conv_arithmetic.torch_call(224, 3, "same", stride) == call


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
    cost = conv_arithmetic.convolution_cost(channels, filters, kernel, size, padding, stride, 1, groups, bias)
    layer = nn.Conv2d(channels, filters, kernel, stride, padding, 1, groups, bias, device="meta")
    (found,) = list_layers(layer, (channels, size, size))
    assert cost.parameters == sum(tensor.numel() for tensor in layer.parameters())
    assert (cost.multiply_adds, cost.activations) == (found.multiply_adds, found.activations)
    output = layer(torch.empty(1, channels, size, size, device="meta"))
    assert cost.activations == output.numel()


def test_stride_changes_multiply_adds_and_activations_and_not_the_parameters():
    one, two = (
        conv_arithmetic.convolution_cost(3, 32, 3, 224, padding=1, stride=stride) for stride in (1, 2)
    )
    assert one.parameters == two.parameters == 896
    assert one.multiply_adds == 4 * two.multiply_adds
    assert one.activations == 4 * two.activations
    with pytest.raises(InputError, match="2 groups do not divide 3 channels"):
        conv_arithmetic.convolution_cost(3, 4, 3, 8, groups=2)
    with pytest.raises(InputError, match="number of filters is 0"):
        conv_arithmetic.convolution_cost(3, 0, 3, 8)


def test_three_small_kernels_see_as_far_as_a_large_one_for_less():
    large, far = conv_arithmetic.stack_cost([7], 64, 56)
    small, as_far = conv_arithmetic.stack_cost([3, 3, 3], 64, 56)
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
    cost = conv_arithmetic.dense_cost(layer)
    assert cost.parameters == sum(tensor.numel() for tensor in dense.parameters())
    assert (cost.multiply_adds, cost.activations) == (inputs * outputs, outputs)
