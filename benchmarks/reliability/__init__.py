"""Measure what the product bears: bad input, faults, hostile clients, load.

  python -m benchmarks reliability [PART…] [--quick] [--save]

Each part is also a module, python -m benchmarks.reliability.PART, and runs in a process of its own. --quick
runs small forms, some minutes together. --save puts the figures into reliability.json beside those of other
parts, and writes docs/reliability.md from all of them.
"""

import argparse
from pathlib import Path

from benchmarks import machine, processes, records
from hub import files
from hub.text import markdown_table

ROOT = Path(__file__).parents[2]
RECORD = ROOT / "benchmarks" / "reliability.json"
PAGE = ROOT / "docs" / "reliability.md"
PARTS = {
    "bad_input": "Files that are broken, mislabelled or made to do harm, through every way in",
    "page": "Files of that kind, given to the page in the visitor's own browser",
    "model_folders": "Model folders that hold anything",
    "faults": "Runs that are killed, full disks, read-only folders, flipped bytes",
    "hostile_clients": "Slow and hostile clients of the demo, beside one good visitor",
    "load": "Many visitors of the demo, and many predictions in one process",
}
# Runs a part and prints its figures as the last line; a part without a small form runs whole.
RUN = """
import importlib, inspect, json, sys
measure = importlib.import_module(f"benchmarks.reliability.{sys.argv[1]}").measure
quick = "quick" in inspect.signature(measure).parameters and sys.argv[2] == "quick"
print(json.dumps(measure(quick=True) if quick else measure()))
"""
HEAD = """# Reliability

What the product bears, measured. `python -m benchmarks reliability --save` writes this page; what is promised
on the ground of it is in [SECURITY.md](../SECURITY.md).
"""


def main(arguments: list[str] | None = None) -> None:
    """Run the parts that are named, or all of them, and print their figures.

    Raises InputError where one fails.
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.reliability",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("parts", nargs="*", metavar="PART", help=f"any of {', '.join(PARTS)} (default: all)")
    add("--quick", action="store_true", help="small forms of the parts")
    add("--save", action="store_true", help="keep the figures, and write docs/reliability.md")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.parts if name not in PARTS]:
        parser.error(f"there is no part {unknown[0]}; choose from {', '.join(PARTS)}")
    records.check(options.save, RECORD, PAGE)
    for name in options.parts or PARTS:
        figures = processes.result(["-c", RUN, name, "quick" if options.quick else "whole"])
        section = {"figures": figures, "quick": options.quick, "machine": machine.describe()}
        print(format_section(name, section))
        if options.save:
            save(name, section)


def recorded() -> dict:
    """Return the figures of every part that was measured, by its name."""
    return records.older(RECORD)


def save(name: str, section: dict) -> None:
    """Keep the figures of a part, and write the page."""
    with files.lock(RECORD, wait=True):  # another part may be saved just now
        record = recorded() | {name: section}
        files.write_json(RECORD, record)
        files.write_text(PAGE, format_page(record))


def format_page(record: dict) -> str:
    """Return docs/reliability.md."""
    return "\n".join([HEAD, *(format_section(name, record[name]) for name in PARTS if name in record)])


def format_section(name: str, section: dict) -> str:
    """Return the figures of a part as Markdown."""
    form = " A small form (`--quick`)." if section["quick"] else ""
    table = markdown_table(("Figure", "Value"), list(flatten(section["figures"])))
    quick = " --quick" if section["quick"] else ""
    return (
        f"## {name.replace('_', ' ').capitalize()}\n\n{PARTS[name]}.{form}\n\n{table}\n\n"
        f"{machine.sentence(section['machine'])}\n\n"
        f"```bash\npython -m benchmarks reliability {name}{quick} --save\n```\n"
    )


def flatten(figures: dict, above: str = "") -> list[tuple[str, str]]:
    """Return the rows of nested figures, each named by its way from the top."""
    rows = []
    for name, value in figures.items():
        place = f"{above}{str(name).replace('_', ' ')}"
        if isinstance(value, dict):
            rows += flatten(value, f"{place}: ")
        else:
            rows.append((place, _format(value)))
    return rows


def _format(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(_format, value)) or "none"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value).replace("|", "/")
