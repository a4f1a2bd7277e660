"""Try recipes on films that training never saw the like of, and keep a table of what came out.

  python benchmarks/experiments.py --dataset DIR --weights FILE            every recipe, one after the other
  python benchmarks/experiments.py --dataset DIR --weights FILE baseline   those named

Each recipe is trained small (128 px, four epochs) on the training split without three groups: the
normals of the IM series, one cluster of normals, and the pneumonias with the lowest patient numbers.
What it then makes of these groups, and of shifted views of the validation split, is one line of
experiments.jsonl. The test split is not read.
"""

import argparse
import json
import re
import subprocess
import time
from pathlib import Path

import numpy as np
import torch
import torchvision.transforms.v2.functional as F
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from torch import Tensor, nn

from hub import data, evaluation, loader, package, training, views

TABLE = Path(__file__).parent / "experiments.jsonl"
SIZE = 128
# What each recipe changes in training.train's arguments.
RECIPES = {
    "baseline": {},
    "baseline, another seed": {"seed": 1},
    "no class weights": {"balance": 0.0},
    "a quarter not augmented": {"clean": 0.25},
    "half not augmented": {"clean": 0.5},
    "bent grey scale": {"curve": 0.5},
    "augmentation x 1.4": {"strength": 1.4},
    "augmentation x 0.6": {"strength": 0.6},
    "mixup 0.2": {"mixup": 0.2},
    "groups weigh the same": {"groups": True},
    "learning rate 3e-4": {"learning_rate": 3e-4},
    "learning rate 2e-3": {"learning_rate": 2e-3},
    "no label smoothing": {"label_smoothing": 0.0},
    "batch norm from plain films": {"recalibrate": True},
    "a quarter not augmented, x 0.6": {"clean": 0.25, "strength": 0.6},
    "a quarter not augmented, 2e-3": {"clean": 0.25, "learning_rate": 2e-3},
    "a quarter not augmented, 5e-4": {"clean": 0.25, "learning_rate": 5e-4},
    "a quarter not augmented, no class weights": {"clean": 0.25, "balance": 0.0},
    "a third not augmented, x 0.8": {"clean": 0.33, "strength": 0.8},
    "frames swapped": {"frames": 0.5},
    "histograms swapped": {"histograms": 0.3},
    "frames and histograms swapped": {"frames": 0.5, "histograms": 0.3},
    "frames and histograms swapped, x 0.8": {"frames": 0.5, "histograms": 0.3, "strength": 0.8},
    "frames and histograms swapped, a quarter not augmented": {"frames": 0.5, "histograms": 0.3, "clean": 0.25},
    "sharpness-aware steps": {"sam": 0.05},
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipes", nargs="*", metavar="RECIPE", help=", ".join(RECIPES))
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--weights", required=True)
    options = parser.parse_args()

    splits = data.load_splits(options.dataset)
    images, labels = loader.decode(splits["train"], 224, channels=1, radiograph=True)
    validation = loader.decode(splits["validation"], 224, channels=1, radiograph=True)
    clusters = cluster(images, labels, options.weights)
    series, older, low = held_out(list(splits["train"]["patient"]), labels, clusters)
    kept = ~(series | older | low)
    print(f"held out: {series.sum()} normals of a series, {older.sum()} of a cluster, {low.sum()} pneumonias")
    for name in options.recipes or RECIPES:
        started = time.perf_counter()
        settings = {"learning_rate": 1e-3, "seed": 0} | RECIPES[name]
        if settings.get("groups"):
            settings["groups"] = clusters[kept]
        torch.manual_seed(settings["seed"])
        model = package.create_model("mobilenetv2_100", 2, options.weights, True, 224)
        small = F.resize(validation[0], [SIZE, SIZE]), validation[1]
        history = training.train(
            model, (images[kept], labels[kept]), small,
            epochs=4, small_epochs=4, small_size=SIZE, batch_size=32, compile=True, **settings,
        )  # fmt: skip
        seconds = time.perf_counter() - started
        scores = score(model, validation, images[series | low], labels[series | low], images[older | low], labels[older | low])
        commit = subprocess.check_output(["git", "rev-parse", "--short", "HEAD"], text=True).strip()
        row = {"recipe": name, "changes": RECIPES[name], "commit": commit, "seconds": round(seconds)} | scores
        row["loss"] = history[-1]["loss"]
        with TABLE.open("a") as file:
            file.write(json.dumps(row) + "\n")
        print({k: v for k, v in row.items() if k != "views"}, flush=True)


@torch.inference_mode()
def cluster(images: Tensor, labels: Tensor, weights: str, count: int = 5) -> Tensor:
    """Return for each film the cluster, within its class, of what an ImageNet network makes of it."""
    model = package.create_model("mobilenetv2_100", 2, weights, True, 224).eval()
    model.to(memory_format=torch.channels_last)
    features = torch.cat([
        model.forward_head(model.forward_features(training.normalize(b / 255, model)), pre_logits=True)
        for b in images.split(64)
    ]).numpy()  # fmt: skip
    clusters = torch.zeros_like(labels)
    for label in labels.unique():
        mine = labels == label
        components = PCA(20, random_state=0).fit_transform(features[mine])
        clusters[mine] = torch.from_numpy(
            KMeans(count, n_init=10, random_state=0).fit_predict(components)
        ).to(labels.dtype)
    return clusters


def held_out(patients: list[str], labels: Tensor, clusters: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return masks of the films left out: a series of normals, a cluster of them, low-numbered pneumonias."""
    number = np.array([int(re.search(r"\d+(?!.*\d)", patient)[0]) for patient in patients])
    series = torch.tensor([patient.startswith("IM-") for patient in patients])
    # The cluster that the fewest of the first-numbered normals are in: the least like most others.
    older = (labels == 0) & (clusters == 0) & ~series
    low = (labels == 1) & torch.from_numpy(number <= 336)
    return series, older, low


def score(model: nn.Module, validation, series_images, series_labels, cluster_images, cluster_labels) -> dict:
    model.to(memory_format=torch.channels_last)

    def logits(images: Tensor) -> np.ndarray:
        return training.predict_logits(model, F.resize(images, [SIZE, SIZE])).numpy()

    images, labels = validation[0], validation[1].numpy()
    plain = logits(images)
    rows = {"plain": _row(plain, labels)}
    for view, part in swapped(images, validation[1]).items():
        rows[view] = _row(logits(part), labels)
        print(view, rows[view])
    for view in list(views.VIEWS)[::3]:
        rows[view] = _row(logits(views.shift(images, view, 3)), labels)
    rows["series left out"] = _row(logits(series_images), series_labels.numpy())
    rows["cluster left out"] = _row(logits(cluster_images), cluster_labels.numpy())
    corrupted = [rows[v] for v in list(views.VIEWS)[::3]]
    mean = {f"views_{k}": float(np.mean([r[k] for r in corrupted])) for k in ("auc", "loss", "balanced")}
    return mean | {
        "plain": rows["plain"], "series": rows["series left out"], "cluster": rows["cluster left out"],
        "worst": min(rows, key=lambda v: rows[v]["auc"]), "views": rows,
    }  # fmt: skip


def swapped(images, labels):
    g = torch.Generator().manual_seed(0)
    other = torch.empty(len(labels), dtype=torch.long)
    for c in (0, 1):
        pool, mine = (labels != c).nonzero()[:, 0], (labels == c).nonzero()[:, 0]
        other[mine] = pool[torch.randint(len(pool), (len(mine),), generator=g)]

    def frame(x, w):
        out = images[other].clone()
        out[..., w:-w, w:-w] = x[..., w:-w, w:-w]
        return out

    f = images.flatten(1)
    rank = f.float().add(torch.rand(f.shape, generator=g) * 0.5).argsort(1).argsort(1)
    hist = f[other].sort(1).values.gather(1, rank).view_as(images)
    return {"frame 20": frame(images, 20), "frame 36": frame(images, 36), "histogram": hist, "frame 28 and histogram": frame(hist, 28)}


def _row(logits: np.ndarray, labels: np.ndarray) -> dict:
    margin = logits[:, 1] - logits[:, 0]
    losses = np.logaddexp(0, np.where(labels == 1, -margin, margin))
    probabilities = 1 / (1 + np.exp(-margin))
    # The best that one temperature and one bias could make of it: what calibration cannot mend.
    right = [(margin[labels == 0] <= 0).mean(), (margin[labels == 1] > 0).mean()]
    return {
        "auc": evaluation.auc(np.stack([1 - probabilities, probabilities], 1), labels),
        "specificity": float(right[0]), "sensitivity": float(right[1]), "balanced": float(np.mean(right)),
        "loss": float((losses[labels == 0].mean() + losses[labels == 1].mean()) / 2),
    }  # fmt: skip


if __name__ == "__main__":
    main()
