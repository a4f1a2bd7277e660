"""Data sets that do not fit the disk, streamed and kept at a network's size."""

import hashlib
import io
import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import datasets
import PIL.Image
from datasets import ClassLabel, Dataset, DatasetBuilder, Features, Image, IterableDataset
from datasets.exceptions import DatasetGenerationError

from hub.batching import batches
from hub.data.class_names import is_radiograph, standard_names
from hub.data.columns import column_names
from hub.data.image_files import locate_errors
from hub.data.image_headers import is_grey
from hub.data.shards import DAMAGE, cache_name, first_sentence, patterns, raise_full_disk
from hub.errors import InputError
from hub.imaging.read import MIN_RADIOGRAPH_SIDE, PIXELS_VERSION, read_pixels

CHUNK_SIZE = 64  # encoded images in memory at a time
Sizes = Callable[[bool], int]  # pixels a side, of radiographs or of other images


class Stream(NamedTuple):
    """Rows of a split, and a text that is another where they may be others."""

    rows: IterableDataset
    identity: str


def open_files(source: Path, kind: str, paths: list[str]) -> Stream:
    """Return the stream of Parquet, Arrow or tar files.

    `kind` is their builder in `datasets`. Raises InputError for what is damaged.
    """
    with _damage(source):
        builder = datasets.load_dataset_builder(kind, cache_name(paths), data_files=patterns(paths))
        return Stream(builder.as_streaming_dataset("train"), builder.cache_dir)


def split_streams(builder: DatasetBuilder) -> dict[str, Stream]:
    """Return the stream of each split of a data set on the Hub."""
    with _damage(builder.repo_id):
        streams = builder.as_streaming_dataset()
    return {name: Stream(rows, f"{builder.cache_dir} {name}") for name, rows in streams.items()}


def read_streams(
    streams: dict[str, Stream],
    source: object,
    size_of: Sizes,
    image_column: str | None = None,
    label_column: str | None = None,
) -> dict[str, Dataset]:
    """Return the splits of a source with images as lossless PNG, squashed to a size.

    `size_of(radiograph)` is the size in pixels. `hub.imaging.read.read_pixels` gives the same pixels of these
    images as of the originals, none of which is written to the disk. What was read before is kept in the
    cache of `datasets`, and read there while the source is the same. Columns that are not needed are left
    out. Raises InputError for an image that cannot be read, and where images and labels are not found.
    """
    features = streams["train"].rows.features.flatten()
    names = column_names(features, source, image_column, label_column)
    with _damage(source):
        radiograph = is_radiograph(_classes(streams["train"].rows, features, names["label"]))
        size = max(size_of(radiograph), MIN_RADIOGRAPH_SIDE if radiograph else 1)
        return {
            split: _keep(stream, [*names.values()], names["image"], size, radiograph)
            for split, stream in streams.items()
        }


@contextmanager
def _damage(source: object) -> Iterator[None]:
    """Raise InputError for what cannot be read in the block.

    What says that a disk is full goes on as it is.
    """
    try:
        yield
    except (RuntimeError, *DAMAGE) as error:
        raise_full_disk(error)
        cause = error.__cause__ if isinstance(error, DatasetGenerationError) and error.__cause__ else error
        if isinstance(cause, InputError):
            raise cause from None
        raise InputError(
            f"{source} cannot be streamed; check it, and the network ({first_sentence(cause)})."
        ) from None


def _classes(stream: IterableDataset, features: Features, label: str) -> list[str]:
    """Return the classes of a stream; read its labels where nothing else says them."""
    if isinstance(features[label], ClassLabel):
        return standard_names(features[label].names)
    outer = label.partition(".")[0]  # of a nested column, all of it
    values = {_value(row, label) for row in stream.select_columns([outer])}
    return standard_names(sorted(map(str, values - {None})))


def _keep(stream: Stream, columns: list[str], image: str, size: int, radiograph: bool) -> Dataset:
    """Return columns of a stream as a data set on the disk, with images of a size."""
    rows, found = stream.rows, stream.rows.features.flatten()
    columns = [name for name in columns if name in found]
    kept = Features({name: found[name] for name in columns})
    if image in columns:
        kept[image] = Image(decode=False)
        rows = rows.cast_column(image, kept[image]) if isinstance(found[image], Image) else rows
    settings = [PIXELS_VERSION, PIL.__version__, stream.identity, columns, size, radiograph]
    return Dataset.from_generator(
        lambda: _reduced(rows, columns, image, size, radiograph),
        features=kept,
        fingerprint=hashlib.sha256(json.dumps(settings).encode()).hexdigest(),
    )


def _reduced(
    rows: Iterable[dict], columns: list[str], image: str, size: int, radiograph: bool
) -> Iterator[dict]:
    """Yield the columns of each row, with its image as a PNG of a size."""

    def reduce(item: tuple[int, dict]) -> dict:
        index, row = item
        values = {name: _value(row, name) for name in columns}
        stored = values[image] if isinstance(values[image], dict) else {"bytes": values[image], "path": None}
        data = stored["bytes"]
        if not isinstance(data, bytes):
            raise InputError(f"Image {index} of the data set has no picture in the column {image}.")
        with locate_errors(index, data):
            pixels = read_pixels(data, size, 1 if radiograph or is_grey(data) else 3, radiograph)
        png = io.BytesIO()
        PIL.Image.fromarray(pixels.squeeze(2) if pixels.shape[2] == 1 else pixels).save(
            png, "PNG", compress_level=1
        )
        return values | {image: {"bytes": png.getvalue(), "path": stored["path"]}}

    # Threads, since Pillow releases the interpreter lock while it decodes and resizes.
    with ThreadPoolExecutor() as pool:
        for chunk in batches(enumerate(rows), CHUNK_SIZE):
            yield from pool.map(reduce, chunk)


def _value(row: dict, column: str) -> object:
    """Return the value of a column, nested where its name has a point."""
    if column in row:
        return row[column]
    outer, _, inner = column.partition(".")
    return None if row[outer] is None else _value(row[outer], inner)
