"""Write the card of a model folder anew."""

from argparse import _ActionsContainer, _SubParsersAction
from pathlib import Path

from hub.cli.model_lock import locking_model


def add_parser(commands: _SubParsersAction) -> None:
    """Add the command and its arguments, which are those of `run`."""
    parser = commands.add_parser(
        "card",
        help="write a model folder's card anew",
        description="Write the card and preprocessor_config.json of a model folder as this version does, and "
        "take paths of this disk out of metrics.json. No figure and no weight changes.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("model", type=Path, metavar="FOLDER", help="a model folder of train.py")
    add_card_options(parser)


def add_card_options(parser: _ActionsContainer) -> None:
    """Add what a card says and no training knows: options of `refresh`."""
    add = parser.add_argument
    add("--dataset-id", metavar="USER/NAME", help="the training data on the Hub, where it was a local folder")
    add("--base-model", metavar="USER/NAME", help="the model on the Hub whose weights training began with")
    add("--license", metavar="NAME", help="an identifier of the Hub, such as mit (default: apache-2.0)")


@locking_model
def run(model: Path, **told: str | None) -> None:
    """Refresh a model folder; `told` are options of `models.folder_refresh.refresh`."""
    from hub.cli.training_data import read_trained
    from hub.models.digests import edited_model
    from hub.models.folder_refresh import refresh

    read_trained(model)
    with edited_model(model) as partial:
        refresh(partial, **told)
    print(model / "README.md")
