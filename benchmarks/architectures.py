"""Compare trained networks by accuracy and by the time that an image takes.

  python -m benchmarks.architectures runs/mobilenet runs/resnet18 … [--save]

Each is a model folder that train.py made of the same radiographs, best by the same recipe. Its accuracy and
AUC are those of validation radiographs, also together with shifted and swapped views of them; its time is
that of one image through ONNX Runtime on this machine, with all cores, in 8 bits where they were kept. A
network is on the Pareto front if none of the others is both faster and better on the views. --save writes
figures and picture beside the other benchmarks, and docs/architectures.md. The test split is not read.
"""

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
import onnxruntime

from benchmarks import charts, machine, records
from hub import files
from hub.errors import InputError, run_command
from hub.explorer.layer_tracing import list_layers
from hub.models.factory import load_network
from hub.models.folder import NETWORKS, read_config, read_metrics
from hub.text import markdown_table

RECORD = charts.FOLDER / "architectures.json"
PAGE = charts.FOLDER.parent / "docs" / "architectures.md"
RUNS = 50  # of one image, after five that are not counted
PAGE_TEXT = """\
# Architectures

Written by `python -m benchmarks.architectures`. `train.py --architecture` takes any network of timm that ends
in one linear layer and, for radiographs, does not standardise the weights of its first one; these were
trained on the same radiographs by one short recipe, so that the rows compare
with each other and not with the bundled model, which was trained for longer. Figures are those of validation
radiographs, the accuracy at the balanced operating point; views are shifted and swapped ones
([Model selection](model-selection.md)). The time is that of one image through ONNX Runtime. {machine}

![AUC with views against milliseconds, and the Pareto front](../benchmarks/architectures.png)

{table}

Networks that start from random weights, because no ImageNet weights of theirs were at hand, would do better
with them.
"""
PRECISIONS = {"fp32": "32 bits", "int8": "8 bits"}


def main(arguments: list[str] | None = None) -> None:
    """Measure the networks, and write their table and picture."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.architectures",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("models", nargs="+", type=Path, metavar="MODEL", help="model folders of train.py")
    parser.add_argument("--save", action="store_true", help="write record, picture and docs/architectures.md")
    options = parser.parse_args(arguments)
    records.check(options.save, RECORD, PAGE)
    rows = sorted((measure(model) for model in options.models), key=lambda row: row["milliseconds"])
    for row, fast in zip(rows, on_front(rows), strict=True):
        row["on_front"] = fast
    print(format_table(rows))
    if options.save:
        record = {"machine": machine.describe(), "rows": rows}
        files.write_json(RECORD, record)
        files.write_text(PAGE, format_page(record))
        draw(rows)


def measure(folder: Path) -> dict:
    """Return the row of one model folder.

    Raises InputError for a folder that train.py did not make of radiographs, or without ONNX.
    """
    config, metrics = read_config(folder), read_metrics(folder)
    if "shifted_validation" not in metrics or "onnx" not in metrics:
        raise InputError(f"{folder} lacks an AUC on views or onnx/; give a run of train.py on radiographs.")
    network = load_network(folder)
    precisions = [name for name, file in NETWORKS.items() if (folder / file).is_file()]
    training = metrics["training"]
    return {
        "architecture": config["architecture"],
        "side": config["pretrained_cfg"]["input_size"][-1],
        "start": "random" if training["weights"] == "none" else "ImageNet",
        "epochs": len(training["history"]),
        "minutes": training["seconds"] / 60,
        "parameters": sum(tensor.numel() for tensor in network.parameters()),
        "multiply_adds": sum(layer.multiply_adds for layer in list_layers(network)),
        "accuracy": metrics["validation"]["accuracy_at_balanced"]["value"],
        "auc": metrics["validation"]["auc"]["value"],
        "shifted_auc": metrics["shifted_validation"]["auc"],
        "heatmap": "heatmap" in outputs(folder / NETWORKS["fp32"]),
        "precision": precisions[-1],
        "milliseconds": time_image(folder / NETWORKS[precisions[-1]]),
        "milliseconds_fp32": time_image(folder / NETWORKS["fp32"]),
    }


def outputs(file: Path) -> list[str]:
    """Return the names of an ONNX file's outputs."""
    return [output.name for output in onnxruntime.InferenceSession(file).get_outputs()]


def time_image(file: Path) -> float:
    """Return the median milliseconds of one image through an ONNX file."""
    session = onnxruntime.InferenceSession(file)
    (entry,) = session.get_inputs()
    pixels = {entry.name: np.zeros((1, *entry.shape[1:]), np.float32)}
    seconds = []
    for _ in range(5 + RUNS):
        start = time.perf_counter()
        session.run(None, pixels)
        seconds.append(time.perf_counter() - start)
    return 1000 * statistics.median(seconds[5:])


def on_front(rows: list[dict]) -> list[bool]:
    """Return of each row whether no other is both faster and better."""
    return [
        not any(
            other["milliseconds"] < row["milliseconds"] and other["shifted_auc"] > row["shifted_auc"]
            for other in rows
        )
        for row in rows
    ]


def format_table(rows: list[dict]) -> str:
    """Return the rows as a table in Markdown."""
    header = (
        "Architecture", "Side (px)", "Parameters (M)", "Multiply-adds (M)", "Start", "Epochs",
        "Training (min)", "Accuracy", "AUC", "AUC with views", "Time (ms)", "Time in 32 bits (ms)",
        "Heatmap", "Pareto front",
    )  # fmt: skip
    return markdown_table(header, map(_cells, rows))


def _cells(row: dict) -> list[object]:
    return [
        f"`{row['architecture']}`",
        row["side"],
        f"{row['parameters'] / 1e6:.1f}",
        f"{row['multiply_adds'] / 1e6:,.0f}",
        row["start"],
        row["epochs"],
        f"{row['minutes']:.0f}",
        *(f"{row[name]:.4f}" for name in ("accuracy", "auc", "shifted_auc")),
        f"{row['milliseconds']:.1f} in {PRECISIONS[row['precision']]}",
        f"{row['milliseconds_fp32']:.1f}",
        "yes" if row["heatmap"] else "no",
        "yes" if row["on_front"] else "",
    ]


def format_page(record: dict) -> str:
    """Return docs/architectures.md."""
    return PAGE_TEXT.format(machine=machine.sentence(record["machine"]), table=format_table(record["rows"]))


def draw(rows: list[dict]) -> None:
    """Draw AUC with views against milliseconds, and the Pareto front."""
    figure, axis = charts.subplots(figsize=(7, 4))
    front = [row for row in rows if row["on_front"]]
    axis.plot(*_places(front), color=charts.OURS, linewidth=1)
    for row in rows:
        axis.plot(*_places([row]), "o", color=charts.OURS if row["on_front"] else charts.THEIRS)
        place = row["milliseconds"], row["shifted_auc"]
        axis.annotate(row["architecture"], place, (5, -11), textcoords="offset points", fontsize=8)
    axis.set(xlabel="milliseconds for one image", ylabel="AUC with shifted and swapped views")
    axis.margins(x=0.2, y=0.1)
    charts.save(figure, "architectures.png")


def _places(rows: list[dict]) -> tuple[list[float], list[float]]:
    return [row["milliseconds"] for row in rows], [row["shifted_auc"] for row in rows]


if __name__ == "__main__":
    run_command("python -m benchmarks.architectures", main)
