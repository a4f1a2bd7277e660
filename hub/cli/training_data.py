"""The data that a model folder was trained on, for commands that need it again."""

from pathlib import Path
from typing import TYPE_CHECKING

from datasets import DatasetDict

from hub.data.splits import load_splits
from hub.errors import InputError
from hub.models.card import card_text
from hub.models.digests import check_digests
from hub.models.folder import CONFIG, METRICS, WEIGHTS, read_named_config

if TYPE_CHECKING:
    from torch import Tensor


def read_trained(model: Path) -> dict:
    """Return config.json of a folder of train.py.

    Raises InputError for any other, for a damaged file, and where no card can be written of its metrics.
    """
    config = read_named_config(model)
    if not (model / METRICS).is_file():
        raise InputError(f"{model} is no model folder of train.py; give one that has {METRICS}.")
    check_digests(model, (CONFIG, METRICS, WEIGHTS))
    card_text(model)  # now, not after minutes of work
    return config


def load_export_images(splits: DatasetDict, config: dict) -> tuple["Tensor", tuple["Tensor", "Tensor"]]:
    """Return the images that `export.onnx.export` takes, as the network reads them.

    They are the training images that calibrate 8 bits, uint8 [N, C, H, W], and the validation images with
    their labels, int64 [N]. `config` is config.json of the model folder.
    """
    from hub.data import decode_cache
    from hub.export.onnx import calibration_rows

    channels, _, size = config["pretrained_cfg"]["input_size"]
    kind = size, channels, config["radiograph"]
    images, _ = decode_cache.decode(splits["train"].select(calibration_rows(len(splits["train"]))), *kind)
    return images, decode_cache.decode(splits["validation"], *kind)


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
