"""Measure `hub score`: films an hour by processes, euros per million films.

  python -m benchmarks.score --films DIR [--files 100000] [--workers 1 2] [--euros 0.04] [--save]

The films of DIR are repeated under other names until there are --files of them, each a file of its own, and
`python -m hub score` scores them with each number of processes: the whole command, listing and start-up
included. The files stay in the system's cache, so a disk or a network may be slower. The price is that of a
core for an hour, as clouds rent it; the default is what a general-purpose virtual core costs.
--save puts the figures into results.json, beside those of archives of other sizes.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tqdm.auto import tqdm

from benchmarks import inference, machine, records
from hub.errors import InputError, run_command
from hub.system import usable_cores
from hub.text import markdown_table

EUROS = 0.04  # of a core for an hour
A_FOLDER = 1000  # files in one, as archives have them
MOST_LINKS = 30_000  # to one file; ext4 takes 65,000
COLUMNS = (
    "Processes",
    "Seconds",
    "Films an hour",
    "Speed-up",
    "CPU milliseconds a film",
    "Euros a million",
)


def main(arguments: list[str] | None = None) -> None:
    """Score the files with each number of processes, and print the figures.

    Raises InputError without films, and for numbers below 1.
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.score",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--films", type=Path, metavar="DIR", help="a folder of images, its subfolders too")
    add("--files", type=int, default=100_000, help="of the archive (default: %(default)s)")
    cores = [*range(1, usable_cores() + 1)]
    add(
        "--workers",
        type=int,
        nargs="+",
        default=cores,
        help="numbers of processes (default: one to all cores)",
    )
    add("--euros", type=float, default=EUROS, help="of a core for an hour (default: %(default)s)")
    add("--save", action="store_true", help="put the figures into results.json")
    options = parser.parse_args(arguments)
    records.check(options.save, records.RECORD)
    if min(options.files, *options.workers) < 1:
        raise InputError("Give --files and --workers of 1 or more.")
    paths = inference.find_images(options.films) if options.films else []
    if not paths:
        raise InputError("There are no films to score; give --films DIR.")
    with tempfile.TemporaryDirectory() as folder:
        archive = repeat(paths, options.files, Path(folder) / "archive")
        rows = [measure(archive, Path(folder), workers) for workers in options.workers]
    record = {
        "files": options.files,
        "bytes": round(sum(path.stat().st_size for path in paths) / len(paths)),
        "euros_per_core_hour": options.euros,
        "rows": rows,
        "machine": machine.describe(),
    }
    print(format_archive(record))
    if options.save:
        records.save("score", records.load("score") | {str(options.files): record})


def repeat(paths: list[Path], count: int, folder: Path) -> Path:
    """Return a folder of so many files, hard links to copies of the films."""
    folder.mkdir()
    copies = []
    for number in range(max(len(paths), -(-count // MOST_LINKS))):
        path = paths[number % len(paths)]
        copies.append(folder / f"copy-{number:06}{path.suffix}")
        copies[-1].write_bytes(path.read_bytes())
    archive = folder / "films"
    for number in tqdm(range(count), "Repeating", unit=" files", leave=False, disable=None):
        place = archive / f"{number // A_FOLDER:04}"
        place.mkdir(parents=True, exist_ok=True)
        source = copies[number % len(copies)]
        os.link(source, place / f"{number:08}{source.suffix}")
    return archive


def measure(archive: Path, folder: Path, workers: int) -> dict:
    """Return the seconds of scoring an archive, and those of the processor."""
    out = folder / f"scores-{workers}"
    command = [sys.executable, "-m", "hub", "score", str(archive), str(out), "--workers", str(workers)]
    started, before = time.perf_counter(), _cpu_seconds()
    if subprocess.run(command).returncode:
        raise InputError("`hub score` failed; what it says above is why.")
    seconds, cpu = time.perf_counter() - started, _cpu_seconds() - before
    return {"workers": workers, "seconds": round(seconds, 1), "cpu_seconds": round(cpu, 1)}


def _cpu_seconds() -> float:
    """Return what all processes that this one has started took of the processor."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def format_record(sizes: dict[str, dict]) -> str:
    """Return the figures of archives of all sizes, the smallest first."""
    return "\n\n".join(format_archive(sizes[size]) for size in sorted(sizes, key=int))


def format_archive(record: dict) -> str:
    """Return the figures of an archive in Markdown: a table, and what it is of."""
    first, rows = record["rows"][0], []
    alone = first["seconds"] * first["workers"]
    for row in record["rows"]:
        rows.append(
            (
                row["workers"],
                f"{row['seconds']:,.0f}",
                f"{films_an_hour(record, row):,.0f}",
                f"{alone / row['seconds'] / first['workers']:.2f}",
                f"{1000 * row['cpu_seconds'] / record['files']:.2f}",
                f"{euros_a_million(record, row):.2f}",
            )
        )
    return (
        f"{markdown_table(COLUMNS, rows)}\n\n{record['files']:,} files of {record['bytes'] / 1000:.0f} kB on "
        f"average, at {record['euros_per_core_hour']} euros for a core and an hour. "
        f"{machine.sentence(record['machine'])}"
    )


def films_an_hour(record: dict, row: dict) -> float:
    """Return how many films a row's processes score in an hour."""
    return 3600 * record["files"] / row["seconds"]


def euros_a_million(record: dict, row: dict) -> float:
    """Return what scoring a million films costs, in euros."""
    hours = row["seconds"] * row["workers"] / 3600
    return 1e6 * hours / record["files"] * record["euros_per_core_hour"]


if __name__ == "__main__":
    run_command("python -m benchmarks.score", main)
