"""`models.factory`: networks to train, and the weights they begin with."""

from pathlib import Path

import pytest
import timm
import torch

from hub.errors import InputError
from hub.models import factory
from hub.models.folder import BUNDLED

HUB = Path(factory.__file__).parents[1]


def test_training_goes_on_from_a_model_folder_with_the_same_function():
    model = factory.create_model("mobilenetv2_100", 2, str(BUNDLED), radiograph=True, size=224).eval()
    rgb = timm.create_model(f"local-dir:{BUNDLED}", pretrained=True).eval()
    grey = torch.rand(1, 1, 224, 224)
    with torch.inference_mode():
        assert torch.allclose(model(grey), rgb(grey.expand(1, 3, 224, 224)), atol=1e-4)


@pytest.mark.parametrize(
    ("weights", "sentence"),
    [
        ("missing.safetensors", "There are no weights at"),
        (__file__, "pickled weights can run code"),
        (str(HUB), "not a model folder"),
        (str(HUB / "imaging" / "synthetic.safetensors"), "does not fit"),
    ],
)
def test_weights_that_cannot_be_used_are_refused(weights, sentence):
    with pytest.raises(InputError, match=sentence):
        factory.create_model("mobilenetv2_100", 2, weights, radiograph=True, size=224)


def test_damaged_weights_are_refused(tmp_path):
    path = tmp_path / "weights.safetensors"
    path.write_bytes((BUNDLED / "model.safetensors").read_bytes()[:100_000])
    with pytest.raises(InputError, match="damaged or does not fit"):
        factory.create_model("mobilenetv2_100", 2, str(path), radiograph=True, size=224)


def test_an_unknown_architecture_is_refused():
    with pytest.raises(InputError, match="knows no architecture"):
        factory.create_model("mobilenet_v99", 2, "none", radiograph=True, size=224)


def test_a_network_without_a_linear_last_layer_is_refused():
    with pytest.raises(InputError, match="one linear layer"):
        factory.create_model("levit_128s", 2, "none", radiograph=False, size=224)
