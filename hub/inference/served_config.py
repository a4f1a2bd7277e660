"""What serving reads of config.json."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hub.models.folder import read_named_config


@dataclass(frozen=True)
class ServedConfig:
    """The classes of a model folder, its input, and what its calibration found.

    `input_size` is channels, height and width; `mean` and `std` are float32 [channels]. `operating_points`
    and `covariance` are those of `models.folder_writer.save_folder`, {} and None where there are none.
    """

    classes: list[str]
    radiograph: bool
    input_size: tuple[int, int, int]
    mean: np.ndarray
    std: np.ndarray
    operating_points: dict[str, float]
    covariance: list[list[float]] | None


def read_served_config(folder: Path) -> ServedConfig:
    """Return config.json of a model folder as serving needs it.

    Raises InputError, which names the entry, for one that no model folder of ours has.
    """
    config = read_named_config(folder)
    data = config["pretrained_cfg"]
    channels = data["input_size"][0]
    return ServedConfig(
        classes=config["label_names"],
        radiograph=config["radiograph"],
        input_size=tuple(data["input_size"]),
        mean=np.float32(data["mean"][:channels]),
        std=np.float32(data["std"][:channels]),
        operating_points=config.get("operating_points") or {},
        covariance=config.get("calibration_covariance"),
    )
