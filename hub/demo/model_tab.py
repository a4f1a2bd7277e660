"""The figures and pictures of a model folder, for the tab "The model".

A folder from the Hub may hold anything by these names, so nothing of it is taken on trust: what is not as
`evaluation.metrics.measure` writes it is left out.
"""

from pathlib import Path

from hub.models.folder import METRICS, read_json

LARGEST_PICTURE = 10_000_000  # bytes
SIGNATURES = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"  # with which PNG and JPEG begin
MOST = 50  # bins, sources and rows of a table
HIGHEST = {"log_loss": 1000}  # other metrics are shares of 1
CONFUSIONS = ("confusion", "confusion_at_balanced", "confusion_at_screening")
# Pictures that may be in a model folder, and whether they are charts on a white ground.
PICTURES = {
    "roc_test.png": True,
    "reliability_test.png": True,
    "confusion_test.png": True,
    "robustness_test.png": True,
    "heatmaps.jpg": False,
    "failures.jpg": False,
}


def read_metrics(folder: Path) -> dict:
    """Return what metrics.json of a model folder says, as the tab shows it.

    "test" and "validation" are sections of `evaluation.metrics.measure`, "others" such sections by source,
    "scope" the rows of the input check, {"n", "warned", "refused"}, by kind of picture, and "heatmaps" what
    was measured of heat and lungs. Returns {} without a readable file.
    """
    metrics = read_json(Path(folder) / METRICS)
    if metrics is None:
        return {}
    sections = {name: _section(_part(metrics, name)) for name in ("test", "validation")}
    others = {name: _section(other) for name, other in _part(metrics, "others").items()}
    scope = {name: _scope_row(row) for name, row in _part(_part(metrics, "scope"), "test").items()}
    return {name: section for name, section in sections.items() if section} | {
        "others": _first(others),
        "scope": _first(scope),
        "heatmaps": _part(metrics, "heatmaps"),
    }


def read_pictures(folder: Path) -> dict[str, bytes]:
    """Return those of `PICTURES` that the model folder has, by name.

    The pages keep them, a megabyte: the folder may be deleted or replaced while they are served. What is no
    PNG or JPEG is left out, such as a link to another file of the server.
    """
    contents = {name: _read_picture(Path(folder) / name) for name in PICTURES}
    return {name: content for name, content in contents.items() if content}


def _read_picture(path: Path) -> bytes:
    """Return the bytes of a picture; none for anything else."""
    try:
        if not path.is_file() or path.stat().st_size > LARGEST_PICTURE:
            return b""
        content = path.read_bytes()
    except OSError:
        return b""
    return content if content.startswith(SIGNATURES) else b""


def _part(metrics: object, name: str) -> dict:
    part = metrics.get(name) if isinstance(metrics, dict) else None
    return part if isinstance(part, dict) else {}


def _first(rows: dict[str, dict]) -> dict[str, dict]:
    """Return the first `MOST` rows that hold anything."""
    return dict([(name, row) for name, row in rows.items() if row][:MOST])


def _section(section: object) -> dict:
    """Return what can be shown of a section; {} without the number of pictures."""
    if not isinstance(section, dict) or not _is_count(section.get("n")):
        return {}
    shown = {name: metric for name, metric in section.items() if _is_metric(name, metric)}
    shown["n"] = section["n"]
    if _is_count(section.get("patients")):
        shown["patients"] = section["patients"]
    if _is_share(section.get("prevalence")):
        shown["prevalence"] = section["prevalence"]
    shown |= {name: section[name] for name in CONFUSIONS if _is_confusion(section.get(name))}
    if bins := _reliability(section.get("reliability")):
        shown["reliability"] = bins
    return shown


def _scope_row(row: object) -> dict:
    shares = ("warned", "refused")
    if not isinstance(row, dict) or not _is_count(row.get("n")):
        return {}
    return {name: row[name] for name in ("n", *shares)} if _are_shares(row, shares) else {}


def _reliability(bins: object) -> list[dict]:
    """Return the bins of a reliability diagram that hold pictures."""
    shares = ("low", "high", "probability", "share", "share_low", "share_high")
    return [
        {name: part[name] for name in (*shares, "count")}
        for part in (bins[:MOST] if isinstance(bins, list) else [])
        if isinstance(part, dict) and _is_count(part.get("count")) and _are_shares(part, shares)
        if part["low"] <= part["high"] and part["share_low"] <= part["share_high"]
    ]


def _is_metric(name: str, metric: object) -> bool:
    highest, bounds = HIGHEST.get(name, 1), ("value", "low", "high")
    if not isinstance(metric, dict) or not all(_is_between(metric.get(bound), highest) for bound in bounds):
        return False
    return metric["low"] <= metric["high"]


def _is_confusion(table: object) -> bool:
    """Return whether a table is two rows of two counts, and counts anything."""
    if not isinstance(table, list) or len(table) != 2:
        return False
    rows = [row for row in table if isinstance(row, list) and len(row) == 2]
    cells = [cell for row in rows for cell in row]
    return len(rows) == 2 and all(_is_count(cell, 0) for cell in cells) and any(cells)


def _are_shares(values: dict, names: tuple[str, ...]) -> bool:
    return all(_is_share(values.get(name)) for name in names)


def _is_share(value: object) -> bool:
    return _is_between(value, 1)


def _is_between(value: object, highest: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= highest


def _is_count(value: object, lowest: int = 1) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and lowest <= value < 1e12
