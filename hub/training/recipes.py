"""The defaults of train.py: a recipe for each exercise."""

from pathlib import Path
from typing import NamedTuple

from hub.files import real_path
from hub.models.folder import BUNDLED
from hub.training.settings import Settings


class Recipe(NamedTuple):
    """Settings of one training run, each an option of train.py, too.

    The first `small_epochs` of `epochs` see images of `small_size` pixels a side, the rest of `size`. The
    first `frozen` groups of layers, stem and stages, stay as they are. `swapped` is the share of images that
    get frame or grey values of another class.
    """

    architecture: str
    size: int
    small_size: int
    epochs: int
    small_epochs: int
    batch_size: int
    learning_rate: float
    optimizer: str
    augmentation: str
    frozen: int
    swapped: float


# fmt: off
RECIPES = {
    # The columns are the fields above, in their order.
    "xray":         Recipe("mobilenetv2_100", 224, 160, 10, 7,  32, 1e-3, "adamw", "films",   0, 0.1),
    "small_data":   Recipe("mobilenetv2_100", 112,  96, 10, 7,  32, 2e-3, "adamw", "photos",  5, 0.0),
    "mnist":        Recipe("simple_cnn",       28,  28,  5, 0, 128, 3e-3, "adamw", "digits",  0, 0.0),
    "cifar10":      Recipe("simple_cnn",       32,  32,  5, 0, 128, 3e-3, "muon",  "objects", 0, 0.0),
    "cifar10_fast": Recipe("airbench_small",   32,  32,  4, 0, 128, 2e-2, "muon",  "objects", 0, 0.0),
    "folder":       Recipe("mobilenetv2_100", 224, 160, 10, 7,  32, 1e-3, "adamw", "photos",  0, 0.0),
}
# fmt: on
# Recipes of data sets whose names are not those of recipes.
NAMES = {"chest-xray-pneumonia": "xray", "chest_xray": "xray", "synthetic": "xray"}


def name_of(source: str) -> str:
    """Return the name of the recipe for a Hub id or path, by its last part.

    It is "folder" if no recipe goes by that name.
    """
    name = _last_part(source).lower()
    return name if name in RECIPES else NAMES.get(name, "folder")


def output_name(source: str) -> str:
    """Return the name of a model trained on this Hub id or path.

    It is the recipe's name or, for a folder, the folder's.
    """
    row = name_of(source)
    return _last_part(source) if row == "folder" else row


def _last_part(source: str) -> str:
    return real_path(Path(source)).name


def choose(settings: Settings, radiograph: bool) -> tuple[str, Recipe]:
    """Return the name of a run's recipe, and the recipe with the run's own values."""
    name = settings.recipe or ("xray" if radiograph else name_of(settings.dataset))
    return name, RECIPES[name]._replace(**settings.changes)


def size_of(settings: Settings, radiograph: bool) -> int:
    """Return how many pixels a side a run's finished model reads."""
    return choose(settings, radiograph)[1].size


def default_weights(architecture: str, dataset: str) -> str:
    """Return the weights that training starts from by default.

    For synthetic data they need no network connection.
    """
    import timm

    if dataset == "synthetic":
        return str(BUNDLED) if architecture == "mobilenetv2_100" else "none"
    published = timm.get_pretrained_cfg(architecture)
    return "imagenet" if published is None or published.has_weights else "none"


def format_recipes() -> str:
    """Return the table of recipes as text."""
    header = ("recipe", *(name.replace("_", " ") for name in Recipe._fields))
    rows = [header, *((name, *map(str, recipe)) for name, recipe in RECIPES.items())]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
