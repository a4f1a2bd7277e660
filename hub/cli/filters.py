"""Save the first layer's filters as they were before training."""

from argparse import _SubParsersAction
from pathlib import Path

from hub.cli.model_lock import locking_model
from hub.errors import InputError


def add_parser(commands: _SubParsersAction) -> None:
    """Add the command and its arguments, which are those of `run`."""
    parser = commands.add_parser(
        "filters",
        help="keep the first layer's filters as they were before training",
        description="Write filters.safetensors into a model folder, from the weights that its training began "
        'with, for the tab "Inside the network". train.py does it for the folders that it makes.',
    )
    parser.set_defaults(run=run)
    parser.add_argument("model", type=Path, metavar="FOLDER", help="a model folder")
    parser.add_argument(
        "--weights",
        required=True,
        help="what training began with: imagenet (timm's own, downloaded), a .safetensors file, or a folder",
    )


@locking_model
def run(model: Path, weights: str) -> None:
    """Write the filters of `weights` into a model folder.

    It also prints by how much training changed them.
    """
    from hub.models import factory, filters
    from hub.models.digests import edited_model
    from hub.models.folder import FILTERS, read_config

    if weights == "none":
        raise InputError("Random filters cannot be had again; give the weights that training began with.")
    config = read_config(model)
    radiograph = config["radiograph"]
    after = filters.first_layer_filters(factory.load_network(model), radiograph)
    channels, _, size = config["pretrained_cfg"]["input_size"]
    channels = 1 if radiograph else channels
    network = factory.create_model(
        config["architecture"], config["num_classes"], weights, radiograph, size, channels
    )
    before = filters.first_layer_filters(network)
    with edited_model(model) as partial:
        filters.save_filters(partial, before)
    change = float((after - before).norm() / before.norm())
    print(f"{model / FILTERS}: {len(before)} filters; training changed them by {change:.1%}")
