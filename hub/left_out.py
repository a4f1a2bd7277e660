"""What is left out of folders and archives, and the sentence that says so."""

from collections import Counter
from collections.abc import Iterable
from pathlib import PurePath

from hub.text import counted, thousands

# Files and folders that systems and programs leave beside data, in lower case. Names that begin with a dot,
# such as .ipynb_checkpoints, .Trash-1000, .git and ._film.png, need no mention.
CLUTTER = {
    # macOS
    "__macosx", "icon\r", "network trash folder", "temporary items", "thevolumesettingsfolder",
    # Windows: previews, settings, bins
    "thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "autorun.inf",
    "$recycle.bin", "recycler", "recycled", "system volume information", "found.000",
    # network storage: previews, bins, snapshots
    "@eadir", "@tmp", "@recycle", "@recently-snapshot", "@sharebin", "@synoresource", "@__thumb", "#recycle",
    "#snapshot", "~snapshot",
    # Linux
    "lost+found",
    # version control and programs
    "cvs", "_darcs", "_svn", "_vti_cnf", "__pycache__", "node_modules",
    # the index of a DICOM CD
    "dicomdir",
}  # fmt: skip
MAX_SUFFIXES = 6  # named in a sentence


def is_clutter(name: str) -> bool:
    """Return whether a file or folder of this name is hidden or left by a system.

    `name` is one part of a path, in upper or lower case.
    """
    hidden = name.startswith(".") and name not in (".", "..")
    return hidden or name.lower() in CLUTTER


def left_out(names: Iterable[str]) -> str:
    """Return how many files are left out, by their suffix, the most frequent first.

    >>> left_out(["a.dcm", "b.DCM", "notes.txt"])
    'left out 3 files: 2 `.dcm`, 1 `.txt`'
    """
    counts = Counter(PurePath(name).suffix.lower() for name in names)
    total = sum(counts.values())
    kinds = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    parts = [
        f"{thousands(count)} {f'`{suffix}`' if suffix else 'without a suffix'}"
        for suffix, count in kinds[:MAX_SUFFIXES]
    ]
    if rest := sum(count for _, count in kinds[MAX_SUFFIXES:]):
        parts.append(f"{thousands(rest)} of other kinds")
    return f"left out {counted(total, 'file')}: {', '.join(parts)}"
