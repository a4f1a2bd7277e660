"""Measure the input check on images that it was not fitted with.

  python -m hub.analysis input_check hub/pretrained --dataset DIR --unlike DIR ... --foreign DIR ... [--save]

They are test radiographs, unchanged and perturbed, and other images: of folders of images, the half that
`python -m hub scope` leaves out of its fit; of Parquet, the test split. --save puts the figures into the
model folder and its card. --without-kind also fits a check without each of the foreign groups in turn and
measures that group: an unseen out-of-distribution source. These checks are not saved.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from hub.data import decode_cache
from hub.data.column_options import add_column_options
from hub.data.splits import load_splits
from hub.errors import InputError, run_command
from hub.inference import input_check
from hub.inference.classifier import Classifier
from hub.models import folder_writer
from hub.models.digests import edited_model
from hub.models.folder import INPUT_CHECK, read_metrics
from hub.models.saving import saving_into
from hub.progress import progress
from hub.training import image_groups, input_check_fit


def main(arguments: list[str] | None = None) -> None:
    """Print the rates of the input check on test radiographs and other images."""
    parser = argparse.ArgumentParser(
        prog="python -m hub.analysis input_check",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("model", type=Path, metavar="FOLDER", help="a model folder with a check")
    add("--dataset", required=True, help="the radiographs, of which the test split is measured")
    add("--unlike", nargs="*", type=Path, default=[], metavar="DIR", help="as for hub scope")
    add("--foreign", nargs="*", type=Path, default=[], metavar="DIR", help="as for hub scope")
    add("--without-kind", action="store_true", help="also refit without each foreign group")
    add("--save", action="store_true", help="write into the model folder and its card")
    add_column_options(parser)
    options = parser.parse_args(arguments)
    groups = {"unlike": options.unlike, "foreign": options.foreign}
    columns = {"image_column": options.image_column, "label_column": options.label_column}
    with saving_into(options.model if options.save else None):
        section = measure(options.model, options.dataset, groups, options.without_kind, **columns)
        if options.save:
            record = read_metrics(options.model).get("scope")
            with edited_model(options.model) as partial:
                folder_writer.save_metrics(
                    partial, "scope", (record if isinstance(record, dict) else {}) | section
                )


def measure(
    model: Path, dataset: str, paths: dict[str, list[Path]], refit: bool, **columns: str | None
) -> dict[str, dict]:
    """Print and return the figures of a model folder's check.

    `paths` are the folders of the groups "unlike" and "foreign"; with `refit` each foreign group is also left
    out of a fit in turn. `columns` are options of `load_splits`. Raises InputError for a folder without a
    check, and for what cannot be read.
    """
    classifier = Classifier(model, precision="fp32")
    if not classifier.check:
        raise InputError(f"{model} has no {INPUT_CHECK}; python -m hub scope makes it.")
    others = image_groups.read_kinds(**paths, split="test")
    radiographs = {
        split: decode_cache.decode_radiographs(rows, classifier.size)[0]
        for split, rows in load_splits(dataset, **columns).items()
        if split == "test" or refit
    }
    section = {
        "test": input_check_fit.measure(classifier, radiographs["test"], **others),
        "milliseconds": milliseconds(model, radiographs["test"][0]),
    }
    print(input_check_fit.format_table(section["test"]))
    times = section["milliseconds"]
    print(f"latency of one image: {times['without']:.2f} ms, with the check {times['with']:.2f} ms")
    if refit:
        section["without_kind"] = without_kind(classifier, radiographs, others["unlike"], paths["foreign"])
        print("\nunseen out-of-distribution sources, each left out of the fit:")
        print(input_check_fit.format_table(section["without_kind"]))
    return section


def without_kind(
    classifier: Classifier, radiographs: dict[str, np.ndarray], unlike: dict, paths: list[Path]
) -> dict:
    """Return a row per foreign group, from a check fitted without it.

    Rows are as in `input_check_fit.measure`. `radiographs` holds the training and validation splits, uint8
    [N, size, size].
    """
    foreign = image_groups.read_groups(paths)
    samples, held_out = input_check_fit.collect_samples(
        classifier, radiographs["train"], radiographs["validation"], unlike=unlike, foreign=foreign
    )
    channels, rows = input_check_fit.channels(classifier.folder), {}
    for group in progress(foreign, "Fitting without", unit=" groups"):
        check = input_check_fit.fit([s for s in samples if s.group != group], held_out, channels)
        unseen = np.concatenate([s.statistics for s in samples if s.group == group and not s.altered])
        reasons = input_check.reasons(check, unseen)
        rows[group] = input_check_fit.shares(
            [input_check.verdict(reason) for reason in reasons], input_check.FOREIGN
        )
    return rows


def milliseconds(folder: Path, radiograph: np.ndarray, rounds: int = 200) -> dict[str, float]:
    """Return the median latency of one image in ms, `with` the check and `without`."""
    classifiers = {
        name: Classifier(folder, check=check, precision="fp32")
        for name, check in (("with", True), ("without", False))
    }
    pixels = [classifiers["with"].read(radiograph)]
    times = {name: [] for name in classifiers}
    for _ in range(rounds):
        for name, classifier in classifiers.items():
            start = time.perf_counter()
            classifier.predict(pixels)
            times[name].append(1000 * (time.perf_counter() - start))
    return {name: float(np.median(values)) for name, values in times.items()}


if __name__ == "__main__":
    run_command("python -m hub.analysis input_check", main)
