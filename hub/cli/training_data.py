"""The data that a model folder was trained on, for commands that need it again."""

from pathlib import Path

from datasets import DatasetDict

from hub.data.splits import load_splits
from hub.errors import InputError
from hub.models.folder import METRICS, read_config


def read_trained(model: Path) -> dict:
    """Return config.json of a folder of train.py; raise InputError for any other."""
    config = read_config(model)
    if "label_names" not in config or not (model / METRICS).is_file():
        raise InputError(f"{model} is no model folder of train.py; give one that has {METRICS}.")
    return config


def load_training_splits(dataset: str, classes: list[str], **columns: str | None) -> DatasetDict:
    """Return the splits of the data set that a model was trained on.

    `columns` are `image_column` and `label_column` of `load_splits`. Raises InputError if its classes are not
    the model's `classes`.
    """
    splits = load_splits(dataset, **columns)
    names = splits["train"].features["label"].names
    if names != classes:
        raise InputError(
            f"{dataset} has the classes {names}, the model {classes}; give the data that it was trained on."
        )
    return splits
