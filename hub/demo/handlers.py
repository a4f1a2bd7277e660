"""Actions of both apps: classify one file or many, at an operating point."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from hub.errors import InputError
from hub.imaging.read import Source
from hub.inference.batch import Result, classify_files
from hub.inference.classifier import Classifier, Prediction
from hub.inference.decision import heatmap_class, report
from hub.inference.heatmap import MAX_SIDE, fit_screen, layer
from hub.models.digests import check_digests
from hub.models.folder import BUNDLED, FILTERS, WEIGHTS

# Of a model on the Hub, what the pages show beside answers: charts and, in the tab "Inside the network", the
# weights, because ONNX Runtime returns no activations between layers, the filters before training, and what
# was prepared of the layers for where PyTorch is missing.
SHOWN = ("*.png", "*.jpg", WEIGHTS, FILTERS, "inside/*")
MODEL_FILE = Path(__file__).parent / "model.txt"  # one line, a Hub id; publishing a Space writes it


@dataclass(frozen=True)
class Answer:
    """A prediction, and what is shown of it.

    `image` is the one that was answered, RGB. `heat` is its heatmap, a palette image with opacity for the
    same area, which may be smaller; None if nothing is coloured. `pixels` is the input of the network, uint8
    [size, size, channels].
    """

    prediction: Prediction
    image: Image.Image
    heat: Image.Image | None
    pixels: np.ndarray

    @property
    def overlay(self) -> Image.Image:
        """Return the image under its heatmap at half strength, RGB."""
        if not self.heat:
            return self.image
        heat = self.heat.convert("RGBA").resize(self.image.size, Image.Resampling.BICUBIC)
        image = self.image.copy()
        image.paste(heat, mask=heat.getchannel("A").point(lambda level: level // 2))
        return image


@dataclass(frozen=True)
class Film:
    """An image as it was given, and how often it was inverted and turned."""

    image: Image.Image
    name: str
    inverted: bool = False
    turns: int = 0


def load_model() -> Classifier:
    """Load the model that MODEL in the environment names, or the default one.

    The default is the one that `MODEL_FILE` names, else the bundled one. Raises InputError if the name is
    neither a model folder nor a model on the Hub, and if any file of it is damaged.
    """
    published = MODEL_FILE.read_text(encoding="utf-8").strip() if MODEL_FILE.is_file() else None
    model = os.environ.get("MODEL") or published or BUNDLED
    classifier = Classifier.from_pretrained(model, also=SHOWN)
    check_digests(classifier.folder)  # of what is read later, too: the pages load torch's weights by and by
    return classifier


def answer(classifier: Classifier, source: Source) -> Answer:
    """Classify one image; raise InputError if it cannot be read."""
    image = classifier.open(source, side=MAX_SIDE)
    pixels = classifier.squash(image)
    (prediction,) = classifier.predict([pixels], [image.info.get("view")])
    # Grey, as the network sees radiographs, before it becomes RGB.
    image = fit_screen(image.convert("L") if classifier.radiograph else image).convert("RGB")
    return Answer(prediction, image, layer(prediction, heatmap_class(prediction), image.size), pixels)


def correct(film: Film, how: str) -> Film:
    """Return a film that is to be inverted, or turned by a quarter more.

    `how` is "invert" or "turn", which is clockwise. Raises InputError for anything else.
    """
    if how == "invert":
        return replace(film, inverted=not film.inverted)
    if how == "turn":
        return replace(film, turns=(film.turns + 1) % 4)
    raise InputError("A film can be inverted or turned; give invert or turn.")


def corrected(film: Film) -> Image.Image:
    """Return the image of a film as its visitor corrected it."""
    image = ImageOps.invert(film.image) if film.inverted else film.image
    return image.rotate(-90 * film.turns, expand=True)


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
