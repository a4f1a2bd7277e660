"""Compare ways to serve one model folder, from encoded bytes to label.

  python -m benchmarks.inference --films DIR [--model FOLDER] [--save]

Each system runs in its own process, and they take turns on the same images: in one process ONNX Runtime's
waiting threads slow a neighbour threefold. Times are medians over the turns, with the first and the third
quartile. --save puts the figures into results.json and draws inference.png. Needs
benchmarks/requirements.txt.
"""

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from tqdm.auto import tqdm

from benchmarks import charts, machine, peers, processes, records
from hub.errors import InputError, run_command
from hub.imaging.formats import SUFFIXES
from hub.models.folder import BUNDLED
from hub.text import markdown_table

REFERENCE = "transformers pipeline"  # of the speed-ups
BATCHES = (1, 32)
COLUMNS = (
    "System", "Latency (ms), one image", "Speed-up", "FLOPs utilization",
    "Throughput (images/s), batches of 32", "Speed-up", "Start-up (s)", "Peak memory (MB)",
)  # fmt: skip


def main(arguments: list[str] | None = None) -> None:
    """Compare the systems and print their tables, or run as one of the systems.

    Raises InputError for options that do not fit, or a folder with fewer images than --count.
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.inference",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--films", type=Path, metavar="DIR", help="a folder of images, its subfolders too")
    add("--model", type=Path, default=BUNDLED, help="a model folder (default: the bundled one)")
    add("--only", nargs="+", choices=peers.PEERS, metavar="PEER", help=f"of: {'; '.join(peers.PEERS)}")
    add("--count", type=int, default=64, help="of images, drawn by lot (default: %(default)s)")
    add("--turns", type=int, default=15, help="of each system and batch size (default: %(default)s)")
    add("--save", action="store_true", help="put the figures into results.json and inference.png")
    # For the processes that this command starts.
    add("--peer", choices=[*peers.PEERS, "profile"], help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    records.check(options.save, records.RECORD)
    if not options.films:
        raise InputError("There are no films to classify; give --films DIR.")
    if options.peer == "profile":
        from hub.inference.classifier import NETWORKS

        print(json.dumps({name: profile(options.model, options.films, name) for name in NETWORKS}))
        return
    if options.peer:
        take_turns(options.peer, options.model, options.films)
        return
    if options.count < max(BATCHES) or options.turns < 3:
        raise InputError(f"Give --count {max(BATCHES)} or more, and --turns 3 or more.")
    paths = find_images(options.films)
    if len(paths) < options.count:
        raise InputError(f"{options.films} holds {len(paths)} pictures; --count asks for {options.count}.")
    images = [path.read_bytes() for path in random.Random(0).sample(paths, options.count)]
    rows = compare(options.only or list(peers.PEERS), options.model, images, options.turns)
    record = {
        "films": options.count,
        "turns": options.turns,
        "machine": machine.describe() | {"peak": machine.peak()},
        "rows": rows,
        "profile": measure_profile(options.model, options.films),
    }
    print(format_table(record), format_profile(record), sep="\n\n")
    if options.save:
        records.save("inference", record)
        plot(record)


def find_images(folder: Path) -> list[Path]:
    """Return the image files in a folder and its subfolders, sorted by path."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)


def compare(
    names: list[str], model: Path, images: list[bytes], turns: int, batches: tuple[int, ...] = BATCHES
) -> list[dict]:
    """Return a row per system: latency and memory by batch size, start-up, labels.

    `images` are encoded files, `batches` increasing batch sizes, since memory is the peak so far. A row has
    `who`, `milliseconds` (first quartile, median, third quartile) and `megabytes` by batch size,
    `start_seconds`, and `labels_as_first`, how many labels equal those of the first system. Raises InputError
    where a system does not start, or stops.
    """
    rows = {name: {"milliseconds": {}, "megabytes": {}} for name in names}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for number, image in enumerate(images):
            (folder / f"{number:05}").write_bytes(image)
        processes = {}
        for name in tqdm(names, "Starting", unit=" peers"):
            command = [sys.executable, "-m", "benchmarks.inference", "--peer", name]
            command += ["--films", str(folder), "--model", str(model)]
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            processes[name] = stack.enter_context(process)
            stack.callback(process.kill)
            rows[name] |= _answer(name, process)
        for size in batches:
            seconds = {name: [] for name in names}
            for turn in tqdm(range(turns), f"Batches of {size}", unit=" turns"):
                for name, process in processes.items():
                    print(json.dumps({"batch": size, "turn": turn}), file=process.stdin, flush=True)
                    answer = _answer(name, process)
                    seconds[name] += answer["seconds"]
                    rows[name]["megabytes"][str(size)] = answer["megabytes"]
            for name in names:
                rows[name]["milliseconds"][str(size)] = _quartiles(seconds[name])
    labels = {name: row.pop("labels") for name, row in rows.items()}
    first = labels[names[0]]
    return [
        {
            "who": name,
            **row,
            "labels_as_first": sum(a == b for a, b in zip(labels[name], first, strict=True)),
        }
        for name, row in rows.items()
    ]


def _answer(name: str, process: subprocess.Popen) -> dict:
    for line in process.stdout:
        if line.startswith("{"):  # libraries print as well
            return json.loads(line)
    raise InputError(f"{name} stopped; what it says above is why.")


def _quartiles(seconds: list[float]) -> list[float]:
    """Return first quartile, median and third quartile in milliseconds."""
    return [round(1000 * value, 3) for value in statistics.quantiles(seconds, n=4)]


def take_turns(name: str, model: Path, folder: Path) -> None:
    """Run one system: for each line of standard input, print seconds per image."""
    images = [path.read_bytes() for path in sorted(folder.iterdir())]
    started = time.perf_counter()
    classify = peers.PEERS[name](model)
    classify(images[:1])
    started = time.perf_counter() - started
    labels = [label for image in images for label in classify([image])]
    print(json.dumps({"start_seconds": round(started, 2), "labels": labels}), flush=True)
    warm = {1}
    for line in sys.stdin:
        request = json.loads(line)
        size = request["batch"]
        if size not in warm:  # compilers compile for each new size
            classify(images[:size])
            warm.add(size)
        seconds = []
        classify(images[:1])  # fills the processor's caches again after the others' turns
        for repeat in range(max(1, 8 // size)):
            first = (request["turn"] * 8 + repeat * size) % (len(images) - size + 1)
            start = time.perf_counter()
            classify(images[first : first + size])
            seconds.append((time.perf_counter() - start) / size)
        print(json.dumps({"seconds": seconds, "megabytes": machine.peak_memory()}), flush=True)


def measure_profile(model: Path, folder: Path) -> dict[str, dict[str, float]]:
    """Return the result of `profile` by precision, from another process."""
    command = ["-m", "benchmarks.inference", "--peer", "profile"]
    return processes.result([*command, "--films", str(folder), "--model", str(model)])


def profile(model: Path, folder: Path, precision: str) -> dict[str, float]:
    """Return the median milliseconds of each step of this project's answer."""
    from hub.inference.classifier import Classifier

    classifier = Classifier(model, precision=precision)
    outputs = [*classifier.outputs, "statistics"]
    times = {}

    def timed(name: str, step, *inputs):
        start = time.perf_counter()
        result = step(*inputs)
        times.setdefault(name, []).append(1000 * (time.perf_counter() - start))
        return result

    # All steps image by image: the speed of a machine changes from one second to the next.
    for path in find_images(folder)[:200]:
        image = path.read_bytes()
        timed("all", classifier, image)
        array = timed("reading", classifier.read, image)
        pixels = timed("normalizing", classifier.normalize, array[None])
        network = "the network with heatmap and statistics"
        timed(network, classifier.session.run, outputs, {"pixel_values": pixels})
    steps = {name: statistics.median(values) for name, values in times.items()}
    whole = steps.pop("all")
    steps |= {"the input check and the rest": whole - sum(steps.values()), "all": whole}
    return {name: round(step, 2) for name, step in steps.items()}


def format_profile(record: dict) -> str:
    """Return the Markdown table of the time of each step, a row per precision."""
    steps = next(iter(record["profile"].values()))
    rows = [
        (precision, *(f"{milliseconds:.1f}" for milliseconds in times.values()))
        for precision, times in record["profile"].items()
    ]
    return markdown_table(("Time per step (ms), one image", *steps), rows)


def format_table(record: dict) -> str:
    """Return the Markdown table of the comparison, and below it the machine."""
    by_name = {row["who"]: row for row in record["rows"]}
    description, reference = record["machine"], by_name.get(REFERENCE)
    rows = []
    for name, row in by_name.items():
        (low, single, high), (_, batched, _) = (row["milliseconds"][str(size)] for size in BATCHES)
        single_speedup, batched_speedup = (
            f"{speedup(row, reference, size):.1f}" if reference else "" for size in BATCHES
        )
        utilization = machine.MULTIPLY_ADDS / (single / 1000) / description["peak"]
        rows.append(
            (name, f"{single:.1f} ({low:.1f} to {high:.1f})", single_speedup, f"{100 * utilization:.0f} %",
             f"{1000 / batched:.0f}", batched_speedup, f"{row['start_seconds']:.1f}",
             f"{max(row['megabytes'].values()):,}")
        )  # fmt: skip
    return f"{markdown_table(COLUMNS, rows)}\n\n{_machine_line(description)}"


def speedup(row: dict, reference: dict, size: int) -> float:
    """Return how many times as fast as `reference` a system is, by their medians."""
    return reference["milliseconds"][str(size)][1] / row["milliseconds"][str(size)][1]


def _machine_line(description: dict) -> str:
    cpu, cores, python, torch, peak = (
        description[key] for key in ("cpu", "cores", "python", "torch", "peak")
    )
    return (
        f"{cpu}, {cores} cores, python {python}, torch {torch}. Medians, with quartiles in brackets; the "
        f"speed-up is over {REFERENCE}. FLOPs utilization is the share of {peak / 1e9:.0f} billion "
        "multiply-adds per second, which a large fp32 matrix product reaches here; one image takes "
        f"{machine.MULTIPLY_ADDS / 1e9:.2f} billion."
    )


def plot(record: dict) -> None:
    """Draw the throughput of each system, for single images and in batches."""
    figure, sides = charts.subplots(1, len(BATCHES), figsize=(10, 3), sharey=True)
    names = [row["who"] for row in record["rows"]]
    for side, size in zip(sides, BATCHES, strict=True):
        rates = [1000 / row["milliseconds"][str(size)][1] for row in record["rows"]]
        colours = [charts.OURS if name.startswith("this") else charts.THEIRS for name in names]
        bars = side.barh(names, rates, color=colours)
        side.bar_label(bars, [f"{rate:.0f}" for rate in rates], padding=4)
        side.set_title("single images" if size == 1 else f"batches of {size}", fontsize=11)
        side.set_xlabel("throughput (images/s), from bytes to label")
        side.margins(x=0.15)
    sides[0].invert_yaxis()
    charts.save(figure, "inference.png")


if __name__ == "__main__":
    run_command("python -m benchmarks.inference", main)
