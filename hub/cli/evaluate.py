"""Measure a model on one split of a data set."""

from argparse import _SubParsersAction
from pathlib import Path

from hub.data.column_options import add_column_options


def add_parser(commands: _SubParsersAction) -> None:
    """Add the command and its arguments, which are those of `run`."""
    parser = commands.add_parser(
        "evaluate",
        help="measure a model on one split of a data set",
        description="Print each metric with its 95 % interval from a bootstrap over patients.",
    )
    parser.set_defaults(run=run)
    add = parser.add_argument
    add("model", metavar="MODEL", help="a model folder or Hub id")
    add("--dataset", required=True, metavar="SOURCE", help="a folder, Parquet, a Hub id, or synthetic")
    add(
        "--split",
        default="test",
        choices=("train", "validation", "test", "all"),
        help="all: every image there is, for data that no model here was trained on (default: test)",
    )
    add(
        "--robustness",
        action="store_true",
        help="also measure under 15 corruptions of 3 strengths; 45 times the work",
    )
    group = parser.add_argument_group("How the data are read")
    add_column_options(group)
    group.add_argument(
        "--rename",
        nargs="+",
        default=[],
        metavar="OLD=NEW",
        help="the model's name for a class of the data set",
    )
    add = parser.add_argument_group("Where the figures go").add_argument
    add("--json", dest="json_file", type=Path, metavar="FILE", help="also write the metrics to FILE")
    add("--plots", dest="plot_folder", type=Path, metavar="DIR", help="also draw the plots into DIR")
    add(
        "--save",
        action="store_true",
        help="put metrics and plots into the model folder and its card, those of other data beside its own",
    )


def run(
    model: str,
    dataset: str,
    split: str,
    rename: list[str],
    robustness: bool,
    json_file: Path | None,
    plot_folder: Path | None,
    save: bool,
    **columns: str | None,
) -> None:
    """Measure a model; the arguments are those of `hub.analysis.evaluate`."""
    from hub.analysis.evaluate import evaluate

    evaluate(
        model,
        dataset,
        split,
        rename=rename,
        robustness=robustness,
        json_file=json_file,
        plot_folder=plot_folder,
        save=save,
        **columns,
    )
