"""What both apps show: one model, its examples, and an answer in words and pictures."""

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
from hub.inference.decision import report, shown_class
from hub.inference.heatmap import MAX_SIDE, fit_screen, overlay
from hub.models.folder import BUNDLED


@dataclass(frozen=True)
class Answer:
    """A prediction and its pictures, RGB and alike in size: the film, and the film under its heatmap.

    `pixels` is what the network was given of it, uint8 [size, size, channels].
    """

    prediction: Prediction
    picture: Image.Image
    heatmap: Image.Image
    pixels: np.ndarray


def load_model() -> Classifier:
    """Load the folder or Hub id that MODEL in the environment names, or else the bundled model."""
    return Classifier.from_pretrained(os.environ.get("MODEL") or BUNDLED)


def answer(classifier: Classifier, source: Source) -> Answer:
    """Classify one picture; InputError when it cannot be read."""
    picture = classifier.open(source, side=MAX_SIDE)
    pixels = classifier.squash(picture)
    (prediction,) = classifier.predict([pixels])
    # Made small once for both pictures, and grey, as the network sees radiographs, before it is made RGB.
    picture = fit_screen(picture.convert("L") if classifier.radiograph else picture).convert("RGB")
    return Answer(prediction, picture, overlay(picture, prediction, shown_class(prediction)), pixels)


def classify_uploads(classifier: Classifier, paths: list[str]) -> Iterator[Result]:
    """Yield one result per picture, as `classify_files` does, named without the folder of the upload."""
    for result in classify_files(classifier, paths):
        folder = Path(paths[result.file]).parent
        yield replace(result, name=result.name.removeprefix(f"{folder}/"))


def with_reports(
    classifier: Classifier, results: list[Result], operating_point: str | None
) -> list[tuple[Result, dict | None]]:
    """Return each result of a batch and its `report`, None where the file could not be read."""
    return [
        (result, result.prediction and report(classifier, result.prediction, operating_point))
        for result in results
    ]


def write_examples(classifier: Classifier, folder: Path, per_class: int = 3) -> list[Path]:
    """Write the clearest of a few synthetic radiographs into `folder`; return their paths.

    Per class those that the model is surest of, rightly, and that its input check has nothing against.
    None for a model that does not read radiographs.
    """
    if not classifier.radiograph:
        return []
    pictures, labels = sample_radiographs(8 * per_class)
    answers = list(zip(pictures, labels, classifier(pictures), strict=True))
    paths = []
    for index, name in enumerate(classifier.classes):
        right = [
            (prediction.probabilities[name], picture)
            for picture, label, prediction in answers
            if label == index and prediction.label == name and not prediction.warnings
        ]
        surest = sorted(right, key=lambda pair: pair[0], reverse=True)[:per_class]
        for number, (_, picture) in enumerate(surest, 1):
            paths.append(folder / f"synthetic-{name.lower()}-{number}.png")
            picture.save(paths[-1])
    return paths
