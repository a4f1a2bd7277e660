"""Features of an ImageNet network, for clusters of images and doubts of labels."""

import numpy as np
import torch
from torch import Tensor

from hub.batching import batches
from hub.models import factory, forward


@torch.inference_mode()
def imagenet_features(images: Tensor, weights: str) -> np.ndarray:
    """Return the pooled features of MobileNetV2, float32 [N, 1280].

    `images` are uint8 [N, 1, H, W], `weights` is a safetensors file of timm's `mobilenetv2_100`.
    """
    model = factory.create_model("mobilenetv2_100", 2, weights, True, images.shape[-1]).eval()
    model.to(memory_format=torch.channels_last)
    features = []
    for batch in batches(images, 64, "ImageNet features"):
        maps = model.forward_features(forward.normalize(torch.stack(batch) / 255, model))
        features.append(model.forward_head(maps, pre_logits=True))
    return torch.cat(features).numpy()
