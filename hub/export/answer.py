"""Write `onnx/answer.onnx`, from the pixels of a radiograph to its answer.

The network of a model folder takes pixels that were resized and normalised, and its input check and heatmap
need arithmetic beside it. This graph holds all of that, in operators of ONNX alone: a program in any language
gives it an image without its borders (`imaging.borders`) and gets the answer of `Classifier`.

`pixels` uint8 [height, width, 1 or 3] goes in. `log_odds` float32 [] of the second class at even prevalence
comes out, `logits` [2], `heatmap` [h, w], the local log odds of that class (`heatmap.local_log_odds`), and
`input` uint8 [size, size, 3], what the network saw. With an input check there is `reason`, int64 [], an index
into `reasons` of the file's metadata, and what it comes from: `scores` [kinds], `distances` [kinds - 1],
`grey_deviation` [] and `coloured_share` [].

Resize differs from Pillow's by one level in some 2 of 10,000 pixels, because ONNX Runtime's weights have 32
bits. It changes nothing in an image of `size` x `size` pixels, whose answer is that of `Classifier`.
"""

import hashlib
import json
import shlex
from pathlib import Path

import onnx
from onnx import GraphProto, ModelProto, TensorProto, ValueInfoProto, compose, helper, numpy_helper

from hub.errors import InputError
from hub.export import answer_nodes
from hub.export.answer_nodes import NETWORK, parsed
from hub.files import replace_file, sha256
from hub.inference import input_check
from hub.inference.classifier import changed_by_int8, default_precision
from hub.inference.served_config import ServedConfig, read_served_config
from hub.models.card import write_card
from hub.models.folder import ANSWER, DIGEST, INPUT_CHECK, METRICS, NETWORKS

# Metadata of the file; the first two are JSON.
REASONS, CLASSES, PRECISION, SOURCES = "reasons", "classes", "precision", "sources_sha256"
TYPES = {"input": TensorProto.UINT8, "reason": TensorProto.INT64}  # of outputs; others are float32


def is_answerable(config: ServedConfig) -> bool:
    """Return whether a model has such a graph: radiographs in RGB, of two classes."""
    return config.radiograph and len(config.classes) == 2 and config.input_size[0] == 3


def write_answer(folder: Path) -> bool:
    """Write the graph of a model folder, and return whether it has one.

    The card, which names it, is written anew. Raises InputError for a folder without networks, and for an
    input check that does not fit them.
    """
    if not is_answerable(read_served_config(folder)):
        (folder / ANSWER).unlink(missing_ok=True)
        return False
    graph = build(folder)
    with replace_file(folder / ANSWER) as partial:
        onnx.save(graph, partial)
    if (folder / METRICS).is_file():
        write_card(folder)
    return True


def verify_answer(folder: Path) -> None:
    """Raise InputError for a graph that was not made from the files beside it."""
    path = folder / ANSWER
    if not path.is_file():
        return
    properties = {entry.key: entry.value for entry in _load(path).metadata_props}
    if properties.get(SOURCES) != _sources(folder):
        raise InputError(
            f"{path} was not made from the files beside it; "
            f"run python -m hub export {shlex.quote(str(folder))} --format answer."
        )


def build(folder: Path) -> ModelProto:
    """Return the graph of a model folder; raise InputError like `write_answer`."""
    config, network = read_served_config(folder), _read_network(folder)
    outputs = {put.name.removeprefix(NETWORK): _sizes(put) for put in network.graph.output}
    answers = {"log_odds": [], "logits": [2], "input": [*config.input_size[1:], config.input_size[0]]}
    text, constants, reasons = answer_nodes.LOG_ODDS, answer_nodes.input_constants(config), []
    if "heatmap" in outputs:
        text += answer_nodes.HEATMAP
        answers["heatmap"] = outputs["heatmap"][2:]
    digest = {entry.key: entry.value for entry in network.metadata_props}.get(DIGEST, "")
    check = _read_check(folder, digest, outputs)
    if check:
        text += answer_nodes.CHECK
        constants |= answer_nodes.check_constants(check)
        reasons, kinds = answer_nodes.reasons(check), len(check["kinds"])
        answers |= {"reason": [], "scores": [kinds], "distances": [kinds - 1]}
        answers |= {"grey_deviation": [], "coloured_share": []}
    graph = helper.make_graph(
        [*parsed(answer_nodes.INPUT), *network.graph.node, *parsed(text)],
        "answer",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["height", "width", "channels"])],
        [
            helper.make_tensor_value_info(name, TYPES.get(name, TensorProto.FLOAT), sizes)
            for name, sizes in answers.items()
        ],
        [*network.graph.initializer, *map(numpy_helper.from_array, constants.values(), constants)],
    )
    return _model(graph, network, _properties(folder, digest, config, reasons))


def _precision(folder: Path) -> str:
    """Return the precision of the network to build in.

    It is that of `Classifier`; until somebody has counted what 8 bits change, it is 8 bits where they were
    kept.
    """
    if not changed_by_int8(folder) and (folder / NETWORKS["int8"]).is_file():
        return "int8"
    return default_precision(folder)


def _read_network(folder: Path) -> ModelProto:
    """Return the network to build in; names of its tensors begin with NETWORK."""
    path = folder / NETWORKS[_precision(folder)]
    if not path.is_file():
        raise InputError(f"{folder} has no {path.relative_to(folder)}; python -m hub export makes it.")
    return compose.add_prefix(_load(path), NETWORK)


def _load(path: Path) -> ModelProto:
    try:
        return onnx.load(path)
    except Exception:  # protobuf has an exception of its own for each kind of damage
        raise InputError(f"{path} is damaged; get it again.") from None


def _read_check(folder: Path, digest: str, outputs: dict[str, list[int | str]]) -> dict | None:
    """Return the input check of a model folder, None where `Classifier` has none.

    `digest` is that of the weights, as the network's file has it: the weights themselves may not be here.
    """
    if "statistics" not in outputs:
        return None
    return input_check.load(folder, digest, outputs["statistics"][1])


def _sizes(value: ValueInfoProto) -> list[int | str]:
    """Return the sizes of an input or output, a name for one that is free."""
    return [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]


def _model(graph: GraphProto, network: ModelProto, properties: dict[str, str]) -> ModelProto:
    """Return the file of a graph that the network was built into."""
    used = {node.domain for node in graph.node}
    opsets = [entry for entry in network.opset_import if entry.domain in used]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=network.ir_version)
    helper.set_model_props(model, properties)
    return model


def _properties(folder: Path, digest: str, config: ServedConfig, reasons: list[str]) -> dict[str, str]:
    """Return the metadata of the file."""
    return {
        DIGEST: digest,
        SOURCES: _sources(folder),
        PRECISION: _precision(folder),
        CLASSES: json.dumps(config.classes),
        REASONS: json.dumps(reasons),
    }


def _sources(folder: Path) -> str:
    """Return one SHA-256 of all that the graph is made from."""
    config = read_served_config(folder)
    paths = folder / NETWORKS[_precision(folder)], folder / INPUT_CHECK
    digests = [sha256(path) if path.is_file() else "" for path in paths]
    given = [config.classes, config.input_size, config.mean.tolist(), config.std.tolist(), *digests]
    return hashlib.sha256(json.dumps(given).encode()).hexdigest()
