"""Sources of images and labels: class folders, Parquet, or the Hub."""

import re
from pathlib import Path

import datasets
from datasets import ClassLabel, Dataset, Features, Image, Value
from pyarrow.lib import ArrowInvalid, ArrowNotImplementedError

from hub.errors import InputError
from hub.imaging.read import SUFFIXES
from hub.repo_id import HUB_DATASET, is_hub_id

RADIOGRAPH_CLASSES = ["NORMAL", "PNEUMONIA"]
SPLITS = ("train", "validation", "test")
FOLDER_NAMES = {
    "train": ("train", "training"),
    "validation": ("validation", "val", "valid"),
    "test": ("test", "testing"),
}


def read_source(source: str | Path) -> dict[str, Dataset]:
    """Return the splits of a source, by name.

    Their columns are `image` (undecoded) and `label`, and `patient` and `subtype` where the source has them.
    Raises InputError for what is not a data set.
    """
    splits = _read_local(Path(source)) if Path(source).exists() else _read_hub(str(source))
    _check_columns(splits, source)
    return splits


def is_radiograph(classes: list[str]) -> bool:
    """Return whether the classes are those of the chest X-ray data set.

    Images of these classes are read as grey.
    """
    return classes == RADIOGRAPH_CLASSES


def _read_local(path: Path) -> dict[str, Dataset]:
    if path.is_file() and path.suffix != ".parquet":
        raise InputError(
            f"{path} is a file; give a folder with one folder of images per class, or a .parquet file."
        )
    if path.is_file() or any(path.rglob("*.parquet")):
        return _read_parquet(path)
    return _read_class_folders(path)


def _read_class_folders(path: Path) -> dict[str, Dataset]:
    folders = _split_folders(path)
    if folders and "train" not in folders:
        raise InputError(f"{path} has a folder for {', '.join(folders)} but none for train; add one.")
    if not folders:
        inner = [folder for folder in _subfolders(path) if _split_folders(folder)]
        if inner:
            raise InputError(
                f"{path} holds no classes itself; give {inner[0]}, which has train and test folders."
            )
        folders = {"train": path}
    classes = sorted({folder.name for root in folders.values() for folder in _subfolders(root)})
    check_class_count(classes, path)
    return {split: _read_classes(root, classes) for split, root in folders.items()}


def _read_classes(root: Path, classes: list[str]) -> Dataset:
    columns = {"image": [], "label": []}
    for label, name in enumerate(classes):
        files = _image_files(root / name)
        if not files:
            raise InputError(
                f"{root / name} has no images, so nothing can be said of {name}; put images there."
            )
        columns["image"] += files
        columns["label"] += [label] * len(files)
    features = Features({"image": Image(decode=False), "label": ClassLabel(names=_standard_names(classes))})
    return Dataset.from_dict(columns, features=features)


def _standard_names(classes: list[str]) -> list[str]:
    """Return the class names, in capitals if they are normal and pneumonia.

    The chest X-ray data set writes them so.
    """
    upper = [name.upper() for name in classes]
    return upper if upper == RADIOGRAPH_CLASSES else classes


def _split_folders(path: Path) -> dict[str, Path]:
    return {
        split: folder
        for split in SPLITS
        for folder in _subfolders(path)
        if folder.name.lower() in FOLDER_NAMES[split]
    }


def _subfolders(path: Path) -> list[Path]:
    # ZIP archives made on a Mac also hold a folder __MACOSX.
    return sorted(p for p in path.iterdir() if p.is_dir() and not p.name.startswith((".", "__")))


def _image_files(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    files = (p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and not p.name.startswith("."))
    return sorted(str(p) for p in files if p.is_file())


def _read_parquet(path: Path) -> dict[str, Dataset]:
    files = _parquet_files(path)
    folders = sorted({file.parent for file in files["train"]})
    if len(folders) > 1:
        raise InputError(f"{path} holds more than one data set; give one of them, such as {folders[0]}.")
    try:
        # One by one: loaded together, all would be taken to have the classes of the first.
        loaded = {
            split: datasets.load_dataset("parquet", data_files=[str(file) for file in paths], split="train")
            for split, paths in files.items()
        }
    except (datasets.exceptions.DatasetGenerationError, OSError, ValueError) as error:
        raise InputError(
            f"{path} cannot be read as Parquet; write it again ({_first_sentence(error)})."
        ) from None
    return {split: _standard_columns(dataset, path) for split, dataset in loaded.items()}


def _parquet_files(path: Path) -> dict[str, list[Path]]:
    """Return the files of each split, by their names or those of their folders.

    Splits without a file are left out. Raises InputError where train has none.
    """
    if path.is_file():
        return {"train": [path]}
    everything = sorted(path.rglob("*.parquet"))
    files = {split: [file for file in everything if _is_part_of(split, file)] for split in SPLITS}
    files = {split: parts for split, parts in files.items() if parts}
    if "train" not in files:
        raise InputError(f"{path} has no train*.parquet; name the files train-*.parquet and test-*.parquet.")
    return files


def _is_part_of(split: str, file: Path) -> bool:
    return file.name.startswith(FOLDER_NAMES[split]) or file.parent.name in FOLDER_NAMES[split]


def _read_hub(source: str) -> dict[str, Dataset]:
    if not is_hub_id(source):
        raise InputError(f"There is no folder {source}; give one, a Hub id like {HUB_DATASET}, or synthetic.")
    try:
        loaded = datasets.load_dataset(source)
    except datasets.exceptions.DatasetNotFoundError:
        raise InputError(
            f"There is no dataset {source} on the Hub, nor a folder here; check the name, or log in."
        ) from None
    except (ConnectionError, OSError, ValueError, RuntimeError) as error:
        raise InputError(
            f"The dataset {source} cannot be fetched; check the network, "
            f"or give a local folder with --dataset DIR, or --dataset synthetic ({_first_sentence(error)})."
        ) from None
    names = {name: split for split in SPLITS for name in FOLDER_NAMES[split]}
    return {
        names[name]: _standard_columns(dataset, source) for name, dataset in loaded.items() if name in names
    }


def _standard_columns(dataset: Dataset, source: str | Path) -> Dataset:
    """Return the data set with its columns in standard names and types.

    These are `image`, undecoded, and `label`, a ClassLabel; also `patient` and `subtype` where present.
    Raises InputError where `image` or `label` cannot be found or converted.
    """
    image, label = _image_and_label(dataset, source)
    others = [name for name in ("patient", "subtype") if name in dataset.features]
    dataset = dataset.select_columns([image, label, *others])
    names = {image: "image", label: "label"}
    dataset = dataset.rename_columns({old: new for old, new in names.items() if old != new})
    if not isinstance(dataset.features["label"], ClassLabel):
        dataset = _encode_labels(dataset)
    classes = _standard_names(dataset.features["label"].names)
    dataset = dataset.cast_column("label", ClassLabel(names=classes))
    if "patient" in dataset.features:
        dataset = dataset.cast_column("patient", Value("string"))
    try:
        return dataset.cast_column("image", Image(decode=False))
    except (ArrowInvalid, ArrowNotImplementedError, TypeError, ValueError):
        raise InputError(
            f"{source} has no pictures in its column {image}; it needs encoded images."
        ) from None


def _image_and_label(dataset: Dataset, source: str | Path) -> tuple[str, str]:
    """Return the names of the columns with the images and with their classes."""
    features = dataset.features
    images = [name for name, kind in features.items() if isinstance(kind, Image)]
    images = images or [name for name in ("image", "img") if name in features]
    labels = [name for name in ("label", "labels") if name in features]
    labels = labels or [
        name for name, kind in features.items() if isinstance(kind, ClassLabel) and name != "subtype"
    ]
    if not images or not labels or not isinstance(features[labels[0]], ClassLabel | Value):
        raise InputError(f"{source} has the columns {', '.join(features)}; it needs `image` and one `label`.")
    return images[0], labels[0]


def _encode_labels(dataset: Dataset) -> Dataset:
    """Return the data set with labels of any other type as a ClassLabel."""
    # In the order of the values: class_encode_column would put 10 before 2.
    # NaN, which differs from itself, is a missing value as None is.
    labels = [None if value != value else value for value in dataset["label"][:]]
    values = sorted(set(labels) - {None})
    encoded = [None if value is None else values.index(value) for value in labels]
    dataset = dataset.remove_columns("label").add_column("label", encoded)
    return dataset.cast_column("label", ClassLabel(names=[str(value) for value in values]))


def _check_columns(splits: dict[str, Dataset], source: str | Path) -> None:
    """Raise InputError for no train split, unequal classes or missing values."""
    if "train" not in splits:
        raise InputError(f"{source} has no train split, only {', '.join(splits) or 'none'}; add one.")
    names = splits["train"].features["label"].names
    for split, dataset in splits.items():
        classes = dataset.features["label"].names
        if classes != names:
            raise InputError(
                f"The {split} split of {source} has the classes {', '.join(classes)}, "
                f"but train has {', '.join(names)}; make them the same."
            )
        needed = {"image", "label", "patient"} & set(dataset.column_names)
        gaps = sorted(name for name in needed if dataset.data.column(name).null_count)
        if not gaps and min(dataset["label"][:]) < 0:
            gaps = ["label"]
        if gaps:
            raise InputError(f"The {split} split of {source} has rows without {gaps[0]}; leave them out.")


def check_class_count(classes: list[str], source: str | Path) -> None:
    """Raise InputError for fewer than two classes."""
    if len(classes) < 2:
        found = f"one class, {classes[0]}" if classes else "no class"
        raise InputError(
            f"{source} has {found}; it needs a folder of images for each of two or more classes."
        )


def _first_sentence(error: Exception) -> str:
    return re.split(r"\.\s|\n", str(error).strip())[0].rstrip(".")[:200] or type(error).__name__
