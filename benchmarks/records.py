"""results.json, where the comparisons keep their figures, a section for each."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import machine
from hub import files
from hub.errors import InputError
from hub.models.folder import read_json

RECORD = Path(__file__).with_name("results.json")


def load(name: str) -> dict:
    """Return a section; {} where there is none yet."""
    return older(RECORD).get(name, {})


def load_here(name: str) -> dict:
    """Return a section to add to; InputError where another machine measured it."""
    section = load(name)
    if section and section["machine"] != machine.describe():
        raise InputError(f"{RECORD.name} holds figures of another machine or versions; leave --only out.")
    return section


def save(name: str, section: dict) -> None:
    """Write a section; the others stay as they are.

    So do those of a comparison that ends at the same time.
    """
    with files.lock(RECORD, wait=True):
        files.write_json(RECORD, older(RECORD) | {name: section})


def check(saving: bool, *paths: Path) -> None:
    """Check that figures can be saved, if they are to be, before they are measured.

    `paths` are the records and pages that they go into. Raises InputError for a record that cannot be read,
    and like `files.check_writable`.
    """
    for path in paths if saving else ():
        files.check_writable(path)
        if path.suffix == ".json":
            older(path)


def older(path: Path) -> dict:
    """Return what a record holds, {} where there is none yet; may raise InputError."""
    return read(path) if path.is_file() else {}


def read(path: Path) -> dict:
    """Return the contents of a record; InputError without one, and for a damaged one."""
    if not path.is_file():
        raise InputError(f"There is no {path.name} yet; the comparisons make it with --save.")
    record = read_json(path)
    if record is None:
        raise InputError(f"{path.name} is damaged; get it from the repository, or delete it.")
    return record


@contextmanager
def complete(*paths: Path) -> Iterator[None]:
    """Raise InputError where the block does not find in records what it shows."""
    try:
        yield
    except InputError:  # which says itself what is wrong
        raise
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError):
        names = " or ".join(path.name for path in paths)
        raise InputError(f"{names} lacks figures; measure them again with --save.") from None
