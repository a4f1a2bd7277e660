"""The small networks that are registered with timm."""

import pytest
import timm
import torch

from hub.models import architectures
from hub.models.forward import normalize
from hub.models.own_names import OWN_NAMES


def create(architecture, channels, size):
    return timm.create_model(
        architecture, num_classes=10, pretrained_cfg_overlay={"input_size": (channels, size, size)}
    ).eval()


@pytest.mark.parametrize(
    ("architecture", "channels", "size", "parameters"),
    [
        # 3*3*32+32, 3*3*32*64+64, 5*5*64*128+128, 128*10+10
        ("simple_cnn", 1, 28, 320 + 18_496 + 204_928 + 1_290),
        ("simple_cnn", 3, 32, 896 + 18_496 + 295_040 + 1_290),
        # LeCun et al. 1998, figure 2, but every filter of the second layer sees all six maps
        ("lenet5", 1, 32, 156 + 2_416 + 48_120 + 10_164 + 850),
    ],
)
def test_the_networks_have_as_many_parameters_as_the_arithmetic_says(
    architecture, channels, size, parameters
):
    model = create(architecture, channels, size)
    assert sum(parameter.numel() for parameter in model.parameters()) == parameters


@pytest.mark.parametrize("architecture", ["simple_cnn", "lenet5", "airbench_small"])
def test_they_are_what_timm_expects_of_a_network(architecture):
    model = create(architecture, 1, 40)
    pixels = torch.randn(2, 1, 40, 40)
    features, maps = model.forward_intermediates(pixels)
    assert torch.equal(features, model.forward_features(pixels))
    assert torch.equal(maps[-1], features)
    assert torch.equal(model.forward_head(features), model(pixels))
    assert model.forward_head(features, pre_logits=True).shape == (2, model.num_features)
    model.reset_classifier(3)
    assert model(pixels).shape == (2, 3)
    assert model.get_classifier().out_features == model.num_classes == 3


def test_whitened_filters_give_uncorrelated_maps_of_deviation_one():
    model = create("airbench_small", 3, 32)
    smooth = torch.randint(0, 256, (64, 3, 8, 8)).float()
    images = torch.nn.functional.interpolate(smooth, 32, mode="bilinear").to(torch.uint8)
    pixels = normalize(images / 255, model)
    architectures.whiten(model, pixels)
    conv = model.stages[0][0]
    maps = conv(pixels).detach()[:, :12]  # later ones are held down as noise
    second_moments = torch.einsum("nchw,ndhw->cd", maps, maps) / maps[:, 0].numel()
    assert torch.allclose(second_moments, torch.eye(12), atol=0.1)
    assert torch.equal(conv.weight[16:], -conv.weight[:16])
    assert not conv.weight.requires_grad


def test_every_one_of_them_is_known_by_name():
    assert set(OWN_NAMES) == set(architectures.default_cfgs)
