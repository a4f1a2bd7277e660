"""A torch network on uint8 images: normalisation and logits."""

import torch
from torch import Tensor, nn
from torchvision.transforms.v2.functional import resize
from tqdm.auto import tqdm


@torch.inference_mode()
def predict_logits(model: nn.Module, images: Tensor, size: int | None = None) -> Tensor:
    """Return float32 logits [N, classes] on the CPU for uint8 images [N, C, H, W], at `size` if given."""
    model.eval()
    device = next(model.parameters()).device
    logits = []
    for batch in tqdm(images.split(64), "Validating", unit=" batches", leave=False):
        batch = batch.to(device)
        batch = resize(batch, [size, size]) if size else batch  # as it is where it has that size already
        logits.append(model(normalize(batch.float() / 255, model)).float().cpu())
    return torch.cat(logits)


def normalize(pixels: Tensor, model: nn.Module) -> Tensor:
    """Return pixels [B, C, H, W] in 0..1 with the mean and deviation of the model's `pretrained_cfg`."""
    channels = pixels.shape[1]
    mean, std = (
        pixels.new_tensor(model.pretrained_cfg[key][:channels]).view(1, -1, 1, 1) for key in ("mean", "std")
    )
    return ((pixels - mean) / std).contiguous(memory_format=torch.channels_last)
