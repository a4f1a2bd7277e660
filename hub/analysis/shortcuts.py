"""Look at the films before any network does: copies, doubtful labels, and what gives the class away.

  python -m hub.analysis.shortcuts --dataset DIR --weights FILE [--save MODEL]

Copies are looked for in all splits, by perceptual hash. Labels are doubted by cleanlab (confident
learning, Northcutt et al. 2021) on training films, from answers of a logistic regression on ImageNet
features that had not seen the patient. The probes learn from training films what a film's border, its
brightness histogram or its JPEG size alone tells about the class, and are measured on validation films.
Nothing is removed: the figures go into the model's card. Needs benchmarks/requirements.txt.
"""

import argparse
import json
from collections import defaultdict
from pathlib import Path

import numpy as np
from datasets import Image
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hub.analysis.recipe_search import features
from hub.data import decode_cache
from hub.data.leakage import groups_of_copies
from hub.data.splits import load_splits
from hub.data.stored import stored_images
from hub.errors import run_command
from hub.models import package

BORDER = 12  # px of 224 on each side


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dataset", required=True, help="a folder, Parquet or a Hub id")
    parser.add_argument("--weights", required=True, help="ImageNet weights, a .safetensors file")
    parser.add_argument("--save", type=Path, metavar="MODEL", help="put the result into this folder's card")
    options = parser.parse_args()

    splits = load_splits(options.dataset)
    found = {"copies": count_copies(splits), "border_px": BORDER}
    train, validation = (
        decode_cache.decode(splits[name], 224, channels=1, radiograph=True)
        for name in ("train", "validation")
    )
    doubted = doubt_labels(features(train[0], options.weights), train[1].numpy(), splits["train"]["patient"])
    names = [
        Path(image["path"]).name
        for image in splits["train"].cast_column("image", Image(decode=False))["image"]
    ]
    found["doubted_labels"] = {
        "count": len(doubted),
        "of": len(names),
        "first": [names[i] for i in doubted[:10]],
    }
    sizes = [
        np.array([[len(image)] for image in map(_encoded, stored_images(splits[name]))])
        for name in ("train", "validation")
    ]
    inputs = {
        "border": [_border(part[0].numpy()) for part in (train, validation)],
        "histogram": [_histogram(part[0].numpy()) for part in (train, validation)],
        "jpeg_size": sizes,
    }
    found["probe_auc"] = {
        name: _probe_auc(seen, train[1], unseen, validation[1]) for name, (seen, unseen) in inputs.items()
    }
    print(json.dumps(found, indent=2))
    if options.save:
        package.save_metrics(options.save, "data_checks", found)


def count_copies(splits: dict) -> dict[str, int]:
    """Return how many groups of near-duplicates there are, and how many stand in more than one split."""
    groups = groups_of_copies(splits, radiographs=True)
    where = defaultdict(list)
    for group, split in zip(groups, [name for name in splits for _ in splits[name]], strict=True):
        where[group].append(split)
    several = [members for members in where.values() if len(members) > 1]
    return {"groups": len(several), "across_splits": sum(len(set(members)) > 1 for members in several)}


def doubt_labels(inputs: np.ndarray, labels: np.ndarray, owners: list[str]) -> np.ndarray:
    """Return the indices of films whose label cleanlab doubts, most doubtful first."""
    from cleanlab.filter import find_label_issues  # of benchmarks/requirements.txt

    probabilities = cross_val_predict(
        make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=2000)),
        inputs, labels, groups=owners, cv=StratifiedGroupKFold(5), method="predict_proba",
    )  # fmt: skip
    return find_label_issues(labels, probabilities, return_indices_ranked_by="self_confidence", n_jobs=1)


def _encoded(image: bytes | str) -> bytes:
    return image if isinstance(image, bytes) else Path(image).read_bytes()


def _border(images: np.ndarray) -> np.ndarray:
    """Return the frame of each image, averaged over squares of 4 px; what is inside is not looked at."""
    side = images.shape[-1]
    inside = np.zeros((side, side), dtype=bool)
    inside[BORDER:-BORDER, BORDER:-BORDER] = True
    small = images[:, 0].reshape(len(images), side // 4, 4, side // 4, 4).mean((2, 4))
    return small[:, ~inside[::4, ::4]]


def _histogram(images: np.ndarray) -> np.ndarray:
    return np.stack([np.bincount(image.ravel() // 4, minlength=64) for image in images])


def _probe_auc(seen: np.ndarray, labels: np.ndarray, unseen: np.ndarray, truth: np.ndarray) -> float:
    probe = HistGradientBoostingClassifier(random_state=0).fit(seen, labels)
    return float(roc_auc_score(truth, probe.predict_proba(unseen)[:, 1]))


if __name__ == "__main__":
    run_command("python -m hub.analysis.shortcuts", main)
