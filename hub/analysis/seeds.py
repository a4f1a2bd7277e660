"""Compare runs that differ in the seed, and choose one by the rule.

  python -m hub.analysis seeds runs/seed0 runs/seed1 runs/seed2 [--save runs/seed1]

The rule, written down before these runs: the highest AUC on the validation radiographs together with three
shifted views and one swapped view of each, which train.py leaves in metrics.json. The test figures of
runs that `python -m hub evaluate RUN --dataset DIR --save` has measured are shown beside it and choose
nothing. --save puts the table into the metrics and card of the run that the rule chooses.
"""

import argparse
import json
import math
import statistics
from collections.abc import Callable
from pathlib import Path

from hub.errors import InputError, run_command
from hub.models import folder_writer
from hub.models.digests import edited_model
from hub.models.folder import read_json
from hub.models.saving import saving_into

METRICS = ("accuracy", "auc", "sensitivity", "specificity", "ece")


def main(arguments: list[str] | None = None) -> None:
    """Print the table of the runs and the run that the rule chooses."""
    parser = argparse.ArgumentParser(
        prog="python -m hub.analysis seeds",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="model folders of train.py")
    parser.add_argument("--save", type=Path, metavar="MODEL", help="put the table into the card of this run")
    parser.add_argument(
        "--earlier",
        nargs="+",
        type=Path,
        default=[],
        metavar="FILE",
        help="metrics.json of models of other recipes that were measured on the test split before",
    )
    options = parser.parse_args(arguments)

    with saving_into(options.save):
        table, choice = compare(options.runs, options.earlier)
        print(json.dumps(table, indent=2))
        print(f"the rule chooses {choice}")
        if options.save and options.save.resolve() != choice.resolve():
            raise InputError(f"{options.save} is not the rule's choice; --save {choice}.")
        if options.save:
            with edited_model(options.save) as partial:
                folder_writer.save_metrics(partial, "finalists", table)


def compare(runs: list[Path], earlier: list[Path]) -> tuple[dict, Path]:
    """Return the table of the runs, and the one that the rule chooses.

    `earlier` are files as metrics.json, of models measured on the test split before. Raises InputError for a
    file that lacks its figures, and for a run that is given twice.
    """
    for file in earlier:
        if not read_metrics(file).get("test"):
            raise InputError(f"{file} was never measured on test; leave it out of --earlier.")
    if len({run.resolve() for run in runs}) < len(runs):
        raise InputError("A run is given twice, and would count twice in the mean; give it once.")
    rows = [_row_of(run / "metrics.json", run_row) for run in runs]
    choice = max(range(len(rows)), key=lambda index: rows[index]["shifted_validation_auc"])
    for index, row in enumerate(rows):
        row["chosen"] = index == choice
    table = {
        "rows": rows,
        "mean": {},
        "deviation": {},
        "earlier": [_row_of(file, test_row) | {"name": file.stem} for file in earlier],
    }
    for name in rows[0]:
        values = [row[name] for row in rows]
        if name not in ("seed", "chosen") and None not in values and len(values) > 1:
            table["mean"][name], table["deviation"][name] = statistics.mean(values), statistics.stdev(values)
    return table, runs[choice]


def _row_of(file: Path, row: Callable[[dict], dict]) -> dict:
    """Return a row of the metrics in a file; InputError where they lack a figure."""
    try:
        figures = row(read_metrics(file))
        for name, value in figures.items():
            if not (value is None and name.startswith("test_")) and not math.isfinite(value):
                raise TypeError
        return figures
    except (KeyError, TypeError, AttributeError):
        raise InputError(
            f"{file} lacks figures of its model; get it again, or measure the model again."
        ) from None


def read_metrics(file: Path) -> dict:
    """Return the content of a model's metrics.json; InputError where it is none."""
    metrics = read_json(file)
    if metrics is None or not {"training", "validation"} <= metrics.keys():
        raise InputError(f"{file} is not the metrics.json of a model; give what train.py made.")
    return metrics


def run_row(metrics: dict) -> dict:
    """Return one row of the table from the metrics of a run."""
    training = metrics["training"]
    if "shifted_validation" not in metrics:
        raise InputError(
            f"Seed {training.get('seed')} has no AUC on shifted views; train it again with train.py."
        )
    return {
        "seed": training["seed"],
        "minutes": training["seconds"] / 60,
        "validation_auc": metrics["validation"]["auc"]["value"],
        "shifted_validation_auc": metrics["shifted_validation"]["auc"],
    } | test_row(metrics)


def test_row(metrics: dict) -> dict:
    """Return the test figures of one model, each None if not measured."""
    test = metrics.get("test")
    return {f"test_{name}": test[name]["value"] if test else None for name in METRICS}


if __name__ == "__main__":
    run_command("python -m hub.analysis seeds", main)
