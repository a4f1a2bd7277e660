"""Columns of a table of images: their names and types, as found and as wanted."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from datasets import ClassLabel, Dataset, Features, Image, Value
from pyarrow.lib import ArrowInvalid, ArrowNotImplementedError

from hub.data.class_names import check_different, folded, standard_names
from hub.errors import InputError

# Names that are guessed, the likeliest first, in lower case and without other signs than letters.
IMAGES = ("image", "img", "picture", "photo", "pixelvalues", "jpg", "jpeg", "png")
LABELS = (
    "label", "labels", "target", "class", "classname", "cls", "category", "diagnosis", "dx", "finding",
    "findinglabels", "y",
)  # fmt: skip
PATIENTS = ("patient", "patientid", "subject", "subjectid")
MAX_CLASSES = 1000  # a column with more values, unless it is named, is one of names or measurements


def plain(name: str) -> str:
    """Return the name of a column in lower case, letters and digits alone.

    Of a nested column, such as json.label, it is the last part.
    """
    return re.sub(r"[^a-z0-9]", "", name.rpartition(".")[2].lower())


def guess(names: list[str], guesses: tuple[str, ...]) -> str | None:
    """Return the name that comes first among the `guesses`, None where none is there."""
    found = [name for name in names if plain(name) in guesses]
    return min(found, key=lambda name: guesses.index(plain(name)), default=None)


def standard_columns(
    loaded: dict[str, Dataset],
    source: object,
    image_column: str | None = None,
    label_column: str | None = None,
) -> tuple[dict[str, Dataset], list[str]]:
    """Return splits with columns of standard names and types, and notes on names.

    The columns are `image`, undecoded, and `label`, a ClassLabel; also `patient` and `subtype` where
    present. The train split decides which ones they are. Raises InputError where the images or the labels
    cannot be found or converted, and where labels are no classes.
    """
    features = loaded["train"].features
    names = column_names(features, source, image_column, label_column)
    splits = {}
    for split, dataset in loaded.items():
        for name in (names["image"], names["label"]):
            if name not in dataset.features:
                raise InputError(
                    f"The {split} split of {source} lacks the column {name} of train; give it the same."
                )
        present = {new: old for new, old in names.items() if old in dataset.features}
        dataset = dataset.select_columns(list(present.values()))
        dataset = dataset.rename_columns({old: new for new, old in present.items() if old != new})
        splits[split] = _standard_types(dataset, names, source)
    classes = splits["train"].features["label"].names
    if not isinstance(features[names["label"]], ClassLabel):
        many = len(classes) > MAX_CLASSES and not label_column
        if many or 2 < len(classes) == len(splits["train"]):
            raise _no_classes(source, f"{len(classes)} values", names["label"])
    splits = {split: _same_names(dataset, classes) for split, dataset in splits.items()}
    said = [f"{new} from the column {old}" for new, old in names.items() if old != new]
    return splits, [f"took {', '.join(said)}"] if said else []


def column_names(
    features: Features, source: object, image_column: str | None, label_column: str | None
) -> dict[str, str]:
    """Return the name in the source of each standard column.

    `patient` and `subtype` may be missing.
    """
    image = _image_column(features, source, image_column)
    label = _label_column(features, source, label_column, image)
    if isinstance(features[label], ClassLabel) and not all(isinstance(n, str) for n in features[label].names):
        raise InputError(
            f"{source} has classes in its column {label} whose names are no text; write them so."
        )
    names = {"image": image, "label": label}
    others = [name for name in features if name not in names.values()]
    if patient := guess(others, PATIENTS):
        names["patient"] = patient
    if "subtype" in others:
        names["subtype"] = "subtype"
    return names


def _image_column(features: Features, source: object, chosen: str | None) -> str:
    if chosen:
        return _chosen(features, source, chosen)
    typed = [name for name, kind in features.items() if _holds_images(kind)]
    found = guess(typed, IMAGES) or (typed[0] if len(typed) == 1 else None)
    if not found and len(typed) > 1:
        raise InputError(
            f"{source} has images in the columns {', '.join(typed)}; choose one by --image-column."
        )
    binary = [name for name, kind in features.items() if kind in (Value("binary"), Value("large_binary"))]
    found = found or guess(list(features), IMAGES) or (binary[0] if len(binary) == 1 else None)
    return found or _refuse(features, source)


def _holds_images(kind: object) -> bool:
    return isinstance(kind, Image) or (isinstance(kind, dict) and {*kind} == {"bytes", "path"})


def _label_column(features: Features, source: object, chosen: str | None, image: str) -> str:
    if chosen:
        if isinstance(features[_chosen(features, source, chosen)], ClassLabel | Value):
            return chosen
        raise InputError(
            f"{source} has several values an image in its column {chosen}; it needs one `label` each."
        )
    usable = [
        name
        for name, kind in features.items()
        if isinstance(kind, ClassLabel | Value) and name not in (image, "subtype")
    ]
    if found := guess(usable, LABELS):
        return found
    typed = [name for name in usable if isinstance(features[name], ClassLabel)]
    if len(typed) > 1:
        raise InputError(
            f"{source} has classes in the columns {', '.join(typed)}; choose one by --label-column."
        )
    return typed[0] if typed else _refuse(features, source)


def _chosen(features: Features, source: object, name: str) -> str:
    if name not in features:
        raise InputError(f"{source} has no column {name}, only {', '.join(features)}; give one of them.")
    return name


def _refuse(features: Features, source: object) -> str:
    raise InputError(
        f"{source} has the columns {', '.join(features)}; it needs `image` and one `label` each, or the "
        "names of these columns by --image-column and --label-column."
    )


def _standard_types(dataset: Dataset, names: dict[str, str], source: object) -> Dataset:
    if not isinstance(dataset.features["label"], ClassLabel):
        dataset = _encode_labels(dataset, names["label"], source)
    classes = standard_names(dataset.features["label"].names)
    largest = max((label for label in dataset["label"][:] if label is not None), default=-1)
    if largest >= len(classes):
        raise InputError(
            f"{source} has the label {largest} in its column {names['label']}, and names of {len(classes)} "
            "classes, which count from 0; name every class."
        )
    dataset = dataset.cast_column("label", ClassLabel(names=classes))
    for column in {"patient", "subtype"} & {*dataset.features}:
        with _uncastable(f"{source} has no texts in its column {names[column]}; give each image one there."):
            dataset = dataset.cast_column(column, Value("string"))
    if "subtype" in dataset.features:
        subtypes = np.array([subtype or "none" for subtype in dataset["subtype"][:]])
        dataset = dataset.remove_columns("subtype").add_column("subtype", subtypes)
    with _uncastable(
        f"{source} has no pictures in its column {names['image']}; it needs encoded images, or another "
        "--image-column."
    ):
        return dataset.cast_column("image", Image(decode=False))


@contextmanager
def _uncastable(sentence: str) -> Iterator[None]:
    """Raise InputError with a sentence where a column in the block has another type."""
    try:
        yield
    except (ArrowInvalid, ArrowNotImplementedError, TypeError, ValueError):
        raise InputError(sentence) from None


def _encode_labels(dataset: Dataset, column: str, source: object) -> Dataset:
    """Return the data set with labels of any other type as a ClassLabel.

    Raises InputError for values that are no classes, such as 17.5, and for two values that mean one class.
    """
    # NaN, which differs from itself, is a missing value as None is.
    labels = [None if value != value else value for value in dataset["label"][:]]
    labels = [int(value) if isinstance(value, float) and value.is_integer() else value for value in labels]
    values = set(labels) - {None}
    if measurements := [value for value in values if not isinstance(value, int | str)]:
        raise _no_classes(source, f"values such as {measurements[0]}", column)
    check_different(map(str, values), f"The column {column} of {source}")
    # In the order of the values: class_encode_column would put 10 before 2.
    values = sorted(values)
    indices = {value: index for index, value in enumerate(values)}
    dataset = dataset.remove_columns("label").add_column("label", [indices.get(label) for label in labels])
    return dataset.cast_column("label", ClassLabel(names=[str(value) for value in values]))


def _no_classes(source: object, values: str, column: str) -> InputError:
    return InputError(
        f"{source} has {values} in its column {column}, and these are no classes; name the column of the "
        "classes by --label-column."
    )


def _same_names(dataset: Dataset, train: list[str]) -> Dataset:
    """Return the data set with the class names of train.

    Names that differ in more than case and spaces stay as they are.
    """
    own = dataset.features["label"].names
    keys = [folded(name) for name in train]
    if set(own) == set(train) or sorted(map(folded, own)) != sorted(keys):
        return dataset
    indices = [keys.index(folded(name)) for name in own]
    # None and -1 mean that a label is missing.
    labels = [indices[label] if label is not None and label >= 0 else label for label in dataset["label"][:]]
    dataset = dataset.remove_columns("label").add_column("label", labels)
    return dataset.cast_column("label", ClassLabel(names=train))
