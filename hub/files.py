"""Write files and folders whole or not at all."""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hub.errors import InputError

NEXT_TO_NOTHING = 1_000_000  # bytes that are left free where a library could write no more


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


@contextmanager
def replace_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path that is renamed to `path` when the block succeeds.

    Readers never see half a file, and an older file remains when the block fails. The umask decides who may
    read the file, even if the block writes it for its owner alone, as safetensors does. On a full disk the
    block fails with an OSError, whatever its library raises.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.unlink(missing_ok=True)  # of a process that was killed
        partial.touch()
        mode = partial.stat().st_mode
        partial.unlink()
        yield partial
        partial.chmod(mode)
        partial.replace(path)
    except Exception as error:
        # torch and safetensors name a full disk in words of their own.
        if not isinstance(error, OSError) and shutil.disk_usage(path.parent).free < NEXT_TO_NOTHING:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
        raise
    finally:
        partial.unlink(missing_ok=True)


def write_json(path: Path, content: dict) -> None:
    """Write JSON through `replace_file`."""
    write_text(path, json.dumps(content, indent=2) + "\n")


def write_text(path: Path, content: str) -> None:
    """Write text through `replace_file`."""
    with replace_file(path) as partial:
        partial.write_text(content)


@contextmanager
def new_folder(
    path: Path, option: str = "--output", may_replace: Callable[[Path], object] | None = None
) -> Iterator[Path]:
    """Yield a temporary folder that is renamed to `path` when the block succeeds.

    Raises InputError, which names `option`, if `path` exists. With `may_replace` the new folder replaces it
    once it is complete, unless that function raises InputError for a folder that is to stay.
    """
    path = path.resolve()
    if path.exists() and not may_replace:
        overwriting = ", or --overwrite to replace it" if option == "--output" else ""
        raise InputError(f"{path} is there already; give another {option}{overwriting}.")
    if path.exists():
        may_replace(path)
    with replace_folder(path, option) as partial:
        yield partial


@contextmanager
def replace_folder(path: Path, option: str = "--output") -> Iterator[Path]:
    """Yield a temporary folder that replaces `path` when the block succeeds.

    Raises InputError, which names `option`, if the folder cannot be made.
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
