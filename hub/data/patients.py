"""Patients, parsed from file names and compared by number."""

import re
from collections import defaultdict
from collections.abc import Iterable

from hub.errors import InputError

UNKNOWN, SYNTHETIC = "unknown-", "synthetic-"  # what names of groups of copies and of drawn images begin with


def parse_name(name: str) -> tuple[str, str] | None:
    """Return (patient, subtype) from a file name of Kermany et al.

    Any other name gives None.

    >>> parse_name("person1000_bacteria_2931.jpeg"), parse_name("NORMAL2-IM-0381-0001.jpeg")
    (('person1000_bacteria', 'bacteria'), ('NORMAL2-IM-0381', 'none'))
    """
    if match := re.match(r"(person\d+_(bacteria|virus))_", name):
        return match[1], match[2]
    if match := re.match(r"((?:NORMAL\d*-)?IM-\d+)-", name):
        return match[1], "none"
    return None


def patient_number(patient: str) -> str:
    """Return the bare number of a patient, without subtype or prefix.

    `person1_virus` and `person1_bacteria` may be one child, person1. Patients of other forms do not change.
    """
    if match := re.fullmatch(r"(person\d+)_(?:bacteria|virus)", patient):
        return match[1]
    if match := re.fullmatch(r"(?:NORMAL\d*-)?(IM-\d+)", patient):
        return match[1]
    return patient


def are_kermanys(patients: Iterable[str]) -> bool:
    """Return whether patients are named as in Kermany et al. 2018.

    Only data whose patients are is credited to them.
    """
    return all(parse_name(f"{name}_1") or parse_name(f"{name}-1") for name in patients)


def group_noun(patients: Iterable[str]) -> str:
    """Return what the names of patients name: patients, groups of copies, or both.

    It is "" for synthetic images, which show nobody.

    >>> group_noun(["IM-0001", "unknown-4f"]), group_noun(["unknown-4f"]), group_noun(["synthetic-train-0"])
    ('patients or groups of copies', 'groups of copies', '')
    """
    names = [patient for patient in patients if not patient.startswith(SYNTHETIC)]
    nouns = {"groups of copies" if name.startswith(UNKNOWN) else "patients" for name in names}
    return " or ".join(sorted(nouns, reverse=True))


def patients_known(patients: Iterable[str]) -> bool:
    """Return whether the patient of every image is known."""
    return group_noun(patients) == "patients"


def check_folds(patients: Iterable[str], labels: Iterable[int], folds: int, source: object) -> None:
    """Raise InputError where a class has fewer patients than there are folds."""
    found = defaultdict(set)
    for patient, label in zip(patients, labels, strict=True):
        found[int(label)].add(patient)
    if min(map(len, found.values())) < folds:
        raise InputError(f"{source} has too few patients; give {folds} or more of each class.")
