"""What serving reads of config.json, checked.

A folder from the Hub may hold anything.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hub.errors import InputError
from hub.models.folder import read_config


@dataclass(frozen=True)
class ServedConfig:
    """The classes of a model folder, its input, and what its calibration found.

    `input_size` is channels, height and width. `operating_points` and `covariance` are those of
    `models.folder_writer.save_folder`, {} and None where there are none.
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
    config = read_config(folder)
    if "label_names" not in config:
        raise InputError(f"{folder} has no label_names in its config.json; add the classes in order.")
    data = config.get("pretrained_cfg")
    data = data if isinstance(data, dict) else {}
    size, mean, std = (data.get(name) for name in ("input_size", "mean", "std"))
    points, covariance = config.get("operating_points"), config.get("calibration_covariance")
    entries = {
        "label_names": _are_names(config["label_names"]),
        "radiograph": isinstance(config.get("radiograph", False), bool),
        "pretrained_cfg.input_size": _is_input_size(size),
        "pretrained_cfg.mean": _are_numbers(mean, size),
        "pretrained_cfg.std": _are_numbers(std, size) and min(std) > 0,
        "operating_points": points is None or _are_thresholds(points),
        "calibration_covariance": covariance is None or _is_covariance(covariance),
    }
    if wrong := [name for name, is_right in entries.items() if not is_right]:
        raise InputError(f"{folder}/config.json is damaged at {wrong[0]}; get the model again.")
    return ServedConfig(
        classes=config["label_names"],
        radiograph=config.get("radiograph", False),
        input_size=tuple(size),
        mean=np.float32(mean[: size[0]]),
        std=np.float32(std[: size[0]]),
        operating_points=points or {},
        covariance=covariance,
    )


def _are_names(names: object) -> bool:
    """Return whether there are several class names, each a different one."""
    is_text = isinstance(names, list) and all(isinstance(name, str) and name for name in names)
    return is_text and len(set(names)) == len(names) > 1


def _is_input_size(size: object) -> bool:
    if not isinstance(size, list) or len(size) != 3:
        return False
    return all(type(side) is int and side > 0 for side in size) and size[0] in (1, 3) and size[1] == size[2]


def _are_numbers(values: object, size: object) -> bool:
    """Return whether there is a number for each channel of an input size."""
    is_list = isinstance(values, list) and _is_input_size(size) and len(values) >= size[0]
    return is_list and all(map(_is_number, values))


def _are_thresholds(points: object) -> bool:
    return isinstance(points, dict) and all(
        _is_number(value) and 0 <= value <= 1 for value in points.values()
    )


def _is_covariance(rows: object) -> bool:
    """Return whether rows are the covariance of two numbers."""
    is_square = isinstance(rows, list) and [len(row) for row in rows if isinstance(row, list)] == [2, 2]
    if not is_square or len(rows) != 2 or not all(_is_number(value) for row in rows for value in row):
        return False
    (first, both), (again, second) = rows
    return first >= 0 and second >= 0 and both == again


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and abs(value) < 1e6  # which NaN is not
