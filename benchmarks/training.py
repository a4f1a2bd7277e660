"""Compare train.py with plain fine-tunes: validation AUC against training time.

  python -m benchmarks.training --dataset DIR --weights FILE [--save]

Keras's `fit`, transformers' `Trainer` and train.py's recipe train one after the other on an otherwise idle
machine, each in its own process, on the same decoded radiographs and from the same ImageNet weights. Seconds
are from the first step to the end of an epoch, its validation included. One AUC is that of the validation
radiographs, which are like those of training. The other includes shifted and swapped views of them, which are
not: after the last epoch for the peers, after every epoch for train.py, whose recipe was chosen by it, with
the clock stopped meanwhile. The test split is not read. --save puts the figures into results.json and draws
training.png; with --only the other systems' figures stay as they are. Needs benchmarks/requirements.txt.
"""

import argparse
from pathlib import Path

import numpy as np

from benchmarks import charts, machine, processes, records, training_peers
from hub.errors import InputError, run_command
from hub.files import check_writable_folder
from hub.text import markdown_table

OURS = training_peers.OURS
NAMES = tuple(training_peers.PEERS)
COLUMNS = (
    "System", "Epochs", "Time (s)", "AUC", "`train.py` reaches it after (s)",
    "AUC with shifted and swapped views", "`train.py` reaches it after (s)", "Peak memory (GB)",
)  # fmt: skip


def main(arguments: list[str] | None = None) -> None:
    """Train the systems one after the other, and print the table of their AUCs.

    Raises InputError for options that do not fit, or without TensorFlow for Keras.
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.training",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--dataset", metavar="DIR", help="the chest X-rays: a folder, Parquet or a Hub id")
    add("--weights", metavar="FILE", help="timm's mobilenetv2_100, .safetensors")
    add("--epochs", type=int, default=5, help="of the peers (default: %(default)s); ours are the recipe's")
    add("--only", nargs="+", choices=NAMES, metavar="WHO", help=f"of: {'; '.join(NAMES)}")
    add("--seed", type=int, default=0, help="of all (default: %(default)s)")
    add(
        "--output",
        type=Path,
        default=Path("runs/training"),
        help="images and answers (default: %(default)s)",
    )
    add("--save", action="store_true", help="put the figures into results.json and training.png")
    options = parser.parse_args(arguments)
    records.check(options.save, records.RECORD)
    if not options.dataset or not options.weights:
        raise InputError("There is nothing to learn from; give --dataset DIR and --weights FILE.safetensors.")
    if options.epochs < 1:
        raise InputError("Give --epochs of 1 or more.")
    names = options.only or list(NAMES)
    if "Keras fit" in names:
        processes.need_tensorflow()
    older = records.load_here("training") if options.only and options.save else {}
    check_writable_folder(options.output)
    options.output.mkdir(parents=True, exist_ok=True)
    labels = write_arrays(options.dataset, options.output / "radiographs.npz")
    rows = {name: train_peer(name, options, labels) for name in names}
    rows = older.get("rows", {}) | rows
    rows = {name: rows[name] for name in NAMES if name in rows}
    record = {"rows": rows, "films": len(labels["validation"]), "machine": machine.describe()}
    print(format_table(record))
    if options.save:
        records.save("training", record)
        plot(record)


def write_arrays(source: str, path: Path) -> dict[str, np.ndarray]:
    """Write the arrays that `training_peers` reads; return labels int64 [N] by split."""
    from hub.data import decode_cache
    from hub.data.splits import load_splits
    from hub.evaluation import shifts

    splits, arrays = load_splits(source), {}
    for split in ("train", "validation"):
        arrays[split] = decode_cache.decode(splits[split], 224, channels=1, radiograph=True)
    arrays["views"] = shifts.add_shifts(*arrays["validation"])
    images = {f"{split}_images": pixels.permute(0, 2, 3, 1).numpy() for split, (pixels, _) in arrays.items()}
    labels = {split: labels.numpy() for split, (_, labels) in arrays.items()}
    np.savez(path, **images, **{f"{split}_labels": numbers for split, numbers in labels.items()})
    return labels


def train_peer(name: str, options: argparse.Namespace, labels: dict[str, np.ndarray]) -> dict:
    """Train one system in another process; return its row.

    A row has `epochs`, each with `seconds`, `auc` and where measured `views_auc`, and peak `megabytes`.
    """
    from hub.evaluation.metrics import auc

    result = options.output / f"{name}.npz"
    _, megabytes = processes.run(
        ["-m", "benchmarks.training_peers", name, "--arrays", str(options.output / "radiographs.npz"),
         "--weights", options.weights, "--epochs", str(options.epochs), "--seed", str(options.seed),
         "--result", str(result)]
    )  # fmt: skip
    with np.load(result) as curves:
        epochs = [
            {"seconds": round(float(seconds), 1), "auc": auc(answers, labels["validation"])}
            for seconds, answers in zip(curves["seconds"], curves["answers"], strict=True)
        ]
        views = curves["views"]
        for epoch, answers in zip(epochs[-len(views) :], views, strict=True):
            epoch["views_auc"] = auc(answers, labels["views"])
    return {"epochs": epochs, "megabytes": megabytes}


def reached(row: dict, kind: str, value: float) -> float | None:
    """Return the seconds until "auc" or "views_auc" reaches a value; None for never."""
    return next((epoch["seconds"] for epoch in row["epochs"] if epoch[kind] >= value), None)


def format_table(record: dict) -> str:
    """Return the Markdown table of the comparison, and below it the machine."""
    rows, ours = [], record["rows"].get(OURS)
    for name, row in record["rows"].items():
        last, cells = row["epochs"][-1], []
        for kind in ("auc", "views_auc"):
            share = ""
            if ours and name != OURS:
                seconds = reached(ours, kind, last[kind])
                share = f"{seconds:.0f} ({seconds / last['seconds']:.2f})" if seconds else "never"
            cells += [f"{last[kind]:.4f}", share]
        name = f"`{name}`" if name == OURS else name
        memory = f"{row['megabytes'] / 1000:.1f}"
        rows.append((name, len(row["epochs"]), f"{last['seconds']:.0f}", *cells, memory))
    return f"{markdown_table(COLUMNS, rows)}\n\n{machine.sentence(record['machine'])}"


def plot(record: dict) -> None:
    """Draw both AUCs against training time."""
    figure, sides = charts.subplots(1, 2, figsize=(10, 3.4))
    colours = dict(zip(NAMES, (charts.THEIRS, "#475569", charts.OURS), strict=True))
    titles = {"auc": "validation radiographs", "views_auc": "with shifted and swapped views of them"}
    for side, (kind, title) in zip(sides, titles.items(), strict=True):
        for name, row in record["rows"].items():
            epochs = [epoch for epoch in row["epochs"] if kind in epoch]
            minutes = [epoch["seconds"] / 60 for epoch in epochs]
            side.plot(minutes, [epoch[kind] for epoch in epochs], "o-", color=colours[name], label=name)
        side.set_title(title, fontsize=11)
        side.set_xlabel("training time (min)")
        side.set_xlim(0)
    sides[0].set_ylabel("AUC")
    sides[0].legend(frameon=False, loc="lower right")
    charts.save(figure, "training.png")


if __name__ == "__main__":
    run_command("python -m benchmarks.training", main)
