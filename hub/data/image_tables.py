"""Tables of file names and classes beside images: CSV, TSV, JSON lines, metadata."""

import csv
import json
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pyarrow.parquet as pq
from datasets import Dataset
from pyarrow.lib import ArrowException

from hub.data.class_folders import class_of_file
from hub.data.columns import LABELS, PATIENTS, guess
from hub.data.file_tree import FileTree
from hub.data.shards import first_sentence
from hub.data.split_names import by_split, split_of, split_word, unusual_names
from hub.errors import InputError
from hub.text import counted

SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson")
METADATA = "metadata"  # the name of the tables that imagefolder of `datasets` reads
SPLIT_COLUMNS = ("split", "datasettype", "subset", "partition", "set")
# A class as a number; pandas writes 3.0 beside missing ones. 007 and 1E2 are names, other than 7 and 100.
WHOLE = re.compile(r"(0|-?[1-9]\d{0,14})(\.0)?|nan", re.ASCII)
Row = dict[str, object]


@dataclass(frozen=True)
class ImageTable:
    """A table with a column that names images.

    `file` is its path in the tree, `columns` are the names of its columns, and `rows` its cells by column.
    `name` is the column of names, `label` that of the classes, `patient` that of patients, None where there
    is none. `images` holds the files that each name may mean.
    """

    file: str
    columns: list[str]
    rows: list[Row]
    name: str
    label: str | None
    patient: str | None
    images: dict[str, list[str]]

    @property
    def is_metadata(self) -> bool:
        """Whether the table is the metadata of an imagefolder."""
        return PurePosixPath(self.file).stem.lower() == METADATA


def is_table(file: str) -> bool:
    """Return whether a file may be a table, by its name."""
    path = PurePosixPath(file.lower())
    return path.suffix in SUFFIXES or path.name == f"{METADATA}.parquet"


def choose_tables(
    tree: FileTree, folders: bool, image_column: str | None = None, label_column: str | None = None
) -> list[ImageTable]:
    """Return the tables that say the classes of images; none where class folders do.

    `folders` says whether there are class folders. The metadata of an imagefolder and columns that were
    chosen come before these; any other table may only repeat them. Raises InputError for one that does not.
    """
    tables = _find_tables(tree, folders, image_column, label_column)
    labelled = [table for table in tables if table.label]
    if not folders or image_column or label_column:
        for table in tables[:1] if not labelled else []:
            check_label(tree, table)
        return labelled
    metadata = [table for table in tables if table.is_metadata and (table.label or table.patient)]
    if metadata:
        return metadata
    numbered = {re.sub(r"\d", "", folder) for folder in tree.subfolders()}
    for table in tables:
        if not table.label and len(numbered) == 1 and numbered != {""}:
            check_label(tree, table)  # images_001, images_002 … are hardly classes
        if table.label and not _repeats_folders(tree, table):
            raise InputError(
                f"{tree.root} has folders of images, and {table.file} with other classes; give "
                f"{tree.path(table.file)} to go by it, or take it out to go by the folders."
            )
    return []


def _find_tables(
    tree: FileTree, folders: bool, image_column: str | None, label_column: str | None
) -> list[ImageTable]:
    """Return the tables that name images.

    They are in the root of the tree or in the folder of a split; with the name of metadata, or without class
    folders, in any folder of the root. A file that is no such table is passed over.
    """
    found = []
    for file in filter(is_table, tree.files):
        *above, name = file.split("/")
        anywhere = not folders or PurePosixPath(name).stem.lower() == METADATA
        if not above or (len(above) == 1 and (anywhere or split_of(above[0]))):
            with suppress(InputError):
                found.append(open_table(tree, file, image_column, label_column))
    return found


def _repeats_folders(tree: FileTree, table: ImageTable) -> bool:
    """Return whether each class of a table is one class folder, and vice versa."""
    rows = _rows_by_image(tree, table)
    pairs = {(class_of_file(image), _text(row.get(table.label))) for image, row in rows.items()}
    return all(len(set(side)) == len(pairs) for side in zip(*pairs, strict=True))


def open_table(
    tree: FileTree, file: str, image_column: str | None = None, label_column: str | None = None
) -> ImageTable:
    """Return a table of images.

    Raises InputError where it cannot be read, and where no column names half of the images or, in half of
    its rows, a twentieth.
    """
    path = tree.path(file)
    rows = _read_rows(path)
    columns = list(dict.fromkeys(column for row in rows for column in row))
    for column in filter(None, (image_column, label_column)):
        if column not in columns:
            raise InputError(f"{path} has no column {column}, only {', '.join(columns)}; give one of them.")
    values = {column: {_name(row.get(column)) for row in rows} for column in columns}
    folder = PurePosixPath(file).parent.as_posix()
    images = {
        column: _match(values[column], tree.images, folder)
        for column in ([image_column] if image_column else columns)
    }

    def closeness(column: str) -> tuple[int, int]:
        # Of two columns that name as many images, such as 7 and 7.png, the one that does so more exactly.
        return len(images[column]), sum("." in value for value in images[column])

    name = max(images, key=closeness, default=None)
    named, count = len(images.get(name, ())), len(tree.images)
    if not named or not (2 * named >= count or (2 * named >= len(values[name]) and 20 * named >= count)):
        raise InputError(
            f"No column of {path} names the images beside it; write their file names into one, or name it by "
            "--image-column."
        )
    label = label_column or guess([column for column in columns if column != name], LABELS)
    return ImageTable(file, columns, rows, name, label, guess(columns, PATIENTS), images[name])


def check_label(tree: FileTree, table: ImageTable) -> None:
    """Raise InputError for a table without a column of classes."""
    if not table.label:
        raise InputError(
            f"{tree.path(table.file)} has the columns {', '.join(table.columns)}; name that of classes by "
            "--label-column."
        )


def read_tables(tree: FileTree, tables: list[ImageTable]) -> tuple[dict[str, Dataset], list[str]]:
    """Return the splits of images that tables describe, and notes on the rest.

    Columns are `image`, a path, that of the classes, and those of patient and subtype where they are there.
    Raises InputError for several tables of one split, for an image that is described in two ways, and for a
    name that two images have.
    """
    words = [split_word(table.file) for table in tables]
    if len(tables) > 1 and len(set(words) - {None}) < len(tables):
        likeliest = max(tables, key=lambda table: len(table.images))
        raise InputError(
            f"{tree.root} has the tables {', '.join(table.file for table in tables)}; give one of them, such "
            f"as {tree.path(likeliest.file)}."
        )
    rows = [(table, image, row) for table in tables for image, row in _rows_by_image(tree, table).items()]
    words = _split_words(rows)
    columns = _columns(tree, rows)
    notes = [f"took the images that {', '.join(table.file for table in tables)} names"]
    for table in tables:
        if missing := len({_name(row.get(table.name)) for row in table.rows} - {*table.images}):
            notes.append(f"left out {counted(missing, 'row')} of {table.file}, whose images are not there")
    if unnamed := len({*tree.images} - {image for _, image, _ in rows}):
        notes.append(f"left out {counted(unnamed, 'image')} that no table names")
    if outside := words.count(""):
        notes.append(f"left out {counted(outside, 'image')} that are in no split")
    names = by_split(words, tree.root)
    try:
        splits = {
            split: Dataset.from_dict(
                {column: [value for value, word in zip(values, words, strict=True) if word == name]
                 for column, values in columns.items()}
            )
            for split, name in names.items()
        }  # fmt: skip
    except UnicodeEncodeError:  # JSON may hold halves of characters
        raise InputError(
            f"{tree.root} has a table with text that is not in UTF-8; write the table again."
        ) from None
    return splits, unusual_names(names) + notes


def _read_rows(path: str) -> list[Row]:
    """Return the cells of a table by column; those of a CSV are text.

    Raises InputError for what is no table.
    """
    suffix = PurePosixPath(path).suffix.lower()
    try:
        if suffix == ".parquet":
            return pq.read_table(path).to_pylist()
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            if suffix in (".jsonl", ".ndjson"):
                rows = [json.loads(line) for line in file if line.strip()]
            else:
                separator = max(",;\t", key=file.readline().count)
                file.seek(0)
                reader = csv.DictReader(file, delimiter=separator, skipinitialspace=True)
                _check_header(path, reader.fieldnames or [])
                rows = list(reader)
    except InputError:
        raise
    except UnicodeDecodeError:
        raise InputError(f"{path} is not in UTF-8; save it so.") from None
    except (ValueError, csv.Error, OSError, RecursionError, ArrowException) as error:
        raise InputError(
            f"{path} cannot be read as a table; write it again ({first_sentence(error)})."
        ) from None
    if not all(isinstance(row, dict) and None not in row for row in rows):
        raise InputError(f"{path} has rows of more cells than it has columns; write it again.")
    return rows


def _check_header(path: str, columns: Sequence[str]) -> None:
    """Raise InputError for two columns of one name, of which the first would be lost."""
    twice = [name for name, count in Counter(columns).items() if name and count > 1]
    if twice:
        raise InputError(f"{path} has the column {twice[0]} twice; give one of them another name.")


def _text(value: object) -> str:
    """Return a cell as text, "" for a missing one."""
    return "" if value is None or value != value else str(value).strip()


def _name(value: object) -> str:
    """Return a cell that may name an image, with "/" between folders."""
    return _text(value).replace("\\", "/").removeprefix("./")


def _match(values: set[str], images: list[str], folder: str) -> dict[str, list[str]]:
    """Return the images of each value that names one.

    All values do so in one way: by the path from the table's folder, by the file's name, or by that without
    its suffix. `folder` is that of the table: of images with the same name those in it are meant.
    """
    prefix = "" if folder == "." else f"{folder}/"
    by_path, by_name, by_stem = defaultdict(list), defaultdict(list), defaultdict(list)
    for image in [image for image in images if image.startswith(prefix)] or images:
        path = PurePosixPath(image)
        by_path[image.removeprefix(prefix)].append(image)
        by_name[path.name].append(image)
        by_stem[path.stem].append(image)
    # By name an image may be given with a folder that has another name here.
    names = {value: PurePosixPath(value).name for value in values}
    matches = (
        {value: by_path[value] for value in values if value in by_path},
        {value: by_name[name] for value, name in names.items() if name in by_name},
        {value: by_stem[value] for value in values if value in by_stem},
    )
    return max(matches, key=len)


def _rows_by_image(tree: FileTree, table: ImageTable) -> dict[str, Row]:
    """Return the row of each image that a table names.

    Rows of one image may differ in other things than class and patient, such as the place of a finding.
    """
    rows = {}
    for row in table.rows:
        images = table.images.get(_name(row.get(table.name)), [])
        if len(images) > 1:
            raise InputError(
                f"{row[table.name]} in {tree.path(table.file)} may be {images[0]} or {images[1]}; write the "
                "folder too."
            )
        for image in images:
            first = rows.setdefault(image, row)
            if any(
                _text(first.get(column)) != _text(row.get(column)) for column in (table.label, table.patient)
            ):
                raise InputError(
                    f"{tree.path(table.file)} describes {image} in two ways; keep one row of each image."
                )
    return rows


def _columns(tree: FileTree, rows: list[tuple[ImageTable, str, Row]]) -> dict[str, list]:
    """Return the columns of a data set, by their names in the first table."""
    first = rows[0][0]
    label = first.label or "label"
    classes = [row.get(table.label) if table.label else class_of_file(image) for table, image, row in rows]
    columns = {
        "image": [tree.path(image) for _, image, _ in rows],
        label: _one_class_each(classes, label, tree),
    }
    if first.patient:
        columns[first.patient] = [_text(row.get(table.patient)) or None for table, _, row in rows]
    if "subtype" in first.columns:
        columns["subtype"] = [_text(row.get("subtype")) or "none" for _, _, row in rows]
    return columns


def _split_words(rows: list[tuple[ImageTable, str, Row]]) -> list[str]:
    """Return the word that names the split of each row, "" for none.

    It is that of a column such as `split` where every row has one, else of the images' folders, else of the
    tables' names; where none of these says a split, all rows are train.
    """
    column_of = {table.file: guess(table.columns, SPLIT_COLUMNS) for table, _, _ in rows}
    by_column = [_text(row.get(column_of[table.file])) for table, _, row in rows]
    if all(map(split_of, by_column)):
        return by_column
    by_folder = [next(filter(split_of, image.split("/")[:-1]), "") for _, image, _ in rows]
    by_table = [split_word(table.file) or "" for table, _, _ in rows]
    return next((words for words in (by_folder, by_table) if any(words)), ["train"] * len(rows))


def _one_class_each(values: list, column: str, tree: FileTree) -> list[float | str | None]:
    """Return labels as numbers if all are, else as text; None for missing ones.

    Names that differ stay different: but for 3 and 3.0, whole numbers that are written in another way are
    text. Raises InputError where one is a list, or several texts with "|" between them.
    """
    several = next((value for value in values if isinstance(value, list | dict) or "|" in str(value)), None)
    if several is not None:
        raise InputError(
            f"{tree.root} has several classes an image in the column {column} ({several}); keep one each."
        )
    texts = [_text(value) for value in values]
    if all(map(WHOLE.fullmatch, filter(None, texts))) or _are_measurements(texts):
        return [float(text) if text else None for text in texts]
    return [text or None for text in texts]


def _are_measurements(texts: list[str]) -> bool:
    """Return whether all texts are numbers, and some with a fraction."""
    try:
        return any(not float(text).is_integer() for text in [*filter(None, texts)])
    except (ValueError, OverflowError):
        return False
