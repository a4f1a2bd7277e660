"""Choose how deep greys are stretched to 8 bits, on training radiographs.

  python -m hub.analysis deep_greys --dataset DIR

A radiograph of 16 bits that gives no window is stretched between two percentiles of its pixels, which are
moved apart by a share of their distance (hub/imaging/greys.py). For each pair and each share, this measures
by how much the probability of 16-bit copies differs from that of the 8-bit radiograph: of whole copies, and
of copies with pixels that are hot, dead or a white marker, against the 8-bit radiograph with the same pixels
white or black. The figures go into docs/model-selection/deep_greys.json.

The rule, written down before: the narrowest percentiles with which the 99th percentile of the difference is
at most 0.15 for every copy with a hot pixel or a marker, and of their shares the one with which it is
smallest for whole copies.
"""

import argparse
import itertools
from collections.abc import Callable

import numpy as np
from PIL import Image

from hub import files
from hub.analysis.selection_tables import records_folder
from hub.data import decode_cache
from hub.data.splits import load_splits
from hub.errors import InputError, run_command
from hub.imaging import greys
from hub.inference.classifier import Classifier
from hub.progress import progress
from hub.text import markdown_table

RECORD = "deep_greys.json"
MOST = 0.15  # of the 99th percentile of the difference, for copies with a hot pixel or a marker
# More than 2 % of the pixels would cut off the strokes of a digit.
PERCENTILES = ((0.1, 99.9), (0.5, 99.5), (1, 99), (2, 98))
WIDENINGS = (0, 0.1, 0.25)
LOWEST_AND_HIGHEST = ((0, 100), 0)  # the stretch that one pixel can move, to compare with
WHITE = 65_535
STEP = 16  # from 8 bits to 12, in 16
OFFSET = 1_000  # what a detector adds to every pixel that is not dead
DEAD = 20  # pixels


def main(arguments: list[str] | None = None) -> None:
    """Print and record the figures of each setting, and the rule's choice."""
    parser = argparse.ArgumentParser(
        prog="python -m hub.analysis deep_greys",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--dataset", required=True, help="the radiographs, of which the train split is read")
    parser.add_argument("--images", type=int, default=200, help="how many of them, drawn at random")
    options = parser.parse_args(arguments)
    record = records_folder() / RECORD
    files.check_writable(record)
    train = load_splits(options.dataset)["train"]
    if not 1 <= options.images <= len(train):
        raise InputError(f"--images {options.images}: give a number from 1 to {len(train)}.")
    classifier = Classifier.from_pretrained(precision="fp32")
    drawn = np.random.default_rng(1).permutation(len(train))[: options.images]
    radiographs, _ = decode_cache.decode_radiographs(train.select(drawn), classifier.size)
    rows = measure(classifier, radiographs)
    print(format_rows(rows))
    choice = choose(rows)
    files.write_json(record, {"images": options.images, "rows": rows, "choice": choice})
    print(f"the rule chooses percentiles {choice['percentiles']}, moved apart by {choice['widening']}")


def measure(classifier: Classifier, radiographs: np.ndarray) -> list[dict]:
    """Return a row per setting with the differences of each kind of copy.

    `radiographs` are uint8 [N, H, W]. The differences, absolute and of the last class's probability, are
    given as median, 99th percentile and maximum.
    """
    expected, copies = {}, {}
    for name, draw in KINDS.items():
        expected[name] = _probabilities(classifier, [_draw(image, draw, 255) for image in radiographs])
        deep = radiographs.astype(np.uint16) * STEP + OFFSET
        copies[name] = [_draw(image, draw, WHITE) for image in deep]
    settings = [LOWEST_AND_HIGHEST, *itertools.product(PERCENTILES, WIDENINGS)]
    rows = []
    for percentiles, widening in progress(settings, "Stretching", unit=" settings"):
        row = {"percentiles": list(percentiles), "widening": widening, "differences": {}}
        for name, deep in copies.items():
            stretched = [_stretch(image, percentiles, widening) for image in deep]
            differences = np.abs(_probabilities(classifier, stretched) - expected[name])
            row["differences"][name] = np.quantile(differences, (0.5, 0.99, 1)).round(4).tolist()
        rows.append(row)
    return rows


def choose(rows: list[dict]) -> dict:
    """Return percentiles and widening of the row that the rule chooses.

    Raises InputError where no row meets it.
    """
    fits = [row for row in rows if max(row["differences"][name][1] for name in BRIGHT) <= MOST]
    if not fits:
        raise InputError("No setting meets the rule on so few radiographs; give more with --images.")
    best = min(fits, key=lambda row: (-row["percentiles"][1], row["differences"]["whole"][1]))
    return {name: best[name] for name in ("percentiles", "widening")}


def format_rows(rows: list[dict]) -> str:
    """Return the rows as a table, each cell the median, 99th percentile, maximum."""
    lines = [
        [
            "{} to {}".format(*row["percentiles"]),
            row["widening"],
            *(" ".join(f"{value:.3f}" for value in values) for values in row["differences"].values()),
        ]
        for row in rows
    ]
    return markdown_table(["Percentiles", "Widening", *rows[0]["differences"]], lines)


def _hot_pixel(image: np.ndarray, white: int, random: np.random.Generator) -> None:
    image.flat[random.integers(image.size)] = white


def _dead_pixels(image: np.ndarray, white: int, random: np.random.Generator) -> None:
    image.flat[random.integers(image.size, size=DEAD)] = 0


def _marker(share: float) -> Callable[[np.ndarray, int, np.random.Generator], None]:
    """Return a function that draws a white square of this share of the pixels."""

    def draw(image: np.ndarray, white: int, random: np.random.Generator) -> None:
        side, margin = round((share * image.size) ** 0.5), len(image) // 12
        image[margin : margin + side, margin : margin + side] = white

    return draw


KINDS = {
    "whole": lambda image, white, random: None,
    "hot pixel": _hot_pixel,
    "dead pixels": _dead_pixels,
    "marker of 0.1 %": _marker(0.001),
    "marker of 0.3 %": _marker(0.003),
    "marker of 0.5 %": _marker(0.005),
}
BRIGHT = ("hot pixel", "marker of 0.1 %", "marker of 0.3 %", "marker of 0.5 %")


def _draw(image: np.ndarray, draw: Callable, white: int) -> np.ndarray:
    """Return a copy of an image on which `draw` has drawn, always in the same places."""
    copy = image.copy()
    draw(copy, white, np.random.default_rng(0))
    return copy


def _stretch(deep: np.ndarray, percentiles: tuple[float, float], widening: float) -> np.ndarray:
    counts = np.bincount(deep.ravel(), minlength=WHITE + 1)
    values = np.flatnonzero(counts)
    return greys.scale(deep, *greys.limits(values, counts[values], percentiles, widening))


def _probabilities(classifier: Classifier, images: list[np.ndarray] | np.ndarray) -> np.ndarray:
    """Return the probability of the last class for grey images, uint8 [H, W]."""
    inputs = [classifier.read(Image.fromarray(image)) for image in images]
    last = classifier.classes[-1]
    return np.array([answer.probabilities[last] for answer in classifier.predict(inputs, always=True)])


if __name__ == "__main__":
    run_command("python -m hub.analysis deep_greys", main)
