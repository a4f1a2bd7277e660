"""Classify image files, one line of output each."""

import json
import sys
from argparse import _SubParsersAction
from dataclasses import asdict
from pathlib import PurePath
from typing import TYPE_CHECKING

from hub.prevalence import EVEN
from hub.text import one_line

if TYPE_CHECKING:
    from hub.inference.batch import Result


def add_parser(commands: _SubParsersAction) -> None:
    """Add the command and its arguments, which are those of `run`."""
    parser = commands.add_parser(
        "classify",
        help="classify image files",
        description="Print one line per file. A file that cannot be read does not stop the rest, and makes "
        "the exit code 2; for one that the input check refuses the line says why, and the exit code stays 0. "
        "What else a folder or ZIP holds is counted in one line.",
    )
    parser.set_defaults(run=run)
    add = parser.add_argument
    add(
        "files",
        nargs="+",
        metavar="FILE",
        help="an image in any usual format, DICOM, or a ZIP or folder of them",
    )
    add("--model", help="a model folder or Hub id (default: the bundled model)")
    add(
        "--precision",
        choices=("fp32", "int8"),
        help="default: int8 where it changes hardly a label of the test split, else fp32",
    )
    add(
        "--prevalence",
        type=float,
        default=EVEN,
        metavar="SHARE",
        help="how common the second of two classes is where the images were taken, such as 0.1 where one "
        "child in ten with an X-ray has pneumonia; the probability is for it, the label does not change "
        "(default: 0.5, even odds)",
    )
    add(
        "--json",
        dest="as_json",
        action="store_true",
        help="one JSON object per line: file, label (null when refused), probabilities, prevalence, "
        "likelihood_ratio (of two classes), warnings, verdict (status, reason and sentence; null when not "
        "read), error, note (what a ZIP or folder held besides)",
    )


def run(files: list[str], model: str | None, precision: str | None, prevalence: float, as_json: bool) -> int:
    """Print one line per file and return the exit code.

    It is 2 if a file could not be read, else 0. Raises InputError for a prevalence that is not between 0 and
    1, before anything is read.
    """
    from tqdm.auto import tqdm

    from hub.imaging.formats import SUFFIXES
    from hub.inference.batch import classify_files
    from hub.inference.classifier import Classifier
    from hub.models.folder import BUNDLED

    classifier = Classifier.from_pretrained(model or BUNDLED, precision=precision, prevalence=prevalence)
    one_each = all(PurePath(file).suffix.lower() in SUFFIXES for file in files)
    total = len(files) if one_each else None  # of a ZIP or folder nobody knows how many
    results = classify_files(classifier, files, folders=True)
    failed = False
    # On a terminal only (disable=None), and only where it takes longer than a second.
    for result in tqdm(results, total=total, unit=" files", delay=1, leave=False, disable=None):
        failed = failed or result.error is not None
        tqdm.write(json.dumps(_row(result)) if as_json else one_line(_line(result)))
        sys.stdout.flush()
    return 2 if failed else 0


def _row(result: "Result") -> dict:
    """Return the JSON object that --json prints for a file."""
    prediction = result.prediction
    return {
        "file": result.name,
        "label": prediction.label if prediction else None,
        "probabilities": prediction.probabilities if prediction else {},
        "prevalence": prediction.prevalence if prediction else None,
        "likelihood_ratio": prediction.likelihood_ratio if prediction else None,
        "warnings": prediction.warnings if prediction else [],
        "verdict": asdict(prediction.verdict) if prediction else None,
        "error": result.error,
        "note": result.note,
    }


def _line(result: "Result") -> str:
    prediction = result.prediction
    if prediction is None:
        return f"{result.name}: {result.error or result.note}"
    if prediction.label is None:
        return f"{result.name}: {prediction.verdict.sentence}"
    answer = f"{prediction.label} {prediction.probabilities[prediction.label]:.3f}"
    if prediction.prevalence != EVEN:
        positive, probability = [*prediction.probabilities.items()][1]
        answer = (
            f"{prediction.label}, {positive} {probability:.3f} at a prevalence of {prediction.prevalence:g}"
        )
    if prediction.warnings:
        return f"{result.name}: not reliable: {' '.join(prediction.warnings)} ({answer})"
    return f"{result.name}: {answer}"
