"""A model folder on one split of a data set: what `python -m hub evaluate` measures and keeps."""

import argparse
import json
from collections import Counter
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import datasets
import numpy as np
from torch import Tensor
from tqdm.auto import tqdm

from hub import files
from hub.data import decode_cache
from hub.data.leakage import format_report, leak_report
from hub.data.splits import load_splits
from hub.errors import InputError
from hub.evaluation import plots, shifts
from hub.evaluation.calibration import uncalibrated
from hub.evaluation.metrics import auc, format_metrics, measure
from hub.inference.classifier import NETWORKS, Classifier, Prediction
from hub.models import card

BATCH = 32


def evaluate(options: argparse.Namespace) -> None:
    """Measure `options.model` on `options.split` of `options.dataset`, print it, and keep it where asked.

    `options` are those of the command: rename, robustness, json, plots and save, too. Raises InputError where
    the folder, the data set or the classes do not fit.
    """
    record = Path(options.model) / "metrics.json"
    if options.save and not record.is_file():
        raise InputError(
            f"--save writes into a model folder of train.py, and {options.model} is not one here."
        )
    if options.json and not options.json.parent.is_dir():
        raise InputError(
            f"There is no folder {options.json.parent} to write {options.json.name} into; make it first."
        )
    classifier = Classifier.from_pretrained(options.model, precision="fp32")
    recorded = json.loads(record.read_text()) if record.is_file() else {}
    splits = load_splits(options.dataset)
    print(format_report(leak_report(splits)), end="\n\n", flush=True)
    every = options.split == "all"
    split = datasets.concatenate_datasets(list(splits.values())) if every else splits[options.split]
    classes = _renamed(split.features["label"].names, options.rename)
    if classes != classifier.classes:
        raise InputError(
            f"{options.dataset} has the classes {classes}, the model {classifier.classes}; they must agree, "
            "in this order (--rename OLD=NEW)."
        )
    radiograph = classifier.radiograph
    images, labels = decode_cache.decode(
        split, classifier.size, classifier.channels, radiograph, crop=radiograph
    )
    labels = labels.numpy()
    predictions = _predict(classifier, _as_pictures(images))
    probabilities = _probabilities(predictions)
    metrics = measure(
        probabilities,
        labels,
        split["patient"][:],
        classes,
        subtypes=split["subtype"][:],
        operating_points=classifier.operating_points,
    )
    metrics |= {"dataset": options.dataset, "split": options.split}
    print(format_metrics(metrics))
    metrics["verdicts"] = _verdicts(predictions)
    print("input check: " + ", ".join(f"{share:.1%} {name}" for name, share in metrics["verdicts"].items()))
    changed = _changed_by_int8(classifier, images, predictions)
    if changed:
        print("int8 changes {labels_changed} labels and {verdicts_changed} verdicts".format(**changed))
    robustness = _robustness(classifier, images, labels) if options.robustness else {}
    if options.json:
        files.write_json(options.json, metrics | {"robustness": robustness, "int8": changed})
    name = Path(options.dataset).resolve().name if every else options.split
    calibration = recorded.get("training", {})
    folders = ([options.plots] if options.plots else []) + ([Path(options.model)] if options.save else [])
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        plots.plot_roc(probabilities, labels, classes, folder / f"roc_{name}.png")
        plots.plot_precision_recall(probabilities, labels, classes, folder / f"precision_recall_{name}.png")
        plots.plot_confusion(metrics["confusion"], classes, folder / f"confusion_{name}.png")
        if len(classes) == 2 and "temperature" in calibration:
            before = uncalibrated(probabilities, calibration["temperature"])
            plots.plot_reliability(before, probabilities, labels, folder / f"reliability_{name}.png")
        if robustness:
            plots.plot_robustness(robustness, folder / f"robustness_{name}.png")
    if options.save:
        if every:
            recorded["others"] = recorded.get("others", {}) | {name: metrics}
        else:
            recorded[options.split] = metrics
        if robustness:
            recorded[f"robustness_{name}"] = robustness
        if changed and options.split == "test" and "onnx" in recorded:
            recorded["onnx"] |= {f"test_{what}": count for what, count in changed.items()}
        files.write_json(record, recorded)
        card.write_card(Path(options.model))


def _renamed(classes: list[str], pairs: list[str]) -> list[str]:
    """Return the classes with OLD=NEW applied."""
    names = dict(zip(classes, classes, strict=True))
    for pair in pairs:
        old, _, new = pair.partition("=")
        if old not in names or not new:
            raise InputError(f"--rename {pair}: give OLD=NEW, where OLD is one of {', '.join(classes)}.")
        names[old] = new
    return list(names.values())


def _as_pictures(images: Tensor) -> np.ndarray:
    """Return uint8 [N, H, W, C] from uint8 [N, C, H, W]."""
    return images.permute(0, 2, 3, 1).numpy()


def _predict(classifier: Classifier, pictures: Iterable[np.ndarray]) -> list[Prediction]:
    """Return an answer for each of `Classifier.read`'s pictures, also where the input check refuses it."""
    predictions, pictures = [], iter(tqdm(pictures, "Classifying", unit=" pictures", leave=False))
    while batch := list(islice(pictures, BATCH)):
        predictions += classifier.predict(batch, always=True)
    return predictions


def _probabilities(predictions: list[Prediction]) -> np.ndarray:
    """Return float [N, classes]."""
    return np.array([list(prediction.probabilities.values()) for prediction in predictions])


def _verdicts(predictions: list[Prediction]) -> dict[str, float]:
    """Return the share of each reason that the input check gives, and of "fine" or "unchecked"."""
    verdicts = Counter(answer.verdict.reason or answer.verdict.status for answer in predictions)
    return {name: count / len(predictions) for name, count in verdicts.most_common()}


def _changed_by_int8(classifier: Classifier, images: Tensor, predictions: list[Prediction]) -> dict[str, int]:
    """Return how many labels, and verdicts of the input check, 8 bits change; {} where there are none."""
    if not (classifier.folder / NETWORKS["int8"]).is_file():
        return {}
    small = Classifier(classifier.folder, precision="int8")
    small.check = classifier.check  # also where an earlier count leaves it out
    others = _predict(small, _as_pictures(images))
    pairs = list(zip(predictions, others, strict=True))
    return {
        "labels_changed": sum(one.label != other.label for one, other in pairs),
        "verdicts_changed": sum(one.verdict != other.verdict for one, other in pairs),
    }


def _robustness(classifier: Classifier, images: Tensor, labels: np.ndarray) -> dict[str, list[dict]]:
    """Return accuracy and AUC for each corruption at strengths 1, 2 and 3."""
    rows = {}
    for view in tqdm(shifts.VIEWS, "Corruptions", unit=" of 15"):
        rows[view] = []
        for strength in shifts.STRENGTHS:
            pictures = _as_pictures(shifts.shift(images, view, strength))
            # Read once more, for the borders that a corruption adds; grey pictures have no third dimension.
            read = (classifier.read(picture.squeeze()) for picture in pictures)
            probabilities = _probabilities(_predict(classifier, read))
            accuracy = float((probabilities.argmax(1) == labels).mean())
            rows[view].append({"accuracy": accuracy, "auc": auc(probabilities, labels)})
        told = ", ".join(f"{row['accuracy']:.4f} (AUC {row['auc']:.4f})" for row in rows[view])
        tqdm.write(f"{view:<14} accuracy at strengths 1, 2, 3: {told}")
    return rows
