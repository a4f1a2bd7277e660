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

from hub.temporary import not_written, temporary_folder

PARENT = "chest-xray-demo"  # in the system's temporary folder, for each user of the machine


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
            for name in ("uploads", "samples", "other"):
                (folder / name).mkdir()
        except OSError as error:
            raise not_written(error) from None
        try:
            _use({"TMPDIR": str(folder / "other"), "GRADIO_TEMP_DIR": str(folder / "uploads")})
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
    """Delete old files again and again in the block; call `after` each time.

    What cannot be looked through, such as a folder that goes meanwhile, can the next time.
    """
    ended = threading.Event()

    def sweep() -> None:
        while not ended.wait(every):
            with suppress(OSError):
                delete_old(folder, age)
            after()

    thread = threading.Thread(target=sweep, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
