"""Write files and folders whole or not at all, and one process at a time."""

import errno
import hashlib
import json
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from hub.errors import DISK_ERRORS, InputError
from hub.system import exchange_names

if TYPE_CHECKING:
    from filelock import FileLock

NEXT_TO_NOTHING = 1_000_000  # bytes that are left free where a library could write no more
LONGEST_NAME = 200  # bytes of a name that gets a suffix; the usual disks take 255
SEAL = hashlib.sha256().digest_size  # bytes


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def real_path(path: Path) -> Path:
    """Return the absolute path of a file or folder, without links.

    Links that lead to each other stay as they are, and `Path.resolve` raises for them.
    """
    return Path(os.path.realpath(path))


def beside(path: Path, suffix: str) -> Path:
    """Return the hidden path that a process makes beside `path` for a while.

    Of a long name it has the beginning and a digest: with more it might be longer than a disk takes.
    """
    name = os.fsencode(path.name)
    if len(name) > LONGEST_NAME:
        beginning = name[: LONGEST_NAME - 40].decode(errors="ignore")  # no half of a character
        return path.parent / f".{beginning}-{hashlib.sha256(name).hexdigest()[:16]}.{suffix}"
    return path.parent / f".{path.name}.{suffix}"


def check_kind(path: Path) -> None:
    """Raise InputError for a pipe, a socket or a device.

    Who reads one may never reach its end.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise InputError(f"{path} is a pipe or a device; give a folder or a file.")


def check_writable(path: Path) -> None:
    """Check that a file can be written at a path; leave nothing there.

    Commands ask before they work for minutes. Raises InputError for a folder and where there is no folder
    around it, and OSError where the disk or its permissions do not let it be written.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder; give the name of a file.")
    if not path.parent.is_dir():
        raise InputError(f"There is no folder {path.parent} to write {path.name} into; make it first.")
    if not _is_stream(path):
        _try_file(path, path.parent)
    elif not os.access(path, os.W_OK):
        raise OSError(errno.EACCES, os.strerror(errno.EACCES), str(path))


def check_writable_folder(path: Path) -> None:
    """Check that files can be written into a folder, which need not be there yet.

    Raises InputError and OSError as `check_writable` does.
    """
    above = next(place for place in (path, *path.parents) if os.path.lexists(place))
    if not above.is_dir():
        raise InputError(f"{above} is no folder; give another place.")
    _try_file(path, above)


def check_outside(path: Path, source: str | Path, option: str) -> None:
    """Raise InputError, which names `option`, for a path in what is read.

    That is a folder or a file, and counts where it is there. What is written among images would be read with
    them the next time, and what is written over a table of them would take its place.
    """
    real, read = real_path(path), real_path(Path(source))
    if read.exists() and real.is_relative_to(read):
        where = "is" if real == read else "lies in"
        raise InputError(f"{path} {where} {source}, which is read; give another {option}.")


def _try_file(path: Path, folder: Path) -> None:
    """Raise OSError, which names `path`, where a folder takes no file."""
    try:
        path.exists()  # its name may be too long
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        code = errno.EACCES if error.errno == errno.ENOENT else error.errno  # of /proc, say
        raise OSError(code, os.strerror(code), str(path)) from None


def copy_tree(source: Path, target: Path, ignore: Callable | None = None) -> None:
    """Copy a folder, and what links in it lead to, into one that is there.

    Whoever copies may change what is there then, even of a source that may only be read. `ignore` is that of
    `shutil.copytree`. Raises InputError for what cannot be copied: a link that leads nowhere, or back to a
    folder that holds it, a pipe or a device; and for a folder that another process replaces meanwhile.
    """
    _refuse_loops(source)
    copied = source.stat()

    def copy(file: str, to: str) -> None:
        if not Path(file).is_file():
            raise InputError(f"{file} is a pipe, a device or a broken link; take it out of the folder.")
        shutil.copy2(file, to)

    shutil.copytree(source, target, ignore=ignore, copy_function=copy, dirs_exist_ok=True)
    if not os.path.samestat(copied, source.stat()):  # some files would be of the older, some of the newer
        raise InputError(f"{source} was replaced while it was copied; give the same command again.")
    for path in (target, *target.rglob("*")):  # what may not be changed there may be here
        path.chmod(path.stat().st_mode | (stat.S_IRWXU if path.is_dir() else stat.S_IWUSR))


def _refuse_loops(folder: Path) -> None:
    """Raise InputError for a link to a folder that would be copied again and again."""
    real = real_path(folder)
    for place, names, _ in os.walk(folder):
        for path in (Path(place, name) for name in names):
            to = real_path(path)
            if path.is_symlink() and (to.is_relative_to(real) or real.is_relative_to(to)):
                raise InputError(f"The link {path} leads back to a folder that holds it; remove the link.")


def refuse_links_out(folder: Path) -> None:
    """Raise InputError for a link that leads out of a folder.

    It may lead into the Hub's cache around it. A folder of others may have a link to any file of this
    machine, which must not be published as part of it.
    """
    real = real_path(folder)
    inside = real, *(place / "blobs" for place in real.parents[1:2])  # as in models--NAME/snapshots/COMMIT
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() and not any(real_path(path).is_relative_to(place) for place in inside):
            raise InputError(f"{path} is a link that leads out of the folder; put the file itself there.")


def seal(path: Path) -> None:
    """Append the SHA-256 of a file to it: 32 bytes that tell damage.

    NumPy and torch read the file as before.
    """
    digest = _digest(path, path.stat().st_size)
    with path.open("ab") as file:
        file.write(digest)


def is_sealed(path: Path) -> bool:
    """Return whether a file is as `seal` left it; one that is missing is not."""
    try:
        size = path.stat().st_size - SEAL
        with path.open("rb") as file:
            file.seek(max(size, 0))
            return file.read() == _digest(path, size)
    except OSError:
        return False


def _digest(path: Path, size: int) -> bytes:
    """Return the SHA-256 of the first `size` bytes of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while size > 0 and (part := file.read(min(size, 1 << 20))):
            digest.update(part)
            size -= len(part)
    return digest.digest()


@cache
def _lock_of(file: Path) -> "FileLock":
    """Return the one lock of a file.

    It is kept: when it is deleted, a Ctrl-C that arrives just then would be lost.
    """
    from filelock import FileLock

    return FileLock(file)


@contextmanager
def lock(path: Path, wait: bool = False) -> Iterator[None]:
    """Keep a file or folder for this thread until the block, or the process, ends.

    The thread may lock it again inside. Raises InputError if another writes it, unless it is to `wait`, and
    OSError where no file can be made beside `path`.
    """
    from filelock import Timeout  # takes a while to import, and serving never writes

    file = beside(path, "lock")
    held = _lock_of(file)
    try:
        # filelock waits where no file can be made, as in /proc, as if one had been deleted just now.
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o644))
        held.acquire(blocking=wait)
    except Timeout:
        raise InputError(f"Another process is writing {path}; wait until it has ended.") from None
    except OSError as error:
        is_refused = error.errno == errno.ENOENT and path.parent.is_dir()
        code = errno.EACCES if is_refused else error.errno
        raise OSError(code, os.strerror(code), str(path)) from None
    depth = held.lock_counter
    try:
        yield
    finally:
        try:
            _release(held, file, depth)
        except KeyboardInterrupt:
            _release(held, file, depth)  # a Ctrl-C that arrives just then leaves no lock
            raise


def _release(held: "FileLock", file: Path, depth: int) -> None:
    """Release a block, unless it is released; the outermost deletes the file."""
    if held.lock_counter < depth:
        return
    if depth == 1:
        file.unlink(missing_ok=True)  # while it is locked: who waits for it finds that out
    held.release()


@contextmanager
def replace_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path that is renamed to `path` when the block succeeds.

    Readers never see half a file, and an older file remains when the block fails. Others that write it wait.
    The umask decides who may read the file, even if the block writes it for its owner alone, as safetensors
    does. On a full disk the block fails with an OSError, whatever its library raises. A device or a pipe, as
    /dev/stdout is, is written as it is: root would replace it by a file.
    """
    if _is_stream(path):
        with _disk_errors(path):
            yield path
        return
    partial = beside(path, "partial")
    with lock(path, wait=True):
        try:
            partial.unlink(missing_ok=True)  # of a process that was killed
            partial.touch()
            mode = partial.stat().st_mode
            partial.unlink()
            with _disk_errors(path):
                yield partial
                _flush(partial)
            partial.chmod(mode)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    """Have the disk keep what a file holds; a link or a folder is passed over.

    A power cut soon after a rename leaves the new name, and may leave nothing in what was not kept before.
    """
    if path.is_file() and not path.is_symlink():
        with path.open("rb") as file:
            os.fsync(file.fileno())


def _is_stream(path: Path) -> bool:
    """Return whether what is written at a path goes on, as into a pipe."""
    is_special = path.exists() and not path.is_file() and not path.is_dir()
    return is_special or path.absolute().parent in (Path("/dev"), Path("/dev/fd"))


@contextmanager
def _disk_errors(path: Path) -> Iterator[None]:
    """Raise OSError for a fault of the disk of `path`, whatever a library raises.

    Where the error names no file, it gets `path`, or the system's temporary folder where that is full.
    """
    try:
        yield
    except InputError:
        raise
    except OSError as error:
        if error.filename or error.errno not in DISK_ERRORS:
            raise
        raise OSError(error.errno, error.strerror, str(_unnamed(path, error.errno))) from error
    except Exception as error:
        # safetensors and other Rust name the code; torch raises words of its own after Python's error.
        found = re.search(r"\(os error (\d+)\)", str(error))
        code = int(found[1]) if found else getattr(error.__context__, "errno", None)
        if code not in DISK_ERRORS:
            if not _is_full(path.parent):
                raise
            code = errno.ENOSPC
        raise OSError(code, os.strerror(code), str(path)) from error


def _unnamed(path: Path, code: int) -> Path:
    """Return `path`, or the temporary folder where its disk alone is full."""
    with suppress(OSError):
        temporary = Path(tempfile.gettempdir())
        if code == errno.ENOSPC and not _is_full(path.parent) and _is_full(temporary):
            return temporary
    return path


def _is_full(folder: Path) -> bool:
    return shutil.disk_usage(folder).free < NEXT_TO_NOTHING


def write_json(path: Path, content: dict) -> None:
    """Write JSON through `replace_file`."""
    write_text(path, json.dumps(content, indent=2) + "\n")


def write_text(path: Path, content: str) -> None:
    """Write text through `replace_file`."""
    with replace_file(path) as partial:
        partial.write_text(content, encoding="utf-8")


@contextmanager
def new_folder(
    path: Path, option: str = "--output", may_replace: Callable[[Path], object] | None = None
) -> Iterator[Path]:
    """Yield a temporary folder that is renamed to `path` when the block succeeds.

    Raises InputError, which names `option`, if `path` exists, and where another program has made it during
    the block. With `may_replace` the new folder replaces it once it is complete, unless that function raises
    InputError for a folder that is to stay.
    """
    path = real_path(path)

    def check() -> None:
        if path.exists() and not may_replace:
            overwriting = ", or --overwrite to replace it" if option == "--output" else ""
            raise InputError(f"{path} is there already; give another {option}{overwriting}.")
        if path.exists():
            may_replace(path)

    check()  # before a folder is made around it
    with replace_folder(path, f"give another {option}", check) as partial:
        yield partial
        if path.exists() and not may_replace:
            again = "with --resume " if option == "--output" else ""
            raise InputError(
                f"{path} was made by another program meanwhile; move it away, and give the same command "
                f"{again}again."
            )


@contextmanager
def edited_folder(path: Path) -> Iterator[Path]:
    """Yield a copy of a folder that replaces it when the block succeeds."""
    path = real_path(path)
    with replace_folder(path) as partial:
        copy_tree(path, partial)
        yield partial


@contextmanager
def replace_folder(
    path: Path,
    advice: str = "check the permissions of the folder around it and the room on the disk",
    check: Callable[[], object] = lambda: None,
) -> Iterator[Path]:
    """Yield a temporary folder that replaces `path` when the block succeeds.

    It is locked, and whenever the process is killed, either the older folder or the new one is at `path`.
    `check` is called before the block, and raises InputError for a folder that is to stay.
    Raises InputError, which ends with `advice`, if the folder cannot be made.
    """
    path = real_path(path)
    partial, old = beside(path, "partial"), beside(path, "old")
    with ExitStack() as stack:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(lock(path))
            _clear(path, partial, old)
            if path.is_symlink():  # a link that `real_path` did not follow
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
            check()
            partial.mkdir()
        except OSError as error:
            raise InputError(f"{path} cannot be made ({error.strerror}); {advice}.") from None
        try:
            with _disk_errors(path):
                yield partial
                for file in partial.rglob("*"):
                    _flush(file)
            _put(partial, path, old)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def _clear(path: Path, partial: Path, old: Path) -> None:
    """Remove what a killed process has left, and put back what it had moved."""
    if old.exists() and not path.exists():
        old.rename(path)
    for left in (partial, old):
        shutil.rmtree(left, ignore_errors=True)


def _put(partial: Path, path: Path, old: Path) -> None:
    """Move a folder to `path`; the one that was there is at `partial` then, or gone.

    A process that works in the older folder goes on in the new one.
    """
    here = _working_folder()
    if not path.exists():
        partial.rename(path)
    elif not exchange_names(partial, path):
        path.rename(old)
        partial.rename(path)
        shutil.rmtree(old, ignore_errors=True)
    if here and here.is_relative_to(path) and here.is_dir():
        os.chdir(here)


def _working_folder() -> Path | None:
    """Return the folder that this process works in; None where it was deleted."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return None
