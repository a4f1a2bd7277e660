"""Images from files, folders and ZIP archives.

Members of an archive are unpacked one at a time and within limits.
"""

import io
import os
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from hub.errors import InputError
from hub.imaging.formats import SUFFIXES, is_image
from hub.imaging.read import count_pixels
from hub.imaging.sources import STREAM_ERRORS, read_all, reason
from hub.left_out import is_clutter, left_out

MAX_MEMBERS = 2000
MAX_BYTES = 100_000_000  # of one unpacked member
MAX_NAME = 1000  # characters that are shown of a member's name, which may have 65,535 bytes
MAX_RATIO = 100  # radiographs shrink 2 to 20 times in a ZIP, a bomb 1,000 times
# A film has 2 to 20 pixels per byte of its file, a bomb 1,000.
FREE_PIXELS, PIXELS_PER_BYTE = 500_000_000, 30
ENTRY = 1000  # bytes of a member in the table of contents, all of which is read before anything else
HEADER = 30  # bytes before the name of a member, at least
END = 22 + 65_536  # bytes at the end of a ZIP that hold its last record, and a comment behind it
HEAD = 512  # bytes that are enough to tell images and archives
# Programs by the first bytes of what they pack. The second begins an empty ZIP, the third one that is split.
PACKERS = {
    b"PK\3\4": "ZIP",
    b"PK\5\6": "ZIP",
    b"PK\7\x08": "ZIP",
    b"\x1f\x8b": "gzip",
    b"7z\xbc\xaf\x27\x1c": "7-Zip",
    b"Rar!\x1a\7": "RAR",
    b"BZh": "bzip2",
    b"\xfd7zXZ\0": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
}
# Other files may be archives by their contents too: a .docx is a ZIP.
ARCHIVE_SUFFIXES = {"", ".zip", ".tar", ".tgz", ".gz", ".7z", ".rar", ".bz2", ".xz", ".zst"}

# Of a damaged one; the third is of places that are far beyond its end.
ZIP_ERRORS = (zipfile.BadZipFile, OSError, OverflowError, ValueError, NotImplementedError)
MEMBER_ERRORS = (*ZIP_ERRORS, zlib.error, EOFError, RuntimeError)

File = str | Path | BinaryIO


@dataclass(frozen=True)
class Note:
    """What is left out of a folder or a ZIP: `sentence` is that of `left_out`."""

    sentence: str


Contents = str | Path | bytes | InputError | Note


def unpack(file: File, folders: bool = False) -> Iterator[tuple[str, Contents]]:
    """Yield the name and the contents of a file, or of each image in a ZIP or folder.

    Folders are opened only with `folders`. The contents are a path or encoded bytes. Members are unpacked in
    memory, each when the caller asks for it. What is no image, neither by its first bytes nor by its name, is
    counted in one `Note` at the end. An InputError takes the place of a member that cannot be unpacked, of a
    ZIP that is encrypted, damaged, too large or without images, of any other archive, and of a device. Raises
    TypeError for what is no file. Of a ZIP as large as it is, no more pixels are given out than radiographs
    have.
    """
    if not isinstance(file, str | Path):
        yield from _unpack_stream(file)
        return
    kind = _kind(file)
    if kind == stat.S_IFREG:
        yield from _unpack_path(Path(file))
    elif kind == stat.S_IFDIR and folders:
        yield from _unpack_folder(Path(file))
    elif kind in (stat.S_IFCHR, stat.S_IFBLK):  # reading one may never end
        yield str(file), InputError(f"{file} is a device; give an image file.")
    else:  # a pipe can be read only once, and reading nothing says what is wrong
        yield str(file), file


def _unpack_stream(stream: BinaryIO) -> Iterator[tuple[str, Contents]]:
    if isinstance(stream, io.TextIOBase) or not hasattr(stream, "read"):
        raise TypeError(f"{type(stream).__name__} is no file; give paths or files open in binary mode.")
    name = getattr(stream, "name", None)  # that of a temporary file is a number or None
    name = _printable(name) if name and isinstance(name, str) else "image"
    label = PurePosixPath(name).name
    try:
        if not stream.seekable():
            stream = io.BytesIO(read_all(stream))
        packer = _packer(stream)
        contents = read_all(stream) if packer is None else None
    except STREAM_ERRORS as error:
        yield name, InputError(f"{label} cannot be read: {reason(error)}.")
        return
    if packer == "ZIP":
        yield from _unpack_zip(stream, name)
    else:
        yield name, _packed(label, packer) if packer else contents


def _unpack_path(path: Path) -> Iterator[tuple[str, Contents]]:
    try:
        with path.open("rb") as stream:
            packer = _packer(stream)
            if packer == "ZIP":
                yield from _unpack_zip(stream, str(path))
            else:
                yield str(path), _packed(path.name, packer) if packer else path
    except OSError:
        yield str(path), path  # reading it as an image says what is wrong


def _unpack_folder(folder: Path) -> Iterator[tuple[str, Contents]]:
    """Yield the images at any depth of a folder, those in its ZIPs too.

    They are in the order of their names. Links are followed, each folder once.
    """
    omitted, unreadable, seen, found = [], [], set(), False
    for root, folders, names in os.walk(folder, onerror=unreadable.append, followlinks=True):
        place = Path(root).resolve()
        if place in seen:  # a link may lead back up
            folders.clear()
            continue
        seen.add(place)
        folders[:] = sorted(name for name in folders if not is_clutter(name))
        for path in (Path(root, name) for name in sorted(names) if not is_clutter(name)):
            if _is_wanted_file(path):
                found = True
                yield from unpack(path)
            else:
                omitted.append(path.name)
    for error in unreadable:
        yield error.filename, InputError(f"{error.filename} cannot be read: {error.strerror}.")
    yield from _notes(str(folder), omitted, found or bool(unreadable))


def count_members(path: str | Path) -> int:
    """Return how many files a ZIP says it holds; 1 for any other file."""
    try:
        with Path(path).open("rb") as stream, _open_zip(stream, "") as archive:
            return sum(not member.is_dir() for member in archive.infolist())
    except ZIP_ERRORS:  # InputError is a ValueError
        return 1


def _unpack_zip(stream: BinaryIO, name: str) -> Iterator[tuple[str, Contents]]:
    label = PurePosixPath(name).name
    omitted, found, size = [], False, stream.seek(0, io.SEEK_END)
    pixels = FREE_PIXELS + PIXELS_PER_BYTE * size
    try:
        with open_zip(stream, label) as (archive, members):
            for member in members:
                contents = unpack_member(archive, member)
                if contents is None:
                    omitted.append(member_name(member)[-MAX_NAME:])
                    continue
                if isinstance(contents, bytes):
                    pixels -= count_pixels(contents)
                if pixels < 0:
                    raise InputError(f"{label} holds far more pixels than radiographs do; give them singly.")
                found = True
                yield f"{name}/{member_name(member)[:MAX_NAME]}", contents
    except InputError as error:
        yield name, error
    except ZIP_ERRORS:
        yield name, _damaged(label)
    else:
        yield from _notes(name, omitted, found)


@contextmanager
def open_zip(
    stream: BinaryIO, label: str, most: int = MAX_MEMBERS
) -> Iterator[tuple[zipfile.ZipFile, list[zipfile.ZipInfo]]]:
    """Open a ZIP, and yield it with its members but for folders and clutter.

    Raises InputError, which names the `label`, for one of more than `most` members, one that is damaged or
    encrypted, and one that unpacks to far more than radiographs do.
    """
    with ExitStack() as stack:
        try:
            archive = stack.enter_context(_open_zip(stream, label, most))
            members = [member for member in archive.infolist() if not _is_left_by_systems(member)]
            _check_members(archive.infolist(), members, stream.seek(0, io.SEEK_END), label, most)
        except InputError:
            raise
        except ZIP_ERRORS:
            raise _damaged(label) from None
        yield archive, members


@contextmanager
def _open_zip(stream: BinaryIO, label: str, most: int = MAX_MEMBERS) -> Iterator[zipfile.ZipFile]:
    """Open a ZIP whose table of contents is not too long to be read."""
    end = zipfile._EndRecData(stream)  # ZipFile itself knows no limit, and 100 MB make 2 million members
    if end and end[zipfile._ECD_SIZE] > ENTRY * most:
        raise _too_many(label, most)
    with zipfile.ZipFile(stream) as archive:
        _check_whole(stream, label)
        yield archive


def _too_many(label: str, most: int) -> InputError:
    return InputError(f"{label} holds more than {most:,} files; split it.")


def _damaged(label: str) -> InputError:
    what = "damaged or cut short, or a part of a split ZIP"
    return InputError(f"{label} is {what}; export or download it again, whole.")


def _notes(name: str, omitted: list[str], found: bool) -> Iterator[tuple[str, Contents]]:
    """Yield what is left out of a folder or ZIP, or that it holds no images."""
    if not found:
        only = f" ({left_out(omitted)})" if omitted else ""
        yield name, InputError(f"{PurePosixPath(name).name} holds no pictures; put some into it{only}.")
    elif omitted:
        yield name, Note(left_out(omitted))


def _check_whole(stream: BinaryIO, label: str) -> None:
    """Raise InputError for the last part of a split ZIP.

    zipfile takes it for a whole one.
    """
    size = stream.seek(0, io.SEEK_END)
    stream.seek(max(0, size - END))
    end = stream.read()
    part = end[end.rfind(b"PK\5\6") :][4:6]
    if part not in (b"\0\0", b"\xff\xff"):  # the second refers to a longer field, which zipfile checks
        raise InputError(f"{label} is the last part of a split ZIP; unpack it and give the files inside.")


def _check_members(
    every: list[zipfile.ZipInfo], members: list[zipfile.ZipInfo], size: int, label: str, most: int
) -> None:
    if len(members) > most:
        raise _too_many(label, most)
    # Many entries over the same bytes unpack to any number of images.
    places = sorted((member.header_offset, member.compress_size) for member in every)
    if any(start + HEADER + length > following for (start, length), (following, _) in pairwise(places)):
        raise InputError(f"{label} has members that overlap; make the ZIP again.")
    if any(member.flag_bits & 1 for member in members):
        raise InputError(f"{label} is protected by a password; unpack it and give the files inside.")
    # zipfile cuts a member off at the size that the ZIP states, and a longer one then fails its checksum.
    if sum(member.file_size for member in members) > MAX_BYTES + MAX_RATIO * size:
        raise InputError(f"{label} unpacks to far more than radiographs do; give the files inside.")


def unpack_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes | InputError | None:
    """Return the contents of a member, None if it is no image.

    An InputError says what is wrong with it. The contents have at most `MAX_BYTES`; of what is no image, no
    more than `HEAD` bytes are unpacked.
    """
    label = PurePosixPath(member_name(member)).name[:MAX_NAME]
    # Other methods unpack everything before they look at a limit.
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return InputError(f"{label} is packed in an unusual way; make the ZIP again, with Deflate.")
    try:
        with archive.open(member) as stream:
            head = stream.read(HEAD)
            if not is_wanted(_member_name(member), head):
                return None
            if packer := _packer_by_head(head):
                return _packed(label, packer)
            if member.file_size > MAX_BYTES:
                return InputError(
                    f"{label} has more than {MAX_BYTES // 1_000_000} MB; make it smaller and try again."
                )
            return head + stream.read(member.file_size + 1 - len(head))
    except MEMBER_ERRORS:
        return InputError(f"{label} is damaged or cut short in the ZIP; make that again.")


def _is_wanted_file(path: Path) -> bool:
    """Return `is_wanted` of a file in a folder.

    Pipes and devices are not wanted: reading one may never end.
    """
    if _kind(path) not in (stat.S_IFREG, None):
        return False
    try:
        with path.open("rb") as stream:
            return is_wanted(path.name, stream.read(HEAD))
    except OSError:
        return is_wanted(path.name, b"")


def is_wanted(name: str, head: bytes) -> bool:
    """Return whether a file is an image, should be one by its name, or is an archive.

    `head` has its first `HEAD` bytes.
    """
    suffix = PurePosixPath(name).suffix.lower()
    archive = suffix in ARCHIVE_SUFFIXES and _packer_by_head(head) is not None
    return is_image(head) or suffix in SUFFIXES or archive


def _packer(stream: BinaryIO) -> str | None:
    """Return which program packed a file, None if it is no archive.

    The stream is left at its start. An image with a ZIP at its end is an image, but a program with one is a
    ZIP that unpacks itself.
    """
    stream.seek(0)  # the caller may have read from it
    head = stream.read(HEAD)
    packer = _packer_by_head(head)
    if packer is None and not is_image(head) and zipfile.is_zipfile(stream):
        packer = "ZIP"
    stream.seek(0)
    return packer


def _packer_by_head(head: bytes) -> str | None:
    if head[257:262] == b"ustar":
        return "tar"
    return next((packer for start, packer in PACKERS.items() if head.startswith(start)), None)


def _packed(label: str, packer: str) -> InputError:
    what = "a ZIP inside a ZIP" if packer == "ZIP" else f"packed by {packer}"
    return InputError(f"{label} is {what}; unpack it and give the files inside.")


def _kind(path: str | Path) -> int | None:
    """Return what a path leads to, as a constant of `stat`.

    It is None if nothing is known of it.
    """
    try:
        return stat.S_IFMT(Path(path).stat().st_mode)
    except (OSError, ValueError):  # such as a name of too many bytes, or with a NUL
        return None


def member_name(member: zipfile.ZipInfo) -> str:
    """Return the name of a member, with U+FFFD for what cannot be printed."""
    return _printable(_member_name(member))


def _member_name(member: zipfile.ZipInfo) -> str:
    """Return the name as its author wrote it.

    zipfile decodes names without the flag for UTF-8 as cp437.
    """
    if member.flag_bits & 0x800:
        return member.filename
    try:
        return member.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return member.filename


def _is_left_by_systems(member: zipfile.ZipInfo) -> bool:
    """Return whether a member is a folder, or clutter by any part of its name."""
    parts = _member_name(member).replace("\\", "/").split("/")
    return parts[-1] == "" or any(map(is_clutter, parts))


def _printable(name: str) -> str:
    """Return the name with U+FFFD for each character that is not printable.

    These are control characters, line breaks and marks of text direction.
    """
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in name)
