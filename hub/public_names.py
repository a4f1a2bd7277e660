"""What cards and metrics.json say of sources: names, and no path of a disk."""

import shlex
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

    Options that say where the model goes are left out."""
    words, shown = shlex.split(command), []
    while words:
        option, equals, value = words.pop(0).partition("=")
        if any(name.startswith(option) and option.startswith(short) for name, short in WHERE.items()):
            if not equals and words and not words[0].startswith("--"):
                words.pop(0)
        elif option.startswith("--"):
            shown.append(option + equals + _public_word(value))
        else:
            shown.append(_public_word(option + equals + value))
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
