"""Look for copies, doubtful labels and shortcut features in a data set.

  python -m hub.analysis shortcuts --dataset DIR --weights FILE [--save MODEL]

Copies are near-duplicates by perceptual hash, in all splits. Labels are doubted by cleanlab (confident
learning, Northcutt et al. 2021) on the training split, from out-of-fold probabilities of a logistic
regression on ImageNet features, with folds by patient. Shortcut features predict the class without lungs:
each probe learns from a radiograph's border, its brightness histogram or its JPEG size alone on the training
split, and is measured on the validation split. Nothing is removed: the figures go into the model's card.
Needs benchmarks/requirements.txt.
"""

import argparse
import json
from collections import defaultdict
from importlib import import_module
from pathlib import Path

import numpy as np
from datasets import Dataset, DatasetDict
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from hub.analysis.imagenet_features import imagenet_features
from hub.data import decode_cache
from hub.data.column_options import add_column_options
from hub.data.image_files import encoded_images, file_names
from hub.data.leakage import duplicate_groups
from hub.data.patients import check_folds
from hub.data.splits import load_splits
from hub.errors import InputError, run_command
from hub.models import folder_writer
from hub.models.digests import edited_model
from hub.models.saving import saving_into

BORDER = 12  # px of 224 on each side
FOLDS = 5


def main(arguments: list[str] | None = None) -> None:
    """Print the copies, the doubted labels and the AUC of shortcut features."""
    parser = argparse.ArgumentParser(
        prog="python -m hub.analysis shortcuts",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--dataset", required=True, help="a folder, Parquet or a Hub id")
    parser.add_argument("--weights", required=True, help="ImageNet weights, a .safetensors file")
    parser.add_argument("--save", type=Path, metavar="MODEL", help="put the result into this folder's card")
    add_column_options(parser)
    options = parser.parse_args(arguments)

    with saving_into(options.save):
        figures = measure(
            options.dataset,
            options.weights,
            image_column=options.image_column,
            label_column=options.label_column,
        )
        print(json.dumps(figures, indent=2))
        if options.save:
            with edited_model(options.save) as partial:
                folder_writer.save_metrics(partial, "data_checks", figures)


def measure(dataset: str, weights: str, **columns: str | None) -> dict[str, object]:
    """Return the figures of a data set; `columns` are options of `load_splits`.

    Raises InputError for data or weights that do not suit, and where cleanlab is missing.
    """
    import_module("cleanlab")  # where it is missing, say so before minutes of work
    splits = load_splits(dataset, **columns)
    if len(splits["train"].features["label"].names) != 2:
        raise InputError(f"{dataset} has more than two classes; the probes are of NORMAL and PNEUMONIA.")
    check_folds(splits["train"]["patient"][:], splits["train"]["label"][:], FOLDS, dataset)
    arrays = {}
    for name in ("train", "validation"):
        images, labels = decode_cache.decode(splits[name], 224, channels=1, radiograph=True)
        arrays[name] = images, labels.numpy()
    doubted = doubted_labels(splits["train"], *arrays["train"], weights)  # first: weights may not fit
    return {
        "copies": count_copies(splits),
        "border_px": BORDER,
        "doubted_labels": doubted,
        "probe_auc": probe_aucs(splits, arrays),
    }


def count_copies(splits: DatasetDict) -> dict[str, int]:
    """Return how many groups of near-duplicates there are, and how many span splits."""
    groups = duplicate_groups(splits, radiographs=True)
    splits_of = defaultdict(list)
    for group, split in zip(groups, [name for name in splits for _ in splits[name]], strict=True):
        splits_of[group].append(split)
    copies = [members for members in splits_of.values() if len(members) > 1]
    return {"groups": len(copies), "across_splits": sum(len(set(members)) > 1 for members in copies)}


def doubted_labels(dataset: Dataset, images: Tensor, labels: np.ndarray, weights: str) -> dict:
    """Return how many labels cleanlab doubts, and the files of the ten most doubtful.

    `images` are uint8 [N, 1, 224, 224], `labels` int64 [N].
    """
    from cleanlab.filter import find_label_issues  # of benchmarks/requirements.txt

    probabilities = cross_val_predict(
        make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=2000)),
        imagenet_features(images, weights), labels,
        groups=dataset["patient"], cv=StratifiedGroupKFold(FOLDS), method="predict_proba",
    )  # fmt: skip
    issues = find_label_issues(labels, probabilities, return_indices_ranked_by="self_confidence", n_jobs=1)
    names = [name or f"image {index}" for index, name in enumerate(file_names(dataset))]
    return {"count": len(issues), "of": len(names), "first": [names[index] for index in issues[:10]]}


def probe_aucs(splits: DatasetDict, arrays: dict) -> dict[str, float]:
    """Return the validation AUC of a probe of each shortcut feature.

    `arrays` holds images uint8 [N, 1, 224, 224] and labels int64 [N] of the training and validation splits.
    """
    names = ("train", "validation")
    images = [arrays[name][0].numpy() for name in names]
    labels = [arrays[name][1] for name in names]
    features = {
        "border": map(_border, images),
        "histogram": map(_histogram, images),
        "jpeg_size": [_file_sizes(splits[name]) for name in names],
    }
    return {name: _probe_auc(*parts, *labels) for name, parts in features.items()}


def _border(images: np.ndarray) -> np.ndarray:
    """Return the border of each image, averaged over squares of 4 px."""
    side = images.shape[-1]
    inside = np.zeros((side, side), dtype=bool)
    inside[BORDER:-BORDER, BORDER:-BORDER] = True
    small = images[:, 0].reshape(len(images), side // 4, 4, side // 4, 4).mean((2, 4))
    return small[:, ~inside[::4, ::4]]


def _histogram(images: np.ndarray) -> np.ndarray:
    return np.stack([np.bincount(image.ravel() // 4, minlength=64) for image in images])


def _file_sizes(dataset: Dataset) -> np.ndarray:
    files = encoded_images(dataset)
    contents = (file if isinstance(file, bytes) else Path(file).read_bytes() for file in files)
    return np.array([[len(content)] for content in contents])


def _probe_auc(
    train: np.ndarray, validation: np.ndarray, train_labels: np.ndarray, validation_labels: np.ndarray
) -> float:
    probe = HistGradientBoostingClassifier(random_state=0).fit(train, train_labels)
    return float(roc_auc_score(validation_labels, probe.predict_proba(validation)[:, 1]))


if __name__ == "__main__":
    run_command("python -m hub.analysis shortcuts", main)
