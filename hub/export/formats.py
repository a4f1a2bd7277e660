"""Other formats of the exported network: OpenVINO, for Intel's processors.

They are made from `onnx/model.onnx`, and kept only where they label every image of the test split as it does.
That is a check that two programs agree: nothing is chosen by it, and no true label is read.
"""

import shlex
from pathlib import Path

import numpy as np
from onnxruntime import InferenceSession

from hub.errors import InputError
from hub.files import replace_folder, sha256
from hub.models.folder import NETWORKS, read_metrics

FORMATS = {"openvino": "openvino/model.xml"}  # by name: the file that a program opens
CHUNK_SIZE = 32  # images in one run


def export_format(folder: Path, name: str, inputs: np.ndarray) -> dict:
    """Write a format of the network, and return its section for metrics.json.

    `inputs` are the images of the test split as the network reads them, float32 [N, C, H, W]. The section has
    `bytes`, the number of `images` compared, `labels_changed` and the largest `difference` of a probability.
    Raises InputError where the library of the format is missing, and where a label differs; nothing is
    written then.
    """
    full = folder / NETWORKS["fp32"]
    if not full.is_file():
        raise InputError(f"{folder} has no {NETWORKS['fp32']}; python -m hub export makes it.")
    with replace_folder(folder / Path(FORMATS[name]).parent) as partial:
        file = partial / Path(FORMATS[name]).name
        _write_openvino(full, file)
        expected = _probabilities(_onnx_logits(full, inputs))
        found = _probabilities(_openvino_logits(file, inputs))
        changed = int((expected.argmax(1) != found.argmax(1)).sum())
        if changed:
            raise InputError(f"{name} changes {changed} of {len(inputs)} labels; the ONNX files are right.")
        files = [path for path in sorted(partial.rglob("*")) if path.is_file()]
        return {
            "bytes": sum(path.stat().st_size for path in files),
            "images": len(inputs),
            "labels_changed": changed,
            "difference": float(np.abs(expected - found).max()),
            "made_from": sha256(full),
            "sha256": {path.name: sha256(path) for path in files},
        }


def verify_formats(folder: Path) -> None:
    """Raise InputError where a format is not the one that was compared.

    It also is not where `onnx/model.onnx` is another by now, as after `hub calibrate`.
    """
    sections = read_metrics(folder).get("formats") or {}
    for name, place in FORMATS.items():
        folder_of_it, section = folder / Path(place).parent, sections.get(name) or {}
        files = sorted(path for path in folder_of_it.rglob("*") if path.is_file())
        found = {path.name: sha256(path) for path in files}
        made_from = sha256(folder / NETWORKS["fp32"]) if files else None
        if (found, made_from) != (section.get("sha256", {}), section.get("made_from")):
            raise InputError(
                f"{folder_of_it} does not belong to {NETWORKS['fp32']}; run python -m hub export "
                f"{shlex.quote(str(folder))} --dataset SOURCE --format {name} again."
            )


def format_section(name: str, section: dict) -> str:
    """Return the section of `export_format` as a line to print."""
    return (
        f"{name}: {section['bytes'] / 1e6:.1f} MB; on {section['images']} test images no label differs from "
        f"onnx/model.onnx, and no probability by more than {section['difference']:.0e}"
    )


def _write_openvino(full: Path, file: Path) -> None:
    openvino = _openvino()
    openvino.save_model(openvino.convert_model(str(full)), str(file), compress_to_fp16=False)


def _openvino_logits(file: Path, inputs: np.ndarray) -> np.ndarray:
    """Return the logits of an OpenVINO file, float32 [N, classes]."""
    compiled = _openvino().compile_model(str(file), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return np.concatenate([compiled(chunk)["logits"] for chunk in _chunks(inputs)])


def _onnx_logits(file: Path, inputs: np.ndarray) -> np.ndarray:
    session = InferenceSession(file)
    return np.concatenate([session.run(["logits"], {"pixel_values": chunk})[0] for chunk in _chunks(inputs)])


def _chunks(inputs: np.ndarray) -> list[np.ndarray]:
    return [inputs[start : start + CHUNK_SIZE] for start in range(0, len(inputs), CHUNK_SIZE)]


def _probabilities(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def _openvino() -> object:
    """Return the library; raise InputError where it is not installed."""
    try:
        import openvino
    except ModuleNotFoundError:
        raise InputError("This format needs openvino; pip install openvino brings it.") from None
    return openvino
