"""The frugal ReLU6 computes what torch's does, and keeps less."""

import torch
from torch import nn

from hub.models import factory
from hub.training.frugal_relu6 import FrugalReLU6, save_activations


def gradients(model, x):
    """Output, gradients, and the bytes that were kept for them."""
    kept = {}

    def keep(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    x = x.clone().requires_grad_()
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        output = model(x)
    output.square().sum().backward()
    return [output, x.grad, *(parameter.grad for parameter in model.parameters())], sum(kept.values())


def test_outputs_and_gradients_are_the_same_to_the_bit_and_a_quarter_less_is_kept():
    results = []
    for frugal in (False, True):
        torch.manual_seed(0)
        model = factory.create_model("mobilenetv2_050", 2, "none", radiograph=True, size=64).train()
        nn.init.normal_(model.get_classifier().weight)
        if frugal:
            save_activations(model)
        torch.manual_seed(1)
        results.append(gradients(model, torch.randn(8, 1, 64, 64)))
    (expected, much), (found, little) = results
    assert all(map(torch.equal, expected, found))
    assert little < 0.78 * much


def test_the_limits_have_no_gradient_as_torch_has_it():
    x = torch.tensor([-1.0, 0.0, 1e-30, 3.0, 6.0, 7.0, torch.nan])
    slopes = []
    for module in (nn.ReLU6(), FrugalReLU6()):
        leaf = x.clone().requires_grad_()
        module(leaf * 1).sum().backward()
        slopes.append(leaf.grad)
    assert torch.equal(*slopes)


def test_only_relu6_in_place_is_replaced():
    model = nn.Sequential(
        nn.ReLU6(inplace=True), nn.Sequential(nn.ReLU6(inplace=True)), nn.ReLU6(), nn.ReLU()
    )
    save_activations(model)
    kinds = [type(model[0]), type(model[1][0]), type(model[2]), type(model[3])]
    assert kinds == [FrugalReLU6, FrugalReLU6, nn.ReLU6, nn.ReLU]
