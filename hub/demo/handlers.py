"""What both apps show: one model, its examples, and an answer in words and pictures."""

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from hub.errors import InputError
from hub.files import BUNDLED
from hub.imaging.read import Source
from hub.imaging.synthetic import sample_radiographs
from hub.inference.batch import Result, classify_files
from hub.inference.classifier import Classifier, Prediction
from hub.inference.heatmap import MAX_SIDE, fit_screen, overlay

RADIOGRAPH_WORDS = {
    "title": "Is it pneumonia?",
    "introduction": "Give a child's chest X-ray: read how likely pneumonia is, and see where the "
    "evidence lies.",
    "disclaimer": "Research software, not a diagnosis. It knows films of children aged one to five of one "
    "hospital.",
    "one": "One film",
    "api": None,  # the docstring of the endpoint
    "picture": "Chest X-ray",
    "heatmap": "Colour marks what speaks for pneumonia, from faint yellow (a little) to red (a lot): what "
    "the model used, not where disease is.",
}
OTHER_WORDS = {
    "title": "What is in the picture?",
    "introduction": "A picture in: which of its classes the model finds it most like.",
    "disclaimer": "Research software: the answer is always one of the model's classes.",
    "one": "Picture",
    "api": "Say which of its classes the model finds a picture most like.",
    "picture": "Picture",
    "heatmap": "Colour marks what speaks for the answer, from faint yellow (a little) to red (a lot).",
}
OPERATING_POINTS = {
    "balanced": "weighs a missed pneumonia and a false alarm alike",
    "screening": "misses as little pneumonia as it can, at the price of more false alarms",
}
NEAR = 2  # odds within this factor of the threshold's are too close to call
FINDINGS = {
    "signs of pneumonia": "Signs of pneumonia",
    "no sign of pneumonia": "No sign of pneumonia",
    "uncertain": "Uncertain",
}
SHARE, CHECK = "Calibrated probability", "Input check"  # columns of the batch table


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


def words(classifier: Classifier) -> dict[str, str | None]:
    """Return the sentences of the page for this model."""
    return RADIOGRAPH_WORDS if classifier.radiograph else OTHER_WORDS


def operating_points(classifier: Classifier) -> list[str]:
    """Return the names of the operating points to choose from, the usual one first; [] without any."""
    if "PNEUMONIA" not in classifier.classes:
        return []
    return [name for name in OPERATING_POINTS if name in classifier.operating_points]


def answer(classifier: Classifier, source: Source) -> Answer:
    """Classify one picture; InputError when it cannot be read."""
    picture = classifier.open(source, side=MAX_SIDE)
    pixels = classifier.squash(picture)
    (prediction,) = classifier.predict([pixels])
    # Made small once for both pictures, and grey, as the network sees radiographs, before it is made RGB.
    picture = fit_screen(picture.convert("L") if classifier.radiograph else picture).convert("RGB")
    return Answer(prediction, picture, overlay(picture, prediction, shown_class(prediction)), pixels)


def shown_class(prediction: Prediction) -> str | None:
    """Return the class whose heatmap is shown."""
    return "PNEUMONIA" if "PNEUMONIA" in prediction.heatmaps else prediction.label


def classify_uploads(classifier: Classifier, paths: list[str]) -> Iterator[Result]:
    """Yield one result per picture, as `classify_files` does, named without the folder of the upload."""
    for result in classify_files(classifier, paths):
        folder = Path(paths[result.file]).parent
        yield replace(result, name=result.name.removeprefix(f"{folder}/"))


def find(probability: float, threshold: float) -> str:
    """Return the finding for a probability of pneumonia: one of FINDINGS, "uncertain" near the threshold."""
    distance = log_odds(probability) - log_odds(threshold)
    if abs(distance) < math.log(NEAR):
        return "uncertain"
    return "signs of pneumonia" if distance > 0 else "no sign of pneumonia"


def log_odds(probability: float) -> float:
    """Return the natural logarithm of the odds, finite for 0 and 1, too."""
    probability = min(max(probability, 1e-9), 1 - 1e-9)
    return math.log(probability / (1 - probability))


def report(classifier: Classifier, prediction: Prediction, operating_point: str | None = None) -> dict:
    """Return the answer at one operating point as plain JSON; this is what the API gives.

    `label` is the class: PNEUMONIA from the threshold up, by argmax where the model has no operating
    points. `finding` is one of FINDINGS, `probability` the calibrated probability of pneumonia; both are
    None for other models, and like `label` where the input check refuses. `verdict` is that check's.
    Raises InputError for an operating point that the model does not have.
    """
    points = operating_points(classifier)
    if operating_point and points and operating_point not in points:
        raise InputError(f"There is no operating point {operating_point}; give {' or '.join(points)}.")
    name = (operating_point or points[0]) if points else None
    threshold = classifier.operating_points[name] if points else None
    probability = prediction.probabilities.get("PNEUMONIA")
    label, finding = prediction.label, None
    if points and probability is not None:
        label = "PNEUMONIA" if probability >= threshold else "NORMAL"
        finding = find(probability, threshold)
    verdict = prediction.verdict
    return {
        "label": label,
        "finding": finding,
        "probability": probability,
        "probabilities": dict(prediction.probabilities),
        "operating_point": name,
        "threshold": threshold,
        "verdict": {"status": verdict.status, "reason": verdict.reason, "sentence": verdict.sentence},
    }


def with_reports(
    classifier: Classifier, results: list[Result], operating_point: str | None
) -> list[tuple[Result, dict | None]]:
    """Return each result of a batch and its `report`, None where the file could not be read."""
    return [
        (result, result.prediction and report(classifier, result.prediction, operating_point))
        for result in results
    ]


def headline(report: dict) -> str:
    """Return the answer in a few words: the finding, or else the class; "No answer" where refused."""
    if report["label"] is None:
        return "No answer"
    return FINDINGS[report["finding"]] if report["finding"] else report["label"]


def advice(report: dict) -> str:
    """Return what the answer means at its operating point, in a sentence or two; "" where it says it all."""
    if report["finding"] is None:
        return ""
    threshold = f"the {report['operating_point']} threshold of {percent(report['threshold'])}"
    if report["finding"] == "uncertain":
        return (
            f"Too close to call: the odds are within a factor of {NEAR} of those of {threshold}. "
            "Have a person look at this film."
        )
    side = "Above" if report["finding"] == "signs of pneumonia" else "Below"
    return f"{side} {threshold}, by more than the factor of {NEAR} in odds that counts as uncertain."


def check_words(report: dict) -> str:
    """Return what the input check says of the picture, in a sentence."""
    verdict = report["verdict"]
    if verdict["status"] == "fine":
        return "Input check: a film like those it knows."
    if verdict["status"] == "unchecked":
        return "Input check: this model has none, and answers whatever it is shown."
    return verdict["sentence"]


def most_probable(report: dict) -> list[tuple[str, float]]:
    """Return the five most probable classes and their probabilities, the highest first."""
    return sorted(report["probabilities"].items(), key=lambda pair: pair[1], reverse=True)[:5]


def table_row(name: str, report: dict | None, error: str | None) -> dict:
    """Return a row of the batch table, by column; without a report, the file could not be read."""
    if report is None:
        return {"Name": name, "Answer": "No answer", SHARE: None, CHECK: error}
    share = report["probability"]
    if report["finding"] is None:
        share = max(report["probabilities"].values(), default=None)
    verdict = report["verdict"]
    check = verdict["sentence"] or {"fine": "fine", "unchecked": "not checked"}[verdict["status"]]
    return {"Name": name, "Answer": headline(report), SHARE: share, CHECK: check}


def explain_point(name: str, metrics: dict) -> str:
    """Return what an operating point is for, with the sensitivity and specificity that `metrics` has."""
    figures = {
        split: [percent(metrics[split][f"{name}_{what}"]["value"]) for what in ("sensitivity", "specificity")]
        for split in ("validation", "test")
        if {f"{name}_sensitivity", f"{name}_specificity"} <= metrics.get(split, {}).keys()
    }
    sentences = [f"{name.capitalize()} {OPERATING_POINTS[name]}."]
    if "validation" in figures:
        found, cleared = figures["validation"]
        sentences.append(
            f"On validation films: sensitivity {found} (share of pneumonia found), specificity {cleared} "
            "(share of normal films cleared)."
        )
    if "test" in figures:
        sentences.append("On test films: {} and {}.".format(*figures["test"]))
    return " ".join(sentences)


def percent(share: float) -> str:
    """Return a share of 1 in per cent, with a no-break space; never 0 or 100 for what is neither."""
    digits = 0 if 0.095 <= share <= 0.99 else 1
    if 0 < share < 0.0005:
        return "under 0.1\u00a0%"
    if 0.9995 <= share < 1:
        return "over 99.9\u00a0%"
    return f"{100 * share:.{digits}f}".removesuffix(".0") + "\u00a0%"


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
