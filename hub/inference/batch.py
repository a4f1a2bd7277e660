"""Many files, ZIP archives among them, to one result per picture."""

import csv
import io
import threading
import time
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from PIL import Image

from hub.errors import InputError
from hub.inference.classifier import Classifier, Prediction
from hub.system import usable_cores

BATCH = 32  # pictures in memory at a time, as small as the network takes them
THUMBNAIL = 96  # pixels, the longer side
MAX_MEMBERS = 2000
MAX_BYTES = 100_000_000  # of one unpacked member
MAX_RATIO = 100  # a ZIP makes films 2 to 20 times smaller, a bomb 1,000 times
ZIP = (b"PK\x03\x04", b"PK\x05\x06")  # the second of an empty one
# What systems put beside pictures: previews, settings, the index of a DICOM CD.
CLUTTER = ("__MACOSX", "Thumbs.db", "desktop.ini", "DICOMDIR")
FORMULA = ("=", "+", "-", "@", "\t", "\r")

File = str | Path | BinaryIO


@dataclass(frozen=True)
class Result:
    """What became of one picture: either a prediction and a small copy of the picture, or an error.

    `name` is the file as it was given, with a slash and the member's name where it is a ZIP; `error` is one
    sentence; `thumbnail` is grey or RGB, `THUMBNAIL` pixels on its longer side or less, of a radiograph
    without its borders. `file` is the place of the file among those given, from 0.
    """

    name: str
    prediction: Prediction | None = None
    error: str | None = None
    thumbnail: Image.Image | None = None
    file: int = 0


def classify_files(classifier: Classifier, files: Iterable[File]) -> Iterator[Result]:
    """Yield one result per picture, in order; what cannot be read is a result that says why.

    `files` are paths or open binary files that have a name, pictures and ZIPs. While the network sees `BATCH`
    pictures, the next `BATCH` are read, in as many threads as there are cores. However many files there are,
    no more pictures than these are in memory, and one file per thread as it was stored.
    """
    cores, stopped = usable_cores(), threading.Event()
    sources = ((place, *item) for place, file in enumerate(files) for item in unpack([file]))
    # One more thread shares out the work: an archive, or a list of open files, is read by one at a time.
    with ThreadPoolExecutor(cores + 1) as pool:
        read_batch = partial(_read_batch, classifier, sources, pool, cores, stopped)
        coming = pool.submit(read_batch)
        try:
            while batch := coming.result():
                coming = pool.submit(read_batch)
                yield from _predict(classifier, batch)
        finally:  # also where nobody wants the rest
            stopped.set()


def rate(done: int, start: float) -> str:
    """Return in words how many pictures a second were classified since `start`, of `time.perf_counter`."""
    return f"{done / max(time.perf_counter() - start, 1e-9):,.1f} pictures/s"


def unpack(files: Iterable[File]) -> Iterator[tuple[str, str | Path | bytes | InputError]]:
    """Yield a name and a path or encoded bytes for each file, and for each member of a ZIP.

    Members are unpacked in memory, one when it is asked for. In the place of what cannot be had there is an
    InputError; a ZIP that is encrypted, damaged, empty or too large is one such.
    """
    for file in files:
        if isinstance(file, str | Path):
            if _starts_as_zip(file):
                with Path(file).open("rb") as stream:
                    yield from _unpack_zip(stream, str(file))
            else:
                yield str(file), file
        else:
            file.seek(0)  # somebody may have read in it
            start = file.read(4)
            file.seek(0)
            if start in ZIP:
                yield from _unpack_zip(file, _printable(file.name))
            else:
                yield _printable(file.name), file.read()


def to_csv(rows: Iterable[tuple[Result, dict | None]]) -> str:
    """Return results and their reports as a table for a spreadsheet: what the page says, one line per file.

    A report is what `hub.demo.handlers.report` gives, None for a file that could not be read. `status` and
    `reason` are the input check's (`input_check.Verdict`), "error" where there is no report. Text that a
    spreadsheet would take for a formula gets an apostrophe in front.
    """
    rows = list(rows)
    classes = list(dict.fromkeys(name for _, report in rows if report for name in report["probabilities"]))
    answer = ["label", "finding", "operating_point", "threshold"]
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(
        ["file", *answer, *(f"probability_{name}" for name in classes), "status", "reason", "message"]
    )
    for result, report in rows:
        if report is None:
            cells = [result.name, *(None for _ in answer + classes), "error", None, result.error]
        else:
            verdict, shares = report["verdict"], report["probabilities"]
            cells = [
                result.name,
                *(report[name] for name in answer),
                *(round(shares[name], 6) if name in shares else None for name in classes),
                *(verdict[name] for name in ("status", "reason", "sentence")),
            ]
        writer.writerow([_harmless(cell) if isinstance(cell, str) else cell for cell in cells])
    return table.getvalue()


def _read_batch(
    classifier: Classifier,
    sources: Iterator[tuple[int, str, str | Path | bytes | InputError]],
    pool: ThreadPoolExecutor,
    cores: int,
    stopped: threading.Event,
) -> list[tuple[Result, object]]:
    """Return what `_read` gives of the next `BATCH` pictures, read in `cores` threads of the pool."""
    batch = []
    # As many as there are threads, and then as many again: what waits for its turn would fill the memory.
    while not stopped.is_set() and (few := list(islice(sources, min(cores, BATCH - len(batch))))):
        batch += pool.map(partial(_read, classifier), few)
        few.clear()  # before others are unpacked
    return batch


def _predict(classifier: Classifier, batch: list[tuple[Result, object]]) -> Iterator[Result]:
    """Yield the results with their predictions, where there is a picture to predict."""
    inputs = [pixels for result, pixels in batch if result.error is None]
    predictions = iter(classifier.predict(inputs) if inputs else [])
    for result, _ in batch:
        yield result if result.error else replace(result, prediction=next(predictions))


def _read(
    classifier: Classifier, item: tuple[int, str, str | Path | bytes | InputError]
) -> tuple[Result, object]:
    """Return a result that still lacks its prediction, and what `predict` makes one of."""
    place, name, source = item
    if isinstance(source, InputError):
        return Result(name, error=str(source), file=place), None
    try:
        picture = classifier.open(source)
        pixels = classifier.squash(picture)
    except InputError as error:
        sentence = str(error)
        if sentence.startswith("The image "):  # bytes and pictures have no name of their own
            sentence = PurePosixPath(name).name + sentence.removeprefix("The image")
        return Result(name, error=sentence, file=place), None
    picture.thumbnail((THUMBNAIL, THUMBNAIL))
    return Result(name, thumbnail=picture, file=place), pixels


def _starts_as_zip(file: str | Path) -> bool:
    if not Path(file).is_file():
        return False  # a pipe can be read only once
    try:
        with Path(file).open("rb") as stream:
            return stream.read(4) in ZIP
    except (OSError, ValueError):
        return False  # whoever reads it as a picture says what is wrong


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
    # A member that is larger than the ZIP says is cut off there by zipfile, and its checksum is then wrong.
    if sum(member.file_size for member in members) > MAX_BYTES + MAX_RATIO * size:
        raise InputError(f"{label} unpacks to far more than radiographs do; give the files inside.")


def _unpack_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes | InputError:
    """Return the contents, `MAX_BYTES` or fewer, or why they cannot be had."""
    label = PurePosixPath(_printable(_member_name(member))).name
    # The other methods unpack all that they are given before they look at a limit.
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
    """Return the name as its maker wrote it: UTF-8 that the ZIP does not say it is, is taken for cp437."""
    if member.flag_bits & 0x800:
        return member.filename
    try:
        return member.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return member.filename


def _is_clutter(name: str) -> bool:
    """Whether a member is a folder, hidden, or of no interest."""
    parts = name.replace("\\", "/").split("/")
    hidden = any(part.startswith(".") and part not in (".", "..") for part in parts)
    return parts[-1] == "" or hidden or any(part in CLUTTER for part in parts)


def _printable(name: str) -> str:
    """Return the name on one line, without what would turn or hide its letters."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in name)


def _harmless(cell: str) -> str:
    """Return text that a spreadsheet shows and does not run, and that UTF-8 can hold."""
    text = cell.encode("utf-8", "backslashreplace").decode("utf-8")
    return f"'{text}" if text.startswith(FORMULA) else text
