"""What cards and metrics.json say of sources: names, and no path of a disk."""

import hashlib
import os
import shlex
from collections.abc import Callable
from pathlib import Path

from hub.files import real_path
from hub.repo_id import is_hub_id

# Options of train.py that say where a model goes, not what it is; the shortest that argparse takes for each.
WHERE = {"--output": "--ou", "--overwrite": "--ov", "--push-to": "--p"}


def public_name(source: str) -> str:
    """Return a Hub id as it is, and of a path its last part.

    A folder of the form of a Hub id, such as data/mine, is a path where it is there.
    """
    if not source or (is_hub_id(source) and not Path(source).exists()):
        return source
    return real_path(Path(source)).name


def public_command(command: str) -> str:
    """Return a command of train.py with public names.

    Options that say where the model goes are left out.
    """
    return _rewritten(command, _public_word)


def command_digest(command: str) -> str:
    """Return a digest that tells commands of equal `public_command` apart.

    It is of the command with absolute paths: data/mine is another data set in another folder.
    """
    whole = _rewritten(command, lambda word: str(real_path(Path(word))) if Path(word).exists() else word)
    return hashlib.sha256(os.fsencode(whole)).hexdigest()[:16]


def _rewritten(command: str, rewrite: Callable[[str], str]) -> str:
    """Return a command with its words rewritten, but for options and where it writes."""
    words, shown = shlex.split(command), []
    while words:
        option, equals, value = words.pop(0).partition("=")
        if any(name.startswith(option) and option.startswith(short) for name, short in WHERE.items()):
            if not equals and words and not words[0].startswith("--"):
                words.pop(0)
        elif option.startswith("--"):
            shown.append(option + equals + (rewrite(value) if equals else ""))
        else:
            shown.append(rewrite(option + equals + value))
    return shlex.join(shown)


def _public_word(word: str) -> str:
    """Return the public name of a path, any other word as it is."""
    return public_name(word) if "/" in word or word in (".", "..") else word


def public_record(record: dict) -> dict:
    """Return metrics.json with public names of data sets and weights, at any depth."""
    shown = {}
    for name, value in record.items():
        if isinstance(value, dict):
            shown[name] = public_record(value)
        elif name in ("dataset", "weights") and isinstance(value, str):
            shown[name] = public_name(value)
        elif name == "command" and isinstance(value, str):
            shown[name] = public_command(value)
        else:
            shown[name] = value
    return shown
