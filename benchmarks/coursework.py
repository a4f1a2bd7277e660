"""Compare train.py with Keras on the exercises of a first course's notes.

  python -m benchmarks.coursework --mnist DIR --cifar10 DIR --xray DIR --weights FILE [--save]

For each exercise Keras trains first and then train.py, one after the other on an otherwise idle machine, each
in its own process, on the same images; both are measured once on the same test split. Training time is that
of the epochs: from images in memory to a trained model, validation after each epoch, tracing and compiling
included. The time of the whole commands is recorded too: imports, and for train.py also calibration, export
and the bootstrap of `hub evaluate`. Images are decoded before, for both (train.py finds them in its cache).
--save puts the figures into coursework.json, which `python -m benchmarks report` shows; with --only the other
exercises stay as they are. Needs benchmarks/requirements.txt.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from datasets import DatasetDict

from benchmarks import keras_peers, machine, processes, records
from hub import files
from hub.data import decode_cache
from hub.data.class_names import is_radiograph
from hub.data.leakage import leak_report
from hub.data.splits import load_splits, small_data
from hub.errors import InputError, run_command
from hub.models.folder import read_config
from hub.text import markdown_table

RECORD = Path(__file__).parent / "coursework.json"
# Side in px, channels, accuracy in the coursework's notes, and train.py's recipes for the exercise.
EXERCISES = {
    "mnist": {"size": 28, "channels": 1, "notes": "98.95 %", "recipes": ("mnist",)},
    "cifar10": {"size": 32, "channels": 3, "notes": "66.53 %", "recipes": ("cifar10", "cifar10_fast")},
    "xray": {
        "size": 224,
        "channels": 1,
        "notes": "75 to 94 % of 16 validation images",
        "recipes": ("small_data",),
    },
}
COLUMNS = (
    "Exercise", "System", "Network", "Training images", "Epochs", "Test accuracy", "Coursework's notes",
    "Time per epoch (s)", "Training time (s)", "Relative to Keras", "Whole command (s)",
)  # fmt: skip


def main(arguments: list[str] | None = None) -> None:
    """Train and measure the exercises, and print their table.

    Raises InputError for options that lack a source or weights, or without TensorFlow.
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.coursework",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--mnist", metavar="DIR", help="MNIST: a folder, Parquet or a Hub id")
    parser.add_argument("--cifar10", metavar="DIR", help="CIFAR-10, likewise")
    parser.add_argument("--xray", metavar="DIR", help="the chest X-rays, likewise")
    parser.add_argument("--weights", metavar="FILE", help="timm's mobilenetv2_100, .safetensors, for --xray")
    parser.add_argument("--only", nargs="+", choices=EXERCISES, metavar="NAME", help="of the exercises")
    parser.add_argument("--seed", type=int, default=0, help="of both sides (default: %(default)s)")
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("runs/coursework"),
        help="arrays and models (default: %(default)s)",
    )
    parser.add_argument("--save", action="store_true", help=f"put the figures into {RECORD.name}")
    options = parser.parse_args(arguments)

    records.check(options.save, RECORD)
    files.check_writable_folder(options.output)
    names = options.only or list(EXERCISES)
    for name in names:
        if not getattr(options, name):
            raise InputError(f"There are no images for {name}; give --{name} DIR, or --only the others.")
    if "xray" in names and not options.weights:
        raise InputError("The X-rays start from ImageNet weights; give --weights FILE.safetensors.")
    processes.need_tensorflow()
    options.output.mkdir(parents=True, exist_ok=True)
    record = {}
    for name in names:
        weights = options.weights if name == "xray" else None
        record[name] = compare(name, getattr(options, name), weights, options.seed, options.output)
        print(format_table(record), flush=True)
    if options.save:
        with files.lock(RECORD, wait=True):  # another exercise may be saved just now
            older = records.older(RECORD)
            record = {name: (older | record)[name] for name in EXERCISES if name in older | record}
            files.write_json(RECORD, record)


def compare(name: str, source: str, weights: str | None, seed: int, output: Path) -> dict:
    """Return the record of one exercise: Keras and each recipe, trained in turn.

    Raises InputError where a command fails, or where the two sides did not train on the same splits.
    """
    exercise = EXERCISES[name]
    splits = load_splits(source)
    if name == "xray":
        splits = small_data(splits)
    report = leak_report(splits)
    arrays, result = output / f"{name}.npz", output / f"{name}-keras.json"
    write_arrays(splits, arrays, exercise["size"], exercise["channels"])
    common = ["--seed", str(seed), *(["--weights", weights] if weights else [])]
    peer = ["-m", "benchmarks.keras_peers", name, "--arrays", str(arrays), "--result", str(result), *common]
    seconds, _ = processes.run(peer)
    figures = json.loads(result.read_text(encoding="utf-8"))
    rows = [keras_row(figures, seconds)]
    for recipe in exercise["recipes"]:
        folder = output / recipe
        learn = ["train.py", "--recipe", recipe, "--dataset", source, "--output", str(folder), "--overwrite"]
        seconds, _ = processes.run([*learn, *common])
        seconds += processes.run(["-m", "hub", "evaluate", str(folder), "--dataset", source, "--save"])[0]
        rows.append(our_row(recipe, folder, report, seconds))
    return {
        "dataset": Path(source).name,
        "seed": seed,
        "images": figures["images"],
        "machine": machine.describe() | figures["versions"],
        "rows": rows,
    }


def write_arrays(splits: DatasetDict, path: Path, size: int, channels: int) -> None:
    """Write the arrays that `keras_peers` reads.

    They are images uint8 [N, size, size, channels] and labels int64 [N] of each split.
    """
    radiograph = is_radiograph(splits["train"].features["label"].names)
    arrays = {}
    for split in keras_peers.SPLITS:
        images, labels = decode_cache.decode(splits[split], size, channels, radiograph)
        arrays[f"{split}_images"] = images.permute(0, 2, 3, 1).numpy()
        arrays[f"{split}_labels"] = labels.numpy()
    np.savez(path, **arrays)


def keras_row(figures: dict, command_seconds: float) -> dict:
    """Return the row for what `keras_peers` wrote."""
    return {"who": "Keras", "network": figures["network"]} | _figures(
        figures["test_accuracy"], figures["epochs"], figures["seconds"], command_seconds
    )


def our_row(recipe: str, folder: Path, report: dict, command_seconds: float) -> dict:
    """Return the row of a model folder of train.py, measured by `hub evaluate`.

    `report` is `leakage.leak_report` of the splits that Keras trained on; InputError where that of the model
    differs.
    """
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    training, accuracy = metrics["training"], metrics["test"]["accuracy"]["value"]
    if training["splits"] != report:
        raise InputError(f"{recipe} learned from other images than Keras; give both the same splits.")
    row = {"who": f"train.py --recipe {recipe}", "network": read_config(folder)["architecture"]}
    return row | _figures(accuracy, len(training["history"]), training["training_seconds"], command_seconds)


def _figures(test_accuracy: float, epochs: int, seconds: float, command_seconds: float) -> dict:
    return {
        "epochs": epochs,
        "test_accuracy": test_accuracy,
        "seconds": round(seconds, 2),
        "command_seconds": round(command_seconds, 2),
    }


def format_table(record: dict) -> str:
    """Return the Markdown table of coursework.json, and below it the machines."""
    rows = []
    for name, exercise in record.items():
        keras = exercise["rows"][0]
        for row in exercise["rows"]:
            system = f"`{row['who']}`" if row["who"].startswith("train.py") else row["who"]
            rows.append(
                (name, system, row["network"], f"{exercise['images']['train']:,}", row["epochs"],
                 f"{100 * row['test_accuracy']:.2f} %", EXERCISES[name]["notes"],
                 f"{row['seconds'] / row['epochs']:.1f}", f"{row['seconds']:.0f}",
                 f"{row['seconds'] / keras['seconds']:.2f}", f"{row['command_seconds']:.0f}")
            )  # fmt: skip
    machines = list(dict.fromkeys(_machine_line(exercise["machine"]) for exercise in record.values()))
    return "\n".join([markdown_table(COLUMNS, rows), "", *machines])


def _machine_line(description: dict) -> str:
    versions = (f"{name} {description[name]}" for name in ("python", "torch", "timm", "tensorflow", "keras"))
    return f"Times of one run on {description['cpu']}, {description['cores']} cores: {', '.join(versions)}."


if __name__ == "__main__":
    run_command("python -m benchmarks.coursework", main)
