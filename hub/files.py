"""The files of a model folder: found, checked, and written whole or not at all. No torch here."""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hub.errors import InputError


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_json(path: Path, content: dict) -> None:
    """Write JSON through a temporary name, so that a reader never sees half of it."""
    write_text(path, json.dumps(content, indent=2) + "\n")


def write_text(path: Path, content: str) -> None:
    """Write text through a temporary name, so that a reader never sees half of it."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(content)
    partial.replace(path)


@contextmanager
def new_folder(
    path: Path,
    overwrite: bool = False,
    option: str = "--output",
    check: Callable[[Path], object] = lambda path: None,
) -> Iterator[Path]:
    """Yield a temporary folder beside `path` that takes its name when the block ends well.

    Raises InputError, which names `option`, when `path` exists already and `overwrite` is not given;
    with it the old folder goes only once the new one is complete. `check` raises InputError for a folder that
    may not be replaced.
    """
    path = path.resolve()
    if path.exists() and not overwrite:
        overwriting = ", or --overwrite to replace it" if option == "--output" else ""
        raise InputError(f"{path} is there already; give another {option}{overwriting}.")
    if path.exists():
        check(path)
    with replaced(path, option) as partial:
        yield partial


@contextmanager
def replaced(path: Path, option: str = "--output") -> Iterator[Path]:
    """Yield a temporary folder beside `path` that takes its place when the block ends well.

    Raises InputError, which names `option`, where it cannot be made.
    """
    partial, old = (path.with_name(f".{path.name}.{suffix}") for suffix in ("partial", "old"))
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
    except OSError as error:
        raise InputError(f"{path} cannot be made ({error.strerror}); give another {option}.") from None
    try:
        yield partial
    except BaseException:
        shutil.rmtree(partial)
        raise
    shutil.rmtree(old, ignore_errors=True)
    if path.exists():
        path.rename(old)
    partial.rename(path)
    shutil.rmtree(old, ignore_errors=True)
