"""Look where the model looks: 50 test films under their heatmaps, the failures, the heat in the lungs.

  python -m hub.analysis.heatmaps hub/pretrained --dataset DIR [--save]

The 50 films are those of lung_boxes.csv, 25 of each class drawn by lot, with boxes drawn by hand around
both lungs (px of 224). The share of heat in the lungs is the part of the positive evidence for
pneumonia, spot by spot, that lies inside them; beside it stands their share of the area, which an
even heatmap would have. --save puts pictures and figures into the model folder and its card.
"""

import argparse
import csv
import json
import math
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from datasets import Image as ImageFeature
from PIL import Image, ImageDraw
from tqdm.auto import tqdm

from hub.data.splits import load_splits
from hub.errors import InputError, run_command
from hub.inference.classifier import Classifier, Prediction
from hub.inference.heatmap import local_log_odds, overlay
from hub.models import package

BOXES = Path(__file__).parent / "lung_boxes.csv"
COLUMNS, CELL = 10, 224


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m hub.analysis.heatmaps",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", metavar="MODEL", help="a model folder")
    parser.add_argument("--dataset", required=True, help="the folder that the boxes were drawn on")
    parser.add_argument("--output", type=Path, default=Path(), help="where to write (default: here)")
    parser.add_argument("--save", action="store_true", help="write into the model folder and its card")
    options = parser.parse_args(arguments)
    folder = Path(options.model) if options.save else options.output

    boxes = read_boxes()
    classifier = Classifier.from_pretrained(options.model, precision="fp32")
    test = load_splits(options.dataset)["test"].cast_column("image", ImageFeature(decode=False))
    paths = [image["path"] for image in test["image"]]
    truth = [classifier.classes[label] for label in test["label"]]
    if missing := boxes.keys() - {Path(path).name for path in paths}:
        raise InputError(
            f"{len(missing)} of the {len(boxes)} films with lung boxes are not in the test split of "
            f"{options.dataset}; give Kermany's chest X-rays as a folder."
        )
    predictions = []
    for start in tqdm(range(0, len(paths), 32), "Classifying", unit=" batches"):
        pictures = [classifier.read(path) for path in paths[start : start + 32]]
        predictions += classifier.predict(pictures, always=True)
    rows = {Path(path).name: row for path, *row in zip(paths, paths, truth, predictions, strict=True)}
    drawn = [(name, *rows[name]) for name in boxes]
    failures = [(name, *row) for name, row in rows.items() if row[1] != row[2].label]
    failures.sort(key=lambda row: row[3].probabilities[row[2]])
    contact_sheet(drawn, boxes).save(folder / "heatmaps.jpg", quality=80)
    contact_sheet(failures, {}).save(folder / "failures.jpg", quality=80)

    figures = {"films": len(drawn), "failures": len(failures)}
    for label in classifier.classes:
        mine = [(prediction, boxes[name]) for name, _, true, prediction in drawn if true == label]
        shares = [heat_in_boxes(prediction, box) for prediction, box in mine]
        areas = [lung_mask(box).mean() for _, box in mine]
        figures[label] = {
            "heat_in_lungs": float(np.nanmean(shares)),
            "area_of_lungs": float(np.mean(areas)),
            "without_heat": int(np.isnan(shares).sum()),
        }
    print(json.dumps(figures, indent=2))
    if options.save:
        package.save_metrics(folder, "heatmaps", figures)


def read_boxes() -> dict[str, list[tuple[int, int, int, int]]]:
    """Return for each file name the boxes x0, y0, x1, y1 around the two lungs, in px of 224."""
    with BOXES.open() as file:
        rows = {row.pop("file"): [int(value) for value in row.values()] for row in csv.DictReader(file)}
    return {name: [tuple(row[:4]), tuple(row[4:])] for name, row in rows.items()}


def lung_mask(boxes: list[tuple[int, int, int, int]]) -> np.ndarray:
    """Return bool [224, 224], true inside the boxes."""
    mask = np.zeros((CELL, CELL), dtype=bool)
    for x0, y0, x1, y1 in boxes:
        mask[y0:y1, x0:x1] = True
    return mask


def heat_in_boxes(prediction: Prediction, boxes: list[tuple[int, int, int, int]]) -> float:
    """Return the share of the evidence for pneumonia inside the boxes; NaN where there is none at all."""
    heat = torch.from_numpy(local_log_odds(prediction, "PNEUMONIA")).clamp(min=0)
    heat = F.interpolate(heat[None, None], (CELL, CELL), mode="bilinear")[0, 0].numpy()
    return float(heat[lung_mask(boxes)].sum() / heat.sum()) if heat.sum() > 0 else math.nan


def contact_sheet(films: list[tuple], boxes: dict) -> Image.Image:
    """Return the films under their heatmaps, ten to a row, each with truth and probability below."""
    height = CELL + 18
    sheet = Image.new("RGB", (COLUMNS * CELL, math.ceil(len(films) / COLUMNS) * height), "white")
    for place, (name, path, true, prediction) in enumerate(films):
        cell = overlay(Image.open(path).convert("L"), prediction, "PNEUMONIA").resize((CELL, CELL))
        pen = ImageDraw.Draw(cell)
        for box in boxes.get(name, []):
            pen.rectangle(box, outline="cyan")
        x, y = place % COLUMNS * CELL, place // COLUMNS * height
        sheet.paste(cell, (x, y))
        right = prediction.label == true
        text = f"{true}, p(pneumonia) {prediction.probabilities['PNEUMONIA']:.2f}"
        ImageDraw.Draw(sheet).text((x + 4, y + CELL + 2), text, fill="black" if right else "red")
    return sheet


if __name__ == "__main__":
    run_command("python -m hub.analysis.heatmaps", main)
