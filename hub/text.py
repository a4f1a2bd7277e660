"""Format numbers, percentages and tables for terminals, cards and pages."""

import math
import os
import re
import unicodedata
from collections.abc import Iterable, Sequence

LONGEST_NAME = 1000  # characters
# Signs that mean something to Markdown; _ does not between letters, as in no_finding.
MARKUP = re.compile(r"[\\`*#\[\]<>|~$&]|(?<![^\W_])_|_(?![^\W_])")


def is_printable(name: str) -> bool:
    """Return whether a name has no control character and no half of a character.

    A terminal would obey the one, and UTF-8 cannot write the other.
    """
    return not any(unicodedata.category(letter) in ("Cc", "Cs") for letter in name)


def is_name(name: object) -> bool:
    """Return whether a class or an operating point may have this name.

    It is printable text of some letters and at most `LONGEST_NAME`.
    """
    return isinstance(name, str) and bool(name.strip()) and len(name) <= LONGEST_NAME and is_printable(name)


def one_line(text: str) -> str:
    """Return a text with spaces for line ends and other control characters.

    Names of files may hold them, and a terminal would obey.
    """
    return "".join(" " if unicodedata.category(letter) in ("Cc", "Zl", "Zp") else letter for letter in text)


def number(value: float | None, digits: int = 4) -> str:
    """Return a value with `digits` decimal places, "none" for a missing one."""
    return "none" if value is None else f"{value:.{digits}f}"


def interval(metric: dict, digits: int = 4) -> str:
    """Return "LOW to HIGH" of a metric as `evaluation.metrics.measure` gives it.

    It is "unknown" where no draw of the bootstrap has every class, as of many classes of few images.
    """
    if metric["low"] is None:
        return "unknown"
    return f"{number(metric['low'], digits)} to {number(metric['high'], digits)}"


def percent(share: float) -> str:
    """Return a share of 1 in per cent, with a no-break space.

    Only 0 and 1 are 0 % and 100 %; shares close to them are "under 0.1 %" and "over 99.9 %".
    """
    digits = 0 if 0.095 <= share <= 0.99 else 1
    if 0 < share < 0.0005:
        return "under 0.1\u00a0%"
    if 0.9995 <= share < 1:
        return "over 99.9\u00a0%"
    return f"{100 * share:.{digits}f}".removesuffix(".0") + "\u00a0%"


def thousands(count: int) -> str:
    """Return a whole number with a comma between thousands: 61,706."""
    return f"{count:,}"


def counted(count: int, noun: str) -> str:
    """Return a count and its noun: 1 image, 5,216 images."""
    return f"{thousands(count)} {noun}{'s' * (count != 1)}"


def patient_noun(report: dict) -> str:
    """Return what the names of patients in a leak report name, in the plural.

    It is "" for images that show nobody. Reports of older versions lack the noun.
    """
    return report.get("groups", "patients" if report.get("patients_known") else "groups of copies")


def compact(count: float) -> str:
    """Return a count in three or four digits: 864, 61.7 k, 3.50 M, 15.5 G."""
    for limit, unit, sign in ((1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k")):
        if count >= limit:
            scaled = count / unit
            digits = max(0, 2 - int(math.log10(scaled)))
            return f"{scaled:,.{digits}f}\u00a0{sign}"
    return f"{count:,.0f}"


def file_size(count: float) -> str:
    """Return a number of bytes in powers of ten: 247 kB, 14.0 MB, 553 MB, 80.3 GB."""
    for unit, sign in ((1e9, "GB"), (1e6, "MB")):
        if count >= unit:
            digits = 0 if count >= 100 * unit else 1
            return f"{count / unit:,.{digits}f}\u00a0{sign}"
    return f"{count / 1e3:,.0f}\u00a0kB"


def dimensions(lengths: Iterable[int]) -> str:
    """Return the lengths along each axis: 32 × 112 × 112."""
    return " × ".join(map(str, lengths))


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table in Markdown, without a newline at the end."""
    lines = [f"| {' | '.join(header)} |", "| --- " * len(header) + "|"]
    lines += [f"| {' | '.join(map(str, row))} |" for row in rows]
    return "\n".join(lines)


def markdown(name: object) -> str:
    """Return a name as Markdown shows it letter by letter, in prose or in a table.

    Signs by which a part of it would be a link, a tag, code or another cell are escaped.
    """
    return MARKUP.sub(r"\\\g<0>", one_line(str(name)))


def markdown_code(name: object) -> str:
    """Return a name as code of Markdown, whatever it holds."""
    text = one_line(str(name))
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence} {text} {fence}" if "`" in text else f"`{text}`"


# Templates call them by these names: {{ share | percent }}.
FORMATS = {
    function.__name__: function for function in (number, percent, thousands, compact, file_size, dimensions)
}


def is_utf8(text: str) -> bool:
    """Return whether a text, such as a file name, was read from UTF-8."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def readable(name: str) -> str:
    r"""Return a file name with what is not UTF-8 as escapes, such as lat\xe9.png."""
    return os.fsencode(name).decode(errors="backslashreplace")
