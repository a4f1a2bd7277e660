"""Measure the memory of a first training run, with and without recomputing.

  python -m benchmarks.memory [--size 224] [--save]

`train.py --dataset synthetic --epochs 1`, the whole command: its peak memory, shared libraries included, and
its time. --save puts the figures into results.json.
"""

import argparse
import tempfile
from pathlib import Path

from benchmarks import machine, processes, records
from hub.errors import InputError, run_command
from hub.text import markdown_table

OPTION = "--grad-checkpointing"
COLUMNS = ("`train.py --dataset synthetic --epochs 1`", "Peak memory (GB)", "Seconds")


def main(arguments: list[str] | None = None) -> None:
    """Train with and without the option, and print the figures.

    Raises InputError for a size below 1.
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.memory",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--size", type=int, default=224, help="pixels a side (default: %(default)s)")
    parser.add_argument("--save", action="store_true", help="put the figures into results.json")
    options = parser.parse_args(arguments)
    records.check(options.save, records.RECORD)
    if options.size < 1:
        raise InputError("Give --size of 1 or more.")
    record = {
        "rows": [measure(options.size, more) for more in ([], [OPTION])],
        "size": options.size,
        "machine": machine.describe(),
    }
    print(format_record(record))
    if options.save:
        records.save("memory", record)


def measure(size: int, more: list[str]) -> dict:
    """Return megabytes and seconds of a run with `more` options."""
    with tempfile.TemporaryDirectory() as folder:
        output = str(Path(folder) / "model")
        command = ["train.py", "--dataset", "synthetic", "--epochs", "1", "--size", str(size), *more]
        seconds, megabytes = processes.run([*command, "--output", output])
    return {"options": more, "megabytes": megabytes, "seconds": round(seconds, 1)}


def format_record(record: dict) -> str:
    """Return the figures as a table in Markdown, and the machine's name."""
    rows = [
        (
            f"with `{' '.join(row['options'])}`" if row["options"] else "as it is",
            f"{row['megabytes'] / 1000:.1f}",
            f"{row['seconds']:.0f}",
        )
        for row in record["rows"]
    ]
    return (
        f"{markdown_table(COLUMNS, rows)}\n\nImages of {record['size']} px in batches of the recipe's size, "
        f"imports and packaging included. {machine.sentence(record['machine'])}"
    )


if __name__ == "__main__":
    run_command("python -m benchmarks.memory", main)
