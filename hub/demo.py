"""What both apps show: one model, its examples, and an answer in words and pictures."""

import os
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from hub.classifier import Classifier, Prediction
from hub.files import BUNDLED
from hub.heatmap import overlay
from hub.images import Source, read_image
from hub.synthetic import sample_radiographs

RADIOGRAPH_WORDS = {
    "title": "Is it pneumonia?",
    "introduction": "Drop in a child's chest X-ray: a small neural network says how likely pneumonia is, "
    "and shows where in the film it finds the evidence.",
    "disclaimer": "Research software, not a diagnosis. Trained on films of children aged one to five from "
    "one hospital; do not use it to decide about anybody's care.",
    "picture": "Chest X-ray",
    "heatmap": "Colour marks what speaks for pneumonia, from yellow (a little) to red (a lot). It is the "
    "model's last layer, applied spot by spot: it shows what the model used, not where disease is.",
}
OTHER_WORDS = {
    "title": "What is in the picture?",
    "introduction": "Drop in a picture: the model says which of its classes it is most like.",
    "disclaimer": "Research software: the answer is always one of the model's classes.",
    "picture": "Picture",
    "heatmap": "Colour marks what speaks for the answer, from yellow (a little) to red (a lot).",
}


def words(classifier: Classifier) -> dict[str, str]:
    """Return the sentences of the page for this model."""
    return RADIOGRAPH_WORDS if classifier.radiograph else OTHER_WORDS


@dataclass(frozen=True)
class Answer:
    """A prediction in a form to show: the film, the film under its heatmap, and a sentence."""

    prediction: Prediction
    picture: Image.Image
    heatmap: Image.Image
    headline: str


def load_model() -> Classifier:
    """Load the folder or Hub id that MODEL in the environment names, or else the bundled model."""
    return Classifier.from_pretrained(os.environ.get("MODEL") or BUNDLED)


def answer(classifier: Classifier, source: Source) -> Answer:
    """Classify one picture; InputError when it cannot be read."""
    picture = read_image(source)
    prediction = classifier(picture)
    if classifier.radiograph:
        picture = picture.convert("L")
    return Answer(
        prediction=prediction,
        picture=picture.convert("RGB"),
        heatmap=overlay(picture, prediction, _shown_class(classifier, prediction)),
        headline=_headline(classifier, prediction),
    )


def write_examples(classifier: Classifier, folder: Path, per_class: int = 3) -> list[Path]:
    """Write synthetic radiographs that the model gets right into `folder`; return their paths.

    None for a model that does not read radiographs.
    """
    if not classifier.radiograph:
        return []
    pictures, labels = sample_radiographs(8 * per_class)
    paths = {name: [] for name in classifier.classes}
    for picture, label, prediction in zip(pictures, labels, classifier(pictures), strict=True):
        name = classifier.classes[label]
        if prediction.label == name and len(paths[name]) < per_class:
            paths[name].append(folder / f"synthetic-{name.lower()}-{len(paths[name]) + 1}.png")
            picture.save(paths[name][-1])
    return [path for group in paths.values() for path in group]


def _shown_class(classifier: Classifier, prediction: Prediction) -> str:
    """Return the class whose evidence the heatmap shows: the disease, or else the answer."""
    return "PNEUMONIA" if classifier.radiograph else prediction.label


def _headline(classifier: Classifier, prediction: Prediction) -> str:
    probability = prediction.probabilities[prediction.label]
    percent = "over 99 %" if probability > 0.99 else f"{100 * probability:.0f} %"
    if not classifier.radiograph:
        return f"{prediction.label}, probability {percent}"
    finding = "Signs of pneumonia" if prediction.label == "PNEUMONIA" else "No sign of pneumonia"
    return f"{finding}, probability {percent}"
