"""Measure where the model looks: heatmaps and their share inside lungs.

  python -m hub.analysis heatmaps hub/pretrained --dataset DIR [--save]

The radiographs are the 50 of lung_boxes.csv, 25 of each class drawn by lot, with boxes drawn by hand around
both lungs (px of 224). The share of heat in the lungs is the part of the positive evidence for pneumonia,
position by position, that lies inside the boxes. Beside it is the boxes' share of the area, which an even
heatmap would have. heatmaps.jpg shows these radiographs, failures.jpg all test radiographs that the model
gets wrong at the operating point of the demo. --save puts images and figures into the model folder and its
card.
"""

import argparse
import csv
import json
import math
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from datasets import Image as ImageFeature
from PIL import Image, ImageDraw

from hub.batching import batches
from hub.data.class_names import RADIOGRAPH_CLASSES
from hub.data.column_options import add_column_options
from hub.data.splits import load_splits
from hub.errors import InputError, run_command
from hub.files import check_outside, check_writable_folder, replace_file
from hub.imaging.read import read_image
from hub.inference import decision
from hub.inference.classifier import Classifier, Prediction
from hub.inference.heatmap import local_log_odds, overlay
from hub.models import folder_writer
from hub.models.digests import edited_model
from hub.models.saving import saving_into

BOXES = Path(__file__).parent / "lung_boxes.csv"
COLUMNS, CELL = 10, 224

Box = tuple[int, int, int, int]  # x0, y0, x1, y1 in px of 224


@dataclass(frozen=True)
class Row:
    """A test radiograph, its class, the model's prediction and its decision.

    The decision is the class at the default operating point, which is that of the demo.
    """

    path: str
    label: str
    prediction: Prediction
    decision: str

    @property
    def name(self) -> str:
        return Path(self.path).name


def main(arguments: list[str] | None = None) -> None:
    """Draw the heatmaps and print their share in the lungs."""
    parser = argparse.ArgumentParser(
        prog="python -m hub.analysis heatmaps",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", metavar="MODEL", help="a model folder")
    parser.add_argument("--dataset", required=True, help="the folder that the boxes were drawn on")
    parser.add_argument("--output", type=Path, default=Path(), help="where to write (default: here)")
    parser.add_argument("--save", action="store_true", help="write into the model folder and its card")
    add_column_options(parser)
    options = parser.parse_args(arguments)

    if not options.save:
        for folder in (options.model, options.dataset):
            check_outside(options.output, folder, "--output")
        check_writable_folder(options.output)
    with saving_into(options.model if options.save else None):
        figures, sheets = measure(
            Classifier.from_pretrained(options.model, precision="fp32"),
            options.dataset,
            image_column=options.image_column,
            label_column=options.label_column,
        )
        print(json.dumps(figures, indent=2))
        with edited_model(Path(options.model)) if options.save else nullcontext(options.output) as folder:
            folder.mkdir(parents=True, exist_ok=True)
            for name, sheet in sheets.items():
                with replace_file(folder / name) as partial:
                    sheet.save(partial, "JPEG", quality=80)
            if options.save:
                folder_writer.save_metrics(folder, "heatmaps", figures)


def measure(
    classifier: Classifier, dataset: str, **columns: str | None
) -> tuple[dict[str, object], dict[str, Image.Image]]:
    """Return the figures of the test split, and the pictures by their file names.

    `columns` are options of `load_splits`. Raises InputError for a model of other classes or without
    heatmaps, and like `classify_test_split`.
    """
    if classifier.classes != RADIOGRAPH_CLASSES or "heatmap" not in classifier.available:
        raise InputError(f"{classifier.folder} draws no heatmaps of radiographs; give a model that does.")
    boxes = read_boxes()
    rows = classify_test_split(classifier, dataset, boxes, **columns)
    boxed = [rows[name] for name in boxes]
    failures = [row for row in rows.values() if row.label != row.decision]
    by_argmax = sum(row.label != row.prediction.label for row in rows.values())
    failures.sort(key=lambda row: row.prediction.probabilities[row.label])  # the most confident first
    figures = {"films": len(boxed), "failures": len(failures), "failures_by_argmax": by_argmax}
    for label in classifier.classes:
        figures[label] = heat_in_lungs([row for row in boxed if row.label == label], boxes)
    sheets = {"heatmaps.jpg": contact_sheet(boxed, boxes), "failures.jpg": contact_sheet(failures, {})}
    return figures, sheets


def read_boxes() -> dict[str, list[Box]]:
    """Return the boxes around both lungs by file name."""
    with BOXES.open(encoding="utf-8") as file:
        rows = {row.pop("file"): [int(value) for value in row.values()] for row in csv.DictReader(file)}
    return {name: [tuple(row[:4]), tuple(row[4:])] for name, row in rows.items()}


def classify_test_split(
    classifier: Classifier, dataset: str, boxes: dict[str, list[Box]], **columns: str | None
) -> dict[str, Row]:
    """Return a row per test radiograph, by file name.

    `columns` are options of `load_splits`. Raises InputError where a file of `boxes` is not in the test
    split, and for a data set of other classes.
    """
    test = load_splits(dataset, **columns)["test"].cast_column("image", ImageFeature(decode=False))
    paths = [image["path"] or "" for image in test["image"]]  # Parquet need not say a name
    names = test.features["label"].names
    if names != classifier.classes or not all(Path(path).is_file() for path in paths):
        raise InputError(
            f"{dataset} is no folder of NORMAL and PNEUMONIA; give Kermany's chest X-rays as one."
        )
    labels = [names[label] for label in test["label"]]
    if missing := boxes.keys() - {Path(path).name for path in paths}:
        raise InputError(
            f"{len(missing)} of the {len(boxes)} films with lung boxes are not in the test split of "
            f"{dataset}; give Kermany's chest X-rays as a folder."
        )
    predictions = []
    for batch in batches(paths, 32, "Classifying"):
        predictions += classifier.predict([classifier.read(path) for path in batch], always=True)
    decisions = [decision.report(classifier, prediction)["label"] for prediction in predictions]
    rows = map(Row, paths, labels, predictions, decisions)
    return {row.name: row for row in rows}


def heat_in_lungs(rows: list[Row], boxes: dict[str, list[Box]]) -> dict[str, float | None]:
    """Return mean share of heat in the lungs, their mean area, and rows without heat.

    The share is that of rows with heat, None without any.
    """
    shares = [heat_in_boxes(row.prediction, boxes[row.name]) for row in rows]
    areas = [lung_mask(boxes[row.name]).mean() for row in rows]
    known = [share for share in shares if share is not None]
    return {
        "heat_in_lungs": float(np.mean(known)) if known else None,
        "area_of_lungs": float(np.mean(areas)),
        "without_heat": len(shares) - len(known),
    }


def lung_mask(boxes: list[Box]) -> np.ndarray:
    """Return bool [224, 224], true inside the boxes."""
    mask = np.zeros((CELL, CELL), dtype=bool)
    for x0, y0, x1, y1 in boxes:
        mask[y0:y1, x0:x1] = True
    return mask


def heat_in_boxes(prediction: Prediction, boxes: list[Box]) -> float | None:
    """Return the share of evidence for pneumonia in the boxes; None without evidence."""
    heat = torch.from_numpy(local_log_odds(prediction, "PNEUMONIA")).clamp(min=0)
    heat = F.interpolate(heat[None, None], (CELL, CELL), mode="bilinear")[0, 0].numpy()
    return float(heat[lung_mask(boxes)].sum() / heat.sum()) if heat.sum() > 0 else None


def contact_sheet(rows: list[Row], boxes: dict[str, list[Box]]) -> Image.Image:
    """Return the radiographs under their heatmaps, class and probability below each.

    Of none it is an empty sheet.
    """
    height = CELL + 18
    sheet = Image.new("RGB", (COLUMNS * CELL, max(1, math.ceil(len(rows) / COLUMNS)) * height), "white")
    for index, row in enumerate(rows):
        cell = overlay(read_image(row.path, radiograph=True), row.prediction, "PNEUMONIA").resize(
            (CELL, CELL)
        )
        pen = ImageDraw.Draw(cell)
        for box in boxes.get(row.name, []):
            pen.rectangle(box, outline="cyan")
        x, y = index % COLUMNS * CELL, index // COLUMNS * height
        sheet.paste(cell, (x, y))
        text = f"{row.label}, p(pneumonia) {row.prediction.probabilities['PNEUMONIA']:.2f}"
        colour = "black" if row.decision == row.label else "red"
        ImageDraw.Draw(sheet).text((x + 4, y + CELL + 2), text, fill=colour)
    return sheet


if __name__ == "__main__":
    run_command("python -m hub.analysis heatmaps", main)
