"""The effective receptive field is the gradient of one cell."""

import numpy as np
import pytest
import torch
from torch import nn

from hub.errors import InputError
from hub.explorer.effective_receptive_field import effective_receptive_field


def test_it_is_the_gradient_of_one_cell(model, pixels):
    found = effective_receptive_field(model, pixels, "conv_stem", 10, 20)
    weights = model.conv_stem.weight.detach().sum(0).abs().sum(0).numpy()
    assert found.shape == (224, 224)
    np.testing.assert_allclose(found[19:22, 39:42], weights, rtol=1e-4)
    assert np.count_nonzero(found) == np.count_nonzero(weights)
    one = effective_receptive_field(model, pixels, "conv_stem", 10, 20, channel=3)
    np.testing.assert_allclose(one[19:22, 39:42], model.conv_stem.weight[3].detach().abs().sum(0), rtol=1e-4)
    assert not pixels.requires_grad
    with pytest.raises(InputError, match="conv_stem has 112 x 112 cells; there is no row 112, column 0"):
        effective_receptive_field(model, pixels, "conv_stem", 112, 0)
    with pytest.raises(InputError, match="classifier gives no maps"):
        effective_receptive_field(model, pixels, "classifier", 0, 0)
    with pytest.raises(InputError, match="no convolution, pooling or dense layer nothing"):
        effective_receptive_field(model, pixels, "nothing", 0, 0)


def test_it_is_of_the_layer_itself_where_an_activation_works_in_place():
    network = nn.Sequential(nn.Conv2d(1, 1, 3), nn.ReLU(inplace=True))
    nn.init.constant_(network[0].weight, -1.0)
    found = effective_receptive_field(network, torch.ones(1, 1, 5, 5), "0", 0, 0)
    np.testing.assert_array_equal(found[:3, :3], np.ones((3, 3)))
