"""Data sets as Parquet with a card, which `load_dataset` reads without a script."""

import io
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from datasets import Dataset, DatasetDict, DatasetInfo, SplitDict, SplitInfo
from datasets.table import embed_table_storage
from PIL import Image

from hub.data.image_files import encoded_images, locate_errors
from hub.data.image_headers import HEADER_ERRORS
from hub.data.shards import check_address
from hub.evaluation.plots import plot_samples
from hub.imaging.formats import is_dicom
from hub.imaging.read import read_image
from hub.imaging.sources import read_file
from hub.progress import progress
from hub.publishing.dataset_card import group_names, write_card
from hub.text import counted

SHARD_BYTES = 500_000_000
ROWS = 100  # in memory at a time
SAMPLES = 6  # per class
# Keys of Pillow's `info`, and tags of TIFF: description, artist, host, copyright, XMP, IPTC, EXIF, place.
METADATA = {"exif", "xmp", "photoshop", "comment", 270, 315, 316, 33432, 700, 33723, 34665, 34853}


def write_dataset(
    splits: DatasetDict,
    folder: Path,
    repo_id: str,
    notes: Sequence[str] = (),
    shard_bytes: int = SHARD_BYTES,
    license: str | None = None,
    benchmark: bool = False,
    tag: str | None = None,
) -> list[str]:
    """Write splits as data/SPLIT-00000-of-NNNNN.parquet, and the card, into `folder`.

    `splits` and `notes` are those of `load_with_notes`. Shards hold about `shard_bytes` of images, encoded as
    in the source, but DICOM as PNG: its header names the patient. `ROWS` images are in memory at a time.
    `license`, `benchmark` and `tag` are those of `write_card`.
    Returns the notes on the card, with those on DICOM and on other metadata. Raises InputError naming an
    image that cannot be read.
    """
    (folder / "data").mkdir(parents=True)
    info, sizes = DatasetInfo(features=splits["train"].features, splits=SplitDict()), Counter()
    kinds = Counter()
    for name, split in splits.items():
        info.splits[name] = _write_shards(split, name, folder / "data", shard_bytes, sizes, kinds)
    info.dataset_size = sum(split.num_bytes for split in info.splits.values())
    info.download_size = sum(path.stat().st_size for path in (folder / "data").iterdir())
    plot_samples(_samples(splits["train"]), folder / "samples.png")
    notes = [*notes, *_metadata_notes(kinds)]
    write_card(splits, info, sizes, folder, repo_id, notes, license, benchmark, tag)
    return notes


def _metadata_notes(kinds: Counter) -> list[str]:
    """Return notes on images that were DICOM, and on those with metadata."""
    notes = []
    if count := kinds["DICOM"]:
        notes.append(f"wrote {counted(count, 'DICOM image')} as 8-bit PNG, with nothing of the header")
    if count := kinds["metadata"]:
        notes.append(
            f"{counted(count, 'image')} kept EXIF, XMP or text of the files, which may name people and places"
        )
    return notes


def _write_shards(
    split: Dataset, name: str, folder: Path, shard_bytes: int, sizes: Counter, kinds: Counter
) -> SplitInfo:
    """Write one split as shards.

    Images are counted by (width, height) in `sizes`, and those of `_kind` in `kinds`.
    """
    tables = split.with_format("arrow")
    paths, writer, room, num_bytes = [], None, 0, 0
    with progress(total=len(split), desc=f"Writing {name}", unit=" images") as bar:
        for start in range(0, len(split), ROWS):
            rows = split.select(range(start, min(start + ROWS, len(split))))
            for index, image in enumerate(encoded_images(rows), start):
                if isinstance(image, str):
                    check_address(image)
                with locate_errors(index, image):
                    sizes[read_image(image).size] += 1
                    kinds[_kind(image)] += 1
            table = _without_dicom(embed_table_storage(tables[start : start + ROWS]))
            if room <= 0:
                if writer:
                    writer.close()
                paths.append(folder / f"{len(paths)}.partial")
                # Content-defined chunks let the Hub store only once what two versions share.
                writer = pq.ParquetWriter(
                    paths[-1],
                    split.features.arrow_schema,
                    compression="none",
                    use_dictionary=["patient", "subtype"],
                    use_content_defined_chunking=True,
                    write_page_index=True,
                )
                room = shard_bytes
            writer.write_table(table, row_group_size=ROWS)
            room -= table.nbytes
            num_bytes += table.nbytes
            bar.update(len(table))
    writer.close()
    for index, path in enumerate(paths):
        path.rename(folder / f"{name}-{index:05}-of-{len(paths):05}.parquet")
    return SplitInfo(name, num_bytes=num_bytes, num_examples=len(split))


def _kind(image: bytes | str) -> str:
    """Return "DICOM", "metadata" for another image that holds some, or ""."""
    data = image if isinstance(image, bytes) else read_file(image)
    if is_dicom(data):
        return "DICOM"
    try:
        with Image.open(io.BytesIO(data)) as image:
            found = METADATA & {*image.info, *getattr(image, "tag_v2", ())}
            return "metadata" if found or getattr(image, "text", None) else ""
    except HEADER_ERRORS:  # of a format that `read_image` knows and Pillow does not
        return ""


def _without_dicom(table: pa.Table) -> pa.Table:
    """Return the table with each DICOM image as 8-bit PNG, by `read_image`."""
    images = table["image"].to_pylist()
    rendered = [_rendered(image) if is_dicom(image["bytes"]) else image for image in images]
    if rendered == images:
        return table
    field = table.schema.field("image")
    column = table.schema.get_field_index("image")
    return table.set_column(column, field, pa.array(rendered, field.type))


def _rendered(image: dict) -> dict:
    """Return the name and the bytes of a DICOM image as PNG."""
    encoded = io.BytesIO()
    read_image(image["bytes"]).save(encoded, "PNG")
    name = image["path"] and re.sub(r"\.(dcm|dicom)$", "", image["path"], flags=re.IGNORECASE) + ".png"
    return {"bytes": encoded.getvalue(), "path": name}


def _samples(train: Dataset) -> dict[str, list]:
    """Return images spread evenly over each group of `group_names`.

    There are at most `SAMPLES` images of a group, and at most ten groups.
    """
    groups = {}
    for index, name in enumerate(group_names(train)):
        groups.setdefault(name, []).append(index)
    rows = {
        name: [group[int(i)] for i in np.linspace(0, len(group) - 1, min(SAMPLES, len(group)))]
        for name, group in sorted(groups.items())[:10]
    }
    return {
        name: [read_image(image) for image in encoded_images(train.select(indices))]
        for name, indices in rows.items()
    }
