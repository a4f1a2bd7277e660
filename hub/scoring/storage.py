"""Folders and files of a disk or an object store, through fsspec."""

import os
import re
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import fsspec
from fsspec.implementations.local import LocalFileSystem

from hub.errors import InputError, disk_error
from hub.files import check_kind, replace_file
from hub.left_out import is_clutter
from hub.text import is_utf8, readable

REPO_ID = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True)
class Place:
    """A file or folder: its file system, and its path there."""

    filesystem: fsspec.AbstractFileSystem
    path: str

    @property
    def is_local(self) -> bool:
        """Whether it is on a disk of this machine."""
        return isinstance(self.filesystem, LocalFileSystem)

    @property
    def url(self) -> str:
        """The absolute path on a disk; an address elsewhere."""
        return self.path if self.is_local else self.filesystem.unstrip_protocol(self.path)

    def __truediv__(self, name: str) -> "Place":
        return Place(self.filesystem, f"{self.path.rstrip('/')}/{name}")


def open_place(address: str) -> Place:
    """Return the place of a path, of s3://bucket/films, or of a data set of the Hub.

    Raises InputError for an address of no known kind, and where the package for its kind is not installed.
    """
    if not address.strip():
        raise InputError("A name is empty; give a path, an address or a data set of the Hub.")
    if "://" not in address:
        return Place(LocalFileSystem(), os.path.abspath(address))  # noqa: PTH100, it keeps no ".."
    with reachable(address):
        try:
            filesystem, path = fsspec.url_to_fs(address)
        except ImportError as error:
            raise InputError(f"{address} needs another package: {error}.") from None
        except ValueError as error:
            raise InputError(f"{address} cannot be used: {error}.") from None
    return Place(filesystem, path.rstrip("/") if path != "/" else path)


def open_source(address: str) -> Place:
    """Return the place of a file, a folder or a data set of the Hub that is there.

    Raises InputError like `open_place`, and where there is none.
    """
    place = open_place(address)
    with reachable(address):
        if place.filesystem.exists(place.path):
            if place.is_local:
                check_kind(Path(place.path))
            return place
        if place.is_local and REPO_ID.fullmatch(address):
            place = open_place(f"hf://datasets/{address}")
            if place.filesystem.exists(place.path):
                return place
    raise InputError(f"There is no file, folder or data set {address}; check the name.")


def open_output(address: str) -> Place:
    """Return the folder of the scores.

    Raises InputError where anything else is there, and for a name that Parquet cannot be written by.
    """
    if not is_utf8(address):
        raise InputError(f"The name {readable(address)} is not in UTF-8; give another folder for the scores.")
    out = open_place(address)
    with reachable(address):
        if out.is_local and os.path.lexists(out.path) and not os.path.isdir(out.path):  # noqa: PTH112
            raise InputError(f"{address} is no folder; give a folder for the scores.")
        if out.filesystem.isfile(out.path):
            raise InputError(f"{address} is a file; give a folder for the scores.")
    return out


@contextmanager
def reachable(address: str) -> Iterator[None]:
    """Raise InputError for what a file system raises that cannot be reached."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # each kind of store has exceptions of its own
        if isinstance(error, OSError) and disk_error(error):
            raise
        said = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(
            f"{address} cannot be reached ({said}); check the address, the credentials and the network, "
            "and give the same command again: it goes on from here."
        ) from error


def names_in(folder: Place) -> set[str]:
    """Return the names in a folder; none in a store that knows no empty folder."""
    with reachable(folder.url):
        folder.filesystem.invalidate_cache(folder.path)
        try:
            return {PurePosixPath(path).name for path in folder.filesystem.ls(folder.path, detail=False)}
        except FileNotFoundError:
            return set()


def find_files(place: Place) -> Iterator[tuple[str, int]]:
    """Yield path and bytes of every file in a folder at any depth, or of a file.

    Clutter of operating systems, pipes and devices are left out. Links are followed, each folder once.
    """
    filesystem = place.filesystem
    if place.is_local:
        yield from _find_on_disk(Path(place.path))
    elif filesystem.isfile(place.path):
        yield place.path, filesystem.size(place.path) or 0
    else:
        for _, folders, files in filesystem.walk(place.path, detail=True, on_error="raise"):
            kept = sorted(name for name in folders if not is_clutter(name))
            ordered = {name: folders[name] for name in kept}
            folders.clear()
            folders.update(ordered)  # walk goes into what is left here, in this order
            for name in sorted(files):
                if name and not is_clutter(name):
                    yield files[name]["name"], files[name].get("size") or 0


def _find_on_disk(path: Path) -> Iterator[tuple[str, int]]:
    if not path.is_dir():
        yield str(path), path.stat().st_size
        return
    seen = set()
    for root, folders, names in os.walk(path, onerror=_raise, followlinks=True):
        status = Path(root).stat()
        if (status.st_dev, status.st_ino) in seen:  # a link may lead back up
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not is_clutter(name))
        for file in (Path(root, name) for name in sorted(names) if not is_clutter(name)):
            try:
                status = file.stat()
            except OSError:
                yield str(file), 0  # reading it says what is wrong
                continue
            if stat.S_ISREG(status.st_mode):
                yield str(file), status.st_size


def _raise(error: OSError) -> None:
    raise error


@contextmanager
def replace_at(place: Place) -> Iterator[Path]:
    """Yield a temporary path whose file is at `place` when the block succeeds."""
    if place.is_local:
        path = Path(place.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with replace_file(path) as partial:
            yield partial
        return
    with tempfile.TemporaryDirectory() as folder:
        partial = Path(folder) / PurePosixPath(place.path).name
        yield partial
        with reachable(place.url):
            place.filesystem.put_file(str(partial), place.path)
