"""Splits by the names of folders, of files and on the Hub."""

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from hub.errors import InputError

SPLITS = ("train", "validation", "test")
# As `datasets` takes them: `eval` is a test split.
KEYWORDS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "dev", "val"),
    "test": ("test", "testing", "eval", "evaluation"),
}
USUAL = {"train", "training", "validation", "valid", "val", "test", "testing"}  # need no mention
SPLIT_OF = {keyword: split for split, keywords in KEYWORDS.items() for keyword in keywords}
NAME = re.compile(rf"({'|'.join(SPLIT_OF)})(?:[-_. ]?(?:set|data|dataset|images|split))?", re.IGNORECASE)


def split_of(name: str) -> str | None:
    """Return the split that a folder, or a split on the Hub, is by its whole name.

    >>> split_of("Val"), split_of("training_set"), split_of("extra")
    ('validation', 'train', None)
    """
    match = NAME.fullmatch(name)
    return SPLIT_OF[match[1].lower()] if match else None


def split_word(file: str) -> str | None:
    """Return the word that names the split of a Parquet, Arrow or tar file.

    It is a word of the file's name or, where none names a split, of the nearest folder that has one. `file`
    is a path with "/".

    >>> split_word("data/Train-00000-of-00002.parquet"), split_word("dev/0000.parquet"), split_word("a.csv")
    ('Train', 'dev', None)
    """
    path = PurePosixPath(file)
    for part in (path.stem, *(folder.name for folder in path.parents)):
        for word in re.split(r"[-._ \d]+", part):
            if split_of(word):
                return word
    return None


def by_split(names: Iterable[str], source: object) -> dict[str, str]:
    """Return the name of each split, in the order of `SPLITS`, by `split_of`.

    Names of no split are left out. Raises InputError where two names mean one split.
    """
    found = {}
    for name in sorted(set(names)):
        split = split_of(name)
        if split in found:
            raise InputError(
                f"{source} has {found[split]} and {name}, which both mean {split}; merge them, or take "
                "one out."
            )
        if split:
            found[split] = name
    return {split: found[split] for split in SPLITS if split in found}


def unusual_names(names: dict[str, str]) -> list[str]:
    """Return a note for each name of a split that not everybody would take for it."""
    return [f"took {name} as {split}" for split, name in names.items() if name.lower() not in USUAL]
