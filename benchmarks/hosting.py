"""Reckon what visitors cost, by a server and in their own browsers.

python -m benchmarks.hosting

Arithmetic, not a measurement: it takes the clicks of results.json, which `python -m benchmarks serving`
measured, and the bytes of browser.json, which `python -m benchmarks browser` counted.
"""

import argparse
import math
from pathlib import Path

from benchmarks import records
from benchmarks.score import EUROS
from hub.errors import run_command
from hub.text import markdown_table

BROWSER = Path(__file__).with_name("browser.json")
VISITORS = (1_000, 100_000, 10_000_000)  # a month
FILMS = 5  # that a visitor looks at
BUSIEST = 1 / 200  # share of a month's visitors that come within its busiest hour
HOURS = 730  # of a month
EUROS_A_GIGABYTE = 0.05  # that a host sends, where it asks for that; a static Space does not
COLUMNS = (
    "Visitors a month",
    "Server: hours of work for a core",
    "Server: cores for the busiest hour",
    "Server: euros",
    "Browsers: gigabytes sent",
    "Browsers: euros, static Space",
    "Browsers: euros, paid host",
)


def main(arguments: list[str] | None = None) -> None:
    """Print the table. Raises InputError where a figure was not measured yet."""
    argparse.ArgumentParser(
        prog="python -m benchmarks.hosting",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args(arguments)
    paths = records.RECORD, BROWSER
    with records.complete(*paths):
        print(format_table(*map(records.read, paths)))


def format_table(record: dict, browser: dict) -> str:
    """Return the table and its assumptions, from the contents of both records."""
    serving = record["serving"]
    at_once, clicks = max((int(count), figures) for count, figures in serving["clicks"].items())
    cores = serving["machine"]["cores"]
    per_second = at_once / (clicks["median"] / 1000) / cores
    megabytes = browser["loaded"]["bytes"] / 1e6
    rows = [_row(count, per_second, megabytes) for count in VISITORS]
    return f"""\
{markdown_table(COLUMNS, rows)}

Arithmetic, not a measurement. A core answers {per_second:.0f} clicks a second, as above with {at_once}
visitors at once on {cores} cores. A visitor looks at {FILMS} films, one in {1 / BUSIEST:.0f} comes within the
busiest hour of the month, and at least one core is up all month, at {EUROS} euros an hour. The page in the
browser sends {megabytes:.1f} MB once; a visitor who comes back has it already. A paid host asks for
{EUROS_A_GIGABYTE} euros a gigabyte. What a server sends is not counted."""


def _row(visitors: int, per_second: float, megabytes: float) -> tuple[str, ...]:
    films = visitors * FILMS
    cores = max(1, math.ceil(films * BUSIEST / 3600 / per_second))
    gigabytes = visitors * megabytes / 1000
    return (
        f"{visitors:,}",
        f"{films / per_second / 3600:,.1f}",
        str(cores),
        f"{cores * HOURS * EUROS:,.0f}",
        f"{gigabytes:,.0f}",
        "0",
        f"{gigabytes * EUROS_A_GIGABYTE:,.0f}",
    )


if __name__ == "__main__":
    run_command("python -m benchmarks.hosting", main)
