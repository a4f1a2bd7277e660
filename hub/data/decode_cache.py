"""Decode a split into one file of pixels, which the next run reads again."""

import hashlib
import io
import json
import math
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import datasets
import numpy as np
import PIL.Image
import torch
from datasets import Dataset
from torch import Tensor

from hub.batching import batches
from hub.data.image_files import encoded_images, locate_errors, open_unchanged, sha256_digests
from hub.data.image_headers import is_grey
from hub.data.stored_images import StoredImages
from hub.files import SEAL, is_sealed, seal
from hub.imaging.read import PIXELS_VERSION, read_pixels
from hub.progress import progress

UNUSED_DAYS = 30
CHUNK_SIZE = 256  # encoded images in memory at a time


def decode(
    dataset: Dataset,
    size: int,
    channels: int,
    radiograph: bool,
    crop: bool = False,
    digests: list[str] | None = None,
) -> tuple[Tensor, Tensor]:
    """Return images uint8 [N, channels, size, size] and labels int64 [N].

    `radiograph` and `crop` are those of `read_pixels`. Images that were decoded before are mapped from a file
    in `cache_folder`, whose name is a hash of their contents and of how they are read; one that is damaged is
    made again, and changes to the tensor stay in memory. `digests` are `sha256_digests(dataset)`, if the
    caller has them.

    Raises InputError naming the file that cannot be read, or that is not the one of its digest.
    """
    images, labels = decode_stored(dataset, size, channels, radiograph, crop, digests)
    return _map(images) if isinstance(images, StoredImages) else images, labels


def decode_stored(
    dataset: Dataset,
    size: int,
    channels: int,
    radiograph: bool,
    crop: bool = False,
    digests: list[str] | None = None,
) -> tuple[StoredImages | Tensor, Tensor]:
    """Return what `decode` does, with images that stay on the disk.

    They are written there as they are decoded. Where no cache can be written they are a tensor.
    """
    digests = sha256_digests(dataset) if digests is None else digests
    settings = [PIXELS_VERSION, PIL.__version__, size, channels, radiograph, crop]
    key = hashlib.sha256(json.dumps([*settings, *digests]).encode()).hexdigest()
    path, shape = cache_folder() / f"{key}.npy", (len(dataset), channels, size, size)
    if (images := _read_cache(path, shape)) is None:
        _write_cache(path, shape, _decode(dataset, digests, shape, radiograph, crop))
        images = _read_cache(path, shape)
    if images is None:
        images = torch.from_numpy(np.concatenate([*_decode(dataset, digests, shape, radiograph, crop)]))
    return images, torch.tensor(dataset["label"][:])


def cache_folder() -> Path:
    """Return the folder of the cache, inside that of `datasets` (HF_DATASETS_CACHE)."""
    return Path(datasets.config.HF_DATASETS_CACHE) / "decoded_images"


def _decode(
    dataset: Dataset, digests: list[str], shape: tuple[int, ...], radiograph: bool, crop: bool
) -> Iterator[np.ndarray]:
    """Yield images, uint8 [B, channels, size, size], in their order."""
    _, channels, size, _ = shape
    stored = enumerate(encoded_images(dataset))

    def read(item: tuple[int, bytes | str]) -> np.ndarray:
        index, image = item
        with locate_errors(index, image):
            stream = open_unchanged(image, digests[index])
            return read_pixels(stream, size, channels, radiograph, crop).transpose(2, 0, 1)

    # Pillow releases the interpreter lock while it decodes and resizes, so threads help.
    with ThreadPoolExecutor() as pool, progress(total=len(dataset), desc="Decoding", unit=" images") as bar:
        for chunk in batches(stored, CHUNK_SIZE):
            yield np.ascontiguousarray(np.stack([*pool.map(read, chunk)]))
            bar.update(len(chunk))


def _read_cache(path: Path, shape: tuple[int, ...]) -> StoredImages | None:
    """Return the images in a cache file.

    A file that is missing or damaged gives None.
    """
    # Not parsed: numpy raises a dozen kinds of errors for damaged headers, and the name says the shape.
    header = len(_header(shape))
    if not is_sealed(path) or path.stat().st_size != header + math.prod(shape) + SEAL:
        return None
    with suppress(OSError):  # only the date of its last use
        os.utime(path)
    try:
        return StoredImages(path, header, shape)
    except OSError:  # gone meanwhile
        return None


def _map(images: StoredImages) -> Tensor:
    """Return images as a tensor, mapped copy-on-write."""
    return torch.from_numpy(np.memmap(images.file, np.uint8, "c", images.offset, images.shape))


def _header(shape: tuple[int, ...]) -> bytes:
    """Return the bytes before the pixels in a cache file, as in a file .npy."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return header.getvalue()


def _write_cache(path: Path, shape: tuple[int, ...], chunks: Iterable[np.ndarray]) -> None:
    """Write pixels to a cache file as they come; delete files unused for a month.

    Only the owner can read the file. If writing fails, a message is printed and no file remains.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _delete_unused(path.parent)
        # Not by `files.replace_file`, whose partial file has one name: runs may write the same file at once.
        descriptor, partial = tempfile.mkstemp(".partial", dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(_header(shape))
                for pixels in chunks:
                    file.write(pixels.data)
            seal(Path(partial))
            Path(partial).replace(path)
        finally:
            Path(partial).unlink(missing_ok=True)
    except OSError as error:
        print(
            f"Decoded images are not kept for the next run: {path.parent} cannot be written "
            f"({error.strerror or error}).",
            file=sys.stderr,
        )


def _delete_unused(folder: Path) -> None:
    for file in folder.iterdir():
        with suppress(OSError):  # another run may be faster
            if time.time() - file.stat().st_mtime > UNUSED_DAYS * 24 * 3600:
                file.unlink()


def are_grey(dataset: Dataset) -> bool:
    """Return whether every image is stored as grey.

    Only headers are decoded; a file without a readable one does not count as grey.
    """
    return all(map(is_grey, encoded_images(dataset)))


def decode_radiographs(dataset: Dataset, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return radiographs uint8 [N, size, size] and labels int64 [N].

    Raises InputError as `decode` does.
    """
    images, labels = decode(dataset, size, channels=1, radiograph=True)
    return images[:, 0].numpy(), labels.numpy()
