"""results.json, where the comparisons keep their figures, a section for each."""

import json
from pathlib import Path

from benchmarks import machine
from hub import files
from hub.errors import InputError

RECORD = Path(__file__).with_name("results.json")


def load(name: str) -> dict:
    """Return a section; {} where there is none yet."""
    return _load_all().get(name, {})


def load_here(name: str) -> dict:
    """Return a section to add to; InputError where another machine measured it."""
    section = load(name)
    if section and section["machine"] != machine.describe():
        raise InputError(f"{RECORD.name} holds figures of another machine or versions; leave --only out.")
    return section


def save(name: str, section: dict) -> None:
    """Write a section; the others stay as they are."""
    files.write_json(RECORD, _load_all() | {name: section})


def _load_all() -> dict:
    return json.loads(RECORD.read_text()) if RECORD.is_file() else {}


def read(path: Path) -> dict:
    """Return the contents of a record. Raises InputError where there is none."""
    if not path.is_file():
        raise InputError(f"There is no {path.name} yet; the comparisons make it with --save.")
    return json.loads(path.read_text())
