"""The files of a model folder: names and JSON. No torch here."""

import json
from pathlib import Path

from hub.errors import InputError
from hub.files import write_json
from hub.models.config_entries import wrong_entry
from hub.public_names import public_record

BUNDLED = Path(__file__).parents[1] / "pretrained"
CONFIG = "config.json"
WEIGHTS = "model.safetensors"
METRICS = "metrics.json"
INPUT_CHECK = "scope.safetensors"
FILTERS = "filters.safetensors"  # kernels of the first layer before training
NETWORKS = {"fp32": "onnx/model.onnx", "int8": "onnx/model_int8.onnx"}  # by precision
ANSWER = "onnx/answer.onnx"  # from pixels to an answer, made of one of NETWORKS and the input check
DIGEST = "safetensors_sha256"  # metadata of an ONNX file: the weights that it was exported from
LARGEST_JSON = 10_000_000  # bytes


def read_json(path: Path) -> dict | None:
    """Return the object in a JSON file; None if it is too large or anything else."""
    try:
        if not path.is_file() or path.stat().st_size > LARGEST_JSON:
            return None
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def read_config(folder: Path) -> dict:
    """Return config.json of a model folder.

    Its entries are those of `config_entries.wrong_entry`; `radiograph` is there, even if the file leaves it
    out, and `label_names` need not be. Raises InputError where `folder` is not a model folder, and for an
    entry that cannot be used.
    """
    config = read_json(Path(folder) / CONFIG)
    if config is None:
        raise InputError(f"{folder} is not a model folder: it has no readable {CONFIG}.")
    if not isinstance(config.get("architecture"), str):
        raise InputError(f"{folder} is not a model folder: its {CONFIG} names no architecture of timm.")
    if name := wrong_entry(config):
        raise InputError(f"{folder}/{CONFIG} is damaged at {name}; get the model again.")
    return {"radiograph": False} | config


def read_named_config(folder: Path) -> dict:
    """Return config.json of a model folder that names its classes.

    Raises InputError like `read_config`, and for a folder without `label_names`.
    """
    config = read_config(folder)
    if "label_names" not in config:
        raise InputError(f"{folder} has no label_names in its {CONFIG}; add the classes in order.")
    return config


def read_metrics(folder: Path) -> dict:
    """Return metrics.json of a model folder, a section for each evaluation.

    Raises InputError without a readable one; what its sections hold is for their readers to check.
    """
    metrics = read_json(Path(folder) / METRICS)
    if metrics is None:
        raise InputError(f"{folder} has no readable {METRICS}; get the model again.")
    return metrics


def write_metrics(folder: Path, metrics: dict) -> None:
    """Write metrics.json of a model folder, with names of data sets and no path of this disk."""
    write_json(Path(folder) / METRICS, public_record(metrics))
