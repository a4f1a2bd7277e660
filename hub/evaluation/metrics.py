"""From probabilities and labels to metrics with intervals, calibration and operating points."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import rankdata
from sklearn.metrics import brier_score_loss, confusion_matrix, roc_auc_score
from tqdm.auto import tqdm

from hub.data.patients import patients_known
from hub.text import interval, number

DRAWS = 2000


def measure(
    probabilities: np.ndarray,
    labels: np.ndarray,
    patients: Sequence[str],
    classes: Sequence[str],
    seed: int = 0,
    subtypes: Sequence[str] | None = None,
    operating_points: dict[str, float] | None = None,
) -> dict:
    """Return each metric as `{"value", "low", "high"}`, and `confusion`, `n`, `patients` and `classes`.

    `probabilities` is float [N, classes], `labels` int [N]. low and high bound the 95 % interval of
    a bootstrap over patients: `DRAWS` times as many patients as there are, drawn with replacement,
    each with all their images (the cluster bootstrap, Field and Welsh 2007). The label is the
    argmax. Two classes: the second is the positive one. Rows of `confusion` are the truth.
    `subtypes` (one per image, "none" for the negatives) add `sensitivity_<subtype>`, and
    `operating_points` (thresholds on the positive probability) `<name>_sensitivity` and `<name>_specificity`.
    Redrawing the same images makes calibration look worse than it is, so `ece` may lie below its interval.
    """
    numbers = np.unique(np.asarray(patients), return_inverse=True)[1]
    images_of = np.split(np.argsort(numbers, kind="stable"), np.cumsum(np.bincount(numbers))[:-1])
    subtypes = np.asarray(["none"] * len(labels) if subtypes is None else subtypes)
    kinds = sorted(set(subtypes) - {"none"})
    points = operating_points or {}

    def metrics_of(rows: np.ndarray | slice) -> dict[str, float]:
        answers, truth = probabilities[rows], labels[rows]
        metrics = _metrics(answers, truth)
        for subtype in kinds:
            mine = (subtypes[rows] == subtype) & (truth == 1)
            metrics[f"sensitivity_{subtype}"] = _share(answers.argmax(1)[mine] == 1)
        for name, threshold in points.items():
            positive = answers[:, 1] >= threshold
            metrics[f"{name}_sensitivity"] = _share(positive[truth == 1])
            metrics[f"{name}_specificity"] = _share(~positive[truth == 0])
        return metrics

    random = np.random.default_rng(seed)
    draws = []
    for _ in tqdm(range(DRAWS), "Bootstrap over patients", unit=" draws", leave=False):
        drawn = np.concatenate([images_of[i] for i in random.integers(len(images_of), size=len(images_of))])
        draws.append(metrics_of(drawn))
    metrics = {}
    for name, value in metrics_of(slice(None)).items():
        values = np.array([draw[name] for draw in draws])
        # Draws that miss a class have no AUC; where all do, or the split itself does, there is none to give.
        known = values[np.isfinite(values)]
        low, high = np.percentile(known, [2.5, 97.5]).tolist() if len(known) else (None, None)
        metrics[name] = {"value": float(value) if np.isfinite(value) else None, "low": low, "high": high}
    confusion = _confusion(probabilities, labels)
    return metrics | {
        "confusion": confusion.tolist(),
        "n": len(labels),
        "patients": len(images_of) if patients_known(patients) else None,
        "classes": list(classes),
    }


def _share(hits: np.ndarray) -> float:
    return hits.mean() if len(hits) else float("nan")


def _metrics(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    confusion = _confusion(probabilities, labels)
    right, actual, predicted = np.diag(confusion), confusion.sum(1), confusion.sum(0)
    # A class may be absent from a draw: its recall and F1 are then 0, as scikit-learn has it.
    recall = right / np.maximum(actual, 1)
    f1 = 2 * right / np.maximum(actual + predicted, 1)
    accuracy, area = right.sum() / actual.sum(), auc(probabilities, labels)
    calibration_error = _calibration_error(probabilities, labels)
    if len(confusion) > 2:
        return {"accuracy": accuracy, "auc": area, "f1": f1.mean(), "ece": calibration_error}
    return {
        "accuracy": accuracy,
        "sensitivity": recall[1],
        "specificity": recall[0],
        "auc": area,
        "balanced_accuracy": recall.mean(),
        "f1": f1[1],
        "brier": brier_score_loss(labels, probabilities[:, 1]),
        "ece": calibration_error,
    }


def _confusion(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return confusion_matrix(labels, probabilities.argmax(1), labels=range(probabilities.shape[1]))


def auc(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the area under the ROC curve, one against the rest for many; NaN where a class is absent."""
    positives = np.bincount(labels, minlength=probabilities.shape[1])
    if not positives.all():
        return float("nan")
    if len(positives) == 2:
        return float(roc_auc_score(labels, probabilities[:, 1]))
    # By ranks (Mann and Whitney 1947): for the ten classes of MNIST five times as fast as roc_auc_score.
    ranks = rankdata(probabilities, axis=0)[np.arange(len(labels)), labels]
    above = np.bincount(labels, ranks) - positives * (positives + 1) / 2
    return float((above / (positives * (len(labels) - positives))).mean())


def _calibration_error(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the expected calibration error over 15 equal bins (Naeini et al. 2015, Guo et al. 2017).

    Two classes: how far the positive probability is from the share of positives; more: how far the largest
    probability is from the share of images whose label it names.
    """
    if probabilities.shape[1] == 2:
        confidence, hits = probabilities[:, 1], labels == 1
    else:
        confidence, hits = probabilities.max(1), probabilities.argmax(1) == labels
    # A bin includes its lower edge, and a probability of exactly 1 has a bin to itself, as in torchmetrics.
    bins = np.searchsorted(np.linspace(0, 1, 16), confidence, side="right")
    return float(np.abs(np.bincount(bins, confidence) - np.bincount(bins, hits)).sum() / len(labels))


def format_metrics(metrics: dict) -> str:
    """Return the metrics as a table to print."""
    whose = f" of {metrics['patients']} patients" if metrics["patients"] else ""
    lines = [f"{metrics['split']} split of {metrics['dataset']}: {metrics['n']} images{whose}"]
    for name, metric in metrics.items():
        if isinstance(metric, dict):
            lines.append(f"{name:<22} {number(metric['value'])}   95 % interval {interval(metric)}")
    return "\n".join(lines)
