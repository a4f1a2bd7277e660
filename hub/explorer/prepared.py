"""What `prepare` wrote of a network, for the pages: no torch here."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from onnxruntime import InferenceSession, SessionOptions
from safetensors import SafetensorError
from safetensors.numpy import load_file

from hub.errors import InputError
from hub.explorer.layers import Layer
from hub.explorer.network import Network
from hub.explorer.receptive_field import Axis, ReceptiveField
from hub.models.digests import check_digests
from hub.models.filters import load_filters
from hub.models.folder import WEIGHTS, read_json
from hub.system import usable_cores

if TYPE_CHECKING:
    from hub.inference.classifier import Classifier

FOLDER, LAYERS, NETWORK = "inside", "layers.json", "network.onnx"
# The maps of all layers are outputs, and no layer is called so.
INPUTS, FIELD = ("pixel_values", "layer", "row", "column"), "effective field"
ERRORS_ONLY = 3  # of ONNX Runtime's log
MISSING = (
    "PyTorch is not installed here, and the model folder holds nothing to show in its place. In a clone, "
    "`python -m hub inside FOLDER` prepares it."
)
NO_MAPS = "PyTorch is not installed here, and the maps of this network cannot be had without it."


def open_prepared(classifier: "Classifier") -> Network:
    """Return the network of a classifier's folder as `prepare` wrote it.

    Raises InputError where it is missing or damaged.
    """
    folder = classifier.folder / FOLDER
    if not (folder / LAYERS).is_file():
        raise InputError(MISSING)
    check_digests(classifier.folder, [WEIGHTS, f"{FOLDER}/{LAYERS}", f"{FOLDER}/{NETWORK}"])
    try:
        content = read_json(folder / LAYERS)
        layers = [read_layer(entry) for entry in content["layers"]]
        weights, steps = load_file(classifier.folder / WEIGHTS), dict(content["steps"])
        after = weights[content["first"]].astype(np.float32) if content["first"] else None
    except (SafetensorError, OSError, ValueError, KeyError, TypeError):
        raise InputError(f"{folder / LAYERS} is damaged; get the model again.") from None
    if after is not None and classifier.radiograph:
        after = after.sum(1, keepdims=True)
    entries = {"layers": layers, "after": after, "normalize": classifier.normalize, "trouble": NO_MAPS}
    if steps:
        entries |= look_into(folder / NETWORK, weights, steps) | {"trouble": ""}
    try:
        entries["before"] = load_filters(classifier.folder)
    except InputError as error:
        entries["trouble"] = str(error)
    return Network(**entries)


def read_layer(entry: dict) -> Layer:
    """Return a layer from an entry of layers.json; KeyError or TypeError if damaged."""
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in entry.items()}
    if field := values["field"]:
        values["field"] = ReceptiveField(Axis(**field["rows"]), Axis(**field["columns"]), field["whole"])
    return Layer(**values)


def look_into(file: Path, weights: dict[str, np.ndarray], layers: dict[str, str]) -> dict[str, Callable]:
    """Return the functions of `Network` that look at an image, by name.

    `file` is what `write_network` wrote, `layers` the steps behind the maps of each layer, in its order.
    Raises InputError for a file that is damaged or does not fit the weights.
    """
    session = _open_session(file)
    known, names, lock = {put.name for put in session.get_inputs()}, list(layers), threading.Lock()
    missing = known - {*INPUTS, *weights}
    if missing:
        raise InputError(f"{file} does not fit the {WEIGHTS} of its folder; get the model again.")

    def run(output: str, pixels: np.ndarray, layer: str, cell: Sequence[int] = (0, 0)) -> np.ndarray:
        if layer not in layers:
            raise InputError(f"The network has no layer {layer} that gives maps.")
        numbers = [np.array([number], np.int64) for number in (names.index(layer), *cell)]
        values = weights | dict(zip(INPUTS, (pixels, *numbers), strict=True))
        with lock:  # all maps of the network are in memory
            return session.run([output], {name: values[name] for name in known})[0][0]

    def maps(pixels: np.ndarray, layer: str) -> tuple[np.ndarray, str]:
        return run(layer, pixels, layer), layers[layer]

    def field(pixels: np.ndarray, layer: str, row: int, column: int) -> np.ndarray:
        return run(FIELD, pixels, layer, (row, column))

    return {"feature_maps": maps, "effective_field": field}


def _open_session(file: Path) -> InferenceSession:
    """Load a network into ONNX Runtime; raise InputError if the file is damaged."""
    settings = SessionOptions()
    settings.intra_op_num_threads = usable_cores()
    settings.inter_op_num_threads = 1
    settings.log_severity_level = ERRORS_ONLY
    settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return InferenceSession(file, settings)
    except Exception:  # ONNX Runtime has an exception of its own for each kind of damage
        raise InputError(f"{file} is damaged; get the model again.") from None
