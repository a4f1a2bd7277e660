"""Write the tables of docs/model-selection from its records.

python -m hub.analysis selection_tables

experiments.md shows experiments.jsonl, a row for each small training run of `recipe_search`; finalists.md
shows the test figures of finalists/*.json, and calibration.md the validation figures of calibration.json.
docs/model-selection.md explains them.
"""

import argparse
import json
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hub.errors import InputError, run_command
from hub.evaluation import shifts
from hub.files import write_text
from hub.text import markdown_table

FOLDER = Path(__file__).parents[2] / "docs" / "model-selection"
EXPERIMENTS = "experiments.jsonl"
CALIBRATION = "calibration.json"
EXPERIMENT_COLUMNS = (
    "Recipe", "Seed", "Plain", "Shifted", "Swapped", "Series", "Cluster", "Mean", "Worst group",
    "Specificity", "Specificity, with bias", "Brier, with bias", "Brier", "Time (s)", "Commit",
)  # fmt: skip
METRICS = {
    "accuracy": "Accuracy",
    "auc": "AUC",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "ece": "Calibration error",
}
# Every model that was ever measured on the test split, by the name of its file.
FINALISTS = {
    "third-untouched-seed0": "first rule, seed 0",
    "swapped-seed0": "second rule, seed 0",
    "swapped-seed1": "second rule, seed 1",
    "swapped-seed2": "second rule, seed 2, its choice",
    "all-augmented-seed0": "third rule, seed 0",
    "all-augmented-seed1": "third rule, seed 1",
    "all-augmented-seed2": "third rule, seed 2, its choice",
    "tenth-swapped-seed0": "fourth rule, seed 0",
    "tenth-swapped-seed1": "fourth rule, seed 1, its choice: the bundled model",
    "tenth-swapped-seed2": "fourth rule, seed 2",
}
# The last seed of each recipe of which three were measured; mean and deviation follow it in the table.
LAST_SEEDS = {"all-augmented-seed2": "third rule", "tenth-swapped-seed2": "fourth rule"}


def main(arguments: list[str] | None = None) -> None:
    """Write the tables into docs/model-selection."""
    argparse.ArgumentParser(
        prog="python -m hub.analysis selection_tables",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args(arguments)
    folder = records_folder()
    write_tables(folder)
    print(f"{folder} has its tables.")


def records_folder() -> Path:
    """Return docs/model-selection; InputError where the package came without it."""
    if not (FOLDER / EXPERIMENTS).is_file():
        raise InputError(
            "The records of model selection are not part of an installed package; "
            "run this in a clone of the repository."
        )
    return FOLDER


def write_tables(folder: Path) -> None:
    """Write the tables of the records in a folder, or none where one cannot be read."""
    for name, text in read_tables(folder).items():
        write_text(folder / name, text)


def read_tables(folder: Path) -> dict[str, str]:
    """Return the tables of the records in a folder, by file name.

    Raises InputError for a record that is missing, or is not as its measurement writes it.
    """
    tables, tests = {}, {}
    with _as_recorded(folder / EXPERIMENTS) as text:
        tables["experiments.md"] = format_experiments([json.loads(line) for line in text.splitlines()])
    for name in FINALISTS:
        with _as_recorded(folder / "finalists" / f"{name}.json") as text:
            test = json.loads(text)["test"]
            tests[name] = {metric: {"value": float(test[metric]["value"])} for metric in METRICS}
    tables["finalists.md"] = format_finalists(tests)
    with _as_recorded(folder / CALIBRATION) as text:
        calibration = json.loads(text)
        table = format_calibration(calibration["rows"])
        chosen = f"{table}\n\nThe rule chooses: {calibration['choice']}."
        tables["calibration.md"] = _page("Calibration on validation radiographs", chosen)
    return tables


@contextmanager
def _as_recorded(file: Path) -> Iterator[str]:
    """Yield the text of a record; InputError where the block finds it to be another."""
    try:
        yield file.read_text(encoding="utf-8")
    except (FileNotFoundError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise InputError(f"{file} is not as its measurement writes it; get it from the repository.") from None


def format_experiments(experiments: list[dict]) -> str:
    """Return experiments.md from the lines of experiments.jsonl."""
    return _page("Experiments", markdown_table(EXPERIMENT_COLUMNS, map(_experiment_row, experiments)))


def _experiment_row(experiment: dict) -> list[object]:
    auc = experiment["auc"]
    worst = min(auc, key=auc.get)
    groups = _groups(auc)
    briers = [_mean(_groups(experiment.get(name, {}))) for name in ("calibrated_brier", "temperature_brier")]
    return [
        experiment["recipe"],
        experiment["changes"].get("seed", 0),
        *map(_figure, groups),
        _figure(_mean(groups)),
        f"{worst} {auc[worst]:.4f}",
        _figure(experiment["specificity"]["cluster"]),
        _figure(experiment.get("calibrated_specificity", {}).get("cluster")),
        *map(_figure, briers),
        experiment["seconds"],
        experiment["commit"],
    ]


def _groups(figures: dict[str, float]) -> list[float | None]:
    """Return the figures of the five groups of radiographs; None if not measured."""
    shifted = _mean([figures.get(view) for view in shifts.SHIFTS])
    swapped = _mean([figures.get(view) for view in shifts.SWAPS])
    return [figures.get("plain"), shifted, swapped, figures.get("series"), figures.get("cluster")]


def _mean(values: list[float | None]) -> float | None:
    return None if None in values else statistics.fmean(values)


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def format_finalists(tests: dict[str, dict]) -> str:
    """Return finalists.md from the "test" sections of the records."""
    rows, seeds = [], []
    for name, test in tests.items():
        figures = [test[metric]["value"] for metric in METRICS]
        rows.append((FINALISTS[name], *map(_figure, figures)))
        seeds = [*seeds[-2:], figures]
        if rule := LAST_SEEDS.get(name):
            columns = list(zip(*seeds, strict=True))
            rows.append(
                (f"{rule}, mean of the seeds", *(_figure(statistics.mean(column)) for column in columns))
            )
            rows.append(
                (f"{rule}, standard deviation", *(_figure(statistics.stdev(column)) for column in columns))
            )
    return _page("Finalists on the test split", markdown_table(("Model", *METRICS.values()), rows))


def format_calibration(rows: list[dict]) -> str:
    """Return the rows of `hub.analysis.calibration` as a table in Markdown."""
    names = ("log_loss", "log_loss_views", "ece", "scale", "offset")
    return markdown_table(
        ("Candidate", "Log loss", "Log loss, views", "Calibration error", "Scale", "Offset"),
        [(row["candidate"], *(_figure(row[name]) for name in names)) for row in rows],
    )


def _page(title: str, table: str) -> str:
    return (
        f"# {title}\n\nWritten by `python -m hub.analysis selection_tables`; "
        f"[Model selection](../model-selection.md) explains it.\n\n{table}\n"
    )


if __name__ == "__main__":
    run_command("python -m hub.analysis selection_tables", main)
