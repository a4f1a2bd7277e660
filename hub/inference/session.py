"""The network of a model folder in ONNX Runtime, checked by its config.json."""

from pathlib import Path

import numpy as np
from onnxruntime import InferenceSession, SessionOptions

from hub.errors import InputError
from hub.inference.served_config import ServedConfig
from hub.models.folder import CONFIG

OUTPUTS = ("logits", "heatmap", "statistics")
SPIN_MICROSECONDS = "20"  # how long a thread of ONNX Runtime waits actively for the next layer
FATAL = 4  # what ONNX Runtime logs: of a damaged file, InputError says it


def output_shapes(session: InferenceSession, config: ServedConfig, file: Path) -> dict[str, tuple[int, ...]]:
    """Return the shape of each output for one image, from a run of the network.

    Raises InputError for a network that does not fit its config.json, in its input, its classes or in what
    it answers to two images.
    """
    inputs = {put.name: (put.type, put.shape[1:]) for put in session.get_inputs()}
    outputs = [put for put in session.get_outputs() if put.name in OUTPUTS]
    is_input = bool(outputs) and inputs == {"pixel_values": ("tensor(float)", [*config.input_size])}
    answers = {}
    if is_input and all(put.type == "tensor(float)" for put in outputs):
        answers = _try_out(session, [put.name for put in outputs], config.input_size)
    shapes = {name: answer.shape[1:] for name, answer in answers.items() if len(answer) == 2}
    if len(shapes) < len(outputs) or not _are_outputs(shapes, len(config.classes)):
        raise InputError(f"{file} does not fit its {CONFIG}; get the model again.")
    if not all(np.isfinite(answer).all() for answer in answers.values()):
        raise InputError(f"{file} is damaged: it does not answer with numbers; get the model again.")
    return shapes


def _try_out(
    session: InferenceSession, names: list[str], size: tuple[int, int, int]
) -> dict[str, np.ndarray]:
    """Return what the network answers to two grey images, {} where it cannot be run."""
    try:
        answers = session.run(names, {"pixel_values": np.zeros((2, *size), np.float32)})
    except Exception:  # ONNX Runtime has an exception of its own for each kind of damage
        return {}
    return {name: np.atleast_1d(answer) for name, answer in zip(names, answers, strict=True)}


def _are_outputs(shapes: dict[str, tuple[int, ...]], classes: int) -> bool:
    """Return whether outputs for one image have the shapes of `hub.export.onnx`."""
    heatmap, statistics = shapes.get("heatmap", (classes, 1, 1)), shapes.get("statistics", (1, 2))
    is_heatmap = len(heatmap) == 3 and heatmap[0] == classes and 0 not in heatmap
    is_statistics = len(statistics) == 2 and statistics[1] == 2
    return shapes.get("logits") == (classes,) and is_heatmap and is_statistics


def open_session(network: bytes, threads: int, file: Path) -> InferenceSession:
    """Load a network, the content of a file, into ONNX Runtime.

    Raises InputError if the file is damaged.
    """
    try:
        return InferenceSession(network, session_options(threads))
    except Exception:  # ONNX Runtime has an exception of its own for each kind of damage
        raise InputError(f"{file} is damaged; get it again.") from None


def session_options(threads: int) -> SessionOptions:
    """Return how ONNX Runtime computes: in so many threads, alike on all processors."""
    settings = SessionOptions()
    # ONNX Runtime counts the cores of the machine, not those that this process may use.
    settings.intra_op_num_threads = threads
    settings.inter_op_num_threads = 1
    settings.log_severity_level = FATAL
    # Spinning threads start the next layer sooner; at the default duration they would slow down the decoding
    # of the next image and every other process.
    settings.add_session_config_entry("session.intra_op.spin_duration_us", SPIN_MICROSECONDS)
    # Sums of 8-bit products that overflow on x86 processors without VNNI would give other answers there.
    settings.add_session_config_entry("session.x64quantprecision", "1")
    return settings
