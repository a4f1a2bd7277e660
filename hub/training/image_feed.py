"""The images of an epoch: their order, where they lie, and reading ahead."""

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate

import torch
from torch import Generator, Tensor

from hub.data.stored_images import StoredImages
from hub.training.distributed import own_part

Images = Tensor | StoredImages
# Bytes of images that are shuffled among each other: they, and as many read ahead, fit the system's cache.
WINDOW = 4 << 30
BLOCK = 4 << 20  # bytes of images that stay neighbours on the way into a window, for the sake of disks
DEVICE_SHARE = 0.5  # of a GPU's free memory that images may take


def shuffled_windows(images: Images, generator: Generator, window: int = WINDOW) -> list[Tensor]:
    """Return a random order of images, int64, in the parts that are shuffled within.

    Images that fit a window of so many bytes are shuffled whole. Of more, blocks of neighbours are drawn, and
    their images shuffled in each window: a disk then reads blocks, and an epoch of what is larger than memory
    takes each of them once.
    """
    count, image_bytes = len(images), math.prod(images.shape[1:])
    device = generator.device
    if count * image_bytes <= window:
        return [torch.randperm(count, generator=generator, device=device)]
    size = max(BLOCK // image_bytes, 1)
    starts = torch.randperm(-(-count // size), generator=generator, device=device) * size
    windows = []
    for few in starts.split(max(window // (size * image_bytes), 1)):
        members = (few.view(-1, 1) + torch.arange(size, device=device)).flatten()
        members = members[members < count]
        windows.append(members[torch.randperm(len(members), generator=generator, device=device)])
    return windows


def place(images: Images, device: torch.device, free: int) -> Images:
    """Return images on a device with so many bytes free where they fit."""
    if images.nbytes > DEVICE_SHARE * free:
        return images
    placed = torch.empty(images.shape, dtype=torch.uint8, device=device)
    for start in range(0, len(images), 1024):
        placed[start : start + 1024] = images[start : start + 1024].to(device)
    return placed


def free_memory(device: torch.device) -> int:
    """Return the free bytes of a GPU; 0 of a CPU, whose system caches files."""
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else 0


def feed(
    images: Images, windows: list[Tensor], batches: Sequence[Tensor], device: torch.device
) -> Iterator[Tensor]:
    """Yield this process's images of each batch, uint8 [B, C, H, W], on a device.

    `batches` are the indices, int64 [B], of consecutive images of `windows`. What does not lie on the device
    is read, and pinned for a GPU, by a thread while the batch before is used, and a window is read ahead from
    the disk while the one before is.
    """
    parts = [own_part(batch) for batch in batches]
    if isinstance(images, Tensor) and images.device == device:
        yield from (images[part] for part in parts)
        return
    starts = accumulate(map(len, windows), initial=0)
    coming = {start // len(batches[0]): window for start, window in zip(starts, windows[1:], strict=False)}

    def read(number: int) -> Tensor:
        if number in coming and isinstance(images, StoredImages):
            disk.submit(images.read_ahead, coming[number].tolist())
        pixels = images[parts[number].cpu()]
        return pixels.pin_memory() if device.type == "cuda" else pixels

    with ThreadPoolExecutor(1) as disk, ThreadPoolExecutor(1) as reader:
        ahead = reader.submit(read, 0)
        for number in range(len(parts)):
            pixels = ahead.result()
            if number + 1 < len(parts):
                ahead = reader.submit(read, number + 1)
            yield pixels.to(device, non_blocking=True)
