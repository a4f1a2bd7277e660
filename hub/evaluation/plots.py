"""Plots of metrics, training and images, written as PNG files."""

from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image
from sklearn.metrics import ConfusionMatrixDisplay, PrecisionRecallDisplay, RocCurveDisplay

matplotlib.use("Agg")
from matplotlib import pyplot as plt

BLUE, ORANGE, GREY = "#2563eb", "#ea580c", "#6b7280"


def plot_training(history: list[dict], path: Path) -> None:
    """Plot loss and validation scores over epochs.

    `history` has one row per epoch, as `training.loop.train` returns it.
    """
    epochs = [row["epoch"] for row in history]
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
    left.plot(epochs, [row["loss"] for row in history], "o-", color=GREY, label="train (augmented)")
    left.plot(epochs, [row["validation_loss"] for row in history], "o-", color=BLUE, label="validation")
    right.plot(epochs, [row["validation_auc"] for row in history], "o-", color=BLUE, label="AUC")
    right.plot(epochs, [row["validation_accuracy"] for row in history], "o-", color=ORANGE, label="accuracy")
    for axis, title in ((left, "Loss"), (right, "Validation")):
        axis.set(title=title, xlabel="epoch", xticks=epochs)
        axis.spines[["top", "right"]].set_visible(False)
        axis.legend(frameon=False)
    _save(figure, path)


def plot_roc(probabilities: np.ndarray, labels: np.ndarray, classes: list[str], path: Path) -> None:
    """Plot the ROC curve of two classes, or one curve per class against the rest.

    `probabilities` is float [N, classes], `labels` int [N]. A ring marks the argmax, two classes only.
    """
    figure, axis = plt.subplots(figsize=(4.5, 4.5), layout="constrained")
    # More than ten curves cannot be told apart.
    for label in [1] if len(classes) == 2 else range(min(len(classes), 10)):
        RocCurveDisplay.from_predictions(
            labels == label, probabilities[:, label], name=classes[label], ax=axis
        )
    axis.plot([0, 1], [0, 1], color=GREY, linestyle=":", linewidth=1)
    if len(classes) == 2:
        positive = probabilities.argmax(1) == 1
        point = positive[labels == 0].mean(), positive[labels == 1].mean()
        axis.plot(*point, "o", color=ORANGE, fillstyle="none", label="argmax")
    axis.set(xlabel="1 - specificity", ylabel="sensitivity", title="ROC", xlim=(0, 1), ylim=(0, 1.01))
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, loc="lower right")
    _save(figure, path)


def plot_precision_recall(
    probabilities: np.ndarray, labels: np.ndarray, classes: list[str], path: Path
) -> None:
    """Plot precision against recall, with curves as in `plot_roc`.

    `probabilities` is float [N, classes], `labels` int [N]. Two classes only: a ring marks the argmax, and a
    dotted line the precision of guessing.
    """
    figure, axis = plt.subplots(figsize=(4.5, 4.5), layout="constrained")
    for label in [1] if len(classes) == 2 else range(min(len(classes), 10)):
        PrecisionRecallDisplay.from_predictions(
            labels == label, probabilities[:, label], name=classes[label], ax=axis
        )
    if len(classes) == 2:
        axis.axhline((labels == 1).mean(), color=GREY, linestyle=":", linewidth=1)
        positive = probabilities.argmax(1) == 1
        if positive.any():
            point = positive[labels == 1].mean(), labels[positive].mean()
            axis.plot(*point, "o", color=ORANGE, fillstyle="none", label="argmax")
    axis.set(
        xlabel="recall", ylabel="precision", title="Precision and recall", xlim=(0, 1.01), ylim=(0, 1.01)
    )
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, loc="lower left")
    _save(figure, path)


def plot_confusion(confusion: list[list[int]], classes: list[str], path: Path) -> None:
    """Plot the confusion matrix; rows are the truth."""
    size = max(4.5, 0.5 * len(classes))
    figure, axis = plt.subplots(figsize=(size, size), layout="constrained")
    display = ConfusionMatrixDisplay(np.array(confusion), display_labels=classes)
    display.plot(ax=axis, cmap="Blues", colorbar=False, xticks_rotation=0 if len(classes) < 6 else 90)
    axis.set_title("Confusion")
    _save(figure, path)


def plot_reliability(before: np.ndarray, after: np.ndarray, labels: np.ndarray, path: Path) -> None:
    """Plot the reliability diagram of two classes, before and after calibration.

    It shows the share of positives against the probability. `before` and `after` are probabilities,
    float [N, 2], `labels` int [N]. A histogram below counts the images in each of ten bins.
    """
    figure, (top, bottom) = plt.subplots(
        2, 1, figsize=(4.5, 5.4), sharex=True, height_ratios=(3, 1), layout="constrained"
    )
    edges = np.linspace(0, 1, 11)
    top.plot([0, 1], [0, 1], color=GREY, linestyle=":", linewidth=1)
    for probabilities, color, name in ((before, GREY, "before"), (after, BLUE, "after")):
        positive = probabilities[:, 1]
        bins = np.digitize(positive, edges[1:-1])
        filled = np.unique(bins)
        means = [(positive[bins == i].mean(), labels[bins == i].mean()) for i in filled]
        top.plot(*zip(*means, strict=True), "o-", color=color, label=f"{name} calibration")
        bottom.stairs(np.bincount(bins, minlength=10), edges, color=color, fill=color == GREY, alpha=0.8)
    top.set(title="Reliability", ylabel="share that is positive", xlim=(0, 1), ylim=(-0.02, 1.02))
    bottom.set(xlabel="probability given", ylabel="images", yscale="log")
    for axis in (top, bottom):
        axis.spines[["top", "right"]].set_visible(False)
    top.legend(frameon=False, loc="upper left")
    _save(figure, path)


def plot_robustness(rows: dict[str, list[dict]], path: Path) -> None:
    """Plot the accuracy under each shift, one dot for each of three strengths."""
    figure, axis = plt.subplots(figsize=(6, 0.32 * len(rows) + 1), layout="constrained")
    for place, strengths in enumerate(reversed(rows.values())):
        for alpha, row in zip((0.35, 0.65, 1), strengths, strict=True):
            axis.plot(row["accuracy"], place, "o", color=BLUE, alpha=alpha)
    axis.set(
        yticks=range(len(rows)), yticklabels=[*reversed(rows)], xlabel="accuracy (darker: stronger)",
        title="Under corruptions",
    )  # fmt: skip
    axis.grid(axis="x", alpha=0.3)
    axis.spines[["top", "right", "left"]].set_visible(False)
    _save(figure, path)


def plot_samples(images: dict[str, list[Image.Image]], path: Path) -> None:
    """Plot a row of images for each name."""
    columns = max(map(len, images.values()))
    figure, axes = plt.subplots(
        len(images),
        columns,
        figsize=(1.5 * columns, 1.7 * len(images)),
        squeeze=False,
        layout="constrained",
    )
    for row, (name, group) in zip(axes, images.items(), strict=True):
        row[0].set_title(name, loc="left", fontsize=9)
        for axis, image in zip(row, group, strict=False):
            axis.imshow(image.convert("RGB"))
        for axis in row:
            axis.set_axis_off()
    _save(figure, path)


def _save(figure: plt.Figure, path: Path) -> None:
    # Without the version of the software the same figures give the same bytes.
    figure.savefig(path, dpi=120, metadata={"Software": None})
    plt.close(figure)
