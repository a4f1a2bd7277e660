"""The files of a model folder: their names, and its config.json. No torch here."""

import json
from pathlib import Path

from hub.errors import InputError

BUNDLED = Path(__file__).parents[1] / "pretrained"
WEIGHTS = "model.safetensors"
METRICS = "metrics.json"
INPUT_CHECK = "scope.safetensors"
FILTERS = "filters.safetensors"  # the first layer's kernels as they were before training
NETWORKS = {"fp32": "onnx/model.onnx", "int8": "onnx/model_int8.onnx"}  # by precision
DIGEST = "safetensors_sha256"  # where an ONNX file says of which weights it was made


def read_config(folder: Path) -> dict:
    """Return config.json of a model folder; InputError when `folder` is not one."""
    path = Path(folder) / "config.json"
    try:
        config = json.loads(path.read_text())
    except (OSError, ValueError):
        raise InputError(f"{folder} is not a model folder: it has no readable config.json.") from None
    if not isinstance(config, dict) or "architecture" not in config:
        raise InputError(f"{folder} is not a model folder: its config.json names no architecture of timm.")
    return config


def read_metrics(folder: Path) -> dict:
    """Return metrics.json of a model folder, which has a section for each measurement."""
    return json.loads((Path(folder) / METRICS).read_text())
