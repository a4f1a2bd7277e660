"""Tables of file names and classes beside images: CSV, TSV, JSON lines, metadata."""

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pandas as pd
from datasets import Dataset

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
# Columns that are added to rows: what each of three places says of the split, and what counts.
WORDS = ["by column", "by folder", "by table", "split"]


@dataclass(frozen=True)
class ImageTable:
    """A table with a column that names images.

    `file` is its path in the tree, `rows` its cells, `name` the column of names, and `label` that of the
    classes, None where only the images' folders say them. `images` holds the files that each name may mean.
    """

    file: str
    rows: pd.DataFrame
    name: str
    label: str | None
    images: dict[str, list[str]]

    @property
    def is_metadata(self) -> bool:
        """Whether the table is the metadata of an imagefolder, which decides by itself."""
        return PurePosixPath(self.file).stem.lower() == METADATA


def is_table(file: str) -> bool:
    """Return whether a file may be a table, by its name."""
    path = PurePosixPath(file.lower())
    return path.suffix in SUFFIXES or path.name == f"{METADATA}.parquet"


def find_tables(
    tree: FileTree, image_column: str | None = None, label_column: str | None = None
) -> list[ImageTable]:
    """Return the tables that name images and their classes.

    They are in the root of the tree, or one folder further down. A file that is no such table is passed over.
    """
    found = []
    for file in tree.files:
        if is_table(file) and file.count("/") < 2:
            try:
                found.append(open_table(tree, file, image_column, label_column))
            except InputError:
                continue
    return found


def open_table(
    tree: FileTree,
    file: str,
    image_column: str | None = None,
    label_column: str | None = None,
) -> ImageTable:
    """Return a table of images.

    Raises InputError where it cannot be read, where no column names at least half of the images, or half of
    its rows do not name one, and where no column holds classes.
    """
    rows = _read_rows(tree.path(file))
    where = tree.path(file)
    for column in filter(None, (image_column, label_column)):
        if column not in rows:
            raise InputError(f"{where} has no column {column}, only {', '.join(rows)}; give one of them.")
    matches = {
        column: _match(set(rows[column].map(_name)), tree.images, PurePosixPath(file).parent.as_posix())
        for column in ([image_column] if image_column else rows)
    }
    name = max(matches, key=lambda column: len(matches[column]), default=None)
    found = matches.get(name, {})
    if 2 * len(found) < min(len(tree.images), rows[name].nunique() if name else 0) or not found:
        raise InputError(
            f"No column of {where} names the images beside it; write their file names into one, or name that "
            "by --image-column."
        )
    others = [column for column in rows if column != name]
    label = label_column or guess(others, LABELS)
    table = ImageTable(file, rows, name, label, found)
    if not label and not (table.is_metadata and guess(list(rows), PATIENTS)):
        raise InputError(
            f"{where} has the columns {', '.join(rows)}; name that of the classes by --label-column."
        )
    return table


def read_tables(tree: FileTree, tables: list[ImageTable]) -> tuple[dict[str, Dataset], list[str]]:
    """Return the splits of images that tables describe, and notes on the rest.

    Columns are `image`, a path, that of the classes, and those of patient and subtype where they are there.
    Raises InputError for several tables of one split, for an image that is described in two ways, and for a
    name that two images have.
    """
    words = [split_word(table.file) for table in tables]
    if len(tables) > 1 and len(set(words) - {None}) < len(tables):
        raise InputError(
            f"{tree.root} has the tables {', '.join(table.file for table in tables)}; give one of them, such "
            f"as {tree.path(tables[0].file)}."
        )
    rows = pd.concat([_rows(tree, table) for table in tables], ignore_index=True)
    label = tables[0].label or "label"
    rows[label] = _numbers_if_all(rows[label].tolist(), label, tree.root)
    rows["split"] = _split_words(rows)
    notes = [f"took the images that {', '.join(table.file for table in tables)} names"]
    for table in tables:
        if missing := len(set(table.rows[table.name].map(_name)) - {*table.images}):
            notes.append(f"left out {counted(missing, 'row')} of {table.file}, whose images are not there")
    if unnamed := len(set(tree.images) - set(rows["image"])):
        notes.append(f"left out {counted(unnamed, 'image')} that no table names")
    if outside := int((rows["split"] == "").sum()):
        notes.append(f"left out {counted(outside, 'image')} that are in no split")
    names = by_split(rows["split"], tree.root)
    rows["image"] = rows["image"].map(tree.path)
    parts = {split: rows[rows["split"] == name].drop(columns=WORDS) for split, name in names.items()}
    splits = {
        split: Dataset.from_dict({column: part[column].tolist() for column in part})
        for split, part in parts.items()
    }
    return splits, unusual_names(names) + notes


def labels_by_file(tree: FileTree, tables: list[ImageTable]) -> dict[str, str]:
    """Return the class of each image that tables name, as text."""
    rows = pd.concat([_rows(tree, table) for table in tables])
    label = tables[0].label or "label"
    return dict(zip(rows["image"], rows[label].map(_text), strict=True))


def _read_rows(path: str) -> pd.DataFrame:
    """Return the cells of a table as they are written; those of a CSV are text.

    Raises InputError for what is no table.
    """
    suffix = PurePosixPath(path).suffix.lower()
    try:
        if suffix == ".parquet":
            return pd.read_parquet(path)
        with Path(path).open(encoding="utf-8-sig") as file:
            if suffix in (".jsonl", ".ndjson"):
                return pd.DataFrame([json.loads(line) for line in file if line.strip()], dtype=object)
            separator = max(",;\t", key=file.readline().count)
            file.seek(0)
            return pd.read_csv(file, sep=separator, dtype=str, keep_default_na=False, skipinitialspace=True)
    except UnicodeDecodeError:
        raise InputError(f"{path} is not in UTF-8; save it so.") from None
    except (ValueError, OSError, AttributeError, TypeError) as error:  # the last two of JSON that is no table
        raise InputError(
            f"{path} cannot be read as a table; write it again ({first_sentence(error)})."
        ) from None


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


def _rows(tree: FileTree, table: ImageTable) -> pd.DataFrame:
    """Return a row for each image of a table.

    Columns are `image`, those of class, patient and subtype, and `WORDS`. Raises InputError for a name that
    two images have, and for an image that is described in two ways.
    """
    names = table.rows[table.name].map(_name)
    rows = table.rows[names.isin({*table.images})]
    files = names[names.isin({*table.images})].map(table.images.get)
    for name, twins in zip(names, files, strict=False):
        if len(twins) > 1:
            raise InputError(
                f"{name} in {tree.path(table.file)} may be {twins[0]} or {twins[1]}; write the folder too."
            )
    image = files.map(lambda twins: twins[0])
    columns = {"image": image}
    columns[table.label or "label"] = rows[table.label] if table.label else image.map(class_of_file)
    for column in (guess(list(rows), PATIENTS), "subtype" if "subtype" in rows else None):
        if column:
            columns[column] = rows[column].map(_text).replace("", None)
    result = pd.DataFrame(columns).astype(object)
    result = result[~result.map(_text).duplicated()]
    twice = result["image"][result["image"].duplicated()]
    if len(twice):
        raise InputError(
            f"{tree.path(table.file)} describes {twice.iloc[0]} in two ways; keep one row of each image."
        )
    column = guess(list(rows), SPLIT_COLUMNS)
    words = rows.loc[result.index, column].map(_text) if column else pd.Series("", index=result.index)
    result["by column"] = words if words.map(split_of).notna().all() else ""
    result["by folder"] = [_folder_of_split(file) for file in result["image"]]
    result["by table"] = split_word(table.file) or ""
    return result


def _folder_of_split(file: str) -> str:
    return next((part for part in file.split("/")[:-1] if split_of(part)), "")


def _split_words(rows: pd.DataFrame) -> pd.Series:
    """Return the word that names the split of each row, "" for none.

    It is that of a column such as `split` where every row has one, else of the images' folders, else of the
    tables' names; where none of these says a split, all rows are train.
    """
    if (rows["by column"] != "").all():
        return rows["by column"]
    for words in (rows["by folder"], rows["by table"]):
        if (words != "").any():
            return words
    return pd.Series("train", index=rows.index)


def _numbers_if_all(values: list, column: str, source: object) -> list:
    """Return labels as numbers if all are, None for missing ones.

    Raises InputError where one is a list, or several texts with "|" between them.
    """
    several = next((value for value in values if isinstance(value, list | dict) or "|" in str(value)), None)
    if several is not None:
        raise InputError(
            f"{source} has several classes an image in the column {column}, such as {several}; keep one each."
        )
    texts = ["" if value is None or value != value else str(value).strip() for value in values]
    try:
        return [float(text) if text else None for text in texts]
    except ValueError:
        return [text or None for text in texts]
