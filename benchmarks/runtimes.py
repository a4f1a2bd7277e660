"""Compare ONNX Runtime and OpenVINO, with one thread and with all.

  python -m benchmarks.runtimes --films DIR [--turns 5] [--save]

Each runtime classifies every image of DIR, from its bytes to its label, in a process of its own, and they
take turns. With one thread, as many processes run side by side as there are cores, and a film takes the time
of all divided by the films of all: so `hub score` works. --save puts the figures into results.json. OpenVINO
is no dependency; `pip install openvino` brings it.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks import inference, machine, records
from hub.batching import batches
from hub.errors import InputError, run_command
from hub.inference.classifier import CHUNK_SIZE, Classifier
from hub.models.folder import NETWORKS
from hub.system import usable_cores
from hub.text import markdown_table

RUNTIMES = ("ONNX Runtime", "OpenVINO")
NEEDED = 1.3  # times as fast end to end, for a second runtime to be worth its weight
COLUMNS = (
    "Runtime",
    "Network",
    "Processes × threads",
    "Milliseconds a film",
    "Speed-up",
    "CPU milliseconds",
    "Labels changed",
    "Verdicts changed",
)


class OpenVinoSession:
    """The network in OpenVINO, as `Classifier` asks ONNX Runtime for its outputs."""

    def __init__(self, file: Path, threads: int):
        """Compile the network for so many threads."""
        import openvino

        options = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1}
        options["ENABLE_CPU_PINNING"] = False  # or every process of one thread runs on the first core
        options["INFERENCE_PRECISION_HINT"] = "f32"  # it would round to 16 bits where the processor can
        self.network = openvino.Core().compile_model(str(file), "CPU", options)

    def run(self, names: list[str], feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        """Return the outputs of these names."""
        answers = self.network(feed)
        return [answers[name].copy() for name in names]


def main(arguments: list[str] | None = None) -> None:
    """Compare the runtimes and print a table, or run as one of them.

    Raises InputError without images, and where OpenVINO is not installed.
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.runtimes",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--films", type=Path, metavar="DIR", help="a folder of images, its subfolders too")
    add("--turns", type=int, default=5, help="of each runtime (default: %(default)s)")
    add("--save", action="store_true", help="put the figures into results.json")
    add("--run", nargs=3, help=argparse.SUPPRESS)  # runtime, precision, threads
    options = parser.parse_args(arguments)
    records.check(options.save, records.RECORD)
    paths = inference.find_images(options.films) if options.films else []
    if not paths:
        raise InputError("There are no films to classify; give --films DIR.")
    if options.turns < 1:
        raise InputError("Give --turns of 1 or more.")
    if options.run:
        classify_when_told(paths, *options.run)
        return
    record = compare(options.films, options.turns) | {"films": len(paths), "machine": machine.describe()}
    print(format_record(record))
    if options.save:
        records.save("runtimes", record)


def classify_when_told(paths: list[Path], runtime: str, precision: str, threads: str) -> None:
    """Classify all images for each line of input; answer with CPU seconds, verdicts."""
    classifier = Classifier.from_pretrained(precision=precision, threads=int(threads))
    if runtime == "OpenVINO":
        try:
            classifier.session = OpenVinoSession(classifier.file, int(threads))
        except ImportError:
            raise InputError("OpenVINO is not installed; `pip install openvino` brings it.") from None
    images = [path.read_bytes() for path in paths]
    classifier(images[:CHUNK_SIZE])
    for _ in sys.stdin:
        started = time.process_time()
        answers = [each for chunk in batches(images, CHUNK_SIZE) for each in classifier(chunk)]
        seconds = time.process_time() - started
        print(json.dumps([seconds, [(each.label, each.verdict.status) for each in answers]]), flush=True)


def compare(films: Path, turns: int) -> dict:
    """Return the times of each runtime, precision and number of threads, in turns."""
    cores = usable_cores()
    setups = [
        (runtime, precision, processes, cores // processes)
        for runtime in RUNTIMES
        for precision in NETWORKS
        for processes in dict.fromkeys((1, cores))
    ]
    times, answers = {setup: [] for setup in setups}, {}
    for _ in range(turns):
        for setup in setups:
            times[setup].append(take_turn(films, setup, answers))
    rows = []
    for setup in setups:
        runtime, precision, processes, threads = setup
        rows.append(
            {
                "runtime": runtime,
                "precision": precision,
                "processes": processes,
                "threads": threads,
                "milliseconds": round(1000 * statistics.median(wall for wall, _ in times[setup]), 2),
                "cpu_milliseconds": round(1000 * statistics.median(cpu for _, cpu in times[setup]), 2),
                "labels_changed": _changed(answers, setup, 0),
                "verdicts_changed": _changed(answers, setup, 1),
            }
        )
    return {"turns": turns, "rows": rows}


def take_turn(films: Path, setup: tuple[str, str, int, int], answers: dict) -> tuple[float, float]:
    """Return seconds and CPU seconds of a film; put what is answered in `answers`."""
    runtime, precision, processes, threads = setup
    command = [sys.executable, "-m", "benchmarks.runtimes", "--films", str(films)]
    command += ["--run", runtime, precision, str(threads)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    team = [subprocess.Popen(command, **pipes) for _ in range(processes)]
    try:
        _ask(team)  # each is warm then
        started = time.perf_counter()
        replies = _ask(team)
        seconds = time.perf_counter() - started
    finally:
        for one in team:
            one.stdin.close()
            one.wait()
    answers[setup] = replies[0][1]
    count = sum(len(given) for _, given in replies)
    return seconds / count, sum(cpu for cpu, _ in replies) / count


def _ask(team: list[subprocess.Popen]) -> list:
    """Let all classify at the same time; return what each replies."""
    for one in team:
        one.stdin.write("\n")
        one.stdin.flush()
    lines = [one.stdout.readline() for one in team]
    if not all(lines):
        raise InputError("A process ended before it answered; what it says above is why.")
    return [json.loads(line) for line in lines]


def _changed(answers: dict, setup: tuple[str, str, int, int], part: int) -> int:
    """Return how many labels (0) or verdicts (1) differ from ONNX Runtime's."""
    reference = next(key for key in answers if key[:2] == (RUNTIMES[0], setup[1]))
    pairs = zip(answers[setup], answers[reference], strict=True)
    return sum(one[part] != other[part] for one, other in pairs)


def format_record(record: dict) -> str:
    """Return the figures as a table in Markdown, and the decision."""
    rows = []
    for row in record["rows"]:
        same = [each for each in record["rows"] if each["precision"] == row["precision"]]
        reference = next(each for each in same if each["runtime"] == RUNTIMES[0] and each["processes"] == 1)
        rows.append(
            (
                row["runtime"],
                row["precision"],
                f"{row['processes']} × {row['threads']}",
                f"{row['milliseconds']:.2f}",
                f"{reference['milliseconds'] / row['milliseconds']:.2f}",
                f"{row['cpu_milliseconds']:.2f}",
                row["labels_changed"],
                row["verdicts_changed"],
            )
        )
    return (
        f"{markdown_table(COLUMNS, rows)}\n\n{record['films']} films, {record['turns']} turns, medians. "
        f"{machine.sentence(record['machine'])}\n\n{decision(record)}"
    )


def decision(record: dict) -> str:
    """Return whether OpenVINO is worth being a runtime, by the rule of `NEEDED`."""
    best = {
        (row["runtime"], row["precision"]): row
        for row in sorted(record["rows"], key=lambda row: -row["milliseconds"])
    }
    kept = []
    for precision in NETWORKS:
        ours, other = best[RUNTIMES[0], precision], best[RUNTIMES[1], precision]
        speedup = ours["milliseconds"] / other["milliseconds"]
        same = not other["labels_changed"] and not other["verdicts_changed"]
        kept.append((precision, speedup, same, same and speedup >= NEEDED))
    said = ", ".join(f"{speedup:.2f} times as fast in {precision}" for precision, speedup, _, _ in kept)
    verdict = "would be worth it" if any(worth for *_, worth in kept) else "is not worth it"
    return (
        f"OpenVINO is {said}, each runtime at its best. For a second runtime it would have to give the same "
        f"labels and verdicts, {NEEDED} times as fast from the bytes to the label: it {verdict}."
    )


if __name__ == "__main__":
    run_command("python -m benchmarks.runtimes", main)
