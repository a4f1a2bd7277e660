"""Feature maps: what the next layer sees."""

import numpy as np
import pytest
import timm
import torch

from hub.errors import InputError
from hub.explorer.feature_maps import feature_maps
from hub.explorer.layers import strongest_channels


def test_feature_maps_are_what_the_next_layer_sees(model, pixels):
    given = []
    hook = model.blocks[0][0].conv_dw.register_forward_hook(
        lambda m, inputs, o: given.append(inputs[0][0].clone())
    )
    model(pixels)
    hook.remove()
    maps, steps = feature_maps(model, pixels, "conv_stem")
    assert steps == "Conv2d, BatchNorm2d, ReLU6"
    np.testing.assert_array_equal(maps, given[0].detach().numpy())


def test_feature_maps_stop_before_the_sum_of_a_residual_block(pixels):
    """Where the network goes on in place, too."""
    model = timm.create_model("resnet18").eval()
    maps, steps = feature_maps(model, pixels, "layer1.0.conv2")
    assert steps == "Conv2d, BatchNorm2d"
    block = model.layer1[0]
    start = model.maxpool(model.act1(model.bn1(model.conv1(pixels))))
    np.testing.assert_allclose(
        maps, block.bn2(block.conv2(block.act1(block.bn1(block.conv1(start)))))[0].detach(), atol=1e-4
    )


def test_a_pooling_has_maps_and_a_dense_layer_has_none(model, pixels):
    maps, steps = feature_maps(timm.create_model("lenet5"), torch.ones(1, 1, 32, 32), "stages.0.2")
    assert (maps.shape, steps) == ((6, 14, 14), "AvgPool2d")
    with pytest.raises(InputError, match="classifier gives no maps"):
        feature_maps(model, pixels, "classifier")


def test_the_strongest_channels_have_the_highest_mean():
    maps = np.zeros((4, 2, 2), dtype=np.float32)
    maps[2], maps[1, 0, 0], maps[3] = 1, 9, -5
    assert strongest_channels(maps, 3) == [1, 2, 0]
