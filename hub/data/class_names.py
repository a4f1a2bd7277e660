"""Names of classes: those of chest X-rays, and names that mean the same class."""

import unicodedata
from collections.abc import Iterable

from hub.errors import InputError
from hub.text import LONGEST_NAME, is_name

RADIOGRAPH_CLASSES = ["NORMAL", "PNEUMONIA"]


def is_radiograph(classes: list[str]) -> bool:
    """Return whether the classes are those of the chest X-ray data set.

    Images of these classes are read as grey.
    """
    return classes == RADIOGRAPH_CLASSES


def standard_names(classes: list[str]) -> list[str]:
    """Return the class names, in capitals if they are normal and pneumonia.

    The chest X-ray data set writes them so.
    """
    upper = [name.upper() for name in classes]
    return upper if upper == RADIOGRAPH_CLASSES else classes


def folded(name: str) -> str:
    """Return what is equal for names that mean the same class.

    Such names differ in case, in spaces around them, or in how accents are encoded (a Mac's é is two
    characters).
    """
    return unicodedata.normalize("NFC", name).strip().casefold()


def check_different(names: Iterable[str], source: object) -> None:
    """Raise InputError where two names mean the same class."""
    first = {}
    for name in sorted(names):
        other = first.setdefault(folded(name), name)
        if other != name:
            raise InputError(f"{source} has both {other!r} and {name!r}, which are one class; merge them.")


def check_names(classes: list[str], source: object) -> None:
    """Raise InputError for a name that no model folder takes."""
    for name in classes:
        if not is_name(name):
            raise InputError(
                f"{source} has a class {name[:30]!a}, and a name has printable letters, at most "
                f"{LONGEST_NAME}; rename it."
            )


def check_class_count(classes: list[str], source: object) -> None:
    """Raise InputError for fewer than two classes."""
    if len(classes) < 2:
        found = f"one class, {classes[0]}" if classes else "no class"
        raise InputError(
            f"{source} has {found}; it needs a folder of images for each of two or more classes."
        )
