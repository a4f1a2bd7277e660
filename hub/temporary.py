"""Temporary folders of this user's, of which none outlives its process for long."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from hub.errors import InputError

LOCK = "lock"


@contextmanager
def temporary_folder(name: str, place: str | None = None) -> Iterator[Path]:
    """Yield a new folder that only this user can open; delete it at the end.

    It holds the file `LOCK`, and lies in the folder `place`, by default in one of this `name` in the system's
    temporary folder. What processes that were killed left there is deleted first. Raises InputError where no
    folder can be made.
    """
    try:
        folder, lock = _make(Path(place or Path(tempfile.gettempdir()) / f"{name}-{_user()}"), not place)
    except OSError as error:
        raise not_written(error) from None
    try:
        yield folder
    finally:
        try:
            _delete(folder)
        finally:
            lock.release()
        shutil.rmtree(folder, ignore_errors=True)  # the lock, too, where it could not be deleted before


def not_written(error: OSError) -> InputError:
    """Return the exception for temporary files that cannot be written."""
    reason = error.strerror or error
    return InputError(
        f"Temporary files cannot be written ({reason}); make room, or name another folder in TMPDIR."
    )


def _make(place: Path, is_ours: bool) -> tuple[Path, FileLock]:
    """Make a folder and lock it; the lock is lost when the process ends."""
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    if is_ours and place.lstat().st_uid != _user():
        raise InputError(f"{place} belongs to another user; name another folder in TMPDIR.")
    _delete_dead(place)
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=place))
    lock = FileLock(folder / LOCK)
    lock.acquire()
    return folder, lock


def _delete_dead(place: Path) -> None:
    """Delete the folders whose process is no more."""
    for folder in place.glob("run-*"):
        with suppress(OSError, Timeout):  # it lives, or is another user's
            if (folder / LOCK).is_file() and not folder.is_symlink():  # which leads to what is not a run's
                with FileLock(folder / LOCK, timeout=0):
                    _delete(folder)
                shutil.rmtree(folder, ignore_errors=True)


def _delete(folder: Path) -> None:
    """Delete a folder, its lock last.

    Where this process is killed, the next one deletes what is left.
    """
    with suppress(OSError):
        for path in folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            elif path.name != LOCK:
                path.unlink()
    shutil.rmtree(folder, ignore_errors=True)


def _user() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0  # on Windows a temporary folder is the user's own
