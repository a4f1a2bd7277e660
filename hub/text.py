"""Format numbers, intervals, percentages and tables, for terminals, cards and pages."""

from collections.abc import Iterable, Sequence


def number(value: float | None, digits: int = 4) -> str:
    """Return a value with `digits` digits after the point; "none" for a value that is missing."""
    return "none" if value is None else f"{value:.{digits}f}"


def interval(metric: dict, digits: int = 4) -> str:
    """Return "LOW to HIGH" of a metric as `evaluation.metrics.measure` gives it."""
    return f"{number(metric['low'], digits)} to {number(metric['high'], digits)}"


def percent(share: float) -> str:
    """Return a share of 1 in per cent, with a no-break space; only 0 and 1 are 0 % and 100 %."""
    digits = 0 if 0.095 <= share <= 0.99 else 1
    if 0 < share < 0.0005:
        return "under 0.1\u00a0%"
    if 0.9995 <= share < 1:
        return "over 99.9\u00a0%"
    return f"{100 * share:.{digits}f}".removesuffix(".0") + "\u00a0%"


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table in Markdown, without a newline at the end."""
    lines = [f"| {' | '.join(header)} |", "| --- " * len(header) + "|"]
    lines += [f"| {' | '.join(map(str, row))} |" for row in rows]
    return "\n".join(lines)
