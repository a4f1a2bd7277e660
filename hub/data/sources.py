"""Where images and their labels come from: class folders, Parquet, or the Hub."""

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
    """Return the splits that a source gives, by name, undecoded: `image`, `label` and, if given, `patient`.

    Raises InputError for what is no data set.
    """
    found = _read_local(Path(source)) if Path(source).exists() else _read_hub(str(source))
    _check_columns(found, source)
    return found


def is_radiograph(classes: list[str]) -> bool:
    """Whether the classes are those of the chest X-ray data set: then films are read as grey."""
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
    found = {}
    for split, root in folders.items():
        columns = {"image": [], "label": []}
        for label, name in enumerate(classes):
            files = _image_files(root / name)
            if not files:
                raise InputError(
                    f"{root / name} has no images, so nothing can be said of {name}; put images there."
                )
            columns["image"] += files
            columns["label"] += [label] * len(files)
        features = Features({"image": Image(decode=False), "label": ClassLabel(names=_usual_names(classes))})
        found[split] = Dataset.from_dict(columns, features=features)
    return found


def _usual_names(classes: list[str]) -> list[str]:
    """Return normal and pneumonia, however they are spelt, as the data set has them."""
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
    # Zip files made on a Mac bring a __MACOSX folder of their own.
    return sorted(p for p in path.iterdir() if p.is_dir() and not p.name.startswith((".", "__")))


def _image_files(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    files = (p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and not p.name.startswith("."))
    return sorted(str(p) for p in files if p.is_file())


def _read_parquet(path: Path) -> dict[str, Dataset]:
    if path.is_file():
        files = {"train": [path]}
    else:
        everything = sorted(path.rglob("*.parquet"))
        files = {
            split: [
                f
                for f in everything
                if re.match("|".join(FOLDER_NAMES[split]), f.name) or f.parent.name in FOLDER_NAMES[split]
            ]
            for split in SPLITS
        }
        files = {split: paths for split, paths in files.items() if paths}
        if "train" not in files:
            raise InputError(
                f"{path} has no train*.parquet; name the files train-*.parquet and test-*.parquet."
            )
    inner = sorted({f.parent for f in files["train"]})
    if len(inner) > 1:
        raise InputError(f"{path} holds more than one data set; give one of them, such as {inner[0]}.")
    try:
        # One by one: loaded together, all would pass for having the classes of the first.
        loaded = {
            split: datasets.load_dataset("parquet", data_files=[str(f) for f in paths], split="train")
            for split, paths in files.items()
        }
    except (datasets.exceptions.DatasetGenerationError, OSError, ValueError) as error:
        raise InputError(
            f"{path} cannot be read as Parquet; write it again ({_first_sentence(error)})."
        ) from None
    return {split: _standard_columns(dataset, path) for split, dataset in loaded.items()}


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
    """Rename whatever holds the picture and its class to `image` and `label`."""
    images = [n for n, f in dataset.features.items() if isinstance(f, Image)] or [
        n for n in ("image", "img") if n in dataset.features
    ]
    labels = [n for n in ("label", "labels") if n in dataset.features] or [
        n for n, f in dataset.features.items() if isinstance(f, ClassLabel) and n != "subtype"
    ]
    if not images or not labels or not isinstance(dataset.features[labels[0]], ClassLabel | Value):
        raise InputError(
            f"{source} has the columns {', '.join(dataset.features)}; it needs `image` and one `label`."
        )
    keep = {images[0]: "image", labels[0]: "label"} | {
        n: n for n in ("patient", "subtype") if n in dataset.features
    }
    dataset = dataset.select_columns(list(keep)).rename_columns(
        {old: new for old, new in keep.items() if old != new}
    )
    if not isinstance(dataset.features["label"], ClassLabel):
        # Numbers in the order of numbers: class_encode_column would put 10 before 2.
        # NaN, which is not itself, is a gap as None is.
        given = [None if value != value else value for value in dataset["label"][:]]
        values = sorted(set(given) - {None})
        encoded = [None if value is None else values.index(value) for value in given]
        dataset = dataset.remove_columns("label").add_column("label", encoded)
        dataset = dataset.cast_column("label", ClassLabel(names=[str(value) for value in values]))
    names = _usual_names(dataset.features["label"].names)
    dataset = dataset.cast_column("label", ClassLabel(names=names))
    if "patient" in dataset.features:
        dataset = dataset.cast_column("patient", Value("string"))
    try:
        return dataset.cast_column("image", Image(decode=False))
    except (ArrowInvalid, ArrowNotImplementedError, TypeError, ValueError):
        raise InputError(
            f"{source} has no pictures in its column {images[0]}; it needs encoded images."
        ) from None


def _check_columns(found: dict[str, Dataset], source: str | Path) -> None:
    """Refuse what no later step could make sense of."""
    if "train" not in found:
        raise InputError(f"{source} has no train split, only {', '.join(found) or 'none'}; add one.")
    names = found["train"].features["label"].names
    for split, dataset in found.items():
        theirs = dataset.features["label"].names
        if theirs != names:
            raise InputError(
                f"The {split} split of {source} has the classes {', '.join(theirs)}, "
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
