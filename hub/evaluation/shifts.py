"""Distribution shifts: images as from other machines, or with swapped shortcuts.

Validation images that resemble the training images cannot show how a model does on images that do not.
Shifted images can (other machines, crops and exposures, as in ImageNet-C, Hendrycks and Dietterich 2019),
and so can swapped ones, whose frame or grey values suggest the other class (as backgrounds do in Xiao et al.
2021, arXiv 2006.09994).
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
import torchvision.transforms.v2.functional as F
from torch import Tensor

from hub.imaging import effects

STRENGTHS = (1, 2, 3)
CHUNK_SIZE = 64  # images in floats at a time


def shift(images: Tensor, name: str, strength: int) -> Tensor:
    """Return images under a distribution shift.

    `images` and the result are uint8 [N, C, H, W], `name` one of SHIFTS, `strength` 1, 2 or 3. It is
    deterministic.
    """
    function, amounts = SHIFTS[name]
    amount = amounts[STRENGTHS.index(strength)]
    return torch.cat([function(chunk, amount) for chunk in images.split(CHUNK_SIZE)])


def swap(images: Tensor, labels: Tensor, name: str) -> Tensor:
    """Return images with what is not lung taken from images of another class.

    A network that reads collimation or exposure falls for them, one that reads lungs does not. `images` is
    uint8 [N, C, H, W], `labels` int64 [N], `name` one of SWAPS. It is deterministic. Raises ValueError where
    all labels are the same.
    """
    chunks = zip(images.split(CHUNK_SIZE), images[swap_partners(labels)].split(CHUNK_SIZE), strict=True)
    return torch.cat([swap_with(chunk, others, name) for chunk, others in chunks])


def swap_partners(labels: Tensor) -> Tensor:
    """Return for each image the index of one of another class, int64 [N].

    It is deterministic. Raises ValueError where all labels are the same.
    """
    random = torch.Generator().manual_seed(0)
    partner = torch.empty_like(labels)
    for label in labels.unique():
        others = (labels != label).nonzero()[:, 0]
        if not len(others):
            raise ValueError("Swapping takes images of two classes.")
        members = labels == label
        lots = torch.randint(len(others), (int(members.sum()),), generator=random)
        partner[members] = others[lots.to(labels.device)]
    return partner


def swap_with(images: Tensor, others: Tensor, name: str) -> Tensor:
    """Return images with the frames, grey values or both of others, one for one.

    Both are uint8 [B, C, H, W]; `name` is one of SWAPS.
    """
    width, histogram = SWAPS[name]
    return _paste_frames(_match_histograms(images, others) if histogram else images, others, width)


def add_shifts(
    images: Tensor, labels: Tensor, copies: int = 3, strength: int = 2
) -> tuple[Tensor, Tensor, Tensor]:
    """Return images with shifted and swapped copies, and the label and index of each.

    `images` is uint8 [N, C, H, W], `labels` int64 [N]. Each image gets `copies` shifted copies and one
    swapped one. Shifts take turns, and so do swaps, so that each is applied to as many images as any other.
    The images as they are come first; the index, int64, is that of the image among them.
    """
    rows = view_rows(len(images), copies)
    return torch.cat([*iterate_views(images, labels, copies, strength)]), labels[rows], rows


def view_rows(count: int, copies: int = 3) -> Tensor:
    """Return the index, int64, that `add_shifts` returns of so many images."""
    return torch.cat([members for _, members in _views(count, copies)])


def iterate_views(
    images: Sequence[Tensor], labels: Tensor, copies: int = 3, strength: int = 2
) -> Iterator[Tensor]:
    """Yield what `add_shifts` returns, uint8 [B, C, H, W], a few at a time.

    `images` may lie on a disk: they are indexed by tensors.
    """
    partners = swap_partners(labels)
    for name, members in _views(len(images), copies):
        for few in members.split(CHUNK_SIZE):
            if name in SWAPS:
                yield swap_with(images[few], images[partners[few]], name)
            else:
                yield shift(images[few], name, strength) if name in SHIFTS else images[few]


def _views(count: int, copies: int) -> Iterator[tuple[str, Tensor]]:
    """Yield each kind of views, "" for images as they are, and the images of it."""
    number = torch.arange(count)
    yield "", number
    for place, name in enumerate(SHIFTS):
        members = ((place - number * copies) % len(SHIFTS) < copies).nonzero()[:, 0]
        if len(members):
            yield name, members
    for place, name in enumerate(SWAPS):
        if len(members := (number % len(SWAPS) == place).nonzero()[:, 0]):
            yield name, members


def _crop_or_pad(images: Tensor, height: float, width: float) -> Tensor:
    """Crop or pad images around their centre, and resize them to the old size.

    `height` and `width` are shares of the sides; above 1 the image is padded with black.
    """
    size = images.shape[-2:]
    centre = F.center_crop(images, [round(size[0] * height), round(size[1] * width)])
    return F.resize(centre, list(size), interpolation=F.InterpolationMode.BICUBIC)


def _add_noise(images: Tensor, sigma: float) -> Tensor:
    random = torch.Generator().manual_seed(0)
    noise = sigma * torch.randn(images.shape, generator=random)
    return (images + noise).round().clamp(0, 255).to(torch.uint8)


def _compress(images: Tensor, quality: int) -> Tensor:
    pixels = images.permute(0, 2, 3, 1).squeeze(-1).numpy()  # of grey images [B, H, W]
    compressed = torch.from_numpy(np.stack([effects.jpeg(image, quality) for image in pixels]))
    return compressed.view(len(images), *images.shape[2:], -1).permute(0, 3, 1, 2).contiguous()


def _erase_corners(images: Tensor, share: float) -> Tensor:
    """Paint the four corners in the median grey of each image.

    Markers and names are there. `share` is that of each side.
    """
    height, width = round(images.shape[-2] * share), round(images.shape[-1] * share)
    corner = torch.zeros(images.shape[-2:], dtype=torch.bool)
    for rows in (slice(height), slice(-height, None)):
        for columns in (slice(width), slice(-width, None)):
            corner[rows, columns] = True
    grey = images.flatten(1).median(1).values.view(-1, 1, 1, 1)
    return torch.where(corner, grey, images)


def _paste_frames(images: Tensor, others: Tensor, width: float) -> Tensor:
    """Return `images` inside the frames of `others`; `width` is a share of the side."""
    rows, columns = (torch.arange(length, device=images.device) / length for length in images.shape[-2:])
    rows, columns = torch.minimum(rows, rows.flip(0)), torch.minimum(columns, columns.flip(0))
    inside = (rows.view(-1, 1) >= width) & (columns >= width)
    return torch.where(inside, images, others)


def _match_histograms(images: Tensor, others: Tensor) -> Tensor:
    """Return images with the grey values of others, darkest for darkest.

    Both are uint8 [B, C, H, W].
    """
    flat = images.flatten(1).long()
    histogram, target = (
        torch.stack([values.bincount(minlength=256) for values in part.flatten(1)])
        for part in (images, others)
    )
    middle = histogram.cumsum(1) - histogram / 2
    levels = torch.searchsorted(target.cumsum(1).float(), middle).clamp(max=255)
    return levels.to(images.dtype).gather(1, flat).view_as(images)


# Each shift, and its amount at strengths 1, 2 and 3. Gamma and blur are torchvision's: those of
# `imaging.effects` give other pixels, and every recorded figure depends on these.
SHIFTS: dict[str, tuple[Callable, tuple]] = {
    "less contrast": (F.adjust_contrast, (0.75, 0.55, 0.4)),
    "more contrast": (F.adjust_contrast, (1.3, 1.6, 2.0)),
    "under-exposed": (F.adjust_brightness, (0.75, 0.55, 0.4)),
    "over-exposed": (F.adjust_brightness, (1.2, 1.4, 1.7)),
    "gamma down": (F.adjust_gamma, (0.75, 0.55, 0.4)),
    "gamma up": (F.adjust_gamma, (1.3, 1.8, 2.5)),
    "blur": (lambda images, sigma: F.gaussian_blur(images, [13, 13], [sigma]), (0.8, 1.6, 2.4)),
    "noise": (_add_noise, (6, 12, 20)),
    "JPEG": (_compress, (40, 20, 10)),
    "tight crop": (lambda images, share: _crop_or_pad(images, share, share), (0.9, 0.8, 0.7)),
    "wide margin": (lambda images, share: _crop_or_pad(images, share, share), (1.1, 1.25, 1.4)),
    "squat": (lambda images, share: _crop_or_pad(images, 1, share), (0.9, 0.8, 0.7)),
    "tall": (lambda images, share: _crop_or_pad(images, share, 1), (0.9, 0.8, 0.7)),
    "turned": (F.rotate, (5, 10, 15)),
    "no markers": (_erase_corners, (0.1, 0.15, 0.2)),
}

# The width of the other image's frame, as a share of the side, and whether its grey values are taken too.
SWAPS = {
    "thin frame": (0.09, False),
    "wide frame": (0.16, False),
    "grey values": (0.0, True),
    "frame and grey values": (0.125, True),
}
