"""Augmentation of whole batches on the device, each image differently."""

import math

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from hub.data.stored_images import StoredImages
from hub.evaluation.shifts import SWAPS, swap_with


def augment(images: Tensor, size: int, generator: Generator, kind: str = "films") -> Tensor:
    """Return a batch of augmented images, each augmented differently.

    `images` are uint8 [B, C, H, W], the result is float32 [B, C, size, size] in 0..1. `kind` is one of
    AUGMENTATIONS.
    """
    return AUGMENTATIONS[kind](images.float() / 255, size, generator)


def swap_shortcuts(
    originals: Tensor,
    images: Tensor | StoredImages,
    partners: Tensor,
    batch: Tensor,
    share: float,
    generator: Generator,
) -> Tensor:
    """Return a batch, a share of it with frame or greys of another class.

    Frame and grey values then tell the class less often than lungs do, as backgrounds do in Xiao et al. 2021
    (arXiv 2006.09994). `originals` is uint8 [B, C, H, W], and changed, `images` are all, uint8 [N, C, H, W],
    `partners` what `swap_partners` returns, `batch` the index of the originals. Each of SWAPS is as likely as
    any other.
    """
    numbers = torch.rand(len(batch), device=batch.device, generator=generator) * len(SWAPS) / share
    for number, name in enumerate(SWAPS):
        chosen = numbers.long() == number
        if chosen.any():
            others = images[partners[batch[chosen]].to(images.device)].to(batch.device)
            originals[chosen] = swap_with(originals[chosen], others, name)
    return originals


def _augment_radiographs(x: Tensor, size: int, generator: Generator) -> Tensor:
    """Vary geometry, tone, sharpness and noise, and erase, all strongly.

    Between two hospitals, or the two official splits, radiographs differ by crop, shape and exposure more
    than by disease.
    """
    x = _warp(x, size, generator)
    x = _change_tone(x, generator)
    x = _change_sharpness(x, generator)
    sigma = _uniform(x, 0, 0.06, generator).square().mul(16)
    x = x + sigma * torch.randn(x.shape, device=x.device, generator=generator)
    return _erase(x.clamp(0, 1), generator)


def _augment_photos(x: Tensor, size: int, generator: Generator) -> Tensor:
    """Crop, stretch and mirror, vary the tone a little, and erase.

    The result is like another photograph of the same object.
    """
    x = _warp(x, size, generator, angle=10, shear=0.05, zoom=(-0.4, 0.05), stretch=0.15, shift=0.1)
    return _erase(_change_tone(x, generator, 0.4), generator)


def _augment_objects(x: Tensor, size: int, generator: Generator) -> Tensor:
    """Mirror, and shift by up to a sixteenth of the side.

    Shifts are whole pixels, because small images blur easily.
    """
    step = 2 / x.shape[-1]
    shift = step * round(x.shape[-1] / 16)
    return _warp(x, size, generator, 0, 0, (0, 0), 0, shift, step=step, padding="reflection")


def _augment_digits(x: Tensor, size: int, generator: Generator) -> Tensor:
    """Rotate, shear, zoom and shift by a little.

    Nothing is mirrored: a mirrored digit is not a digit.
    """
    return _warp(x, size, generator, 10, 0.1, (-0.1, 0.1), 0.1, 0.12, mirrored=False)


AUGMENTATIONS = {
    "films": _augment_radiographs,
    "photos": _augment_photos,
    "objects": _augment_objects,
    "digits": _augment_digits,
}


def _uniform(images: Tensor, low: float, high: float, generator: Generator) -> Tensor:
    """Return one random number per image, float32 [B, 1, 1, 1]."""
    unit = torch.rand(len(images), 1, 1, 1, device=images.device, generator=generator)
    return low + (high - low) * unit


def _warp(
    x: Tensor,
    size: int,
    generator: Generator,
    angle: float = 15,
    shear: float = 0.1,
    zoom: tuple[float, float] = (-0.35, 0.2),
    stretch: float = 0.2,
    shift: float = 0.15,
    mirrored: bool = True,
    step: float = 0.0,
    padding: str = "zeros",
) -> Tensor:
    """Rotate, shear, zoom, stretch, shift, mirror and resize in one step.

    `angle`, in degrees, `shear`, `stretch` and `shift` are the largest, either way; `zoom` is a range. `zoom`
    and `stretch` are logarithms, `shear` and `shift` shares of half the side; with `step` the shift is a
    multiple of it.
    """
    angle = _uniform(x, -angle, angle, generator) * math.pi / 180
    shear = _uniform(x, -shear, shear, generator)
    zoom, stretch = _uniform(x, *zoom, generator).exp(), _uniform(x, -stretch, stretch, generator).exp()
    shift_x, shift_y = _uniform(x, -shift, shift, generator), _uniform(x, -shift, shift, generator)
    if step:
        shift_x, shift_y = ((shift / step).round() * step for shift in (shift_x, shift_y))
    mirror = _uniform(x, 0, 1, generator).round() * 2 - 1 if mirrored else 1
    width, height = mirror * zoom * stretch, zoom / stretch
    rows = [
        width * angle.cos(), height * (shear - angle.sin()), shift_x,
        width * angle.sin(), height * angle.cos(), shift_y,
    ]  # fmt: skip
    grid = F.affine_grid(
        torch.cat(rows, 1).view(-1, 2, 3), [len(x), x.shape[1], size, size], align_corners=False
    )
    return F.grid_sample(x, grid, padding_mode=padding, align_corners=False)


def _change_tone(x: Tensor, generator: Generator, strength: float = 1) -> Tensor:
    """Change gamma, contrast about the mean, and brightness.

    They imitate the exposure of another machine.
    """

    def uniform(low: float, high: float) -> Tensor:
        return _uniform(x, low * strength, high * strength, generator)

    x = x.clamp(1e-3, 1) ** uniform(-0.5, 0.5).exp()
    mean = x.mean((1, 2, 3), keepdim=True)
    x = (x - mean) * uniform(-0.6, 0.4).exp() + mean + uniform(-0.2, 0.2)
    return x.clamp(0, 1)


def _change_sharpness(x: Tensor, generator: Generator) -> Tensor:
    """Blur or sharpen each image.

    It moves towards a blurred copy of itself (up to 1) or away from it (down to -0.7).
    """
    # Two box filters: close to a Gaussian, and on one channel far faster than a convolution.
    blurred = F.avg_pool2d(F.avg_pool2d(F.pad(x, (2, 2, 2, 2), mode="replicate"), 3, 1), 3, 1)
    return torch.lerp(x, blurred, _uniform(x, -0.7, 1, generator))


def _erase(x: Tensor, generator: Generator) -> Tensor:
    """Cover one rectangle with one grey in half the images.

    This is random erasing (Zhong et al. 2017).
    """
    size = x.shape[-1]
    axis = torch.arange(size, device=x.device)
    inside = _uniform(x, 0, 1, generator) < 0.5
    for shape in ((1, 1, 1, size), (1, 1, size, 1)):
        length, centre = _uniform(x, 0.1, 0.4, generator) * size, _uniform(x, 0, 1, generator) * size
        inside = inside & ((axis.view(shape) - centre).abs() < length / 2)
    return torch.where(inside, _uniform(x, 0, 1, generator), x)
