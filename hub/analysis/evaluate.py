"""Measure a model folder on one split of a data set: `python -m hub evaluate`."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import datasets
import numpy as np
from datasets import Dataset
from torch import Tensor
from tqdm.auto import tqdm

from hub import files
from hub.batching import batches
from hub.data import decode_cache
from hub.data.leakage import format_report, leak_report
from hub.data.split_names import SPLITS
from hub.data.splits import load_with_notes
from hub.errors import InputError
from hub.evaluation import plots, shifts
from hub.evaluation.metrics import auc, format_metrics, measure, reliability_bins
from hub.export.answer import write_answer
from hub.inference.classifier import Classifier, Prediction
from hub.models import card
from hub.models.card_metadata import is_training_data
from hub.models.digests import edited_model
from hub.models.folder import METRICS, NETWORKS, read_metrics, write_metrics
from hub.models.saving import saving_into
from hub.progress import progress
from hub.public_names import public_name, public_record

BATCH = 32


@dataclass(frozen=True)
class Evaluation:
    """Results on one split.

    `name` is that of the split or, for all images of a data set, of the data set. `probabilities` is
    float [N, classes], `labels` int [N]. `robustness` and `int8` are empty if they were not measured.
    """

    name: str
    probabilities: np.ndarray
    labels: np.ndarray
    metrics: dict
    robustness: dict[str, list[dict]]
    int8: dict[str, int]


def evaluate(
    model: str | Path,
    dataset: str,
    split: str = "test",
    *,
    rename: Sequence[str] = (),
    robustness: bool = False,
    json_file: Path | None = None,
    plot_folder: Path | None = None,
    save: bool = False,
    image_column: str | None = None,
    label_column: str | None = None,
) -> None:
    """Measure a model on one split of a data set; print and save the results.

    `split` may be "all"; `rename` holds OLD=NEW for classes of the data set. `robustness` also measures under
    corruptions. Metrics go to `json_file` and plots to `plot_folder`, if given; `save` puts both into the
    model folder and its card; the columns are those of `load_splits`. Raises InputError if the folder, the
    data set or the classes do not fit.
    """
    if json_file:
        files.check_writable(json_file)
    if plot_folder:
        files.check_writable_folder(plot_folder)
    for path, option in ((json_file, "--json"), (plot_folder, "--plots")):
        for folder in (model, dataset) if path else ():
            files.check_outside(path, folder, option)
    with saving_into(model if save else None):
        classifier = Classifier.from_pretrained(model, precision="fp32")
        rows, notes = _read_rows(dataset, split, image_column, label_column)
        _check_classes(_renamed(rows.features["label"].names, rename), classifier, dataset)
        result = _measure(classifier, rows, dataset, split, robustness)
        result.metrics["notes"] = notes
        if json_file:
            others = {"robustness": result.robustness, "int8": result.int8}
            files.write_json(json_file, result.metrics | others)
        if plot_folder:
            _draw(result, classifier, plot_folder)
        if save:
            result = _named_in(result, Path(model))
            _announce_replaced(result, Path(model))
            with edited_model(Path(model)) as partial:
                _draw(result, classifier, partial)
                _save(result, partial)


def _read_rows(
    dataset: str, split: str, image_column: str | None, label_column: str | None
) -> tuple[Dataset, list[str]]:
    """Return the images of one split, or of all, and the notes on them.

    Prints both in the leak report.
    """
    splits, notes = load_with_notes(dataset, image_column=image_column, label_column=label_column)
    print(format_report(leak_report(splits), notes), end="\n\n", flush=True)
    rows = datasets.concatenate_datasets(list(splits.values())) if split == "all" else splits[split]
    return rows, notes


def _renamed(classes: list[str], pairs: Sequence[str]) -> list[str]:
    """Return the classes with OLD=NEW applied."""
    names = dict(zip(classes, classes, strict=True))
    for pair in pairs:
        old, _, new = pair.partition("=")
        if old not in names or not new:
            raise InputError(f"--rename {pair}: give OLD=NEW, where OLD is one of {', '.join(classes)}.")
        names[old] = new
    return list(names.values())


def _check_classes(classes: list[str], classifier: Classifier, dataset: str) -> None:
    if classes != classifier.classes:
        raise InputError(
            f"{dataset} has the classes {classes}, the model {classifier.classes}; they must agree, "
            "in this order (--rename OLD=NEW)."
        )


def _measure(classifier: Classifier, rows: Dataset, dataset: str, split: str, robustness: bool) -> Evaluation:
    """Classify all images; print and return the figures."""
    radiograph = classifier.radiograph
    images, labels = decode_cache.decode(
        rows, classifier.size, classifier.channels, radiograph, crop=radiograph
    )
    labels = labels.numpy()
    predictions = _predict(classifier, _channels_last(images))
    probabilities = _probabilities(predictions)
    metrics = measure(
        probabilities,
        labels,
        rows["patient"][:],
        classifier.classes,
        subtypes=rows["subtype"][:],
        operating_points=classifier.operating_points,
    )
    metrics |= {"dataset": dataset, "split": split}
    print(format_metrics(metrics))
    metrics["verdicts"] = _verdicts(predictions)
    print("input check: " + ", ".join(f"{share:.1%} {name}" for name, share in metrics["verdicts"].items()))
    int8 = _changed_by_int8(classifier, images, predictions)
    if int8:
        print("int8 changes {labels_changed} labels and {verdicts_changed} verdicts".format(**int8))
    return Evaluation(
        name=_source_name(dataset) if split == "all" else split,
        probabilities=probabilities,
        labels=labels,
        metrics=metrics,
        robustness=_robustness(classifier, images, labels) if robustness else {},
        int8=int8,
    )


def _named_in(result: Evaluation, model: Path) -> Evaluation:
    """Return results under the name that they are kept by in a model folder.

    Those of a split of other data must not take the place of those of the model's own.
    """
    record, dataset, split = public_record(_record(model)), result.metrics["dataset"], result.metrics["split"]
    if split == "all" or is_training_data(record, public_name(dataset)):
        return result
    name = f"{_source_name(dataset)}_{split}"
    print(f"saved as {name}, of other data than the model was trained on, {record['training']['dataset']}")
    return replace(result, name=name)


def _announce_replaced(result: Evaluation, model: Path) -> None:
    """Print that saved figures are replaced by those of more or fewer images.

    Data sets are told apart by their names alone, and folders of one name may lie in many places.
    """
    record, name = _record(model), result.name
    saved = record.get(name) if name in SPLITS else record.get("others", {}).get(name)
    if saved and saved.get("n") != (count := result.metrics["n"]):
        print(f"replaces the saved figures of {name}, of {saved.get('n')} images, by those of {count}")


def _source_name(dataset: str) -> str:
    """Return the name under which the figures of all images of a data set are kept.

    A folder that is named as a split gets that of the folder around it too: those of the splits that the
    model was chosen and tested on have their own names.
    """
    path = Path(dataset).resolve()
    return f"{path.parent.name}_{path.name}" if path.name in SPLITS else path.name


def _channels_last(images: Tensor) -> np.ndarray:
    """Return uint8 [N, H, W, C] from uint8 [N, C, H, W]."""
    return images.permute(0, 2, 3, 1).numpy()


def _predict(classifier: Classifier, images: Iterable[np.ndarray]) -> list[Prediction]:
    """Return a prediction for each image, even if the input check refuses it.

    `images` are uint8 arrays as `Classifier.read` returns them.
    """
    predictions = []
    for batch in batches(images, BATCH, "Classifying"):
        predictions += classifier.predict(batch, always=True)
    return predictions


def _probabilities(predictions: list[Prediction]) -> np.ndarray:
    """Return the probabilities, float [N, classes]."""
    return np.array([list(prediction.probabilities.values()) for prediction in predictions])


def _verdicts(predictions: list[Prediction]) -> dict[str, float]:
    """Return the share of each reason of the input check.

    The statuses "fine" and "unchecked" count as reasons.
    """
    verdicts = Counter(answer.verdict.reason or answer.verdict.status for answer in predictions)
    return {name: count / len(predictions) for name, count in verdicts.most_common()}


def _changed_by_int8(classifier: Classifier, images: Tensor, predictions: list[Prediction]) -> dict[str, int]:
    """Return how many labels and verdicts of the input check 8 bits change.

    It is {} without a network in 8 bits.
    """
    if not (classifier.folder / NETWORKS["int8"]).is_file():
        return {}
    # Use the check of 32 bits: in 8 bits the folder may leave it out because of an earlier count.
    int8 = Classifier(classifier.folder, check=classifier.check or False, precision="int8")
    pairs = list(zip(predictions, _predict(int8, _channels_last(images)), strict=True))
    return {
        "labels_changed": sum(one.label != other.label for one, other in pairs),
        "verdicts_changed": sum(one.verdict != other.verdict for one, other in pairs),
    }


def _robustness(classifier: Classifier, images: Tensor, labels: np.ndarray) -> dict[str, list[dict]]:
    """Return accuracy and AUC for each corruption at strengths 1, 2 and 3."""
    rows = {}
    for corruption in progress(shifts.SHIFTS, "Corruptions", unit=" of 15"):
        rows[corruption] = []
        for strength in shifts.STRENGTHS:
            corrupted = _channels_last(shifts.shift(images, corruption, strength))
            # Read again, because a corruption may add borders; grey images have no third dimension.
            inputs = (classifier.read(image.squeeze()) for image in corrupted)
            probabilities = _probabilities(_predict(classifier, inputs))
            accuracy = float((probabilities.argmax(1) == labels).mean())
            rows[corruption].append({"accuracy": accuracy, "auc": auc(probabilities, labels)})
        figures = ", ".join(f"{row['accuracy']:.4f} (AUC {row['auc']:.4f})" for row in rows[corruption])
        tqdm.write(f"{corruption:<14} accuracy at strengths 1, 2, 3: {figures}")
    return rows


def _draw(result: Evaluation, classifier: Classifier, folder: Path) -> None:
    """Write the plots into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    metrics, name = result.metrics, result.name
    points = classifier.operating_points
    curves = result.probabilities, result.labels, metrics["classes"], points
    plots.plot_roc(*curves, folder / f"roc_{name}.png")
    plots.plot_precision_recall(*curves, folder / f"precision_recall_{name}.png")
    confusions = {f"at {point}": metrics[f"confusion_at_{point}"] for point in points if point == "balanced"}
    if "confusion" in metrics:
        confusions["argmax"] = metrics["confusion"]
        plots.plot_confusion(confusions, metrics["classes"], folder / f"confusion_{name}.png")
    if "reliability" in metrics:
        even = reliability_bins(result.probabilities, result.labels)
        plots.plot_reliability(
            metrics["reliability"], even, metrics["prevalence"], folder / f"reliability_{name}.png"
        )
    if result.robustness:
        plots.plot_robustness(result.robustness, folder / f"robustness_{name}.png")


def _save(result: Evaluation, folder: Path) -> None:
    """Put an evaluation into metrics.json of a model folder, and write its card."""
    record, name = _record(folder), result.name
    metrics = result.metrics | {"date": datetime.now(UTC).date().isoformat()}
    if name in SPLITS:
        record[name] = metrics
    else:
        record["others"] = record.get("others", {}) | {name: metrics}
    if result.robustness:
        record[f"robustness_{name}"] = result.robustness
    if result.int8 and name == "test" and "onnx" in record:
        record["onnx"] |= {f"test_{what}": count for what, count in result.int8.items()}
    write_metrics(folder, record)
    card.write_card(folder)
    if result.int8:
        write_answer(folder)  # in the precision that these counts choose


def _record(folder: Path) -> dict:
    """Return metrics.json of a model folder, {} where there is none."""
    return read_metrics(folder) if (folder / METRICS).is_file() else {}
