"""The tab "The model" of both apps: metrics as Markdown, and plots."""

import json
from pathlib import Path

from hub.text import interval, markdown_table, number

MEASURES = {
    "accuracy": "Accuracy: pictures put into the right class",
    "auc": "AUC: 1 is perfect, 0.5 is guessing",
    "sensitivity": "Sensitivity: share of {positive} that is found",
    "specificity": "Specificity: share of {negative} that is cleared",
    "ece": "Calibration error: how far probabilities are off",
}
SECTIONS = ("test", "validation", "others", "scope", "heatmaps")
PLOTS = {
    "roc_test.png": "ROC curve, test split: what more sensitivity costs in specificity.",
    "reliability_test.png": "Reliability, test split: how often the answer was right, by its probability.",
    "confusion_test.png": "Confusion, test split; rows are the truth.",
    "robustness_test.png": "Accuracy on spoilt test pictures; a darker dot is more spoilt.",
    "heatmaps.jpg": "Test films under their heatmaps, lungs boxed by hand.",
    "failures.jpg": "Every test film that the model gets wrong.",
}


def read_metrics(folder: Path) -> dict:
    """Return the measured `SECTIONS` of a model folder's metrics.json.

    Metrics that could not be measured are left out. Returns {} without a readable file: a folder from the Hub
    may hold anything by that name.
    """
    try:
        metrics = json.loads((Path(folder) / "metrics.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(metrics, dict):
        return {}
    sections = {name: metrics[name] for name in SECTIONS if isinstance(metrics.get(name), dict)}
    splits = {name: _measured(sections[name]) for name in ("test", "validation") if name in sections}
    others = {name: _measured(other) for name, other in sections.get("others", {}).items()}
    return sections | splits | {"others": others}


def _measured(section: object) -> dict:
    """Return a section of metrics.json without null metrics.

    Sections are those of `evaluation.metrics.measure`; returns {} for anything else.
    """
    if not isinstance(section, dict) or "n" not in section:
        return {}
    bounds = ("value", "low", "high")
    return {
        name: metric
        for name, metric in section.items()
        if not (isinstance(metric, dict) and "value" in metric)
        or all(isinstance(metric.get(bound), float | int) for bound in bounds)
    }


def plots(folder: Path) -> list[tuple[Path, str]]:
    """Return path and caption of each of `PLOTS` that the model folder has."""
    paths = [(Path(folder) / name, caption) for name, caption in PLOTS.items()]
    return [(path, caption) for path, caption in paths if path.is_file()]


def markdown(metrics: dict, thresholds: dict[str, float]) -> str:
    """Return test split, operating points, other sources and input check as Markdown.

    `thresholds` are those of the operating points by name. What `metrics` lacks is left out.
    """
    parts = [
        _test_split(metrics.get("test", {})),
        _operating_points(metrics, thresholds),
        *(_other_source(name, metrics) for name, metrics in metrics.get("others", {}).items()),
        _input_check(metrics.get("scope", {})),
    ]
    return "\n\n".join(part for part in parts if part) or "The model folder holds no measurements."


def _test_split(metrics: dict) -> str:
    negative, positive = metrics.get("classes", ["", ""])[:2]
    rows = [
        (
            words.format(positive=positive, negative=negative),
            number(metrics[name]["value"], 3),
            interval(metrics[name], 3),
        )
        for name, words in MEASURES.items()
        if name in metrics
    ]
    if not rows:
        return ""
    patients = f" of {metrics['patients']} patients" if metrics.get("patients") else ""
    return (
        "## How good is it?\n"
        f"{metrics['n']} test pictures{patients}. They chose nothing: no weights, no calibration, no "
        "threshold. The class is the most probable one.\n\n"
        + markdown_table(["Measure", "Test split", "95 % interval"], rows)
    )


def _operating_points(metrics: dict, thresholds: dict[str, float]) -> str:
    def cell(split: str, measure: str) -> str:
        metric = metrics.get(split, {}).get(measure)
        return f"{number(metric['value'], 3)} ({interval(metric, 3)})" if metric else ""

    rows = [
        (
            f"{name.capitalize()}, from {threshold:.3f}: {measure}",
            cell("validation", f"{name}_{measure}"),
            cell("test", f"{name}_{measure}"),
        )
        for name, threshold in sorted(thresholds.items())
        for measure in ("sensitivity", "specificity")
    ]
    if not rows:
        return ""
    return (
        "## Operating points\n"
        "From the threshold up, a calibrated probability counts as positive. Validation pictures chose "
        "the thresholds, so their figures flatter; 95 % intervals in brackets.\n\n"
        + markdown_table(["Operating point", "Validation split", "Test split"], rows)
    )


def _other_source(name: str, metrics: dict) -> str:
    if "auc" not in metrics:
        return ""
    return (
        f"## Films it was not made for: {name.replace('_', ' ')}\n"
        f"On {metrics['n']} of them its AUC is {number(metrics['auc']['value'], 3)} "
        f"({interval(metrics['auc'], 3)}), where 0.5 is guessing. Do not use it on such films."
    )


def _input_check(metrics: dict) -> str:
    rows = [
        (
            f"{name.replace('_', ' ').replace('/', ': ')}, {row['n']}",
            f"{row['warned']:.1%}",
            f"{row['refused']:.1%}",
        )
        for name, row in metrics.get("test", {}).items()
    ]
    if not rows:
        return ""
    return (
        "## Input check\n"
        "How many pictures get an answer behind a warning, and how many none: test films, as they are "
        "and with each fault, and other pictures. None of them made the fit.\n\n"
        + markdown_table(["Pictures", "Warned", "Refused"], rows)
    )
