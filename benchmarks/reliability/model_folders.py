"""Read more than two hundred broken model folders, made from the bundled one.

  python -m benchmarks.reliability.model_folders [--count 40]

A folder is right to be refused, in one sentence. What was changed is one entry or all of config.json and
metrics.json, tensors or graphs, or single bytes. But for the latter, a folder has no SHA256SUMS: whoever
sends a folder can leave it out. Every reader has a turn: `Classifier`, torch, the card and the pages.
"""

import argparse
import json
import random
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from hub.demo import model_tab
from hub.errors import InputError, run_command
from hub.imaging.synthetic import sample_radiographs
from hub.inference.classifier import Classifier
from hub.models.card import card_text
from hub.models.digests import DIGESTS, check_digests
from hub.models.factory import load_network
from hub.models.filters import load_filters
from hub.models.folder import BUNDLED, CONFIG, DIGEST, FILTERS, INPUT_CHECK, METRICS, NETWORKS, WEIGHTS

NAN = float("nan")
ENTRIES = {  # of config.json
    "architecture": [None, 5, "", "no_such_network", "hf-hub:someone/model", "resnet18", "a\nb", ["a"]],
    "num_classes": [None, 0, -1, 1, 3, "2", 2.0, True, 10**9],
    "label_names": [
        None, [], ["A"], ["A", "A"], "ab", {"0": "A", "1": "B"}, [1, 2], [["A"], ["B"]], [*"ABC"],
        ["A", "\ud800"], ["A", ""], ["A", "B" * 5000], ["A", "\x1b[2J"],
    ],
    "radiograph": [None, "false", 1, []],
    "model_args": [[], 5, {"img_size": 99999}, {"width": 64}, {"depth": 10**6}],
    "operating_points": [
        5, [], "balanced", {"balanced": 2}, {"balanced": "0.5"}, {"balanced": NAN}, {"balanced": None},
        {"balanced": -1}, {str(number): 0.5 for number in range(100)},
    ],
    "calibration_covariance": [
        "x", [], {}, [[1]], [["a", "b"], ["c", "d"]], [[NAN, 0], [0, 1]], [[-1, 0], [0, 1]], [[1, 0], [5, 1]],
    ],
    "pretrained_cfg": [None, [], "x", 5, {}],
}  # fmt: skip
DATA_ENTRIES = {  # of its pretrained_cfg
    "input_size": [
        None, [], "text", -1, 224, [3, 224], [5, 224, 224], [3, 112, 112], [3, 99999, 99999], [3, -1, -1],
        [3, 0, 0], [3, 224, 112], [3.0, 224, 224], ["3", "224", "224"], [1, 224, 224], [True, 224, 224],
    ],
    "mean": [None, [], [0.4, 0.4], "x", [NAN] * 3, [1e300] * 3, ["0"] * 3, [[0]] * 3],
    "std": [None, [], [0.2, 0.2], "x", [NAN] * 3, [0, 0, 0], [-1, -1, -1], [1e-30] * 3, {"0": 1}],
}  # fmt: skip
TEXTS = [
    b"", b"[]", b"null", b"5", b'"x"', b"{", b"[" * 100_000, b'{"a":' * 100_000, b"\xff\xfe", b"\0" * 1000,
    b"{" + b" " * 10_000_001 + b"}", b'{"architecture": 1' + b"0" * 5000 + b"}",
]  # fmt: skip
SECTIONS = {  # of metrics.json
    "training": [None, "x", {}, [], {"dataset": 5}, {"dataset": None}],
    "test": [5, [], {"accuracy": {"value": "x"}}, {"accuracy": 3}],
    "validation": ["x", {"accuracy": {"value": 0.9}}],
    "onnx": ["x", {"fp32": 3}],
    "scope": [{"test": {"Hand": 5}}],
    "others": [[3], {"a": 5}],
}
BLOCKS = [b"", b"x" * 100, b"\xff" * 8 + b"{}", b"\0" * 8, (2).to_bytes(8, "little") + b"{}"]
FILES = [CONFIG, METRICS, WEIGHTS, FILTERS, INPUT_CHECK, *NETWORKS.values()]
CHANGES = {  # of scope.safetensors, by tensor
    "channels": [[-1, 5], [72, 16], [0, 10**6]], "limits": [np.zeros(11, np.float32)], "margin": [[NAN]],
    "weight": [np.zeros((12, 3), np.float32)], "centres": [np.zeros((3, 4), np.float32)],
    "precisions": [np.full((11, 112, 112), np.inf, np.float32)], "bias": [np.zeros(0, np.float32)],
}  # fmt: skip
KINDS = ["fine", [], ["fine"], ["fine", "x"], [5] * 12, ["fine"] * 12, {"fine": 1}]

Change = Callable[[Path], object]


def main(arguments: list[str] | None = None) -> None:
    """Print what became of the folders.

    Raises InputError if one of them was not refused, and for a count below 1.
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.reliability.model_folders",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--count", type=int, help="only so many, spread over all kinds (default: all)")
    count = parser.parse_args(arguments).count
    if count is not None and count < 1:
        raise InputError("Give --count of 1 or more.")
    figures = measure(count)
    print(json.dumps(figures, indent=2))
    if figures["exceptions"] or figures["taken"]:
        raise InputError("Some broken folders were not refused in one sentence; see above.")


def measure(count: int | None = None) -> dict:
    """Return how many broken folders were refused, and which were not.

    `exceptions` are those that raised anything else or said more than a sentence, `taken` those that were
    read as if they were whole. `slowest` is in seconds, `memory` how many MB more the process then held.
    """
    cases = changes()
    names = [*cases][:: max(1, len(cases) // count)][:count] if count else [*cases]
    film = sample_radiographs(1)[0][0]
    with tempfile.TemporaryDirectory() as place:
        read_all(folder_with(lambda folder: None, Path(place) / "whole"), film)  # what takes memory anyway
        before, outcomes, seconds = peak(), {}, []
        for number, name in enumerate(names):
            folder = folder_with(cases[name], Path(place) / str(number))
            started = time.perf_counter()
            outcomes[name] = outcome(folder, film)
            seconds.append(time.perf_counter() - started)
    wrong = {what: [name for name in names if outcomes[name][0] == what] for what in ("exceptions", "taken")}
    sentences = [sentence for what, sentence in outcomes.values() if what == "refused"]
    return {
        "folders": len(names),
        "refused": len(sentences),
        "sentences": len(set(sentences)),
        "slowest": round(max(seconds), 2),
        "memory": round(peak() - before),
        **wrong,
    }


def outcome(folder: Path, film: object) -> tuple[str, str]:
    """Return "refused", "exceptions" or "taken", and what was said of the folder."""
    try:
        read_all(folder, film)
    except InputError as error:
        said = str(error)
        is_sentence = said.endswith(".") and "\n" not in said and len(said) < 500
        return ("refused" if is_sentence else "exceptions"), said.replace(str(folder), "FOLDER")
    except Exception as error:
        return "exceptions", repr(error)
    return "taken", ""


def read_all(folder: Path, film: object) -> None:
    """Read a folder as the apps and commands do, one after the other.

    Raises InputError where one of them refuses it.
    """
    model_tab.read_metrics(folder)
    model_tab.read_pictures(folder)
    classifier = Classifier.from_pretrained(folder)
    check_digests(folder)
    classifier(film)
    load_network(folder)
    load_filters(folder)
    card_text(folder)


def peak() -> float:
    """Return the most memory that this process has held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def folder_with(change: Change, folder: Path) -> Path:
    """Return a folder with links to the bundled model's files, one of them changed."""
    for path in BUNDLED.rglob("*"):
        if path.is_file():
            link = folder / path.relative_to(BUNDLED)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(path)
    change(folder)
    return folder


def changes() -> dict[str, Change]:
    """Return what is wrong with each folder, by name."""
    cases = {f"{CONFIG}: {name} {value!r:.30}": entry(name, value) for name, value in _pairs(ENTRIES)}
    cases |= {
        f"{CONFIG}: pretrained_cfg.{name} {value!r:.30}": entry(name, value, "pretrained_cfg")
        for name, value in _pairs(DATA_ENTRIES)
    }
    for name in (CONFIG, METRICS):
        cases |= {f"{name}: {text!r:.20} {len(text)}": content(name, text) for text in TEXTS}
    cases |= {f"{METRICS}: {name} {value!r:.30}": section(name, value) for name, value in _pairs(SECTIONS)}
    for name in (WEIGHTS, FILTERS, INPUT_CHECK, NETWORKS["int8"]):
        cases |= {f"{name}: {block!r:.20}": content(name, block) for block in BLOCKS}
        cases[f"{name}: the first half"] = half(name)
    cases |= {f"{name}: is a folder": directory(name) for name in (CONFIG, WEIGHTS, NETWORKS["int8"])}
    cases |= {f"{WEIGHTS}: {name}": weights(change) for name, change in WEIGHT_CHANGES.items()}
    cases |= {f"{INPUT_CHECK}: {name} {value!r:.20}": tensor(name, value) for name, value in _pairs(CHANGES)}
    cases |= {f"{INPUT_CHECK}: kinds {value!r:.30}": kinds(value) for value in KINDS}
    cases |= {f"ONNX: {name}": graph(**options) for name, options in GRAPHS.items()}
    cases |= {f"{name}: byte {place:.0%} flipped": flipped(name, place) for name in FILES for place in PLACES}
    cases |= {f"{name}: missing": missing(name) for name in FILES if name != NETWORKS["fp32"]}
    return cases | {f"{DIGESTS}: {text!r:.20}": content(DIGESTS, text, keep=True) for text in TEXTS[1:10]}


def _pairs(values: dict[str, list]) -> list[tuple[str, object]]:
    return [(name, value) for name, some in values.items() for value in some]


def replace(folder: Path, name: str, new: bytes, keep: bool = False) -> None:
    """Put other bytes in the place of a link; only with `keep`, digests stay."""
    if not keep:
        (folder / DIGESTS).unlink(missing_ok=True)
    (folder / name).unlink()
    (folder / name).write_bytes(new)


def content(name: str, new: bytes, keep: bool = False) -> Change:
    """Return the change of a whole file."""
    return lambda folder: replace(folder, name, new, keep)


def entry(name: str, value: object, part: str | None = None) -> Change:
    """Return the change of one entry of config.json, or of a part of it."""

    def change(folder: Path) -> None:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        (config[part] if part else config)[name] = value
        replace(folder, CONFIG, json.dumps(config).encode())

    return change


def section(name: str, value: object) -> Change:
    """Return the change of one section of metrics.json."""

    def change(folder: Path) -> None:
        metrics = json.loads((folder / METRICS).read_text(encoding="utf-8")) | {name: value}
        replace(folder, METRICS, json.dumps(metrics).encode())

    return change


def half(name: str) -> Change:
    """Return the change that cuts a file in two."""

    def change(folder: Path) -> None:
        old = (folder / name).read_bytes()
        replace(folder, name, old[: len(old) // 2])

    return change


def directory(name: str) -> Change:
    """Return the change that makes a folder of a file."""

    def change(folder: Path) -> None:
        replace(folder, name, b"")
        (folder / name).unlink()
        (folder / name).mkdir()

    return change


def missing(name: str) -> Change:
    """Return the change that loses a file that is listed."""
    return lambda folder: (folder / name).unlink()


def flipped(name: str, place: float) -> Change:
    """Return the change of one bit at a place between 0 and 1, under the old digests."""

    def change(folder: Path) -> None:
        old = bytearray((folder / name).read_bytes())
        old[int(place * len(old))] ^= 1 << random.Random(place).randrange(8)
        replace(folder, name, bytes(old), keep=True)

    return change


def weights(edit: Callable[[dict], object]) -> Change:
    """Return a change of the tensors of model.safetensors."""

    def change(folder: Path) -> None:
        tensors = load_file(folder / WEIGHTS)
        edit(tensors)
        replace(folder, WEIGHTS, b"")
        save_file(tensors, folder / WEIGHTS)

    return change


STEM, LAST = "conv_stem.weight", "classifier.weight"
WEIGHT_CHANGES = {
    "a tensor less": lambda tensors: tensors.pop(STEM),
    "a tensor more": lambda tensors: tensors.update(more=np.zeros(3, np.float32)),
    "no number": lambda tensors: tensors[STEM].fill(NAN),
    "three classes": lambda tensors: tensors.update({LAST: np.zeros((3, 1280), np.float32)}),
    "one channel": lambda tensors: tensors.update({STEM: tensors[STEM][:, :1].copy()}),
    "no tensors": dict.clear,
}
PLACES = (0.01, 0.3, 0.7, 0.99)


def tensor(name: str, value: object) -> Change:
    """Return the change of one tensor of the input check."""

    def change(folder: Path) -> None:
        tensors, metadata = _check(folder)
        tensors[name] = np.array(value, tensors[name].dtype)
        replace(folder, INPUT_CHECK, b"")
        save_file(tensors, folder / INPUT_CHECK, metadata)

    return change


def kinds(value: object) -> Change:
    """Return the change of the kinds of the input check."""

    def change(folder: Path) -> None:
        tensors, metadata = _check(folder)
        replace(folder, INPUT_CHECK, b"")
        save_file(tensors, folder / INPUT_CHECK, metadata | {"kinds": json.dumps(value)})

    return change


def _check(folder: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    with safe_open(folder / INPUT_CHECK, "numpy") as file:
        metadata = file.metadata()
    return load_file(folder / INPUT_CHECK), metadata


GRAPHS = {
    "another input": {"source": "pixels"},
    "another output": {"logits": "probabilities"},
    "three classes": {"classes": 3},
    "one class": {"classes": 1},
    "another size": {"size": 112},
    "one image at a time": {"batch": 1},
    "64 bits": {"kind": TensorProto.DOUBLE},
    "no numbers": {"scale": NAN},
    "an operator that nobody knows": {"operator": "Guess"},
    "another network": {"digest": "0" * 64},
    "a heatmap of one number": {"extra": "heatmap"},
    "statistics of one number": {"extra": "statistics"},
}


def graph(
    source: str = "pixel_values",
    logits: str = "logits",
    classes: int = 2,
    size: int = 224,
    batch: int | str = "batch",
    kind: int = TensorProto.FLOAT,
    scale: float = 1.0,
    operator: str = "GlobalAveragePool",
    digest: str | None = None,
    extra: str | None = None,
) -> Change:
    """Return the change to a small network of one layer.

    It is the only one of the folder, in 32 bits, and is said to be of the folder's weights; with `extra` it
    has its logits as another output, too.
    """
    number = helper.np_dtype_to_tensor_dtype(np.dtype("float64" if kind == TensorProto.DOUBLE else "float32"))
    nodes = [
        helper.make_node(operator, [source], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["features"]),
        helper.make_node("MatMul", ["features", "weight"], [logits]),
    ]
    outputs = [helper.make_tensor_value_info(logits, kind, [batch, classes])]
    if extra:
        nodes.append(helper.make_node("Identity", [logits], [extra]))
        outputs.append(helper.make_tensor_value_info(extra, kind, [batch, classes]))
    layer = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info(source, kind, [batch, 3, size, size])],
        outputs,
        [helper.make_tensor("weight", number, [3, classes], [scale] * 3 * classes)],
    )
    network = helper.make_model(layer, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)

    def change(folder: Path) -> None:
        known = Classifier(folder, check=False).session.get_modelmeta().custom_metadata_map[DIGEST]
        helper.set_model_props(network, {DIGEST: digest or known})
        (folder / METRICS).unlink()
        (folder / NETWORKS["int8"]).unlink()
        replace(folder, NETWORKS["fp32"], network.SerializeToString())

    return change


if __name__ == "__main__":
    run_command("python -m benchmarks.reliability.model_folders", main)
