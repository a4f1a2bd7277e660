"""The options of every command that takes a data set: which columns to read."""

from argparse import _ActionsContainer


def add_column_options(parser: _ActionsContainer) -> None:
    """Add --image-column and --label-column, arguments of `load_splits`."""
    kind = "in Parquet, a table beside images, or on the Hub"
    parser.add_argument(
        "--image-column",
        metavar="NAME",
        help=f"the column of the images, or of their file names, {kind} (default: guessed)",
    )
    parser.add_argument(
        "--label-column", metavar="NAME", help=f"the column of the classes, {kind} (default: guessed)"
    )
