"""Compare recipes on radiographs unlike any in training, and record the results.

  python -m hub.analysis recipe_search --dataset DIR --weights FILE             every recipe, in turn
  python -m hub.analysis recipe_search --dataset DIR --weights FILE "seed 1"    those named

Each recipe is trained small (128 px, four epochs) on the training split without three groups: the normals of
the IM series, one cluster of other normals (older children, wide shoulders), and the pneumonias with the
lowest patient numbers. Its figures on these groups and on shifted and swapped views of the validation split
are a line of docs/model-selection/experiments.jsonl and a row of experiments.md. The test split is not read.
docs/model-selection.md has the rules that chose among them.

Recipes that did not improve the rule are no longer in the code: their rows name the commit that has them.
"""

import argparse
import json
import re
import subprocess
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
from scipy.special import softmax
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from torch import Tensor, nn

from hub import system
from hub.analysis.imagenet_features import imagenet_features
from hub.analysis.selection_tables import EXPERIMENTS, read_tables, records_folder, write_tables
from hub.data import decode_cache
from hub.data.column_options import add_column_options
from hub.data.splits import load_splits
from hub.errors import InputError, run_command
from hub.evaluation import shifts
from hub.evaluation.calibration import fit_temperature
from hub.evaluation.metrics import auc
from hub.files import check_writable, lock, write_text
from hub.models import factory, forward
from hub.training import loop, recipes

SIZE = 128
COMPONENTS = 20  # principal ones, among which images are clustered
# What each attempt changes: fields of the recipe, the seed, label smoothing.
RECIPES = {
    "as train.py has it": {},
    "seed 1": {"seed": 1},
    "none swapped": {"swapped": 0.0},
    "8 epochs": {"epochs": 8},
    "learning rate 5e-4": {"learning_rate": 5e-4},
    "learning rate 2e-3": {"learning_rate": 2e-3},
    "no label smoothing": {"label_smoothing": 0.0},
}


def main(arguments: list[str] | None = None) -> None:
    """Train and score the recipes, and record the results."""
    parser = argparse.ArgumentParser(
        prog="python -m hub.analysis recipe_search",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("recipes", nargs="*", metavar="RECIPE", help=", ".join(RECIPES))
    parser.add_argument("--dataset", required=True, help="the radiographs: a folder, Parquet or a Hub id")
    parser.add_argument("--weights", required=True, help="timm's mobilenetv2_100, .safetensors")
    add_column_options(parser)
    options = parser.parse_args(arguments)

    for name in options.recipes:
        if name not in RECIPES:
            raise InputError(f"There is no recipe {name!r}; choose among {', '.join(RECIPES)}.")
    records, commit = records_folder(), current_commit()
    read_tables(records)  # what would fail after a training fails now
    check_writable(records / EXPERIMENTS)
    system.keep_memory()
    splits = load_splits(
        options.dataset, image_column=options.image_column, label_column=options.label_column
    )
    images, labels = decode_cache.decode(splits["train"], 224, channels=1, radiograph=True)
    validation = decode_cache.decode(splits["validation"], 224, channels=1, radiograph=True)
    patients = list(splits["train"]["patient"])
    check_groups(patients, labels, options.dataset)
    clusters = cluster(images, labels, options.weights)
    series, older, low = held_out(patients, labels, clusters)
    training = ~(series | older | low)
    train_set = images[training], labels[training]
    groups = {
        "plain": validation,
        "series": (images[series | low], labels[series | low]),
        "cluster": (images[older | low], labels[older | low]),
    }
    print(f"held out: {series.sum()} normals of a series, {older.sum()} of a cluster, {low.sum()} pneumonias")
    for name in options.recipes or RECIPES:
        start = time.perf_counter()
        changes = {"epochs": 4, "size": SIZE, "seed": 0, "label_smoothing": loop.LABEL_SMOOTHING}
        changes |= RECIPES[name]
        seed, label_smoothing = changes.pop("seed"), changes.pop("label_smoothing")
        recipe = recipes.RECIPES["xray"]._replace(**changes)
        torch.manual_seed(seed)
        model = factory.create_model("mobilenetv2_100", 2, options.weights, True, 224)
        loop.train(model, train_set, validation, recipe, label_smoothing=label_smoothing, seed=seed)
        seconds = time.perf_counter() - start
        scores = score(model, groups)
        row = {"recipe": name, "changes": RECIPES[name], "commit": commit, "seconds": round(seconds)}
        append_row(records / EXPERIMENTS, row | scores)
        write_tables(records)
        print(f"{name}: " + ", ".join(f"{view} {auc:.4f}" for view, auc in scores["auc"].items()), flush=True)


def append_row(record: Path, row: dict) -> None:
    """Write one more line of JSON into a record, whole or not at all."""
    with lock(record, wait=True):  # another search may have written one meanwhile
        write_text(record, record.read_text(encoding="utf-8") + json.dumps(row) + "\n")


def current_commit() -> str:
    """Return the short hash of this clone's commit; InputError where git has none."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    try:
        return subprocess.check_output(
            command, text=True, cwd=Path(__file__).parent, stderr=subprocess.DEVNULL
        ).strip()
    except (OSError, subprocess.CalledProcessError):
        raise InputError("git has no commit to name in the record; run this in a clone.") from None


def check_groups(patients: list[str], labels: Tensor, dataset: str) -> None:
    """Raise InputError for radiographs without the groups that training leaves out.

    `patients` are the names of the patients of the training split, `labels` int64 [N].
    """
    other = InputError(f"{dataset} lacks the groups that training leaves out; give Kermany's chest X-rays.")
    if labels.unique().tolist() != [0, 1] or not all(re.search(r"\d", patient) for patient in patients):
        raise other
    series, _, low = held_out(patients, labels, torch.zeros_like(labels))
    if not (series.any() and low.any()):
        raise other
    if labels.bincount().min() <= COMPONENTS:
        raise InputError(
            f"{dataset} has too few images to be clustered; give over {COMPONENTS} of each class."
        )


def cluster(images: Tensor, labels: Tensor, weights: str, count: int = 5) -> Tensor:
    """Return each image's cluster within its class, int64 [N].

    The clusters are those of k-means on principal components of ImageNet features.
    """
    features = imagenet_features(images, weights)
    clusters = torch.zeros_like(labels)
    for label in labels.unique():
        members = labels == label
        components = PCA(COMPONENTS, random_state=0).fit_transform(features[members])
        numbers = KMeans(count, n_init=10, random_state=0).fit_predict(components)
        clusters[members] = torch.from_numpy(numbers).to(labels.dtype)
    return clusters


def held_out(patients: list[str], labels: Tensor, clusters: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return masks bool [N] of what training leaves out.

    They are a series of normals, a cluster of normals, and the pneumonias with the lowest patient numbers.
    """
    number = np.array([int(re.search(r"\d+(?!.*\d)", patient)[0]) for patient in patients])
    series = torch.tensor([patient.startswith("IM-") for patient in patients])
    older = (labels == 0) & (clusters == 0) & ~series
    low = (labels == 1) & torch.from_numpy(number <= 336)
    return series, older, low


def score(model: nn.Module, groups: dict[str, tuple[Tensor, Tensor]]) -> dict[str, dict[str, float]]:
    """Return metrics by name and group, for the groups and views of the first one.

    A group is images uint8 [N, 1, H, W] and labels int64 [N]. "auc", "sensitivity" and "specificity" (by
    argmax) are those of the network; "temperature_brier" is the Brier score after temperature scaling as in
    train.py, fitted on the first group and its views, both classes weighing the same.
    """
    model.to(memory_format=torch.channels_last)
    scores = defaultdict(dict)

    def predict(images: Tensor) -> np.ndarray:
        return forward.predict_logits(model, images, SIZE).numpy()

    images, labels = next(iter(groups.values()))
    pool, pool_labels, _ = shifts.add_shifts(images, labels)
    temperature = fit_temperature(predict(pool), pool_labels.numpy())

    def add(name: str, images: Tensor, labels: Tensor) -> None:
        logits, truth = predict(images), labels.numpy()
        probabilities, positive = softmax(logits / temperature, axis=1), logits.argmax(1) == 1
        scores["auc"][name] = auc(probabilities, truth)
        scores["sensitivity"][name] = float(positive[truth == 1].mean())
        scores["specificity"][name] = float((~positive[truth == 0]).mean())
        squares = (probabilities[:, 1] - truth) ** 2
        scores["temperature_brier"][name] = float(np.mean([squares[truth == c].mean() for c in (0, 1)]))

    for name, group in groups.items():
        add(name, *group)
    for view in shifts.SHIFTS:
        add(view, shifts.shift(images, view, 3), labels)
    for view in shifts.SWAPS:
        add(view, shifts.swap(images, labels, view), labels)
    return scores


if __name__ == "__main__":
    run_command("python -m hub.analysis recipe_search", main)
