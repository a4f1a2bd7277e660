"""A split as one uint8 tensor, and augmentation of whole batches on the device."""

import math
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import numpy as np
import torch
import torch.nn.functional as F
from datasets import Dataset
from torch import Generator, Tensor
from tqdm.auto import tqdm

from hub.images import read_pixels
from hub.patients import naming, stored_images


def decode(
    dataset: Dataset, size: int, channels: int, radiograph: bool, crop: bool = False
) -> tuple[Tensor, Tensor]:
    """Return images uint8 [N, channels, size, size] and labels int64 [N]; `crop` is `read_pixels`'s.

    Raises InputError naming the file that cannot be read.
    """
    images = torch.empty(len(dataset), channels, size, size, dtype=torch.uint8)
    stored = enumerate(stored_images(dataset))

    def fill(item: tuple[int, bytes | str]) -> None:
        index, image = item
        with naming(index, image):
            pixels = read_pixels(image, size, channels, radiograph, crop)
        images[index] = torch.from_numpy(pixels.copy()).permute(2, 0, 1)

    # Pillow lets go of the interpreter lock while it decodes and resizes, so threads do help.
    with ThreadPoolExecutor() as pool, tqdm(total=len(dataset), desc="Decoding", unit=" images") as progress:
        while chunk := list(islice(stored, 256)):
            progress.update(len(list(pool.map(fill, chunk))))
    return images, torch.tensor(dataset["label"])


def decode_films(dataset: Dataset, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return radiographs uint8 [N, size, size] and labels int64 [N]; raises InputError as `decode` does."""
    images, labels = decode(dataset, size, channels=1, radiograph=True)
    return images[:, 0].numpy(), labels.numpy()


def augment(images: Tensor, size: int, generator: Generator) -> Tensor:
    """Return float32 [B, C, size, size] in 0..1 from uint8 [B, C, H, W], every image its own way.

    Geometry, tone, sharpness, noise and erasing, all strong on purpose: between two hospitals,
    or the two official splits, films differ by crop, shape and exposure more than by disease.
    """
    x = _warp(images.float() / 255, size, generator)
    x = _change_tone(x, generator)
    x = _change_sharpness(x, generator)
    sigma = _uniform(images, 0, 0.06, generator).square().mul(16)
    x = x + sigma * torch.randn(x.shape, device=x.device, generator=generator)
    return _erase(x.clamp(0, 1), generator)


def _uniform(images: Tensor, low: float, high: float, generator: Generator) -> Tensor:
    """Return one random number per image, float32 [B, 1, 1, 1]."""
    unit = torch.rand(len(images), 1, 1, 1, device=images.device, generator=generator)
    return low + (high - low) * unit


def _warp(x: Tensor, size: int, generator: Generator) -> Tensor:
    """Rotate by up to 15 degrees, zoom, stretch, shear, shift and mirror; resize to `size` on the way."""
    angle, shear = _uniform(x, -15, 15, generator) * math.pi / 180, _uniform(x, -0.1, 0.1, generator)
    zoom, stretch = _uniform(x, -0.35, 0.2, generator).exp(), _uniform(x, -0.2, 0.2, generator).exp()
    shift_x, shift_y = _uniform(x, -0.15, 0.15, generator), _uniform(x, -0.15, 0.15, generator)
    mirror = _uniform(x, 0, 1, generator).round() * 2 - 1
    width, height = mirror * zoom * stretch, zoom / stretch
    rows = [
        width * angle.cos(), height * (shear - angle.sin()), shift_x,
        width * angle.sin(), height * angle.cos(), shift_y,
    ]  # fmt: skip
    grid = F.affine_grid(
        torch.cat(rows, 1).view(-1, 2, 3), [len(x), x.shape[1], size, size], align_corners=False
    )
    return F.grid_sample(x, grid, align_corners=False)


def _change_tone(x: Tensor, generator: Generator) -> Tensor:
    """Gamma, then contrast about the mean and brightness: the exposure of another machine."""
    x = x.clamp(1e-3, 1) ** _uniform(x, -0.5, 0.5, generator).exp()
    mean = x.mean((1, 2, 3), keepdim=True)
    x = (x - mean) * _uniform(x, -0.6, 0.4, generator).exp() + mean + _uniform(x, -0.2, 0.2, generator)
    return x.clamp(0, 1)


def _change_sharpness(x: Tensor, generator: Generator) -> Tensor:
    """Move each image towards a blurred copy of itself (up to 1) or away from it (down to -0.7)."""
    # Two box filters: close to a Gaussian, and on one channel far faster than a convolution.
    blurred = F.avg_pool2d(F.avg_pool2d(F.pad(x, (2, 2, 2, 2), mode="replicate"), 3, 1), 3, 1)
    return torch.lerp(x, blurred, _uniform(x, -0.7, 1, generator))


def _erase(x: Tensor, generator: Generator) -> Tensor:
    """Cover one rectangle of half the images with one grey (random erasing, Zhong et al. 2017)."""
    size = x.shape[-1]
    axis = torch.arange(size, device=x.device)
    inside = _uniform(x, 0, 1, generator) < 0.5
    for shape in ((1, 1, 1, size), (1, 1, size, 1)):
        length, centre = _uniform(x, 0.1, 0.4, generator) * size, _uniform(x, 0, 1, generator) * size
        inside = inside & ((axis.view(shape) - centre).abs() < length / 2)
    return torch.where(inside, _uniform(x, 0, 1, generator), x)
