"""SHA256SUMS of a model folder, by which a damaged file is found. No torch here.

The file is that of coreutils, `sha256sum --check SHA256SUMS`. It tells damage, not who made the model:
whoever can change a file can change its digest. A folder without it, of older versions or other tools, is not
checked.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hub.errors import InputError
from hub.files import edited_folder, sha256, write_text
from hub.text import is_printable

DIGESTS = "SHA256SUMS"
LARGEST_FILE = 1_000_000  # bytes, of DIGESTS itself
LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")
EDITED = "README.md"  # the card, which people edit on the Hub


def check_digests(folder: Path, names: Iterable[str] | None = None) -> None:
    """Raise InputError for a file that is not the one its digest is of.

    `names` are those to check, by default of all files that are there; they are checked as far as SHA256SUMS
    lists them, and one that it lists has to be there.
    """
    folder = Path(folder)
    listed = read_digests(folder)
    for name in _files(folder) if names is None and listed else names or ():
        if name not in listed:
            continue
        path = folder / name
        if not path.is_file():
            raise InputError(f"{folder} has no {name}, which its {DIGESTS} lists; get the model again.")
        if sha256(path) != listed[name]:
            raise InputError(
                f"{path} is not the file that {DIGESTS} lists; get the model again, or, if you changed it, "
                f"delete {DIGESTS}."
            )


def read_digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each listed file, {} for a folder without a list.

    Raises InputError for a damaged list.
    """
    path = folder / DIGESTS
    if not path.exists():
        return {}
    try:
        is_small = path.is_file() and path.stat().st_size <= LARGEST_FILE
        lines = path.read_text(encoding="utf-8").split("\n") if is_small else ["?"]
        matches = [LINE.fullmatch(line) for line in filter(None, lines)]
        return {match[2]: match[1] for match in matches}
    except (OSError, ValueError, TypeError):
        raise InputError(f"{path} is damaged; get the model again.") from None


def write_digests(folder: Path) -> None:
    """Write SHA256SUMS of the files of a model folder, without its card."""
    _write(folder, _digests(folder))


@contextmanager
def edited_model(folder: Path) -> Iterator[Path]:
    """Yield a copy of a model folder that replaces it when the block succeeds.

    Its digests are then those of the changed files. A file that the block leaves as it is keeps the digest it
    had, so that a damaged one stays known as such.
    """
    with edited_folder(folder) as partial:
        listed, before = read_digests(partial), _digests(partial)
        yield partial
        after = _digests(partial)
        kept = {name: digest for name, digest in listed.items() if before.get(name) == after.get(name)}
        _write(partial, after | kept)


def _digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file of a model folder as it is."""
    return {name: sha256(folder / name) for name in _files(folder)}


def _write(folder: Path, digests: dict[str, str]) -> None:
    write_text(folder / DIGESTS, "".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items())))


def _files(folder: Path) -> list[str]:
    """Return the names of the files that have digests, with those in folders.

    A file whose name no line of `DIGESTS` can hold has none.
    """
    paths = (path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file())
    hidden = (path.as_posix() for path in paths if not any(part[0] == "." for part in path.parts))
    return [name for name in hidden if name not in (DIGESTS, EDITED) and is_printable(name)]
