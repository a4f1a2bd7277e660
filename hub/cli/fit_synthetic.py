"""Fit the components that synthetic radiographs are drawn from."""

from argparse import _SubParsersAction

from hub.data.column_options import add_column_options
from hub.errors import InputError
from hub.text import counted


def add_parser(commands: _SubParsersAction) -> None:
    """Add the command and its arguments, which are those of `run`."""
    parser = commands.add_parser(
        "fit-synthetic",
        help="fit the components that synthetic radiographs are drawn from",
        description="Fit principal components on the training split and write "
        "hub/imaging/synthetic.safetensors. Cards of what is drawn from them then name the data set.",
    )
    parser.set_defaults(run=run)
    parser.add_argument(
        "--dataset", required=True, metavar="SOURCE", help="radiographs: a folder, Parquet or a Hub id"
    )
    add_column_options(parser)


def run(dataset: str, **columns: str | None) -> None:
    """Write the components of a data set's training split into the package.

    `columns` are options of `load_splits`.
    """
    from hub.data import decode_cache
    from hub.data.class_names import is_radiograph
    from hub.data.patients import are_kermanys
    from hub.data.splits import load_splits
    from hub.files import check_writable
    from hub.imaging import synthetic
    from hub.public_names import public_name

    check_writable(synthetic.COMPONENTS)  # now, not after minutes of work
    train = load_splits(dataset, **columns)["train"]
    if not is_radiograph(train.features["label"].names):
        raise InputError(f"{dataset} does not have the classes NORMAL and PNEUMONIA; give chest radiographs.")
    images, labels = decode_cache.decode_radiographs(train, synthetic.SIZE)
    source = None if are_kermanys(train["patient"][:]) else public_name(dataset)
    synthetic.save_components(synthetic.fit_components(images, labels), source=source)
    print(f"{synthetic.COMPONENTS} holds components of {counted(len(images), 'training image')}")
