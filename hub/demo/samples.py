"""Samples for the pages: a drawn picture for each kind of answer."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter

from hub.batching import batches
from hub.imaging.synthetic import sample_radiographs
from hub.inference.classifier import Classifier, Prediction
from hub.inference.decision import operating_points, report
from hub.inference.input_check import UNLIKE
from hub.prevalence import log_odds

CANDIDATES = 40  # synthetic radiographs to choose from
FIRST = 20  # of them, which are enough where they have each finding
FINDINGS = 3  # signs of pneumonia, none, and a close call
TRIED = 8  # pictures that are classified at once, until one is as it should be
SIZE = 448, 336  # pixels; children's X-rays are about as wide
# Adults' chests are taller, and their X-rays sharper: the share of a child's that stays from top to bottom,
# and how strongly edges are drawn, in per cent, weakest first.
TALLER, SHARPER = 0.9, (150, 200, 250)
FILE_NAMES = {
    "normal": "example-normal.png",
    "pneumonia": "example-pneumonia.png",
    "uncertain": "example-close-call.png",
    "adult": "example-adult.png",
    "upside_down": "example-upside-down.png",
    "picture": "example-boat.png",
}

Choice = tuple[Image.Image, Prediction]


@dataclass(frozen=True)
class Sample:
    """A picture to try, and what it is an example of.

    `name` is a key of `FILE_NAMES`, and of the section "samples" of the words with its caption.
    """

    path: Path
    name: str


def write_samples(classifier: Classifier, folder: Path) -> list[Sample]:
    """Write a picture for each answer that the model gives; return them.

    Each is chosen by the model's own answer, so that its caption is true; a kind that no picture gets is left
    out. A model that does not read radiographs has none.
    """
    if not classifier.radiograph:
        return []
    fine, chosen = [], {}
    for drawn in batches(sample_radiographs(CANDIDATES)[0], FIRST):
        fine += _fine(classifier, [image.resize(SIZE, Image.Resampling.BICUBIC) for image in drawn])
        chosen = _clear_and_close(classifier, fine)
        if len(chosen) == FINDINGS:
            break
    if classifier.check:
        chosen |= _judged(classifier, [image for image, _ in sorted(fine, key=_evidence)])
    return [_write(chosen[name], name, folder) for name in FILE_NAMES if chosen.get(name)]


def _fine(classifier: Classifier, images: list[Image.Image]) -> list[Choice]:
    """Return the images that the check takes without a warning, and their answers."""
    pairs = zip(images, classifier(images), strict=True)
    return [pair for pair in pairs if pair[1].verdict.status not in ("warned", "refused")]


def _clear_and_close(classifier: Classifier, fine: list[Choice]) -> dict[str, Image.Image]:
    """Return the clearest images of both findings, and the most uncertain one."""
    points = operating_points(classifier)
    if not points:
        return {}
    threshold = log_odds(classifier.operating_points[points[0]])
    by_finding = {}
    for choice in sorted(fine, key=_evidence):
        by_finding.setdefault(report(classifier, choice[1])["finding"], []).append(choice)
    chosen = {}
    if clear := by_finding.get("no sign of pneumonia"):
        chosen["normal"] = clear[0][0]
    if sick := by_finding.get("signs of pneumonia"):
        chosen["pneumonia"] = sick[-1][0]
    if close := by_finding.get("uncertain"):
        chosen["uncertain"] = min(close, key=lambda choice: abs(_evidence(choice) - threshold))[0]
    return chosen


def _judged(classifier: Classifier, images: list[Image.Image]) -> dict[str, Image.Image | None]:
    """Return an image for each warning and refusal, made from radiographs.

    They are sorted, the ones that speak least for pneumonia first.
    """
    adults = (_as_of_an_adult(image, edges) for edges in SHARPER for image in images[:TRIED])
    turned = (image.rotate(180) for image in reversed(images))
    return {
        "adult": _first(classifier, adults, lambda verdict: verdict.reason == UNLIKE),
        "upside_down": _first(classifier, turned, lambda verdict: verdict.reason == "turned"),
        "picture": _first(classifier, [sailing_boat()], lambda verdict: verdict.status == "refused"),
    }


def _evidence(choice: Choice) -> float:
    """Return the log likelihood ratio of an image; 0 for more classes than two."""
    ratio = choice[1].likelihood_ratio
    return 0.0 if ratio is None else math.log(max(ratio, 1e-30))


def _first(classifier: Classifier, images: Iterable[Image.Image], wanted: Callable) -> Image.Image | None:
    """Return the first image whose verdict is `wanted`, None if there is none."""
    for some in batches(images, TRIED):
        for image, prediction in zip(some, classifier(list(some)), strict=True):
            if wanted(prediction.verdict):
                return image
    return None


def _as_of_an_adult(image: Image.Image, edges: int) -> Image.Image:
    """Return an X-ray with the proportions and the sharpness of an adult's."""
    width, height = image.size
    margin = height * (1 - TALLER) / 2
    taller = image.resize((400, 400), Image.Resampling.BICUBIC, (0, margin, width, height - margin))
    return taller.filter(ImageFilter.UnsharpMask(radius=5, percent=edges, threshold=0))


def _write(image: Image.Image, name: str, folder: Path) -> Sample:
    path = folder / FILE_NAMES[name]
    image.save(path)
    return Sample(path, name)


def sailing_boat() -> Image.Image:
    """Return a drawing of a sailing boat at sunset: a picture that is no X-ray."""
    scale = 3  # drawn larger and reduced, for smooth edges
    width, height = (scale * side for side in SIZE)
    horizon = int(0.62 * height)
    image = Image.new("RGB", (width, height))
    image.paste(_gradient((38, 70, 130), (255, 196, 130), (width, horizon)), (0, 0))
    image.paste(_gradient((226, 150, 110), (18, 52, 96), (width, height - horizon)), (0, horizon))
    draw = ImageDraw.Draw(image)
    sun_x, sun = int(0.74 * width), int(0.1 * height)
    draw.pieslice((sun_x - sun, horizon - sun, sun_x + sun, horizon + sun), 180, 360, fill=(255, 236, 179))
    for step in range(9):  # its light on the water
        y, half = horizon + (6 + 11 * step) * scale, (34 - 3 * step + 9 * (step % 2)) * scale
        draw.rounded_rectangle((sun_x - half, y, sun_x + half, y + 3 * scale), 2 * scale, (255, 214, 153))
    mast, deck = int(0.4 * width), int(0.74 * height)
    top = int(0.14 * height)
    draw.polygon([(mast + 6, top), (mast + 6, deck - 30), (int(0.62 * width), deck - 30)], (250, 246, 236))
    foot = deck - 30
    draw.polygon([(mast - 12, top + 90), (mast - 12, foot), (int(0.24 * width), foot)], (217, 83, 62))
    draw.rectangle((mast - 5, top - 20, mast + 5, deck), (92, 58, 40))
    left, right, keel = int(0.2 * width), int(0.66 * width), deck + int(0.11 * height)
    draw.polygon([(left, deck), (right, deck), (right - 130, keel), (left + 110, keel)], (120, 45, 38))
    draw.rectangle((left, deck - 14, right, deck + 8), (245, 240, 228))
    for x, y in ((0.08, 0.84), (0.3, 0.93), (0.55, 0.89), (0.8, 0.95), (0.05, 0.7), (0.88, 0.79)):
        box = (x * width, y * height, x * width + 150, y * height + 30)
        draw.arc(box, 200, 340, (196, 214, 236), 2 * scale)
    return image.resize(SIZE, Image.Resampling.LANCZOS)


def _gradient(top: tuple[int, int, int], bottom: tuple[int, int, int], size: tuple[int, int]) -> Image.Image:
    """Return a picture that goes from one colour to another, from top to bottom."""
    column = Image.new("RGB", (1, 2))
    column.putpixel((0, 0), top)
    column.putpixel((0, 1), bottom)
    return column.resize(size, Image.Resampling.BILINEAR, (0, 0.5, 1, 1.5))
