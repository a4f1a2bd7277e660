"""Actions of both apps: classify one file or many, at an operating point."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from hub.imaging.read import Source
from hub.imaging.synthetic import sample_radiographs
from hub.inference.batch import Result, classify_files
from hub.inference.classifier import Classifier, Prediction
from hub.inference.decision import heatmap_class, report
from hub.inference.heatmap import MAX_SIDE, fit_screen, overlay
from hub.models.folder import BUNDLED

MODEL_FILE = Path(__file__).parent / "model.txt"  # one line, a Hub id; publishing a Space writes it


@dataclass(frozen=True)
class Answer:
    """A prediction, and the image as RGB without and with its heatmap.

    `image` and `overlay` have the same size. `pixels` is the input of the network, uint8 [size, size,
    channels].
    """

    prediction: Prediction
    image: Image.Image
    overlay: Image.Image
    pixels: np.ndarray


def load_model() -> Classifier:
    """Load the model that MODEL in the environment names, or the default one.

    The default is the one that `MODEL_FILE` names, else the bundled one. Raises InputError if the name is
    neither a model folder nor a model on the Hub.
    """
    published = MODEL_FILE.read_text(encoding="utf-8").strip() if MODEL_FILE.is_file() else None
    return Classifier.from_pretrained(os.environ.get("MODEL") or published or BUNDLED)


def answer(classifier: Classifier, source: Source) -> Answer:
    """Classify one image; raise InputError if it cannot be read."""
    image = classifier.open(source, side=MAX_SIDE)
    pixels = classifier.squash(image)
    (prediction,) = classifier.predict([pixels], [image.info.get("view")])
    # Resized once for both images, and grey, as the network sees radiographs, before it becomes RGB.
    image = fit_screen(image.convert("L") if classifier.radiograph else image).convert("RGB")
    return Answer(prediction, image, overlay(image, prediction, heatmap_class(prediction)), pixels)


def classify_uploads(classifier: Classifier, paths: list[str], side: int = 0) -> Iterator[Result]:
    """Yield one result per image, named without the folder of the upload.

    Results are those of `classify_files`.
    """
    for result in classify_files(classifier, paths, side=side):
        folder = Path(paths[result.file]).parent
        yield replace(result, name=result.name.removeprefix(f"{folder}/"))


def with_reports(
    classifier: Classifier,
    results: list[Result],
    operating_point: str | None,
    prevalence: float | None = None,
) -> list[tuple[Result, dict | None]]:
    """Return each result of a batch with its `report`.

    The report is None for an error or a note.
    """
    return [
        (result, result.prediction and report(classifier, result.prediction, operating_point, prevalence))
        for result in results
    ]


def write_examples(classifier: Classifier, folder: Path, per_class: int = 3) -> list[Path]:
    """Write the clearest synthetic radiographs into `folder`; return their paths.

    For each class they are at most `per_class` of a small sample, those that the model classifies correctly
    with the highest probability and that pass its input check. A model that does not read radiographs has
    none.
    """
    if not classifier.radiograph:
        return []
    images, labels = sample_radiographs(8 * per_class)
    answers = list(zip(images, labels, classifier(images), strict=True))
    paths = []
    for index, name in enumerate(classifier.classes):
        correct = [
            (prediction.probabilities[name], image)
            for image, label, prediction in answers
            if label == index and prediction.label == name and not prediction.warnings
        ]
        clearest = sorted(correct, key=lambda pair: pair[0], reverse=True)[:per_class]
        for number, (_, image) in enumerate(clearest, 1):
            paths.append(folder / f"synthetic-{name.lower()}-{number}.png")
            image.save(paths[-1])
    return paths
