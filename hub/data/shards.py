"""Parquet, Arrow and WebDataset files, read by `datasets`."""

import glob
import hashlib
import os
import re
import tarfile
from collections import defaultdict
from pathlib import Path, PurePosixPath

import datasets
from datasets import Dataset, DatasetDict, Image
from huggingface_hub.errors import HTTPError
from pyarrow.lib import ArrowException

from hub.data.file_tree import FileTree
from hub.data.split_names import by_split, split_of, split_word, unusual_names
from hub.errors import InputError, disk_error
from hub.text import counted

# The builder of `datasets` for each suffix, the most specific first.
BUILDERS = {".parquet": "parquet", ".arrow": "arrow", ".tar": "webdataset"}
# What each is called, and what helps where it is damaged.
KINDS = {
    "parquet": ("Parquet", "write it again"),
    "arrow": ("Arrow", "write it again"),
    "webdataset": ("a WebDataset", "where it is an archive of folders, unpack it and give the folder"),
}
DAMAGE = (
    datasets.exceptions.DatasetGenerationError,
    ArrowException,
    tarfile.TarError,
    HTTPError,  # of a connection that ends amid the data
    OSError,
    ValueError,
    KeyError,
)
# Also of JSON beside the data, of columns say, that is of another kind than it should be.
FOREIGN = (*DAMAGE, AttributeError, TypeError)


def shard_files(tree: FileTree) -> tuple[str, list[str]]:
    """Return a builder of `datasets` and its files in a tree.

    Of several kinds these are the first, of none there are no files. A file metadata.parquet describes images
    beside it, and is no shard.
    """
    for suffix, builder in BUILDERS.items():
        files = [
            file
            for file in tree.files
            if file.lower().endswith(suffix) and PurePosixPath(file).name.lower() != "metadata.parquet"
        ]
        if files:
            return builder, files
    return "", []


def files_by_word(tree: FileTree, files: list[str]) -> dict[str, list[str]]:
    """Return the files of each split, by the word that names the split.

    Where no file's name or folder says a split, all are train; otherwise files that say none are left out.
    Raises InputError for files of several data sets, or without train, and for two words of one split.
    """
    parts = defaultdict(list)
    for file in files:
        if word := split_word(file):
            parts[word].append(file)
    parts = parts or {"train": files}
    names = by_split(parts, tree.root)
    if "train" not in names:
        suffix = PurePosixPath(files[0]).suffix
        raise InputError(
            f"{tree.root} has no train*{suffix}; name the files train-*{suffix} and test-*{suffix}."
        )
    folders = sorted({PurePosixPath(file).parent.as_posix() for file in parts[names["train"]]})
    if len(folders) > 1:
        raise InputError(
            f"{tree.root} holds more than one data set; give one of them, such as {tree.path(folders[0])}."
        )
    return parts


def read_shards(
    tree: FileTree, builder: str, parts: dict[str, list[str]]
) -> tuple[dict[str, Dataset], list[str]]:
    """Return the splits of `files_by_word`, and notes on their names.

    Raises InputError for what is damaged.
    """
    names = by_split(parts, tree.root)
    loaded = {
        split: load_files(tree.root, builder, [*map(tree.path, parts[name])]) for split, name in names.items()
    }
    return loaded, unusual_names(names)


def read_shard(path: Path) -> dict[str, Dataset]:
    """Return the train split that one Parquet, Arrow or tar file is."""
    return {"train": load_files(path, BUILDERS[path.suffix.lower()], [str(path)])}


def is_saved(path: Path) -> bool:
    """Return whether `save_to_disk` of `datasets` wrote a folder."""
    return (path / "dataset_dict.json").is_file() or (path / "state.json").is_file()


def read_saved(path: Path) -> tuple[dict[str, Dataset], list[str]]:
    """Return the `named_splits` of a folder that `save_to_disk` wrote."""
    try:
        loaded = datasets.load_from_disk(path)
    except FOREIGN as error:
        raise InputError(
            f"{path} cannot be read as a folder of save_to_disk; save it again ({first_sentence(error)})."
        ) from None
    return named_splits(loaded if isinstance(loaded, DatasetDict) else {"train": loaded}, path)


def named_splits(loaded: dict[str, Dataset], source: object) -> tuple[dict[str, Dataset], list[str]]:
    """Return the splits whose names say which they are, and notes on the other names.

    Raises InputError where two names mean one split.
    """
    names = by_split(loaded, source)
    left_out = [
        f"left out the split {name}: {counted(len(dataset), 'image')}"
        for name, dataset in loaded.items()
        if not split_of(name)
    ]
    return {split: loaded[name] for split, name in names.items()}, unusual_names(names) + left_out


def load_files(source: Path, builder: str, paths: list[str]) -> Dataset:
    """Return the rows of files that a builder of `datasets` reads.

    Raises InputError, which names the `source`, for what is damaged.
    """
    found = patterns(paths)
    # One split at a time: loaded together, all would be taken to have the classes of the first.
    try:
        dataset = datasets.load_dataset(builder, cache_name(paths), data_files=found, split="train")
    except FOREIGN as error:
        raise_full_disk(error)
        kind, todo = KINDS[builder]
        raise InputError(f"{source} cannot be read as {kind}; {todo} ({first_sentence(error)}).") from None
    if builder != "webdataset":
        return dataset
    if all(isinstance(kind, Image) for name, kind in dataset.features.items() if not name.startswith("__")):
        raise InputError(f"{source} holds images without classes; unpack it, and give the folder.")
    return dataset.flatten()  # the fields of .json files become columns


def patterns(paths: list[str]) -> list[str]:
    """Return the patterns by which `datasets` finds just these files.

    Raises InputError for a path that no pattern stands for.
    """
    whole = [os.path.abspath(path) for path in paths]  # noqa: PTH100, it keeps links
    for path in whole:
        check_address(path)
    return [*map(glob.escape, whole)]


def check_address(path: str) -> None:
    """Raise InputError for a path that `datasets` takes for a file in an archive."""
    if "::" in path:
        raise InputError(f"{path} has :: in its name, which means a file in an archive; rename it.")


def raise_full_disk(error: Exception) -> None:
    """Raise what `datasets` wraps where the disk, not the data, is at fault.

    An error without a name gets that of the cache, which is what `datasets` writes.
    """
    cause = error.__cause__ if isinstance(error, datasets.exceptions.DatasetGenerationError) else error
    if isinstance(cause, OSError) and disk_error(cause):
        if cause.errno and not cause.filename:
            cause = OSError(cause.errno, cause.strerror, str(datasets.config.HF_DATASETS_CACHE))
        raise cause from None


def cache_name(paths: list[str]) -> str:
    """Return a name for what `datasets` keeps of files.

    It is another where they may be others. That of `datasets` is made of their paths and the times of their
    contents, which a copy may take over; the system alone sets the time of the file itself.
    """
    found = [(status.st_size, status.st_ctime_ns) for status in map(os.stat, paths)]
    return hashlib.sha256(repr(found).encode()).hexdigest()[:16]


def first_sentence(error: Exception) -> str:
    """Return the first sentence of an error's message, without its full stop."""
    return re.split(r"\.\s|\n", str(error).strip())[0].rstrip(".")[:200] or type(error).__name__
