"""Groups of images for the input check: half of each to fit, half to measure."""

import os
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

import datasets
import numpy as np
from PIL import Image

from hub.data.file_tree import FileTree, read_tree
from hub.data.image_files import encoded_images
from hub.data.shards import load_files
from hub.errors import InputError
from hub.imaging.read import MIN_RADIOGRAPH_SIDE, read_image
from hub.training.perturbations import PERTURBATIONS

PER_FOLDER = 2000  # other images
TAKEN = {"as they are", "with borders", "drawings", *PERTURBATIONS}  # rows of `input_check_fit.measure`
Encoded = bytes | str | Path
Halves = tuple[list[Image.Image], list[Image.Image]]  # to fit, to measure


def read_kinds(
    unlike: Sequence[Path], foreign: Sequence[Path], split: str = "train"
) -> dict[str, dict[str, Halves]]:
    """Return the groups of "unlike" and of "foreign", which have a row for each name.

    Raises InputError for a name that comes twice or means another row, and like `read_groups`.
    """
    names = [_name(path) for path in (*unlike, *foreign)]
    for index, name in enumerate(names):
        if name in TAKEN or name in names[:index]:
            raise InputError(f"The figures have a row {name} already; give a folder of another name.")
    return {"unlike": read_groups(unlike, split), "foreign": read_groups(foreign, split)}


def read_groups(paths: Sequence[Path], split: str = "train") -> dict[str, Halves]:
    """Return the images by folder name, in halves to fit and to measure.

    A path is a folder of image files, or of Parquet, of which the files of one split are read; at most
    `PER_FOLDER` images of each folder. No patient (the part of a file name before "_", where several differ
    in it) is in both halves. Raises InputError for fewer than four images.
    """
    groups: dict[str, list[Encoded]] = {}
    for path in map(Path, paths):
        tree = read_tree(path) if path.is_dir() else FileTree(path)
        parquet = sorted(
            path / file for file in tree.files if fnmatch(file.split("/")[-1], f"{split}*.parquet")
        )
        if parquet:
            groups[_name(path)] = _read_parquet(parquet)
            continue
        files = sorted(path / file for file in tree.images)
        if not files:
            raise InputError(f"{path} has no images and no {split}*.parquet; give a folder of pictures.")
        for file in files:
            name = _name(path) if file.parent == path else f"{_name(path)}/{file.parent.name}"
            groups.setdefault(name, []).append(file)
    for name, group in groups.items():
        if len(group) < 4:
            raise InputError(f"{name} has only {len(group)} pictures; give four or more of a kind.")
    thinned = {name: _thinned(group) for name, group in groups.items()}
    half_of = _halves_of_patients([item for group in thinned.values() for item in group])
    halves = {name: ([], []) for name in thinned}
    for name, group in thinned.items():
        for index, item in enumerate(group):
            halves[name][half_of.get(_patient(item), index % 2)].append(_read_small(name, item))
    return halves


def _name(folder: Path) -> str:
    """Return the name of a folder, that of "." too."""
    return os.path.basename(os.path.abspath(folder))  # noqa: PTH100, PTH119, they keep links


def _patient(item: Encoded) -> str:
    return item.name.split("_")[0] if isinstance(item, Path) else ""


def _halves_of_patients(items: list[Encoded]) -> dict[str, int]:
    """Return half 0 or 1 of each patient, in turn; {} if names hardly differ."""
    patients = {name: None for name in map(_patient, items) if name}
    return {name: index % 2 for index, name in enumerate(patients)} if len(patients) > 3 else {}


def _read_parquet(files: list[Path]) -> list[bytes | str]:
    table = load_files(files[0], "parquet", [*map(str, files)])
    columns = [name for name, kind in table.features.items() if isinstance(kind, datasets.Image)]
    if not columns:
        raise InputError(f"{files[0]} has no column of images; give another folder.")
    table = table.cast_column(columns[0], datasets.Image(decode=False))
    return [*encoded_images(table.select(_thinned(range(len(table)))), columns[0])]


def _read_small(name: str, item: Encoded) -> Image.Image:
    """Read an image, at most 512 px a side but as large as a radiograph must be.

    `name` is that of its group, for the sentence on one that cannot be read.
    """
    try:
        image = read_image(item)
    except InputError as error:
        raise InputError(f"A picture of {name} cannot be used: {error}") from None
    image.thumbnail((512, 512))
    factor = -(-MIN_RADIOGRAPH_SIDE // min(image.size))
    return image.resize((factor * image.width, factor * image.height)) if factor > 1 else image


def _thinned(items: Sequence) -> list:
    """Return at most PER_FOLDER items, evenly spaced."""
    chosen = np.linspace(0, len(items) - 1, min(len(items), PER_FOLDER)).round().astype(int)
    return [items[index] for index in chosen]
