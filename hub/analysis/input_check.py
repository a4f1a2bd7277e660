"""Measure the input check where it was not fitted: test films, films with faults, other pictures.

  python -m hub.analysis.input_check hub/pretrained --dataset DIR --unlike DIR ... --foreign DIR ... [--save]

Of folders of images those are measured that `python -m hub scope` leaves out of its fit, of Parquet the
test split. --save puts the figures into the model folder and its card. --without-kind also fits checks
that are not kept, each without one of the foreign groups, and measures that group: what becomes of pictures
of a kind that nobody thought of.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from hub.data import decode_cache
from hub.data.splits import load_splits
from hub.errors import InputError, run_command
from hub.inference import input_check
from hub.inference.classifier import Classifier
from hub.models import package
from hub.models.folder import INPUT_CHECK
from hub.training import input_check_fit


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path, metavar="FOLDER", help="a model folder with a check")
    parser.add_argument("--dataset", required=True, help="the films, of which the test split is measured")
    parser.add_argument("--unlike", nargs="*", type=Path, default=[], metavar="DIR", help="as for hub scope")
    parser.add_argument("--foreign", nargs="*", type=Path, default=[], metavar="DIR", help="as for hub scope")
    parser.add_argument("--without-kind", action="store_true", help="also refit without each foreign group")
    parser.add_argument("--save", action="store_true", help="write into the model folder and its card")
    options = parser.parse_args()
    classifier = Classifier(options.model, precision="fp32")
    if not classifier.check:
        raise InputError(f"{options.model} has no {INPUT_CHECK}; python -m hub scope makes it.")
    splits = load_splits(options.dataset)
    films = {
        split: decode_cache.decode_films(dataset, classifier.size)[0]
        for split, dataset in splits.items()
        if split == "test" or options.without_kind
    }
    unlike, foreign = (
        input_check_fit.read_groups(paths, "test") for paths in (options.unlike, options.foreign)
    )
    section = {
        "test": input_check_fit.measure(classifier, films["test"], unlike, foreign),
        "milliseconds": milliseconds(classifier, films["test"][0]),
    }
    print(input_check_fit.format_scope(section["test"]))
    times = section["milliseconds"]
    print(f"one picture, network and all: {times['without']:.2f} ms, with the check {times['with']:.2f}")
    if options.without_kind:
        section["without_kind"] = without_kind(classifier, films, unlike, options.foreign)
        print("\nfitted without the kind that is measured:")
        print(input_check_fit.format_scope(section["without_kind"]))
    if options.save:
        recorded = json.loads((options.model / "metrics.json").read_text()).get("scope", {})
        package.save_metrics(options.model, "scope", recorded | section)


def without_kind(classifier: Classifier, films: dict, unlike: dict, paths: list[Path]) -> dict:
    """Return a row as of `scope_fit.measure` for each foreign group, of a check that never saw its like."""
    foreign = input_check_fit.read_groups(paths)
    samples, held_out = input_check_fit.gather(
        classifier, films["train"], films["validation"], unlike=unlike, foreign=foreign
    )
    channels, rows = input_check_fit.channels(classifier.folder), {}
    for group in tqdm(foreign, "Fitting without", unit=" groups"):
        check = input_check_fit.fit([s for s in samples if s.group != group], held_out, channels)
        mine = np.concatenate([s.statistics for s in samples if s.group == group and not s.altered])
        reasons = input_check.reasons(check, mine)
        rows[group] = input_check_fit.shares(
            [input_check.verdict(reason) for reason in reasons], input_check.FOREIGN
        )
    return rows


def milliseconds(classifier: Classifier, film: np.ndarray, rounds: int = 200) -> dict[str, float]:
    """Return the median time of one answer, in ms, `with` the check and `without`, taking turns."""
    pixels, check = [classifier.read(film)], classifier.check
    times = {"with": [], "without": []}
    for _ in range(rounds):
        for name in times:
            classifier.check = check if name == "with" else None
            start = time.perf_counter()
            classifier.predict(pixels)
            times[name].append(1000 * (time.perf_counter() - start))
    classifier.check = check
    return {name: float(np.median(values)) for name, values in times.items()}


if __name__ == "__main__":
    run_command("hub.analysis.input_check", main)
