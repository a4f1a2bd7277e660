"""Members of ZIP archives, unpacked one at a time and within limits."""

import io
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from hub.errors import InputError

MAX_MEMBERS = 2000
MAX_BYTES = 100_000_000  # of one unpacked member
MAX_RATIO = 100  # radiographs shrink 2 to 20 times in a ZIP, a bomb 1,000 times
ZIP = (b"PK\x03\x04", b"PK\x05\x06")  # the second begins an empty one
# Files that systems add: previews, settings, the index of a DICOM CD.
CLUTTER = ("__MACOSX", "Thumbs.db", "desktop.ini", "DICOMDIR")

File = str | Path | BinaryIO


def unpack(files: Iterable[File]) -> Iterator[tuple[str, str | Path | bytes | InputError]]:
    """Yield a name and the contents of each file, and of each member of a ZIP.

    The contents are a path or encoded bytes. Members are unpacked in memory, each when the caller asks for
    it. An InputError takes the place of a member that cannot be unpacked, and of a ZIP that is encrypted,
    damaged, empty or too large.
    """
    for file in files:
        if isinstance(file, str | Path):
            if _starts_as_zip(file):
                with Path(file).open("rb") as stream:
                    yield from _unpack_zip(stream, str(file))
            else:
                yield str(file), file
        else:
            file.seek(0)  # the caller may have read from it
            start = file.read(4)
            file.seek(0)
            if start in ZIP:
                yield from _unpack_zip(file, _printable(file.name))
            else:
                yield _printable(file.name), file.read()


def _starts_as_zip(file: str | Path) -> bool:
    if not Path(file).is_file():
        return False  # a pipe can be read only once
    try:
        with Path(file).open("rb") as stream:
            return stream.read(4) in ZIP
    except (OSError, ValueError):
        return False  # reading it as an image says what is wrong


def _unpack_zip(stream: BinaryIO, name: str) -> Iterator[tuple[str, bytes | InputError]]:
    label = PurePosixPath(name).name
    try:
        with zipfile.ZipFile(stream) as archive:
            members = [member for member in archive.infolist() if not _is_clutter(_member_name(member))]
            _check_members(members, stream.seek(0, io.SEEK_END), label)
            for member in members:
                yield f"{name}/{_printable(_member_name(member))}", _unpack_member(archive, member)
    except InputError as error:
        yield name, error
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        yield name, InputError(f"{label} is damaged or cut short; export or download it again.")


def _check_members(members: list[zipfile.ZipInfo], size: int, label: str) -> None:
    if not members:
        raise InputError(f"{label} holds no files; put pictures into it.")
    if len(members) > MAX_MEMBERS:
        raise InputError(f"{label} holds more than {MAX_MEMBERS:,} files; split it.")
    if any(member.flag_bits & 1 for member in members):
        raise InputError(f"{label} is protected by a password; unpack it and give the files inside.")
    # zipfile cuts a member off at the size that the ZIP states, and a longer one then fails its checksum.
    if sum(member.file_size for member in members) > MAX_BYTES + MAX_RATIO * size:
        raise InputError(f"{label} unpacks to far more than radiographs do; give the files inside.")


def _unpack_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes | InputError:
    """Return the contents of a member, or an InputError that says what is wrong.

    The contents have at most `MAX_BYTES`.
    """
    label = PurePosixPath(_printable(_member_name(member))).name
    # Other methods unpack everything before they look at a limit.
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return InputError(f"{label} is packed in an unusual way; make the ZIP again, with Deflate.")
    if member.file_size > MAX_BYTES:
        return InputError(
            f"{label} has more than {MAX_BYTES // 1_000_000} MB; make it smaller and try again."
        )
    try:
        with archive.open(member) as stream:
            data = stream.read(member.file_size + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError):
        return InputError(f"{label} is damaged or cut short in the ZIP; make that again.")
    if data[:4] in ZIP:
        return InputError(f"{label} is a ZIP inside a ZIP; unpack it and give the files inside.")
    return data


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


def _is_clutter(name: str) -> bool:
    """Return whether a member is a folder, hidden, or one of CLUTTER."""
    parts = name.replace("\\", "/").split("/")
    hidden = any(part.startswith(".") and part not in (".", "..") for part in parts)
    return parts[-1] == "" or hidden or any(part in CLUTTER for part in parts)


def _printable(name: str) -> str:
    """Return the name with U+FFFD for each character that is not printable.

    These are control characters, line breaks and marks of text direction.
    """
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in name)
