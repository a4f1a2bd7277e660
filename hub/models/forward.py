"""Normalisation and logits of uint8 images in torch."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torchvision.transforms.v2.functional import resize

from hub.batching import batches

CHUNK = 32  # images at once: more take more memory, and no less time


@torch.inference_mode()
def predict_logits(
    model: nn.Module, images: Iterable[Tensor], size: int | None = None, total: int | None = None
) -> Tensor:
    """Return the logits of images, float32 [N, classes] on the CPU.

    `images` is uint8 [N, C, H, W], or yields such images one by one, `total` of them. They are resized to
    `size` pixels a side, if it is given.
    """
    model.eval()
    device = next(model.parameters()).device
    logits = [torch.empty(0, model.num_classes)]
    for chunk in batches(images, CHUNK, "Validating", total=total):
        pixels = torch.stack(chunk).to(device)
        pixels = resize(pixels, [size, size]) if size else pixels  # changes nothing at that size already
        logits.append(model(normalize(pixels.float() / 255, model)).float().cpu())
    return torch.cat(logits)


def normalize(pixels: Tensor, model: nn.Module) -> Tensor:
    """Normalise pixels by the mean and deviation of the model's `pretrained_cfg`.

    `pixels` is float [B, C, H, W], 0 to 1; the result has the memory format channels_last.
    """
    channels = pixels.shape[1]
    mean, std = (
        pixels.new_tensor(model.pretrained_cfg[key][:channels]).view(1, -1, 1, 1) for key in ("mean", "std")
    )
    return ((pixels - mean) / std).contiguous(memory_format=torch.channels_last)
