"""Compare train.py with plain fine-tunes: how soon is validation AUC as high, and how high does it end?

  python -m benchmarks.training --dataset DIR --weights FILE [--save]

Keras's `fit`, transformers' `Trainer` and train.py learn one after the other on an otherwise idle machine,
each in a process of its own, from the same decoded films and the same ImageNet weights. Seconds are from the
first step to the end of an epoch, its validation included. AUC is that of the validation films, which are
like the training films; beside it, for the finished networks, that of these films and of shifted and swapped
views of them, which are not. The test split is not read. --save puts the figures into results.json and draws
training.png; with --only the other peers' stay as they are. Needs benchmarks/requirements.txt.
"""

import argparse
import importlib.util
import json
from pathlib import Path

import numpy as np

from benchmarks import machine, training_peers
from hub.errors import InputError, run_command

OURS = "train.py"
NAMES = (*training_peers.PEERS, OURS)
COLUMNS = (
    "who", "epochs", "s", "AUC after them", "AUC with other views", "train.py has that AUC after, s",
    "share of the time", "memory, GB",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
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
        help="films, answers and the model (default: %(default)s)",
    )
    add("--save", action="store_true", help="put the figures into results.json and training.png")
    options = parser.parse_args()
    if not options.dataset or not options.weights:
        raise InputError("There is nothing to learn from; give --dataset DIR and --weights FILE.safetensors.")
    if options.epochs < 1:
        raise InputError("Give --epochs of 1 or more.")
    names = options.only or list(NAMES)
    if "Keras fit" in names and not importlib.util.find_spec("tensorflow"):
        raise InputError(
            "TensorFlow is not installed; `pip install -r benchmarks/requirements.txt` brings it."
        )
    options.output.mkdir(parents=True, exist_ok=True)
    labels = write_films(options.dataset, options.output / "films.npz")
    rows = {}
    for name in names:
        learn = learn_as_ours if name == OURS else learn_as_peer
        rows[name] = learn(name, options, labels)
    kept = machine.load("training").get("rows", {}) if options.only else {}
    rows = {name: (kept | rows)[name] for name in NAMES if name in kept | rows}
    record = {"rows": rows, "films": len(labels["validation"]), "machine": machine.describe()}
    print(format_table(record))
    if options.save:
        machine.save("training", record)
        plot(record)


def write_films(source: str, path: Path) -> dict[str, np.ndarray]:
    """Write the arrays of `training_peers`; return the labels, int64, of its splits."""
    from hub import data, loader, views

    splits, arrays = data.load_splits(source), {}
    for split in ("train", "validation"):
        arrays[split] = loader.decode(splits[split], 224, channels=1, radiograph=True)
    arrays["views"] = views.in_turn(*arrays["validation"])
    images = {f"{split}_images": films.permute(0, 2, 3, 1).numpy() for split, (films, _) in arrays.items()}
    labels = {split: labels.numpy() for split, (_, labels) in arrays.items()}
    np.savez(path, **images, **{f"{split}_labels": found for split, found in labels.items()})
    return labels


def learn_as_peer(name: str, options: argparse.Namespace, labels: dict[str, np.ndarray]) -> dict:
    """Let a peer learn; return its row: after each epoch seconds and AUC, at the end that of the views."""
    from hub.evaluation import auc

    result = options.output / f"{name}.npz"
    _, megabytes = machine.run(
        ["-m", "benchmarks.training_peers", name, "--arrays", str(options.output / "films.npz"),
         "--weights", options.weights, "--epochs", str(options.epochs), "--seed", str(options.seed),
         "--result", str(result)]
    )  # fmt: skip
    with np.load(result) as found:
        epochs = [
            {"seconds": round(float(seconds), 1), "auc": auc(answers, labels["validation"])}
            for seconds, answers in zip(found["seconds"], found["answers"], strict=True)
        ]
        return {
            "epochs": epochs,
            "views_auc": auc(found["views"], labels["views"]),
            "megabytes": megabytes,
        }


def learn_as_ours(name: str, options: argparse.Namespace, labels: dict[str, np.ndarray]) -> dict:
    """Run train.py as it is; return its row."""
    folder = options.output / "ours"
    _, megabytes = machine.run(
        ["train.py", "--recipe", "xray", "--dataset", options.dataset, "--weights", options.weights,
         "--seed", str(options.seed), "--output", str(folder), "--overwrite"]
    )  # fmt: skip
    metrics = json.loads((folder / "metrics.json").read_text())
    history = metrics["training"]["history"]
    seconds = np.cumsum([epoch["seconds"] for epoch in history])
    return {
        "epochs": [
            {"seconds": round(float(second), 1), "auc": epoch["validation_auc"]}
            for second, epoch in zip(seconds, history, strict=True)
        ],
        "views_auc": metrics["shifted_validation"]["auc"],
        "megabytes": megabytes,
    }


def reached(row: dict, auc: float) -> float | None:
    """Return the seconds after which a row's AUC is as high for the first time; None where it never is."""
    return next((epoch["seconds"] for epoch in row["epochs"] if epoch["auc"] >= auc), None)


def format_table(record: dict) -> str:
    """Return the Markdown table of the comparison, and below it the machine."""
    lines = [f"| {' | '.join(COLUMNS)} |", "| --- " * len(COLUMNS) + "|"]
    ours = record["rows"].get(OURS)
    for name, row in record["rows"].items():
        last = row["epochs"][-1]
        seconds = reached(ours, last["auc"]) if ours and name != OURS else None
        never = "" if name == OURS else "never"
        cells = (
            f"`{name}`" if name == OURS else name, len(row["epochs"]), f"{last['seconds']:.0f}",
            f"{last['auc']:.4f}", f"{row['views_auc']:.4f}", f"{seconds:.0f}" if seconds else never,
            f"{seconds / last['seconds']:.2f}" if seconds else "", f"{row['megabytes'] / 1000:.1f}",
        )  # fmt: skip
        lines.append(f"| {' | '.join(map(str, cells))} |")
    about = record["machine"]
    return "\n".join([*lines, "", f"{about['cpu']}, {about['cores']} cores, torch {about['torch']}."])


def plot(record: dict) -> None:
    """Draw validation AUC against minutes of training."""
    figure, axes = machine.subplots(figsize=(7, 3.4))
    colours = dict(zip(NAMES, (machine.THEIRS, "#475569", machine.OURS), strict=True))
    for name, row in record["rows"].items():
        minutes = [epoch["seconds"] / 60 for epoch in row["epochs"]]
        axes.plot(minutes, [epoch["auc"] for epoch in row["epochs"]], "o-", color=colours[name], label=name)
    axes.set_xlabel("minutes of training")
    axes.set_ylabel("AUC on validation films")
    axes.set_xlim(0)
    axes.legend(frameon=False, loc="lower right")
    machine.save_figure(figure, "training.png")


if __name__ == "__main__":
    run_command("python -m benchmarks.training", main)
