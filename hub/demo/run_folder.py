"""The temporary folder of one run of an app: private, and gone with the run.

Uploads, samples and whatever a library writes while it works lie in it, so that there is one place to empty.
"""

import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hub.temporary import LOCK, not_written, temporary_folder

PARENT = "chest-xray-demo"  # in the system's temporary folder, for each user of the machine
FOLDERS = UPLOADS, SAMPLES, OTHER = "uploads", "samples", "other"


@contextmanager
def run_folder() -> Iterator[Path]:
    """Yield a new folder that only this user can open; delete it at the end.

    It becomes the place of all temporary files of the process (TMPDIR), and its `uploads` that of Gradio
    (GRADIO_TEMP_DIR, which names the parent where it is set). Folders of runs that were killed are deleted
    first. Raises InputError where no folder can be made.
    """
    places = {name: os.environ.get(name) for name in ("TMPDIR", "GRADIO_TEMP_DIR")}
    with temporary_folder(PARENT, places["GRADIO_TEMP_DIR"]) as folder:
        try:
            for name in FOLDERS:
                (folder / name).mkdir()
        except OSError as error:
            raise not_written(error) from None
        try:
            _use({"TMPDIR": str(folder / OTHER), "GRADIO_TEMP_DIR": str(folder / UPLOADS)})
            yield folder
        finally:
            _use(places)


def _use(places: dict[str, str | None]) -> None:
    for name, place in places.items():
        if place is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = place
    tempfile.tempdir = None  # Python then looks at TMPDIR anew


def keep(folder: Path) -> None:
    """Let the folder of a run look used, but for the uploads in it.

    Systems delete what is old in their folder of temporary files.
    """
    with suppress(OSError):  # it is no such folder, or going
        places = [folder / LOCK, folder, *(folder / name for name in FOLDERS)]
        for path in (*places, *(folder / SAMPLES).iterdir()):
            os.utime(path)


def delete_old(folder: Path, age: float, seen: dict[Path, tuple[float, float]]) -> None:
    """Delete files that nobody wrote to for `age` seconds, and empty folders.

    `seen` is kept from look to look: when each was last written to, by a clock that may be set, and since
    when that is known, by one that never is.
    """
    paths = sorted(folder.rglob("*"), reverse=True)  # what a folder holds comes before it
    now, before = time.monotonic(), dict(seen)
    seen.clear()
    for path in paths:
        with suppress(OSError):  # it is gone, or a folder that is not empty
            written = path.lstat().st_mtime
            known, since = before.get(path, (written, now))
            seen[path] = written, since if written == known else now
            if now - seen[path][1] < age:
                continue
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
            else:
                path.unlink()


@contextmanager
def swept(folder: Path, every: float, age: float, after: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Delete old files again and again in the block; call `after` each time.

    What cannot be looked through, such as a folder that goes meanwhile, can the next time.
    """
    ended, seen = threading.Event(), {}

    def sweep() -> None:
        while not ended.wait(every):
            with suppress(OSError):
                delete_old(folder, age, seen)
            after()

    thread = threading.Thread(target=sweep, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
