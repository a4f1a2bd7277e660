"""Views: one set of films as others would have made it, or with what is not lung changed for another's.

Validation films that resemble the training films cannot say how a model fares on those that do not.
Shifted views, other machines, crops and exposures, can (as ImageNet-C does, Hendrycks and Dietterich
2019), and so can swapped views, whose frame or grey values speak for the other class (as backgrounds do
in Xiao et al. 2021, arXiv 2006.09994).
"""

from collections.abc import Callable

import numpy as np
import torch
import torchvision.transforms.v2.functional as F
from torch import Tensor

from hub.imaging import effects

STRENGTHS = (1, 2, 3)


def shift(images: Tensor, view: str, strength: int) -> Tensor:
    """Return `images`, uint8 [N, C, H, W], as the view named `view` of strength 1, 2 or 3 shows them.

    The same images give the same view, always.
    """
    function, amounts = VIEWS[view]
    parts = [function(part, amounts[STRENGTHS.index(strength)]) for part in images.split(64)]
    return torch.cat(parts)


def swap(images: Tensor, labels: Tensor, view: str) -> Tensor:
    """Return `images`, uint8 [N, C, H, W], with what is not lung taken from films of another class.

    A network that reads collimation or exposure falls for these views, one that reads lungs does not.
    `view` names one of SWAPS; the same images and labels int64 [N] give the same view, always. Raises
    ValueError where all labels are the same.
    """
    random = torch.Generator().manual_seed(0)
    partner = torch.empty_like(labels)
    for label in labels.unique():
        others = (labels != label).nonzero()[:, 0]
        if not len(others):
            raise ValueError("Swapping takes films of two classes.")
        mine = labels == label
        partner[mine] = others[torch.randint(len(others), (int(mine.sum()),), generator=random)]
    frame, histogram = SWAPS[view]
    parts = []
    for part, others in zip(images.split(64), images[partner].split(64), strict=True):
        parts.append(_paste_frames(_match_histograms(part, others) if histogram else part, others, frame))
    return torch.cat(parts)


def in_turn(images: Tensor, labels: Tensor, each: int = 3, strength: int = 2) -> tuple[Tensor, Tensor]:
    """Return a pool: the images, each in `each` shifted views and in one swapped one, and all their labels.

    The views take turns, so that every one of them has as many films.
    """
    number = torch.arange(len(images))
    parts, truth = [images], [labels]
    for place, view in enumerate(VIEWS):
        mine = (place - number * each) % len(VIEWS) < each
        if mine.any():
            parts.append(shift(images[mine], view, strength))
            truth.append(labels[mine])
    for place, view in enumerate(SWAPS):
        mine = number % len(SWAPS) == place
        parts.append(swap(images, labels, view)[mine])
        truth.append(labels[mine])
    return torch.cat(parts), torch.cat(truth)


def _centre(images: Tensor, height: float, width: float) -> Tensor:
    """Cut out the middle, in shares of the sides (above 1: pad with black), and squash it to the old size."""
    size = images.shape[-2:]
    cut = F.center_crop(images, [round(size[0] * height), round(size[1] * width)])
    return F.resize(cut, list(size), interpolation=F.InterpolationMode.BICUBIC)


def _add_noise(images: Tensor, sigma: float) -> Tensor:
    random = torch.Generator().manual_seed(0)
    noise = sigma * torch.randn(images.shape, generator=random)
    return (images + noise).round().clamp(0, 255).to(torch.uint8)


def _compress(images: Tensor, quality: int) -> Tensor:
    pixels = images.permute(0, 2, 3, 1).squeeze(-1).numpy()  # of grey images [B, H, W]
    compressed = torch.from_numpy(np.stack([effects.jpeg(image, quality) for image in pixels]))
    return compressed.view(len(images), *images.shape[2:], -1).permute(0, 3, 1, 2).contiguous()


def _erase_corners(images: Tensor, share: float) -> Tensor:
    """Paint the four corners, where side markers and names stand, in the film's own median grey."""
    height, width = round(images.shape[-2] * share), round(images.shape[-1] * share)
    corner = torch.zeros(images.shape[-2:], dtype=torch.bool)
    for rows in (slice(height), slice(-height, None)):
        for columns in (slice(width), slice(-width, None)):
            corner[rows, columns] = True
    grey = images.flatten(1).median(1).values.view(-1, 1, 1, 1)
    return torch.where(corner, grey, images)


def _paste_frames(images: Tensor, others: Tensor, width: float) -> Tensor:
    """Return `images` in the frames of `others`, `width` of the side wide."""
    rows, columns = (torch.arange(length) / length for length in images.shape[-2:])
    rows, columns = torch.minimum(rows, rows.flip(0)), torch.minimum(columns, columns.flip(0))
    inside = (rows.view(-1, 1) >= width) & (columns >= width)
    return torch.where(inside, images, others)


def _match_histograms(images: Tensor, others: Tensor) -> Tensor:
    """Return `images`, uint8 [B, C, H, W], with the grey values of `others`, darkest for darkest."""
    flat = images.flatten(1).long()
    theirs, mine = (
        torch.stack([values.bincount(minlength=256) for values in part.flatten(1)])
        for part in (others, images)
    )
    middle = mine.cumsum(1) - mine / 2
    levels = torch.searchsorted(theirs.cumsum(1).float(), middle).clamp(max=255)
    return levels.to(images.dtype).gather(1, flat).view_as(images)


# What is done, and how much of it at strengths 1, 2 and 3. Gamma and blur are torchvision's: those of
# `imaging.effects` give other pixels, and every recorded figure depends on these.
VIEWS: dict[str, tuple[Callable, tuple]] = {
    "less contrast": (F.adjust_contrast, (0.75, 0.55, 0.4)),
    "more contrast": (F.adjust_contrast, (1.3, 1.6, 2.0)),
    "under-exposed": (F.adjust_brightness, (0.75, 0.55, 0.4)),
    "over-exposed": (F.adjust_brightness, (1.2, 1.4, 1.7)),
    "gamma down": (F.adjust_gamma, (0.75, 0.55, 0.4)),
    "gamma up": (F.adjust_gamma, (1.3, 1.8, 2.5)),
    "blur": (lambda images, sigma: F.gaussian_blur(images, [13, 13], [sigma]), (0.8, 1.6, 2.4)),
    "noise": (_add_noise, (6, 12, 20)),
    "JPEG": (_compress, (40, 20, 10)),
    "tight crop": (lambda images, share: _centre(images, share, share), (0.9, 0.8, 0.7)),
    "wide margin": (lambda images, share: _centre(images, share, share), (1.1, 1.25, 1.4)),
    "squat": (lambda images, share: _centre(images, 1, share), (0.9, 0.8, 0.7)),
    "tall": (lambda images, share: _centre(images, share, 1), (0.9, 0.8, 0.7)),
    "turned": (F.rotate, (5, 10, 15)),
    "no markers": (_erase_corners, (0.1, 0.15, 0.2)),
}

# How wide the other film's frame is, as a share of the side, and whether the grey values are its, too.
SWAPS = {
    "thin frame": (0.09, False),
    "wide frame": (0.16, False),
    "grey values": (0.0, True),
    "frame and grey values": (0.125, True),
}
