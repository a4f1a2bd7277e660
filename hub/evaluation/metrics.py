"""Metrics of predictions, with bootstrap intervals, and as text."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import binomtest, rankdata

from hub.data.patients import patients_known
from hub.evaluation.bootstrap import resamples
from hub.prevalence import move
from hub.text import counted, interval, number, one_line

RESAMPLES = 2000
BINS = 10  # of the reliability diagram
MOST_IN_CONFUSION = 100  # classes; of a thousand, metrics.json would be too large to be read again
MOST_SUBTYPES = 100  # of more, each draw takes long, and they are rather names of images


def measure(
    probabilities: np.ndarray,
    labels: np.ndarray,
    patients: Sequence[str],
    classes: Sequence[str],
    seed: int = 0,
    subtypes: Sequence[str] | None = None,
    operating_points: dict[str, float] | None = None,
) -> dict:
    """Return each metric with its interval, and the confusion matrix.

    Each metric is `{"value", "low", "high"}`; the other keys are `n`, `patients` (how many; None
    where any is unknown) and `classes`, of at most `MOST_IN_CONFUSION` classes `confusion`, and of two
    `prevalence` and `reliability`, the bins of `reliability_bins`.

    `probabilities` is float [N, classes] at even odds, `labels` int [N], `patients` one name per image. The
    predicted label is the argmax; of two classes the second is the positive one, and `brier`, `log_loss`,
    `ece` and `reliability` are those of the probabilities at the prevalence of these labels. Rows of
    `confusion` are the truth. Of two classes, `subtypes` (one per image, "none" for the negatives) add
    `sensitivity_<subtype>` where they are `MOST_SUBTYPES` at most, and `operating_points` (thresholds on the
    positive probability) `<name>_sensitivity`, `<name>_specificity`, `accuracy_at_<name>` and
    `confusion_at_<name>`.

    low and high bound the 95 % interval of a bootstrap over patients, of `RESAMPLES` draws. Repeated images
    make calibration look worse than it is, so `ece` may lie below its interval. A metric that cannot be
    computed, such as the AUC of a single class, is None.
    """
    subtypes = np.asarray(["none"] * len(labels) if subtypes is None else subtypes)
    positive_subtypes = _subtypes(subtypes, labels) if probabilities.shape[1] == 2 else []
    thresholds = operating_points or {}
    prevalence = _prevalence(probabilities, labels)
    moved = probabilities if prevalence is None else move(probabilities, prevalence)

    def metrics_of(rows: np.ndarray | slice) -> dict[str, float]:
        scores, truth = probabilities[rows], labels[rows]
        metrics = _metrics(scores, truth, moved[rows])
        for subtype in positive_subtypes:
            members = (subtypes[rows] == subtype) & (truth == 1)
            metrics[f"sensitivity_{subtype}"] = _share(scores.argmax(1)[members] == 1)
        for name, threshold in thresholds.items():
            positive = scores[:, 1] >= threshold
            metrics[f"{name}_sensitivity"] = _share(positive[truth == 1])
            metrics[f"{name}_specificity"] = _share(~positive[truth == 0])
            metrics[f"accuracy_at_{name}"] = _share(positive == truth)
        return metrics

    draws = [metrics_of(rows) for rows in resamples(patients, RESAMPLES, "Bootstrap over patients", seed)]
    metrics = {}
    for name, value in metrics_of(slice(None)).items():
        values = np.array([draw[name] for draw in draws])
        # A draw without one of the classes has no AUC; where all draws are such, there is no interval.
        finite = values[np.isfinite(values)]
        low, high = np.percentile(finite, [2.5, 97.5]).tolist() if len(finite) else (None, None)
        metrics[name] = {"value": float(value) if np.isfinite(value) else None, "low": low, "high": high}
    predicted = {f"confusion_at_{name}": probabilities[:, 1] >= share for name, share in thresholds.items()}
    if len(classes) <= MOST_IN_CONFUSION:
        predicted = {"confusion": probabilities.argmax(1)} | predicted
    if prevalence is not None:
        metrics |= {"prevalence": prevalence, "reliability": reliability_bins(moved, labels)}
    return metrics | {
        **{name: _confusion(label, labels, len(classes)).tolist() for name, label in predicted.items()},
        "n": len(labels),
        "patients": len(set(patients)) if patients_known(patients) else None,
        "classes": list(classes),
    }


def _subtypes(subtypes: np.ndarray, labels: np.ndarray) -> list[str]:
    """Return the subtypes of the positives; none where there are too many."""
    found = sorted(set(subtypes[labels == 1].tolist()) - {"none"})
    return found if len(found) <= MOST_SUBTYPES else []


def _prevalence(probabilities: np.ndarray, labels: np.ndarray) -> float | None:
    """Return the share of positives of two classes; None where Bayes' rule has none."""
    share = float((labels == 1).mean())
    return share if probabilities.shape[1] == 2 and 0 < share < 1 else None


def _share(hits: np.ndarray) -> float:
    return hits.mean() if len(hits) else float("nan")


def _metrics(probabilities: np.ndarray, labels: np.ndarray, moved: np.ndarray) -> dict[str, float]:
    """Return the metrics of one sample.

    `moved` are the probabilities at its prevalence.
    """
    confusion = _confusion(probabilities.argmax(1), labels, probabilities.shape[1])
    correct, actual, predicted = np.diag(confusion), confusion.sum(1), confusion.sum(0)
    # A class may be absent from a draw: its recall and F1 are then 0, as in scikit-learn.
    recall = correct / np.maximum(actual, 1)
    f1 = 2 * correct / np.maximum(actual + predicted, 1)
    accuracy, area = correct.sum() / actual.sum(), auc(probabilities, labels)
    if len(confusion) > 2:
        ece = calibration_error(probabilities, labels)
        return {"accuracy": accuracy, "auc": area, "f1": f1.mean(), "ece": ece}
    return {
        "accuracy": accuracy,
        "sensitivity": recall[1],
        "specificity": recall[0],
        "auc": area,
        "balanced_accuracy": recall.mean(),
        "f1": f1[1],
        "brier": ((moved[:, 1] - labels) ** 2).mean(),
        "log_loss": -np.log(np.maximum(moved[np.arange(len(labels)), labels], 1e-12)).mean(),
        "ece": calibration_error(moved, labels),
    }


def _confusion(predicted: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    # By counting, which takes a hundredth of scikit-learn's time: there are two thousand draws.
    pairs = classes * labels + predicted
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def auc(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the area under the ROC curve; NaN where a class is absent.

    `probabilities` is float [N, classes], `labels` int [N]. With more than two classes it is the mean of one
    class against the rest.
    """
    positives = np.bincount(labels, minlength=probabilities.shape[1])
    if not positives.all():
        return float("nan")
    # From ranks (Mann and Whitney 1947), which takes a fifth of roc_auc_score's time.
    ranks = rankdata(probabilities, axis=0)[np.arange(len(labels)), labels]
    above = np.bincount(labels, ranks) - positives * (positives + 1) / 2
    areas = above / (positives * (len(labels) - positives))
    return float(areas[1] if len(areas) == 2 else areas.mean())


def reliability_bins(probabilities: np.ndarray, labels: np.ndarray) -> list[dict]:
    """Return the bins of the reliability diagram of two classes, empty ones left out.

    `probabilities` is float [N, 2], `labels` int [N]. A bin has `low` and `high`, its edges, `count`, how
    many images are in it, `probability`, the mean they were given, and `share`, that of positives among them
    with the 95 % interval from `share_low` to `share_high` (Wilson 1927).
    """
    positive = probabilities[:, 1]
    edges = np.linspace(0, 1, BINS + 1)
    place = np.digitize(positive, edges[1:-1])
    bins = []
    for index in np.unique(place):
        members = place == index
        hits, count = int((labels[members] == 1).sum()), int(members.sum())
        bounds = binomtest(hits, count).proportion_ci(method="wilson")
        bins.append(
            {
                "low": float(edges[index]),
                "high": float(edges[index + 1]),
                "count": count,
                "probability": float(positive[members].mean()),
                "share": hits / count,
                "share_low": float(bounds.low),
                "share_high": float(bounds.high),
            }
        )
    return bins


def calibration_error(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the expected calibration error over 15 equal bins.

    The formula is that of Naeini et al. 2015 and Guo et al. 2017. Two classes: the positive probability
    against the share of positives. More classes: the largest probability against the share of correct
    predictions.
    """
    if probabilities.shape[1] == 2:
        confidence, hits = probabilities[:, 1], labels == 1
    else:
        confidence, hits = probabilities.max(1), probabilities.argmax(1) == labels
    # A bin includes its lower edge, and a probability of exactly 1 has a bin to itself, as in torchmetrics.
    bins = np.searchsorted(np.linspace(0, 1, 16), confidence, side="right")
    return float(np.abs(np.bincount(bins, confidence) - np.bincount(bins, hits)).sum() / len(labels))


def format_metrics(metrics: dict) -> str:
    """Return metrics as lines to print.

    `metrics` is what `measure` returns, with its `split` and `dataset`.
    """
    patients = f" of {counted(metrics['patients'], 'patient')}" if metrics["patients"] else ""
    if metrics.get("prevalence"):
        patients += f", {metrics['prevalence']:.1%} {metrics['classes'][1]}"
    lines = [f"{metrics['split']} split of {metrics['dataset']}: {counted(metrics['n'], 'image')}{patients}"]
    for name, metric in metrics.items():
        if isinstance(metric, dict) and "value" in metric:
            lines.append(f"{name:<22} {number(metric['value'])}   95 % interval {interval(metric)}")
    return "\n".join(map(one_line, lines))  # subtypes are of any text
