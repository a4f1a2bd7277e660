"""Plots of metrics, training and images, written as PNG files."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib
import numpy as np
from PIL import Image

matplotlib.use("Agg")
from matplotlib import pyplot as plt

from hub.files import replace_file

if TYPE_CHECKING:  # sklearn.metrics takes a second to import, and plots of images do without
    from sklearn.metrics import PrecisionRecallDisplay, RocCurveDisplay

matplotlib.rcdefaults()  # a style of the user might ask for fonts, or for LaTeX, that are not there
BLUE, ORANGE, GREY = "#2563eb", "#ea580c", "#6b7280"
MOST_TICKS = 20  # of epochs


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
        axis.set(title=title, xlabel="epoch", xticks=epochs[:: -(-len(epochs) // MOST_TICKS)])
        axis.spines[["top", "right"]].set_visible(False)
        axis.legend(frameon=False)
    _save(figure, path)


def plot_roc(
    probabilities: np.ndarray,
    labels: np.ndarray,
    classes: list[str],
    operating_points: dict[str, float],
    path: Path,
) -> None:
    """Plot the ROC curve of two classes, or one curve per class against the rest.

    `probabilities` is float [N, classes], `labels` int [N]. Two classes only: marks show the operating
    points, thresholds on the positive probability by name, and a ring the argmax.
    """
    from sklearn.metrics import RocCurveDisplay

    figure, axis = _curves(RocCurveDisplay, probabilities, labels, classes)
    axis.plot([0, 1], [0, 1], color=GREY, linestyle=":", linewidth=1)
    for name, positive, style in _decisions(probabilities, operating_points):
        point = positive[labels == 0].mean(), positive[labels == 1].mean()
        axis.plot(*point, color=ORANGE, label=name, **style)
    axis.set(xlabel="1 - specificity", ylabel="sensitivity", title="ROC", xlim=(0, 1), ylim=(0, 1.01))
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, loc="lower right")
    _save(figure, path)


def plot_precision_recall(
    probabilities: np.ndarray,
    labels: np.ndarray,
    classes: list[str],
    operating_points: dict[str, float],
    path: Path,
) -> None:
    """Plot precision against recall, with curves and marks as in `plot_roc`.

    `probabilities` is float [N, classes], `labels` int [N]. Two classes only: a dotted line shows the
    precision of guessing.
    """
    from sklearn.metrics import PrecisionRecallDisplay

    figure, axis = _curves(PrecisionRecallDisplay, probabilities, labels, classes)
    if len(classes) == 2:
        axis.axhline((labels == 1).mean(), color=GREY, linestyle=":", linewidth=1)
    for name, positive, style in _decisions(probabilities, operating_points):
        if positive.any():
            point = positive[labels == 1].mean(), labels[positive].mean()
            axis.plot(*point, color=ORANGE, label=name, **style)
    axis.set(
        xlabel="recall", ylabel="precision", title="Precision and recall", xlim=(0, 1.01), ylim=(0, 1.01)
    )
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, loc="lower left")
    _save(figure, path)


def _curves(
    display: "type[RocCurveDisplay] | type[PrecisionRecallDisplay]",
    probabilities: np.ndarray,
    labels: np.ndarray,
    classes: list[str],
) -> tuple[plt.Figure, plt.Axes]:
    """Return a figure with the curve of two classes, or one for each class."""
    figure, axis = plt.subplots(figsize=(4.5, 4.5), layout="constrained")
    # More than ten curves cannot be told apart.
    for label in [1] if len(classes) == 2 else range(min(len(classes), 10)):
        display.from_predictions(
            labels == label, probabilities[:, label], name=_as_it_is(classes[label]), ax=axis
        )
    return figure, axis


def _decisions(
    probabilities: np.ndarray, operating_points: dict[str, float]
) -> Iterator[tuple[str, np.ndarray, dict]]:
    """Yield name, positive images and marker of each decision on two classes.

    The positive images are bool [N].
    """
    if probabilities.shape[1] != 2:
        return
    for marker, (name, threshold) in zip("sD^v", operating_points.items(), strict=False):
        yield _as_it_is(name), probabilities[:, 1] >= threshold, {"marker": marker, "linestyle": "none"}
    ring = {"marker": "o", "linestyle": "none", "fillstyle": "none", "markersize": 10}
    yield "argmax", probabilities.argmax(1) == 1, ring


def plot_confusion(confusions: dict[str, list[list[int]]], classes: list[str], path: Path) -> None:
    """Plot a confusion matrix for each decision by name; rows are the truth."""
    from sklearn.metrics import ConfusionMatrixDisplay

    names = [*map(_as_it_is, classes)]
    size = max(4.0, 0.5 * len(classes))
    figure, axes = plt.subplots(
        1, len(confusions), figsize=(size * len(confusions), size), squeeze=False, layout="constrained"
    )
    for axis, (name, confusion) in zip(axes[0], confusions.items(), strict=True):
        display = ConfusionMatrixDisplay(np.array(confusion), display_labels=names)
        display.plot(ax=axis, cmap="Blues", colorbar=False, xticks_rotation=0 if len(classes) < 6 else 90)
        axis.set_title(f"Confusion, {name}")
    _save(figure, path)


def plot_reliability(bins: list[dict], even: list[dict], prevalence: float, path: Path) -> None:
    """Plot the reliability diagram of two classes, and the images in each bin.

    It shows the share of positives against the probability, and a histogram below. `bins` are those of
    `metrics.reliability_bins` at the `prevalence` of the images, with their intervals; `even` are those at
    even odds, where the softmax stands.
    """
    figure, (top, bottom) = plt.subplots(
        2, 1, figsize=(4.5, 5.4), sharex=True, height_ratios=(3, 1), layout="constrained"
    )
    top.plot([0, 1], [0, 1], color=GREY, linestyle=":", linewidth=1)
    top.plot(*_points(even), "o--", color=GREY, alpha=0.6, label="at even odds")
    given, share = _points(bins)
    errors = [
        [row["share"] - row["share_low"] for row in bins],
        [row["share_high"] - row["share"] for row in bins],
    ]
    top.errorbar(
        given, share, np.maximum(errors, 0), fmt="o-", color=BLUE, capsize=3,
        label=f"at a prevalence of {prevalence:.1%}",
    )  # fmt: skip
    bottom.bar(
        [row["low"] for row in bins],
        [row["count"] for row in bins],
        [row["high"] - row["low"] for row in bins],
        align="edge", color=BLUE, alpha=0.8,
    )  # fmt: skip
    top.set(title="Reliability", ylabel="share that is positive", xlim=(0, 1), ylim=(-0.02, 1.02))
    bottom.set(xlabel="probability given", ylabel="images", yscale="log")
    for axis in (top, bottom):
        axis.spines[["top", "right"]].set_visible(False)
    top.legend(frameon=False, loc="upper left")
    _save(figure, path)


def _points(bins: list[dict]) -> tuple[list[float], list[float]]:
    return [row["probability"] for row in bins], [row["share"] for row in bins]


def plot_robustness(rows: dict[str, list[dict]], path: Path) -> None:
    """Plot the accuracy under each shift, one dot for each of three strengths."""
    figure, axis = plt.subplots(figsize=(6, 0.32 * len(rows) + 1), layout="constrained")
    for place, strengths in enumerate(reversed(rows.values())):
        for alpha, row in zip((0.35, 0.65, 1), strengths, strict=True):
            axis.plot(row["accuracy"], place, "o", color=BLUE, alpha=alpha)
    axis.set(
        yticks=range(len(rows)), yticklabels=[*reversed(rows)], xlabel="accuracy (fuller colour: stronger)",
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
        row[0].set_title(_as_it_is(name), loc="left", fontsize=9)
        for axis, image in zip(row, group, strict=False):
            axis.imshow(image.convert("RGB"))
        for axis in row:
            axis.set_axis_off()
    _save(figure, path)


def plot_thumbnail(images: dict[str, Image.Image], title: str, path: Path) -> None:
    """Plot an image for each name under a title.

    The picture has 1200 x 630 pixels, as previews of links do.
    """
    figure, axes = plt.subplots(1, len(images), figsize=(10, 5.25), squeeze=False, facecolor="#0f172a")
    figure.suptitle(_as_it_is(title), color="white", fontsize=30, fontweight="bold", y=0.95)
    for axis, (name, image) in zip(axes[0], images.items(), strict=True):
        axis.imshow(image.convert("RGB"))
        axis.set_axis_off()
        axis.set_title(_as_it_is(name), color="#cbd5e1", fontsize=18, y=-0.14)
    figure.subplots_adjust(left=0.12, right=0.88, top=0.82, bottom=0.12, wspace=0.06)
    _save(figure, path)


def _as_it_is(name: str) -> str:
    r"""Return a name that Matplotlib writes as it is: it takes $\frac$ for a formula."""
    return name.replace("$", r"\$")


def _save(figure: plt.Figure, path: Path) -> None:
    # Without the version of the software the same figures give the same bytes.
    with replace_file(path) as partial:
        figure.savefig(partial, format="png", dpi=120, metadata={"Software": None})
    plt.close(figure)
