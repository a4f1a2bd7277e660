"""Train, validation and test splits of a data set."""

import math
from collections import Counter
from itertools import islice
from pathlib import Path

import datasets
import numpy as np
from datasets import ClassLabel, Dataset, DatasetDict, Features, Image, Value

from hub.data.class_names import RADIOGRAPH_CLASSES, check_class_count, check_names, is_radiograph
from hub.data.image_files import file_names, sha256_digests
from hub.data.leakage import duplicate_groups, first_in_component
from hub.data.patients import parse_name, patient_number
from hub.data.sources import read_source
from hub.data.split_names import SPLITS
from hub.data.streaming import Sizes
from hub.errors import InputError
from hub.imaging.synthetic import sample_radiographs
from hub.text import counted, one_line

MAX_HELD_OUT = 5000  # images; more would hardly narrow an interval
SMALL_DATA = {"train": 195, "validation": 8}  # images of each class: 390 and 16, as in many courses
MIN_VALIDATION = 100  # fewer images choose a model by luck
OFFICIAL_TRAIN, OFFICIAL_VALIDATION = 5216, 16  # images that Kermany et al. published; the latter join train


def load_splits(
    source: str | Path, seed: int = 0, image_column: str | None = None, label_column: str | None = None
) -> DatasetDict:
    """Return the train, validation and test splits of a source.

    They are those of `load_with_notes`, without the notes.
    """
    return load_with_notes(source, seed, image_column, label_column)[0]


def load_with_notes(
    source: str | Path,
    seed: int = 0,
    image_column: str | None = None,
    label_column: str | None = None,
    stream_to: Sizes | None = None,
) -> tuple[DatasetDict, list[str]]:
    """Return the splits of a source, and the notes on them.

    Columns of the splits are `image`, `label`, `patient` and `subtype`. `source` is `synthetic`, a folder
    (train/ and test/ with a folder per class as on Kaggle, or just a folder per class), files that `datasets`
    reads or a folder of them, a table beside images, or a Hub dataset id; `image_column`, `label_column` and
    `stream_to` are those of `read_source`.

    Splits of the source are used as they are, but for the official validation folder of Kermany et al., whose
    16 images join train. Where validation is missing a part of train is split off: stratified, seeded, and by
    patient number; of radiographs an eighth, of other images a fifth, but at most `MAX_HELD_OUT`. Where test
    is missing it is split off in the same way. `leak_report` counts what the splits share.

    Notes are sentences for the report: what was left out, joined, or taken for something of another name.
    Raises InputError for a source that cannot be trained or evaluated on.
    """
    if not str(source).strip():
        raise InputError("The name of the data set is empty; give a folder, Parquet, a Hub id, or synthetic.")
    if not 0 <= seed < 2**32:
        raise InputError(f"The seed is {seed}; give a whole number from 0 to {2**32 - 1}.")
    if str(source) == "synthetic":
        if image_column or label_column:
            raise InputError("synthetic has no columns; leave out --image-column and --label-column.")
        return _synthetic_splits(seed), []
    given, notes = read_source(source, image_column, label_column, stream_to)
    if 0 < sum("patient" in dataset.features for dataset in given.values()) < len(given):
        notes.append("not every split has the column patient, so patients are taken from file names")
    splits = _with_patients(given)
    if "validation" in given:
        count = len(given["validation"])
        if is_official(given):
            splits["train"] = datasets.concatenate_datasets([splits["train"], splits.pop("validation")])
            notes.append(
                f"{counted(count, 'image')} of the official validation folder, too few, joined train"
            )
        elif count < MIN_VALIDATION:
            notes.append(
                f"validation has only {counted(count, 'image')}: what is chosen by it is chosen by luck"
            )
    splits = _complete(splits, seed)
    _check_classes(splits, source)
    return splits, [*map(one_line, notes)]  # which name files, for terminals and cards


def is_official(splits: dict[str, Dataset]) -> bool:
    """Return whether validation is the official folder of Kermany et al.

    It has eight images of each class.
    """
    train, validation = splits["train"], splits["validation"]
    radiograph = is_radiograph(train.features["label"].names)
    if not radiograph or "patient" in train.features or len(validation) != OFFICIAL_VALIDATION:
        return False
    names = list(file_names(validation))
    known = all(map(parse_name, names)) or (not any(names) and len(train) == OFFICIAL_TRAIN)
    return known and sum(validation["label"][:]) == OFFICIAL_VALIDATION // 2


def _synthetic_splits(seed: int) -> DatasetDict:
    counts = {"train": 320, "validation": 64, "test": 64}
    features = Features(
        {
            "image": Image(),
            "label": ClassLabel(names=RADIOGRAPH_CLASSES),
            "patient": Value("string"),
            "subtype": Value("string"),
        }
    )
    splits = DatasetDict()
    for offset, (split, count) in enumerate(counts.items()):
        images, labels = sample_radiographs(count, seed=3 * seed + offset)
        patients = [f"synthetic-{split}-{index}" for index in range(count)]
        columns = {"image": images, "label": labels, "patient": patients, "subtype": ["none"] * count}
        splits[split] = Dataset.from_dict(columns, features=features)
    return splits


def _with_patients(splits: dict[str, Dataset]) -> dict[str, Dataset]:
    """Add `patient` and `subtype` where the source lacks them.

    They come from file names or, where these tell no patient, from groups of copies.
    """
    if all("patient" in dataset.features for dataset in splits.values()):
        return {
            split: dataset
            if "subtype" in dataset.features
            else dataset.add_column("subtype", ["none"] * len(dataset))
            for split, dataset in splits.items()
        }
    parsed = iter(_parse_or_group(splits))
    completed = {}
    for split, dataset in splits.items():
        patients, subtypes = zip(*islice(parsed, len(dataset)), strict=True)
        dataset = dataset.remove_columns([n for n in ("patient", "subtype") if n in dataset.features])
        # Arrays, since `datasets` takes the fingerprint of a list item by item.
        completed[split] = dataset.add_column("patient", np.array(patients)).add_column(
            "subtype", np.array(subtypes)
        )
    return completed


def _parse_or_group(splits: dict[str, Dataset]) -> list[tuple[str, str]]:
    """Return (patient, subtype) of each image, in the order of the splits.

    Copies whose names tell no patient share one unknown patient.
    """
    parsed = [parse_name(name) for dataset in splits.values() for name in file_names(dataset)]
    if all(parsed):
        return parsed
    classes = next(iter(splits.values())).features["label"].names
    groups = duplicate_groups(splits, is_radiograph(classes))
    return [name or (f"unknown-{group}", "none") for name, group in zip(parsed, groups, strict=True)]


def small_data(splits: DatasetDict, seed: int = 0) -> DatasetDict:
    """Return 195 training and 8 validation images of each class, and all of test.

    They are drawn at random from the splits of the same names, so that they share no patient unless those do.
    Raises InputError where a split has too few images of a class.
    """
    random = np.random.default_rng(seed)
    drawn = DatasetDict(splits)
    for split, each in SMALL_DATA.items():
        labels = np.array(splits[split]["label"][:])
        rows = [random.permutation(np.flatnonzero(labels == label))[:each] for label in np.unique(labels)]
        if min(map(len, rows)) < each:
            raise InputError(
                f"The {split} split has a class of under {each} images; small_data needs so many."
            )
        drawn[split] = splits[split].select(np.sort(np.concatenate(rows)))
    return drawn


def _complete(splits: dict[str, Dataset], seed: int) -> DatasetDict:
    """Split test and validation off train where they are missing."""
    splits = dict(splits)
    for name in ("test", "validation"):
        if name not in splits:
            splits["train"], splits[name] = _split_off(splits["train"], seed)
    return DatasetDict({name: splits[name].cast_column("image", Image()) for name in SPLITS})


def _split_off(dataset: Dataset, seed: int) -> tuple[Dataset, Dataset]:
    """Return the rest, and a part to hold out.

    The part is an eighth of radiographs; of other images a fifth, but at most about `MAX_HELD_OUT`. It is
    stratified, and groups are kept together. Raises InputError for too few patients or images of a class.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold  # takes a while to import

    radiograph = is_radiograph(dataset.features["label"].names)
    parts = 8 if radiograph else max(5, math.ceil(len(dataset) / MAX_HELD_OUT))
    groups, strata = _groups(dataset), _strata(dataset, parts)
    if len(set(groups)) < parts:
        raise InputError(f"There are too few patients to hold some back; give {2 * parts} or more.")
    # Where every group is one image the plain splitter does the same a hundred times as fast.
    alone = len(set(groups)) == len(groups)
    splitter = (StratifiedKFold if alone else StratifiedGroupKFold)(parts, shuffle=True, random_state=seed)
    rest, held_out = next(splitter.split(groups, strata, None if alone else groups))
    return dataset.select(rest), dataset.select(held_out)


def _groups(dataset: Dataset) -> np.ndarray:
    """Return the group of each image, int [N].

    Images of one patient number, and byte-identical images, are in one group.
    """
    numbers = [patient_number(patient) for patient in dataset["patient"][:]]
    first, pairs = {}, []
    for keys in (numbers, sha256_digests(dataset)):
        pairs += [(first.setdefault(key, index), index) for index, key in enumerate(keys)]
    return first_in_component(len(dataset), pairs)


def _strata(dataset: Dataset, parts: int) -> list:
    """Return the class and subtype of each image, to stratify by.

    Where a subtype has under `parts` images it is the class alone. Raises InputError where a class does.
    """
    rows = zip(dataset["label"][:], dataset["subtype"][:], strict=True)
    strata = [f"{label} {subtype}" for label, subtype in rows]
    if min(Counter(strata).values()) < parts:
        strata = dataset["label"][:]
    if min(Counter(strata).values()) < parts:
        name = dataset.features["label"].int2str(Counter(strata).most_common()[-1][0])
        raise InputError(f"{name} has too few images to hold some back; give at least {2 * parts} per class.")
    return strata


def _check_classes(splits: DatasetDict, source: str | Path) -> None:
    names = splits["train"].features["label"].names
    check_class_count(names, source)
    check_names(names, source)
    for split, dataset in splits.items():
        present = set(dataset["label"][:])
        missing = [name for label, name in enumerate(names) if label not in present]
        if missing:
            raise InputError(
                f"The {split} split of {source} has no {', no '.join(missing)}; each split needs each class."
            )
