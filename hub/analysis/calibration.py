"""Choose how probabilities are calibrated, on validation images alone.

  python -m hub.analysis calibration hub/pretrained --dataset DIR

The candidates are the network's softmax as it was trained, a temperature (Guo et al. 2017), and a scale and
an offset of the log odds (Platt 1999), each fitted to validation images as they are or together with three
shifted views and one swapped view of each. Classes weigh the same in every fit, and Bayes' rule brings the
probabilities to the prevalence of the images that made the fit. Five folds differ by patient: four make the
fit, the fifth is measured. The figures go into docs/model-selection/calibration.json.

The rule: the lowest mean of two log losses, that of the images left out as they are, and that of their views.
A calibration has to hold for images like those in training and for others; films of another machine are of
the second kind. The test split is not read.
"""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from scipy.special import softmax
from sklearn.model_selection import StratifiedGroupKFold

from hub import files
from hub.analysis.selection_tables import CALIBRATION, format_calibration, records_folder
from hub.data import decode_cache
from hub.data.class_names import RADIOGRAPH_CLASSES
from hub.data.column_options import add_column_options
from hub.data.patients import check_folds, patient_number
from hub.data.splits import load_splits
from hub.errors import InputError, run_command
from hub.evaluation import shifts
from hub.evaluation.calibration import Calibration, apply, fit, fit_platt, folded
from hub.evaluation.metrics import calibration_error
from hub.models import forward
from hub.models.factory import load_network
from hub.models.folder import read_metrics, read_named_config
from hub.prevalence import move

FOLDS = 5

Fit = Callable[[np.ndarray, np.ndarray], Calibration]
# The name of each candidate: how it is fitted, and whether to views too.
CANDIDATES: dict[str, tuple[Fit, bool]] = {
    "none": (lambda logits, labels: Calibration(), False),
    "temperature": (partial(fit, offset=False), False),
    "temperature, with views": (partial(fit, offset=False), True),
    "Platt": (fit_platt, False),
    "Platt, with views": (fit_platt, True),
}


def main(arguments: list[str] | None = None) -> None:
    """Print and record the log losses of each candidate, and the rule's choice."""
    parser = argparse.ArgumentParser(
        prog="python -m hub.analysis calibration",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", type=Path, metavar="MODEL", help="a model folder of two classes")
    parser.add_argument("--dataset", required=True, help="the data that it was trained on")
    add_column_options(parser)
    options = parser.parse_args(arguments)
    record = records_folder() / CALIBRATION
    files.check_writable(record)
    columns = {"image_column": options.image_column, "label_column": options.label_column}
    rows = measure(*read_views(options.model, options.dataset, **columns))
    print(format_calibration(rows))
    choice = choose(rows)
    files.write_json(record, {"rows": rows, "choice": choice})
    print(f"the rule chooses {choice}")


def read_views(
    model: Path, dataset: str, **columns: str | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return logits, labels, the index of the image and its patient for each view.

    The images as they are come first. Logits, float [N, 2], are those before any calibration. Raises
    InputError for a model that is not of radiographs, for data of other classes, and for too few patients.
    """
    network, validation = load_network(model), load_splits(dataset, **columns)["validation"]
    config, classes = read_named_config(model), validation.features["label"].names
    if not config["radiograph"] or not config["label_names"] == classes == RADIOGRAPH_CLASSES:
        raise InputError(f"{model} or {dataset} is of something else than NORMAL and PNEUMONIA; give others.")
    undo(model, np.zeros((1, 2)))  # now, not after minutes of work
    patients = np.array([patient_number(patient) for patient in validation["patient"][:]])
    check_folds(patients, validation["label"][:], FOLDS, dataset)
    size, channels = network.pretrained_cfg["input_size"][-1], network.pretrained_cfg["input_size"][0]
    images, labels = decode_cache.decode(validation, size, channels, radiograph=True)
    views, truth, rows = shifts.add_shifts(images, labels)
    logits = undo(model, forward.predict_logits(network, views).numpy())
    return logits, truth.numpy(), rows.numpy(), patients[rows]


def undo(model: Path, logits: np.ndarray) -> np.ndarray:
    """Return the logits of a model folder as they were before its calibration."""
    scale, offset = folded(read_metrics(model))
    return (logits.astype(np.float64) - [-offset / 2, offset / 2]) / scale


def measure(logits: np.ndarray, labels: np.ndarray, images: np.ndarray, patients: np.ndarray) -> list[dict]:
    """Return a row for each candidate with what the folds left out say of it.

    The arguments are what `read_views` returns. "log_loss" is that of images as they are, "log_loss_views"
    of their views, "ece" the calibration error of the former, "scale" and "offset" those of a fit to all.
    """
    plain = np.arange(len(labels)) == images  # the images as they are come first, in their order
    split = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0)
    folds = list(split.split(labels[plain], labels[plain], patients[plain]))
    return [_row(name, folds, logits, labels, images, plain) for name in CANDIDATES]


def _row(name: str, folds: list, logits: np.ndarray, labels: np.ndarray, images: np.ndarray, plain) -> dict:
    fit, with_views = CANDIDATES[name]
    eligible = np.ones_like(plain) if with_views else plain
    left_out = np.empty(logits.shape)
    for seen, _ in folds:
        inside = np.isin(images, seen)
        calibration = fit(logits[eligible & inside], labels[eligible & inside])
        prevalence = float(labels[plain & inside].mean())
        left_out[~inside] = move(softmax(apply(calibration, logits[~inside]), axis=1), prevalence)
    losses = -np.log(np.maximum(left_out[np.arange(len(labels)), labels], 1e-12))
    whole = fit(logits[eligible], labels[eligible])
    return {
        "candidate": name,
        "log_loss": float(losses[plain].mean()),
        "log_loss_views": float(losses[~plain].mean()),
        "ece": calibration_error(left_out[plain], labels[plain]),
        "scale": whole.scale,
        "offset": whole.offset,
    }


def choose(rows: list[dict]) -> str:
    """Return the name of the candidate that the rule chooses."""
    return min(rows, key=lambda row: row["log_loss"] + row["log_loss_views"])["candidate"]


if __name__ == "__main__":
    run_command("python -m hub.analysis calibration", main)
