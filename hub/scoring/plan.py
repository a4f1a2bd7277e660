"""The images of a job of `hub score`, listed once, and the shards of them.

The plan is one Parquet file in the output, `_plan`. Each of its row groups lists the images of one shard, and
its metadata say with which model they are scored. So a job that was stopped goes on with the same shards,
whatever has come into the source since.
"""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import chain
from pathlib import PurePosixPath

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow.lib import ArrowException
from tqdm.auto import tqdm

from hub.errors import InputError
from hub.inference.archive import open_zip
from hub.scoring.storage import Place, find_files, open_source, reachable, replace_at

PLAN = "_plan"  # without .parquet, so that readers of the folder leave it out
JOB = b"chest_xray_job"
MOST_MEMBERS = 10_000_000  # of one ZIP, whose table of contents is in memory, and rows of one Parquet file
# A whole image is `file` with no `member`; a member of a ZIP and a row of a Parquet file have its index.
SCHEMA = pa.schema(
    [("file", pa.binary()), ("member", pa.int64()), ("size", pa.int64()), ("error", pa.string())]
)
IMAGE_COLUMNS = ("image", "img", "jpg", "jpeg", "png", "picture", "pixel_values")


@dataclass(frozen=True)
class Job:
    """How a job scores, the same for all its shards.

    `model` is a folder or Hub id, as given, and `name` what the rows call it; `digest` is the SHA-256 of its
    network of this precision, `input_check` that of its check: "none" without one, "" where an earlier
    version did not say. `omitted` counts files that the listing left out.
    """

    sources: tuple[str, ...]
    model: str
    name: str
    precision: str
    digest: str
    prevalence: float
    image_column: str | None
    omitted: int = 0
    input_check: str = ""

    def same(self) -> dict:
        """Return what a job that goes on has in common with the one that was stopped."""
        return {name: value for name, value in asdict(self).items() if name not in ("model", "omitted")}


@dataclass(frozen=True)
class Item:
    """One image of a plan; `error` is the sentence on one that cannot be listed."""

    file: str
    member: int | None = None
    size: int = 0
    error: str | None = None


class Plan:
    """The plan of a job, read shard by shard."""

    def __init__(self, out: Place):
        """Open the plan of an output folder; InputError where it cannot be read."""
        place = out / PLAN
        with reachable(place.url):
            stream = place.filesystem.open(place.path, "rb")
        self.damaged = f"{place.url} is damaged; give another folder for the scores."
        with undamaged(self.damaged):
            self.file = pq.ParquetFile(stream)
            metadata = self.file.metadata.metadata
            fields = json.loads(metadata[JOB])
            self.job = Job(**fields | {"sources": tuple(fields["sources"])})
        self.shards, self.images = self.file.num_row_groups, self.file.metadata.num_rows

    def items(self, shard: int) -> list[Item]:
        """Return the images of a shard, counted from 0; InputError for a damaged one."""
        with undamaged(self.damaged):
            rows = self.file.read_row_group(shard).to_pylist()
            return [Item(**row | {"file": os.fsdecode(row["file"])}) for row in rows]

    def count(self, shard: int) -> int:
        """Return how many images a shard has."""
        return self.file.metadata.row_group(shard).num_rows


@contextmanager
def undamaged(sentence: str) -> Iterator[None]:
    """Raise InputError with a sentence where a Parquet file in the block is damaged.

    Of that pyarrow raises an OSError too, but one of no kind and without the number that a system gives.
    """
    try:
        yield
    except (ArrowException, OSError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, OSError) and (type(error) is not OSError or error.errno):
            raise
        raise InputError(sentence) from None


def write_plan(out: Place, job: Job, shard_size: int) -> None:
    """List the images of a job's sources, and write its plan.

    Raises InputError for a source without any, and where one cannot be reached.
    """
    omitted = []
    items = (item for source in job.sources for item in list_source(source, job.image_column, omitted))
    progress = tqdm(items, "Listing", unit=" images", leave=False, disable=None, delay=1)
    with replace_at(out / PLAN) as partial, pq.ParquetWriter(partial, SCHEMA, compression="zstd") as writer:
        count = 0
        for group in _groups(progress, shard_size):
            count += len(group)
            rows = [asdict(item) | {"file": os.fsencode(item.file)} for item in group]
            writer.write_table(pa.Table.from_pylist(rows, SCHEMA), row_group_size=shard_size)
        if not count:
            raise InputError(f"{' '.join(job.sources)} holds no images; give a folder of some.")
        job = replace(job, omitted=len(omitted))
        writer.add_key_value_metadata({JOB.decode(): json.dumps(asdict(job))})


def list_source(address: str, image_column: str | None, omitted: list[str]) -> Iterator[Item]:
    """Yield the images of a folder, ZIP, Parquet file or data set, by name.

    Members of ZIPs and rows of Parquet files are listed without reading them; other files are not opened.
    Parquet files in a folder that hold no images are put into `omitted`.
    """
    source = open_source(address)
    with reachable(address):
        for path, size in find_files(source):
            place, suffix = Place(source.filesystem, path), PurePosixPath(path).suffix.lower()
            if suffix == ".zip":
                yield from _list_zip(place)
            elif suffix == ".parquet":
                rows = _list_parquet(place, image_column)
                first = next(rows, None)
                if first is None and path == source.path:
                    raise InputError(f"{address} has no column of images; name it by --image-column.")
                omitted += [path] if first is None else []
                yield from [] if first is None else chain([first], rows)
            else:
                yield Item(place.url, size=size)


def _list_zip(place: Place) -> Iterator[Item]:
    label = PurePosixPath(place.path).name
    try:
        with (
            place.filesystem.open(place.path, "rb") as stream,
            open_zip(stream, label, MOST_MEMBERS) as (archive, members),
        ):
            wanted = set(map(id, members))
            indices = [index for index, info in enumerate(archive.infolist()) if id(info) in wanted]
            for index in indices:
                yield Item(place.url, index, archive.infolist()[index].file_size)
    except InputError as error:
        yield Item(place.url, error=str(error))


def _list_parquet(place: Place, image_column: str | None) -> Iterator[Item]:
    rows, name = 0, PurePosixPath(place.path).name
    try:
        with undamaged(f"{name} is damaged; write it again."), place.filesystem.open(place.path) as stream:
            file = pq.ParquetFile(stream)
            if find_image_column(file.schema_arrow, image_column):
                rows = file.metadata.num_rows
        if rows > MOST_MEMBERS:  # which a small file may state
            raise InputError(f"{name} holds more than {MOST_MEMBERS:,} rows; split it.")
    except InputError as error:
        yield Item(place.url, error=str(error))
        return
    yield from (Item(place.url, row) for row in range(rows))


def find_image_column(schema: pa.Schema, chosen: str | None) -> str | None:
    """Return the column of encoded images, None without one.

    It holds bytes, or structs with a field `bytes`, as `datasets` writes images.
    """
    found = [field.name for field in schema if _holds_images(field.type)]
    if chosen:
        return chosen if chosen in found else None
    named = [name for name in found if name.lower() in IMAGE_COLUMNS]
    return (named or (found if len(found) == 1 else [None]))[0]


def _holds_images(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind):
        index = kind.get_field_index("bytes")
        return index >= 0 and _are_bytes(kind.field(index).type)
    return _are_bytes(kind)


def _are_bytes(kind: pa.DataType) -> bool:
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)


def _groups(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    group = []
    for item in items:
        group.append(item)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group
