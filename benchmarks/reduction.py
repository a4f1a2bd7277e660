"""Compare answers to JPEGs decoded at reduced scale and decoded whole.

  python -m benchmarks.reduction --films DIR [--side 2000] [--save]

Every image of DIR is enlarged, stored as JPEG and read twice: as `Classifier` does, and decoded whole before
it is resized, as for training. --save puts the figures into results.json.
"""

import argparse
import io
import time
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm.auto import tqdm

from benchmarks import inference, machine, records
from hub.errors import InputError, run_command
from hub.imaging.read import read_pixels
from hub.inference.classifier import Classifier

NEAR = 0.01  # in probability


def main(arguments: list[str] | None = None) -> None:
    """Compare both ways to decode images, and print the figures.

    Raises InputError without images, and for a side below 1.
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.reduction",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--films", type=Path, metavar="DIR", help="a folder of images, its subfolders too")
    parser.add_argument("--side", type=int, default=2000, help="pixels (default: %(default)s)")
    parser.add_argument("--save", action="store_true", help="put the figures into results.json")
    options = parser.parse_args(arguments)
    records.check(options.save, records.RECORD)
    if options.side < 1:
        raise InputError("Give --side of 1 or more.")
    paths = inference.find_images(options.films) if options.films else []
    if not paths:
        raise InputError("There are no films to read; give --films DIR.")
    record = compare(paths, options.side) | {"machine": machine.describe()}
    print(format_record(record))
    if options.save:
        records.save("reduction", record)


def compare(paths: list[Path], side: int) -> dict:
    """Return how many answers change at reduced scale, and milliseconds of reading."""
    classifier = Classifier.from_pretrained()
    readers = {
        "reduced": classifier.read,
        "whole": lambda image: read_pixels(image, classifier.size, classifier.channels, True, crop=True),
    }
    seconds, probabilities = {name: [] for name in readers}, {name: [] for name in readers}
    for path in tqdm(paths, "Reading twice", unit=" images"):
        image = enlarge(path, side)
        for name, read in readers.items():
            start = time.perf_counter()
            pixels = read(image)
            seconds[name].append(time.perf_counter() - start)
            (prediction,) = classifier.predict([pixels], always=True)
            probabilities[name].append(list(prediction.probabilities.values()))
    reduced, whole = (np.array(probabilities[name]) for name in readers)
    return {
        "films": len(paths),
        "side": side,
        "labels_changed": int((reduced.argmax(1) != whole.argmax(1)).sum()),
        "probabilities_moved": int((np.abs(reduced - whole).max(1) > NEAR).sum()),
        "milliseconds": {name: round(1000 * float(np.median(times)), 2) for name, times in seconds.items()},
    }


def enlarge(path: Path, side: int) -> bytes:
    """Return an image as a grey JPEG of `side` x `side` pixels."""
    file = io.BytesIO()
    with Image.open(path) as image:
        image.convert("L").resize((side, side), Image.Resampling.BICUBIC).save(file, "JPEG", quality=90)
    return file.getvalue()


def format_record(record: dict) -> str:
    """Return the figures as a paragraph of Markdown."""
    images, side, times = (record[name] for name in ("films", "side", "milliseconds"))
    near = 100 * (1 - record["probabilities_moved"] / images)
    return (
        f"Large JPEGs are decoded at reduced scale: {side:,} x {side:,} pixels are read in "
        f"{times['reduced']:.0f} ms instead of {times['whole']:.0f}. Compared with whole decoding, "
        f"{record['labels_changed']} of {images} labels changes, and {near:.1f} % of the probabilities stay "
        f"within {NEAR}."
    )


if __name__ == "__main__":
    run_command("python -m benchmarks.reduction", main)
