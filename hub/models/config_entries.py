"""What the entries of config.json have to be. No torch here.

A folder from the Hub may hold anything, so every entry that a reader uses is checked, once, by
`folder.read_config`.
"""

import re

from hub.text import is_name

LARGEST_SIDE = 2048  # pixels of an input; networks of timm read 1,024 at most
LARGEST_NUMBER = 1e6
SMALLEST_DEVIATION = 1e-4  # of an input's channel; less would make numbers too large for 32 bits
MOST_POINTS = 20  # operating points


def wrong_entry(config: dict) -> str | None:
    """Return the name of the first entry that cannot be used, None where all can.

    Needed are `architecture`, `num_classes` and `pretrained_cfg` with `input_size`, `mean` and `std`; other
    entries are right where they are missing.
    """
    data = config.get("pretrained_cfg")
    if not isinstance(data, dict):
        return "pretrained_cfg"
    size, classes = data.get("input_size"), config.get("num_classes")
    checks = {
        "architecture": _is_architecture(config.get("architecture")),
        "num_classes": type(classes) is int and 0 < classes < LARGEST_NUMBER,
        "label_names": "label_names" not in config or _are_classes(config["label_names"]),
        "radiograph": isinstance(config.get("radiograph", False), bool),
        "pretrained_cfg.input_size": _is_input_size(size),
        "pretrained_cfg.mean": _are_numbers(data.get("mean"), size),
        "pretrained_cfg.std": _are_numbers(data.get("std"), size) and min(data["std"]) >= SMALLEST_DEVIATION,
        "model_args": _are_model_arguments(config.get("model_args"), size),
        "operating_points": _are_thresholds(config.get("operating_points")),
        "calibration_covariance": _is_covariance(config.get("calibration_covariance")),
    }
    if "label_names" in config and checks["label_names"] and classes != len(config["label_names"]):
        checks["num_classes"] = False
    return next((name for name, is_right in checks.items() if not is_right), None)


def _is_architecture(name: object) -> bool:
    """Return whether a name may be timm's, which fetches what is an address."""
    return isinstance(name, str) and bool(re.fullmatch(r"\w{1,100}(\.[\w-]{1,100})?", name, re.ASCII))


def _are_classes(names: object) -> bool:
    """Return whether there are several class names, each a different one."""
    return isinstance(names, list) and all(map(is_name, names)) and len(set(names)) == len(names) > 1


def _is_input_size(size: object) -> bool:
    """Return whether a size is channels, height and width, and those two are equal."""
    if not isinstance(size, list) or len(size) != 3 or not all(type(side) is int for side in size):
        return False
    return size[0] in (1, 3) and size[1] == size[2] and 0 < size[1] <= LARGEST_SIDE


def _are_numbers(values: object, size: object) -> bool:
    """Return whether there is a number for each channel of an input size."""
    is_list = isinstance(values, list) and _is_input_size(size) and len(values) in (size[0], 3)
    return is_list and all(map(_is_number, values))


def _are_model_arguments(arguments: object, size: object) -> bool:
    """Return whether timm gets no argument but the size of the input.

    Others, such as a width or a number of layers, would let a folder take all memory.
    """
    if not arguments:
        return arguments in (None, {})
    sizes = (size[1], size[1:]) if _is_input_size(size) else ()
    return isinstance(arguments, dict) and [*arguments] == ["img_size"] and arguments["img_size"] in sizes


def _are_thresholds(points: object) -> bool:
    """Return whether points are a few probabilities by name; None is none."""
    if points is None:
        return True
    is_small = isinstance(points, dict) and len(points) <= MOST_POINTS and all(map(is_name, points))
    return is_small and all(_is_number(value) and 0 <= value <= 1 for value in points.values())


def _is_covariance(rows: object) -> bool:
    """Return whether rows are the covariance of two numbers; None is none."""
    if rows is None:
        return True
    is_square = isinstance(rows, list) and [len(row) for row in rows if isinstance(row, list)] == [2, 2]
    if not is_square or len(rows) != 2 or not all(_is_number(value) for row in rows for value in row):
        return False
    (first, both), (again, second) = rows
    return first >= 0 and second >= 0 and both == again


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and abs(value) < LARGEST_NUMBER  # which NaN is not
