"""The files of a folder, without clutter; links are followed once."""

import errno
import os
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath

from hub.batching import batches
from hub.errors import InputError
from hub.imaging.formats import HEAD, SUFFIXES, is_image
from hub.left_out import is_clutter
from hub.progress import progress
from hub.text import counted, is_utf8, readable

CHUNK_SIZE = 32  # files whose first bytes a thread reads before it takes the next ones
PATIENCE = 2  # seconds without a progress bar


@dataclass
class FileTree:
    """What is below a folder, as sorted paths relative to it, with "/".

    `files` may be of any kind; `folders` are those without files, too. `broken` are links that lead nowhere,
    `repeated` links to what is in the tree already, and `special` pipes, sockets and devices, whose end a
    reader may never reach.
    """

    root: Path
    files: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    special: list[str] = field(default_factory=list)

    def path(self, file: str) -> str:
        """Return the path of a file or folder of the tree, to open it; "" is the root."""
        return str(self.root / file)

    def subfolders(self, folder: str = "") -> list[str]:
        """Return the names of the folders in a folder of the tree, "" for its root."""
        return self._subfolders.get(folder, [])

    @cached_property
    def _subfolders(self) -> dict[str, list[str]]:
        names = defaultdict(list)
        for folder in self.folders:
            above, _, name = folder.rpartition("/")
            names[above].append(name)
        return names

    def inside(self, folder: str) -> list[str]:
        """Return the files in a folder of the tree, at any depth; "" for all."""
        return [file for file in self.files if file.startswith(folder + "/" * bool(folder))]

    @cached_property
    def images(self) -> list[str]:
        """The files that are images, by their content or the suffix.

        A file with the suffix of images alone is one whatever its content: that it is damaged is said when it
        is decoded.
        """
        unclear = [file for file in self.files if PurePosixPath(file).suffix.lower() not in SUFFIXES]
        others = {*unclear} - _images_by_content(self, unclear)
        return [file for file in self.files if file not in others]

    @property
    def others(self) -> list[str]:
        """The files that are no images."""
        images = {*self.images}
        return [file for file in self.files if file not in images]

    def notes(self) -> list[str]:
        """Return a sentence for each kind of what is left out."""
        notes = []
        if self.broken:
            notes.append(f"left out {counted(len(self.broken), 'broken link')}, {_first(self.broken)}")
        if self.repeated:
            links = counted(len(self.repeated), "link")
            notes.append(f"left out {links} to what is there already, {_first(self.repeated)}")
        if self.special:
            notes.append(f"left out {counted(len(self.special), 'special file')}, {_first(self.special)}")
        return notes


def _first(paths: list[str]) -> str:
    return f"such as {paths[0]}" if len(paths) > 1 else paths[0]


def read_tree(root: Path) -> FileTree:
    """Return what is below a folder, but clutter, at any depth.

    Links are followed after everything else, so that what is reached twice keeps its own place and counts
    once. Raises InputError for a link that leads back to a folder which holds it, for a folder that may not
    be read, and for a name that is not UTF-8.
    """
    check_utf8(root)
    tree = FileTree(root)
    real = os.path.realpath(root)
    reached: set[str] = set()  # the real paths of folders, and of files that are linked to
    folders, folder_links, file_links = [("", (real,))], [], []
    with progress(desc="Looking for files", unit=" files", delay=PATIENCE, leave=False) as bar:
        while folders or folder_links:
            if not folders:
                folder_links.sort(reverse=True)
                folder, above = folder_links.pop()
                real = os.path.realpath(tree.path(folder))
                _refuse_loop(tree.path(folder), real, above)
                if real in reached:
                    tree.repeated.append(folder)
                    continue
                folders.append((folder, (*above, real)))
            folder, above = folders.pop()
            reached.add(above[-1])
            if folder:
                tree.folders.append(folder)
            for entry in _entries(tree, folder):
                path = f"{folder}/{entry.name}" if folder else entry.name
                kind = _kind(entry)
                if kind == "broken":
                    tree.broken.append(path)
                elif kind == "special":
                    tree.special.append(path)
                elif kind == "folder" and entry.is_symlink():
                    folder_links.append((path, above))
                elif kind == "folder":
                    folders.append((path, (*above, f"{above[-1].rstrip('/')}/{entry.name}")))
                elif entry.is_symlink():
                    file_links.append(path)
                else:
                    tree.files.append(path)
                    bar.update()
    for path in sorted(file_links):
        real = os.path.realpath(tree.path(path))
        place, name = os.path.split(real)
        if real in reached or (place in reached and not is_clutter(name)):
            tree.repeated.append(path)
        else:
            reached.add(real)
            tree.files.append(path)
    for paths in (tree.files, tree.folders, tree.broken, tree.repeated, tree.special):
        paths.sort()
    return tree


def _entries(tree: FileTree, folder: str) -> list[os.DirEntry]:
    try:
        with os.scandir(tree.path(folder)) as entries:
            return [entry for entry in entries if not is_clutter(entry.name)]
    except OSError as error:
        raise InputError(
            f"{tree.path(folder)} cannot be read ({error.strerror}); let it be read, or take it out."
        ) from None


def check_utf8(path: str | Path) -> None:
    """Raise InputError for a path that is not UTF-8, which Arrow cannot hold."""
    if not is_utf8(str(path)):
        raise InputError(f"The file name {readable(str(path))} is not in UTF-8; rename it.")


def _kind(entry: os.DirEntry) -> str:
    """Return "file", "folder", "broken", or "special" for a pipe or device."""
    check_utf8(entry.path)
    try:
        if entry.is_symlink():
            entry.stat()
    except PermissionError:
        raise InputError(f"The link {entry.path} may not be followed; let it be, or remove it.") from None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise InputError(f"The link {entry.path} leads back to itself; remove it.") from None
        return "broken"
    if entry.is_dir():
        return "folder"
    return "file" if entry.is_file() else "special"


def _refuse_loop(link: str, real: str, above: tuple[str, ...]) -> None:
    """Raise InputError for a link to a folder that holds it.

    `above` are the real paths of the folders around the link.
    """
    if any(folder == real or folder.startswith(real.rstrip("/") + "/") for folder in above):
        raise InputError(f"The link {link} leads back to a folder that holds it; remove the link.")


def _images_by_content(tree: FileTree, files: list[str]) -> set[str]:
    """Return which files of a tree are images, by their first bytes."""

    def images(chunk: list[str]) -> list[str]:
        return [file for file in chunk if is_image(_head(tree.path(file)))]

    options = {"total": len(files), "unit": " files", "delay": PATIENCE, "leave": False}
    found = set()
    # On a network drive each file is a round trip.
    with ThreadPoolExecutor(16) as pool, progress(desc="Reading first bytes", **options) as bar:
        for chunk in pool.map(images, batches(files, CHUNK_SIZE)):
            found.update(chunk)
            bar.update(CHUNK_SIZE)
    return found


def _head(path: str) -> bytes:
    """Return the first bytes of a file; none where it cannot be read."""
    try:
        with Path(path).open("rb") as file:
            return file.read(HEAD)
    except OSError:
        return b""
