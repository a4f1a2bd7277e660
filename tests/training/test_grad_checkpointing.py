"""`training.grad_checkpointing`: activations that are computed twice, and the same weights."""

import pytest
import timm
import torch
from image_sets import tiny_set

from hub.errors import InputError
from hub.models import factory
from hub.training import loop
from hub.training.grad_checkpointing import recompute_activations
from hub.training.recipes import RECIPES

RECIPE = RECIPES["xray"]._replace(size=48, small_size=32, epochs=1, small_epochs=0, batch_size=8)


def train(**options):
    torch.manual_seed(0)
    model = factory.create_model("mobilenetv2_050", 2, "none", radiograph=True, size=48)
    model.drop_rate = 0.3  # torch's generator draws, too
    forwards = []
    model.blocks[3][0].register_forward_pre_hook(lambda block, pixels: forwards.append(block.training))
    loop.train(model, tiny_set(16, 1), tiny_set(8, 2), RECIPE, **options)
    return model.state_dict(), sum(forwards)


def test_blocks_are_computed_twice_and_learn_the_same():
    (kept, once), (recomputed, twice) = train(), train(grad_checkpointing=True)
    assert (once, twice) == (2, 4)
    assert all(torch.allclose(kept[name], recomputed[name], atol=1e-5) for name in kept)


@pytest.mark.parametrize("architecture", ["simple_cnn", "mobilenetv3_small_050", "resnet10t", "test_vit"])
def test_every_network_recomputes_or_is_refused(architecture):
    model = timm.create_model(architecture, num_classes=2)
    if hasattr(model, "set_grad_checkpointing"):
        recompute_activations(model)
        model(torch.randn(2, *model.pretrained_cfg["input_size"])).sum().backward()
        assert all(parameter.grad is not None for parameter in model.parameters())
    else:
        with pytest.raises(InputError, match="leave out --grad-checkpointing"):
            recompute_activations(model)
