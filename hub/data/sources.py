"""Sources of images and labels: folders, files that `datasets` reads, or the Hub."""

from collections.abc import Callable, Iterable
from itertools import chain
from pathlib import Path

import datasets
from datasets import Dataset
from pyarrow import compute

from hub.data import class_folders, image_tables, shards, streaming
from hub.data.columns import standard_columns
from hub.data.file_tree import FileTree, check_utf8, read_tree
from hub.data.split_names import by_split, split_of, unusual_names
from hub.data.streaming import Sizes, Stream
from hub.errors import InputError
from hub.files import check_kind
from hub.left_out import left_out
from hub.repo_id import HUB_DATASET, is_hub_id

ARCHIVES = (".zip", ".gz", ".tgz", ".7z", ".rar", ".bz2", ".xz")
SPREADSHEETS = (".xlsx", ".xls", ".ods")
Splits = dict[str, Dataset]
Columns = dict[str, str | None]  # image_column and label_column, None where they are to be guessed


def read_source(
    source: str | Path,
    image_column: str | None = None,
    label_column: str | None = None,
    stream_to: Sizes | None = None,
) -> tuple[Splits, list[str]]:
    """Return the splits of a source, by name, and notes.

    Notes are sentences that say what was left out, and what was taken for something of another name. The
    columns of the splits are `image` (undecoded) and `label`, and `patient` and `subtype` where the source
    has them. `image_column` and `label_column` name the columns of a table where they are not to be guessed.
    With `stream_to` images are streamed and kept at its size (`streaming.read_streams`). Raises InputError
    for what is not a data set.
    """
    chosen = {"image_column": image_column, "label_column": label_column}
    path = Path(source)
    check_utf8(path)
    check_kind(path)
    if stream_to:
        splits, notes = _read_streams(source, chosen, stream_to)
    elif path.is_dir():
        splits, notes = _read_folder(path, chosen)
    elif path.exists():
        splits, notes = _read_file(path, chosen)
    else:
        splits, notes = _read_hub(str(source), chosen)
    _check_rows(splits, source)
    return splits, notes


def _read_folder(path: Path, chosen: Columns) -> tuple[Splits, list[str]]:
    if shards.is_saved(path):
        return _standard(*shards.read_saved(path), path, chosen)
    tree = read_tree(path)
    builder, files = shards.shard_files(tree)
    folders = class_folders.has_class_folders(tree)
    # An archive of the images often lies beside them.
    if files and not (tree.images if builder == "webdataset" else folders):
        parts = shards.files_by_word(tree, files)
        splits, notes = _standard(*shards.read_shards(tree, builder, parts), path, chosen)
        return splits, notes + _rest(tree, chain.from_iterable(parts.values())) + tree.notes()
    if files and builder != "webdataset":
        raise InputError(
            f"{path} has folders of images and {files[0]}; give that file, or take it out of the folder."
        )
    tables = image_tables.choose_tables(tree, folders, **chosen)
    if tables:
        return _read_tables(tree, tables, chosen)
    class_folders.check_level(tree)
    if not folders:
        _refuse_other_files(tree, chosen)
    if any(chosen.values()):
        raise InputError(
            f"{path} has no table of its images; leave out --image-column and --label-column, or add one."
        )
    return class_folders.read_class_folders(tree)


def _refuse_other_files(tree: FileTree, chosen: Columns) -> None:
    """Raise InputError for a table, a spreadsheet or an archive that cannot be read."""
    for file in filter(image_tables.is_table, tree.files):
        image_tables.open_table(tree, file, **chosen)
    spreadsheets = [file for file in tree.files if file.lower().endswith(SPREADSHEETS)]
    if spreadsheets:
        raise InputError(
            f"{tree.root} has no folders of classes, but {spreadsheets[0]}; if that says the classes, "
            "save it as .csv."
        )
    archives = [file for file in tree.files if file.lower().endswith(ARCHIVES)]
    if archives and not tree.images:
        raise InputError(f"{tree.root} has no images, but {archives[0]}; unpack it.")


def _read_file(path: Path, chosen: Columns) -> tuple[Splits, list[str]]:
    suffix = path.suffix.lower()
    if suffix in shards.BUILDERS:
        return _standard(shards.read_shard(path), [], path, chosen)
    if image_tables.is_table(path.name):
        tree = read_tree(path.parent)
        table = image_tables.open_table(tree, path.name, **chosen)
        image_tables.check_label(tree, table)
        return _read_tables(tree, [table], chosen)
    if suffix in SPREADSHEETS:
        raise InputError(f"{path} is a spreadsheet; save it as .csv, and give that.")
    if suffix in ARCHIVES:
        raise InputError(f"{path} is a file, an archive; unpack it, and give the folder.")
    raise InputError(
        f"{path} is a file; give a folder with one folder of images per class, a .parquet file, or a .csv of "
        "file names and classes."
    )


def _read_tables(
    tree: FileTree, tables: list[image_tables.ImageTable], chosen: Columns
) -> tuple[Splits, list[str]]:
    loaded, notes = image_tables.read_tables(tree, tables)
    splits, notes = _standard(loaded, notes, tree.root, chosen | {"image_column": "image"})
    files = [table.file for table in tables]
    return splits, notes + _rest(tree, [*tree.images, *files]) + tree.notes()


def _rest(tree: FileTree, used: Iterable[str]) -> list[str]:
    """Return the note on files that are not used."""
    rest = sorted({*tree.files} - {*used})
    return [left_out(rest)] if rest else []


def _read_streams(source: str | Path, chosen: Columns, size_of: Sizes) -> tuple[Splits, list[str]]:
    streams = _open_streams(source)
    names = by_split(streams, source)
    _check_train(names, source)
    splits = streaming.read_streams(
        {split: streams[name] for split, name in names.items()}, source, size_of, **chosen
    )
    notes = [f"left out the split {name}" for name in streams if not split_of(name)]
    return _standard(splits, unusual_names(names) + notes, source, chosen)


def _open_streams(source: str | Path) -> dict[str, Stream]:
    """Return the stream of each split of a source, by the split's name there."""
    path = Path(source)
    if path.is_dir():
        tree = read_tree(path)
        kind, files = shards.shard_files(tree)
        if not files:
            raise InputError(f"{path} has no Parquet, Arrow or tar files to stream; leave out --streaming.")
        parts = shards.files_by_word(tree, files)
        return {
            word: streaming.open_files(path, kind, [*map(tree.path, files)]) for word, files in parts.items()
        }
    if path.exists():
        kind = shards.BUILDERS.get(path.suffix.lower())
        if not kind:
            raise InputError(f"{path} cannot be streamed; give Parquet, Arrow or tar files, or a Hub id.")
        return {"train": streaming.open_files(path, kind, [str(path)])}
    return streaming.split_streams(_from_hub(str(source), datasets.load_dataset_builder))


def _read_hub(source: str, chosen: Columns) -> tuple[Splits, list[str]]:
    loaded = _from_hub(source, datasets.load_dataset)
    return _standard(*shards.named_splits(loaded, source), source, chosen)


def _from_hub(source: str, load: Callable) -> datasets.DatasetDict | datasets.DatasetBuilder:
    """Return what a function of `datasets` makes of a Hub id."""
    if not is_hub_id(source):
        raise InputError(f"There is no folder {source}; give one, a Hub id like {HUB_DATASET}, or synthetic.")
    try:
        return load(source)
    except datasets.exceptions.DatasetNotFoundError:
        raise InputError(
            f"There is no dataset {source} on the Hub, nor a folder here; check the name, or log in."
        ) from None
    except (RuntimeError, *shards.FOREIGN) as error:
        shards.raise_full_disk(error)
        raise InputError(
            f"The dataset {source} cannot be fetched; check the network, "
            "or give a local folder with --dataset DIR, or --dataset synthetic "
            f"({shards.first_sentence(error)})."
        ) from None


def _standard(
    loaded: Splits, notes: list[str], source: str | Path, chosen: Columns
) -> tuple[Splits, list[str]]:
    """Return splits with standard columns, and the notes with those about columns."""
    _check_train(loaded, source)
    splits, said = standard_columns(loaded, source, **chosen)
    return splits, notes + said


def _check_train(splits: Iterable[str], source: str | Path) -> None:
    if "train" not in splits:
        raise InputError(f"{source} has no train split, only {', '.join(splits) or 'others'}; add one.")


def _check_rows(splits: Splits, source: str | Path) -> None:
    """Raise InputError for unequal classes, a split without rows, and missing values."""
    names = splits["train"].features["label"].names
    for split, dataset in splits.items():
        classes = dataset.features["label"].names
        if classes != names:
            raise InputError(
                f"The {split} split of {source} has the classes {', '.join(classes)}, "
                f"but train has {', '.join(names)}; make them the same."
            )
        if not len(dataset):
            raise InputError(f"The {split} split of {source} has no rows; add some, or take it out.")
        needed = {"image", "label", "patient"} & set(dataset.column_names)
        gaps = sorted(name for name in needed if _has_gaps(dataset, name))
        if gaps:
            raise InputError(f"The {split} split of {source} has rows without {gaps[0]}; leave them out.")


def _has_gaps(dataset: Dataset, column: str) -> bool:
    """Return whether values of a column are missing.

    These are null, a label below 0, a patient who is no number, and an image of neither bytes nor a path.
    """
    cells = dataset.data.column(column)
    if cells.null_count:
        return True
    if column == "image":
        data, path = (compute.struct_field(cells, name) for name in ("bytes", "path"))
        return compute.any(compute.and_(data.is_null(), path.is_null())).as_py()
    values = dataset[column][:]
    return min(values) < 0 if column == "label" else "nan" in values
