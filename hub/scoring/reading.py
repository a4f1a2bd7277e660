"""The encoded images of a plan, read ahead of the network."""

import threading
import time
import zipfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import groupby
from pathlib import PurePosixPath
from typing import BinaryIO, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow.lib import ArrowException

from hub.errors import InputError
from hub.imaging.sources import LARGEST
from hub.inference.archive import HEAD, is_wanted, member_name, open_zip, unpack_member
from hub.scoring.plan import MOST_MEMBERS, Item, find_image_column
from hub.scoring.storage import Place, open_place, reachable
from hub.text import readable

READERS = 16  # files of an object store that are read at a time; each takes its time to begin
AHEAD = 8  # images that wait for the network
HELD = 64_000_000  # bytes of those that wait, or are read at a time; a larger one waits alone
ROWS = 1  # of a Parquet file that are unpacked at a time; each may be as large as a file
TRIES, PAUSE = 4, 2.0  # of reading a file of an object store, and seconds before the second
# What only this file has. Everything else that a store raises concerns all of them.
OWN_ERRORS = (FileNotFoundError, PermissionError, IsADirectoryError)

Value = TypeVar("Value")
# Name and contents: encoded bytes, a sentence in an InputError, or None for what is no image.
Contents = tuple[str, bytes | InputError | None]


def read_items(items: list[Item], image_column: str | None) -> Iterator[Contents]:
    """Yield the name and the encoded image of each item of a plan, in order.

    While the caller works on an image, the next ones are read. An InputError takes the place of one that
    cannot be read. Raises InputError where a store cannot be reached at all.
    """
    return _ahead(_read(items, image_column))


def _read(items: list[Item], image_column: str | None) -> Iterator[Contents]:
    readers = {".zip": _read_zip, ".parquet": lambda *given: _read_parquet(*given, image_column)}
    for (suffix, file), group in groupby(items, _container):
        if not suffix:
            yield from _read_files([*group])
            continue
        place, indices = open_place(file), [item.member for item in group]
        done = 0
        try:
            for contents in readers[suffix](place, indices):
                done += 1
                yield contents
        except _ContainerError as error:
            yield from ((f"{readable(file)}/{index}", InputError(str(error))) for index in indices[done:])


class _ContainerError(Exception):
    """The sentence on a ZIP or Parquet file that cannot be read on."""


class _UnreachableError(Exception):
    """The sentence on a store that does not answer."""


def _container(item: Item) -> tuple[str, str]:
    if item.member is None:
        return "", ""
    return PurePosixPath(item.file).suffix.lower(), item.file


def _read_files(items: list[Item]) -> Iterator[Contents]:
    places = {item.file: open_place(item.file) for item in items}
    at_once = 1 if all(place.is_local for place in places.values()) else READERS
    read = lambda item: _read_file(places[item.file], item)  # noqa: E731
    return _map(read, items, at_once) if at_once > 1 else map(read, items)


def _read_file(place: Place, item: Item) -> Contents:
    name, label = readable(item.file), readable(PurePosixPath(item.file).name)
    if item.error:
        return name, InputError(item.error)
    try:
        size = place.filesystem.size(place.path) if place.is_local else item.size  # it may have grown
        if size > LARGEST:
            head = _fetch(lambda: place.filesystem.cat_file(place.path, start=0, end=HEAD), place)
            data = InputError(f"{label} has more than {LARGEST // 1_000_000} MB; make it smaller.")
        else:
            data = _fetch(lambda: place.filesystem.cat_file(place.path), place)
            head = data[:HEAD]
    except OWN_ERRORS as error:
        return name, InputError(f"{label} cannot be read: {error.strerror or type(error).__name__}.")
    except OSError as error:
        if not place.is_local:
            raise
        return name, InputError(f"{label} cannot be read: {error.strerror or error}.")
    return name, data if is_wanted(label, head) else None


def _fetch(read: Callable[[], Value], place: Place) -> Value:
    """Return what `read` returns, tried again while an object store does not answer."""
    for number in range(1, TRIES):
        try:
            return read()
        except OWN_ERRORS:
            raise
        except Exception:  # each kind of store has exceptions of its own
            if place.is_local:
                raise
            time.sleep(PAUSE * 2 ** (number - 1))
    try:
        return read()
    except OWN_ERRORS:
        raise
    except Exception as error:
        with reachable(place.url):
            raise error


class _Steady:
    """A file of a store, whose `read` is tried again; may raise _UnreachableError.

    zipfile and its callers take an OSError for damage.
    """

    def __init__(self, stream: BinaryIO, place: Place):
        self.stream, self.place = stream, place

    def __getattr__(self, name: str) -> object:
        return getattr(self.stream, name)

    def read(self, size: int = -1) -> bytes:
        position = self.stream.tell()

        def read() -> bytes:
            self.stream.seek(position)
            return self.stream.read(size)

        try:
            return _fetch(read, self.place)
        except InputError as error:
            raise _UnreachableError(str(error)) from error


@contextmanager
def _opened(place: Place) -> Iterator[BinaryIO]:
    """Open a ZIP or Parquet file; _ContainerError or InputError if gone."""
    label = readable(PurePosixPath(place.path).name)
    try:
        with _fetch(lambda: place.filesystem.open(place.path, "rb"), place) as stream:
            yield stream if place.is_local else _Steady(stream, place)
    except OSError as error:
        raise _ContainerError(f"{label} cannot be read: {error.strerror or type(error).__name__}.") from None
    except _UnreachableError as error:
        raise InputError(str(error)) from error


def _read_zip(place: Place, indices: list[int]) -> Iterator[Contents]:
    label = readable(PurePosixPath(place.path).name)
    with _opened(place) as stream, ExitStack() as stack:
        try:
            archive, _ = stack.enter_context(open_zip(stream, label, MOST_MEMBERS))
        except InputError as error:
            raise _ContainerError(str(error)) from None
        for info in _chosen(archive, indices, label):
            yield f"{readable(place.url)}/{member_name(info)}", unpack_member(archive, info)


def _chosen(archive: zipfile.ZipFile, indices: list[int], label: str) -> list[zipfile.ZipInfo]:
    every = archive.infolist()
    if indices[-1] >= len(every):
        raise _ContainerError(f"{label} is another file than when it was listed.")
    return [every[index] for index in indices]


def _read_parquet(place: Place, indices: list[int], image_column: str | None) -> Iterator[Contents]:
    label, wanted = readable(PurePosixPath(place.path).name), set(indices)
    try:
        with _opened(place) as stream:
            file = pq.ParquetFile(stream)
            column = find_image_column(file.schema_arrow, image_column)
            if not column or indices[-1] >= file.metadata.num_rows:
                raise _ContainerError(f"{label} is another file than when it was listed.")
            for row, value in _rows(file, column, indices[0], indices[-1]):
                if row in wanted:
                    yield f"{readable(place.url)}/{row}", _encoded(value, f"Row {row} of {label}")
    except ArrowException:
        raise _ContainerError(f"{label} is damaged; write it again.") from None


def _rows(file: pq.ParquetFile, column: str, first: int, last: int) -> Iterator[tuple[int, pa.Scalar]]:
    """Yield rows of a column from the row groups that hold them."""
    start = 0
    for group in range(file.num_row_groups):
        end = start + file.metadata.row_group(group).num_rows
        if start <= last and first < end:
            row = start
            for batch in file.iter_batches(ROWS, [group], [column], use_threads=False):
                values = batch.column(0)
                if row + len(values) > first and row <= last:
                    yield from zip(range(row, row + len(values)), values, strict=True)
                row += len(values)
        start = end


def _encoded(value: pa.Scalar, label: str) -> bytes | InputError:
    if pa.types.is_struct(value.type) and value.is_valid:
        value = value["bytes"]
    data = value.as_buffer() if value.is_valid else b""
    if len(data) > LARGEST:
        return InputError(f"{label} has more than {LARGEST // 1_000_000} MB; make it smaller.")
    return bytes(data) or InputError(f"{label} holds no image.")


def _map(function: Callable[[Item], Value], items: Iterable[Item], at_once: int) -> Iterator[Value]:
    """Yield the values in order, computed in so many threads, no more ahead."""
    with ThreadPoolExecutor(at_once) as pool:
        waiting, held = deque(), 0
        for item in items:
            while waiting and (len(waiting) == at_once or held + item.size > HELD):
                value, size = waiting.popleft()
                yield value.result()
                held -= size
            waiting.append((pool.submit(function, item), item.size))
            held += item.size
        while waiting:
            yield waiting.popleft()[0].result()


class _Waiting:
    """Contents that wait for the network: so many images, of so many bytes."""

    def __init__(self):
        self.contents, self.held, self.stopped = deque(), 0, False
        self.changed = threading.Condition()

    def put(self, contents: Contents | None, error: BaseException | None = None) -> bool:
        """Add contents once there is room for them; False where nobody wants them."""
        data = contents and contents[1]
        size = len(data) if isinstance(data, bytes) else 0
        with self.changed:
            self.changed.wait_for(lambda: self.stopped or self._has_room(size))
            self.contents.append((contents, error, size))
            self.held += size
            self.changed.notify_all()
            return not self.stopped

    def get(self) -> tuple[Contents | None, BaseException | None]:
        """Return the next contents, or what ended them."""
        with self.changed:
            self.changed.wait_for(lambda: self.contents)
            contents, error, size = self.contents.popleft()
            self.held -= size
            self.changed.notify_all()
            return contents, error

    def stop(self) -> None:
        """Let whoever puts contents end."""
        with self.changed:
            self.stopped = True
            self.changed.notify_all()

    def _has_room(self, size: int) -> bool:
        return not self.contents or (len(self.contents) < AHEAD and self.held + size <= HELD)


def _ahead(values: Iterator[Contents]) -> Iterator[Contents]:
    """Yield contents that another thread reads ahead; raise what it raises."""
    waiting = _Waiting()

    def produce() -> None:
        try:
            for value in values:
                if not waiting.put(value):
                    return
            waiting.put(None, StopIteration())
        except BaseException as error:
            waiting.put(None, error)

    thread = threading.Thread(target=produce, daemon=True)
    thread.start()
    try:
        while True:
            value, error = waiting.get()
            if isinstance(error, StopIteration):
                return
            if error:
                raise error
            yield value
    finally:
        waiting.stop()
        thread.join()
