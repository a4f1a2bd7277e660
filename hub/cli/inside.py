"""Prepare what the tab "Inside the network" shows where PyTorch is missing."""

from argparse import _SubParsersAction
from pathlib import Path

from hub.cli.model_lock import locking_model


def add_parser(commands: _SubParsersAction) -> None:
    """Add the command and its arguments, which are those of `run`."""
    parser = commands.add_parser(
        "inside",
        help="prepare the tab that shows the layers, for pages without PyTorch",
        description="Write inside/ into a model folder, for the tab 'Inside the network' of a page without "
        "PyTorch: the layers and their costs as JSON, and an ONNX file that computes maps and gradients. "
        "train.py ends with it; a folder of an earlier version needs it once.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("model", type=Path, metavar="FOLDER", help="a model folder")


@locking_model
def run(model: Path) -> None:
    """Write `inside/` of a model folder, and print what it can show."""
    from hub.explorer.preparing import prepare
    from hub.models.digests import edited_model
    from hub.models.folder import read_config

    read_config(model)  # raises for what is no model folder
    with edited_model(model) as partial:
        shown = prepare(partial)
    print(f"{model / 'inside'}: {shown}")
