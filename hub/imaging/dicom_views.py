"""From which side a radiograph was taken, by its DICOM header."""

import re
from collections.abc import Iterator

from pydicom import Dataset

from hub.imaging.dicom_elements import items, text
from hub.imaging.views import LATERAL, OBLIQUE

# Words of ViewPosition (PS3.3 C.8.1.1, and what devices write besides) and of the meanings of codes.
FROM_A_SIDE = re.compile(
    r"[LR]L|ML|LM|(X|XT|XTABLE|CROSSTABLE|[LR]T?|LEFT|RIGHT)?LAT(ER[A-Z]*|[LR])?"
    r"|SWIM[A-Z]*|SAG[A-Z]*|TRANSTHORACIC|P(RO|ER)FIL[A-Z]*"
)
AT_AN_ANGLE = re.compile(
    r"[LR][APL]?O|MLO|LMO|[LR]?T?OBL[A-Z]*|AXIAL|TANGENTIAL|LORDOTIC|CRANIO[A-Z]*|CAUD[A-Z]*|CEPHALAD"
)
MOST_CODES = 100  # that are looked up; a radiograph has one or two
LYING = re.compile("[LR]LD|DECUB[A-Z]*")


def view(header: Dataset) -> str:
    """Return LATERAL or OBLIQUE; "" for a frontal view, or where nothing says it.

    ViewPosition, ViewCodeSequence and the modifiers of views count alike. Without any of them,
    PatientOrientation (PS3.3 C.7.6.1.1.1) may still say that it is lateral.
    """
    said = [text(header, "ViewPosition"), *_meanings(header)]
    views = {_by_words(words) for words in said}
    if not any(said) and _shows_a_side(text(header, "PatientOrientation")):
        return LATERAL
    return next((view for view in (LATERAL, OBLIQUE) if view in views), "")


def _by_words(said: str) -> str:
    """Return the view that words in capitals name."""
    words = re.findall("[A-Z]+", said)
    if any(map(AT_AN_ANGLE.fullmatch, words)):
        return OBLIQUE  # "left lateral oblique" is one, too
    if any(map(LYING.fullmatch, words)):
        # On back or belly, the beam comes from a side; on a side ("lateral decubitus"), from the front.
        return LATERAL if {"DORSAL", "VENTRAL"} & {*words} else ""
    return LATERAL if any(map(FROM_A_SIDE.fullmatch, words)) else ""


def _meanings(header: Dataset) -> Iterator[str]:
    """Yield the meanings of the codes of the view and of its modifiers."""
    views = items(header, "ViewCodeSequence")
    modifiers = [code for place in (header, *views) for code in items(place, "ViewModifierCodeSequence")]
    for code in (views + modifiers)[:MOST_CODES]:
        value = text(code, "CodeValue")
        yield (value and _meaning(value)) or text(code, "CodeMeaning")


def _meaning(code: str) -> str:
    """Return what a code for a view or its modifier means, in capitals.

    It is one of PS3.16 CID 4010 or 4011, a number of SNOMED CT or an older name of SNOMED RT such as R-10236;
    "" for any other.
    """
    from pydicom.sr.codedict import codes  # 16 MB of them, for few files
    from pydicom.sr.coding import Code

    concepts = [*codes.cid4010.concepts.values(), *codes.cid4011.concepts.values()]
    named = Code(code, "SRT" if "-" in code else "SCT", "")
    return next((concept.meaning.upper() for concept in concepts if concept == named), "")


def _shows_a_side(orientation: str) -> bool:
    """Return whether rows run from front to back and columns from head to foot.

    Either way round counts, and rows may be columns.
    """
    ends = [part.strip() for part in orientation.split("\\")]
    return len(ends) == 2 and any(
        across in ("A", "P") and along in ("H", "F") for across, along in (ends, ends[::-1])
    )
