"""The files of a model folder: names and JSON. No torch here."""

import json
from pathlib import Path

from hub.errors import InputError

BUNDLED = Path(__file__).parents[1] / "pretrained"
WEIGHTS = "model.safetensors"
METRICS = "metrics.json"
INPUT_CHECK = "scope.safetensors"
FILTERS = "filters.safetensors"  # kernels of the first layer before training
NETWORKS = {"fp32": "onnx/model.onnx", "int8": "onnx/model_int8.onnx"}  # by precision
DIGEST = "safetensors_sha256"  # metadata of an ONNX file: the weights that it was exported from


def read_config(folder: Path) -> dict:
    """Return config.json of a model folder.

    Raises InputError where `folder` is not a model folder.
    """
    path = Path(folder) / "config.json"
    try:
        config = json.loads(path.read_text())
    except (OSError, ValueError, RecursionError):
        raise InputError(f"{folder} is not a model folder: it has no readable config.json.") from None
    if not isinstance(config, dict) or not isinstance(config.get("architecture"), str):
        raise InputError(f"{folder} is not a model folder: its config.json names no architecture of timm.")
    return config


def read_metrics(folder: Path) -> dict:
    """Return metrics.json of a model folder, a section for each evaluation."""
    return json.loads((Path(folder) / METRICS).read_text())
