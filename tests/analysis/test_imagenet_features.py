"""Features of an ImageNet network."""

import timm
import torch
from safetensors.torch import save_file

from hub.analysis.imagenet_features import imagenet_features


def test_every_image_has_its_features_whatever_its_batch(tmp_path):
    weights = tmp_path / "weights.safetensors"
    save_file(timm.create_model("mobilenetv2_100").state_dict(), weights)
    images = torch.randint(0, 256, (65, 1, 32, 32), dtype=torch.uint8)
    features = imagenet_features(images, str(weights))
    assert features.shape == (65, 1280)
    alone = imagenet_features(images[64:], str(weights))
    torch.testing.assert_close(torch.from_numpy(features[64:]), torch.from_numpy(alone), atol=1e-4, rtol=1e-3)
