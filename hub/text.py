"""Numbers and tables as text: the one place that decides how many digits a reader sees."""

from collections.abc import Iterable, Sequence


def number(value: float | None, digits: int = 4) -> str:
    """Return a value with so many digits after the point; "none" where it could not be measured."""
    return "none" if value is None else f"{value:.{digits}f}"


def interval(metric: dict, digits: int = 4) -> str:
    """Return "LOW to HIGH" of a metric as `evaluation.metrics.measure` gives it."""
    return f"{number(metric['low'], digits)} to {number(metric['high'], digits)}"


def percent(share: float) -> str:
    """Return a share of 1 in per cent, with a no-break space; never 0 or 100 for what is neither."""
    digits = 0 if 0.095 <= share <= 0.99 else 1
    if 0 < share < 0.0005:
        return "under 0.1\u00a0%"
    if 0.9995 <= share < 1:
        return "over 99.9\u00a0%"
    return f"{100 * share:.{digits}f}".removesuffix(".0") + "\u00a0%"


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table in Markdown, without a newline at its end."""
    lines = [f"| {' | '.join(header)} |", "| --- " * len(header) + "|"]
    lines += [f"| {' | '.join(map(str, row))} |" for row in rows]
    return "\n".join(lines)
