"""The temporary folder of one run of an app: private, and gone with the run.

Uploads, samples and whatever a library writes while it works lie in it, so that there is one place to empty.
"""

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from hub.errors import InputError

PARENT = "chest-xray-demo"  # in the system's temporary folder, for each user of the machine
LOCK = "lock"


@contextmanager
def run_folder() -> Iterator[Path]:
    """Yield a new folder that only this user can open; delete it at the end.

    It becomes the place of all temporary files of the process (TMPDIR), and its `uploads` that of Gradio
    (GRADIO_TEMP_DIR, which names the parent where it is set). Folders of runs that were killed are deleted
    first. Raises InputError where no folder can be made.
    """
    places = {name: os.environ.get(name) for name in ("TMPDIR", "GRADIO_TEMP_DIR")}
    folder, lock = _make(places["GRADIO_TEMP_DIR"])
    try:
        _use({"TMPDIR": str(folder / "other"), "GRADIO_TEMP_DIR": str(folder / "uploads")})
        yield folder
    finally:
        _use(places)
        shutil.rmtree(folder, ignore_errors=True)
        lock.release()
        shutil.rmtree(folder, ignore_errors=True)  # the lock, too, where it could not be deleted before


def _make(parent: str | None) -> tuple[Path, FileLock]:
    """Make the folder and lock it; the lock is lost when the process ends."""
    try:
        place = Path(parent or Path(tempfile.gettempdir()) / f"{PARENT}-{_user()}")
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not parent and place.stat().st_uid != _user():
            raise InputError(f"{place} belongs to another user; name another folder in TMPDIR.")
        delete_dead_runs(place)
        folder = Path(tempfile.mkdtemp(prefix="run-", dir=place))
        lock = FileLock(folder / LOCK)
        lock.acquire()
        for name in ("uploads", "samples", "other"):
            (folder / name).mkdir()
    except OSError as error:
        reason = error.strerror or error
        raise InputError(
            f"Temporary files cannot be written ({reason}); make room, or name another folder in TMPDIR."
        ) from None
    return folder, lock


def _use(places: dict[str, str | None]) -> None:
    for name, place in places.items():
        if place is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = place
    tempfile.tempdir = None  # Python then looks at TMPDIR anew


def delete_dead_runs(place: Path) -> None:
    """Delete the folders of runs whose process is no more."""
    for folder in place.glob("run-*"):
        with suppress(OSError, Timeout):  # it lives, or is another user's
            if (folder / LOCK).is_file():
                with FileLock(folder / LOCK, timeout=0):
                    shutil.rmtree(folder, ignore_errors=True)
                shutil.rmtree(folder, ignore_errors=True)


def _user() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0  # on Windows a temporary folder is the user's own


def delete_old(folder: Path, age: float) -> None:
    """Delete files that nobody wrote to for `age` seconds, and empty folders."""
    last = time.time() - age
    for path in sorted(folder.rglob("*"), reverse=True):  # what a folder holds comes before it
        with suppress(OSError):  # it is gone, or a folder that is not empty
            if path.lstat().st_mtime > last:
                continue
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
            else:
                path.unlink()


@contextmanager
def swept(folder: Path, every: float, age: float, after: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Delete old files again and again in the block; call `after` each time."""
    ended = threading.Event()

    def sweep() -> None:
        while not ended.wait(every):
            delete_old(folder, age)
            after()

    thread = threading.Thread(target=sweep, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
