"""What a model folder says of itself: figures as Markdown, and pictures, for both apps."""

import json
from pathlib import Path

MEASURES = {
    "accuracy": "Accuracy: pictures put into the right class",
    "auc": "AUC: 1 is perfect, 0.5 is guessing",
    "sensitivity": "Sensitivity: share of {positive} that is found",
    "specificity": "Specificity: share of {negative} that is cleared",
    "ece": "Calibration error: how far probabilities are off",
}
SECTIONS = ("test", "validation", "others", "scope")
PICTURES = {
    "roc_test.png": "ROC curve, test split: what more sensitivity costs in specificity.",
    "reliability_test.png": "Reliability, test split: how often the answer was right, by its probability.",
    "confusion_test.png": "Confusion, test split; rows are the truth.",
    "robustness_test.png": "Accuracy on spoilt test pictures; a darker dot is more spoilt.",
    "heatmaps.jpg": "Test films under their heatmaps, lungs boxed by hand.",
    "failures.jpg": "Every test film that the model gets wrong.",
}


def read_metrics(folder: Path) -> dict:
    """Return what metrics.json of a model folder has of `SECTIONS`, figures that are none left out.

    {} where there is none that can be read: a folder from the Hub may hold anything by that name.
    """
    try:
        metrics = json.loads((Path(folder) / "metrics.json").read_text())
    except (OSError, ValueError):
        return {}
    if not isinstance(metrics, dict):
        return {}
    found = {name: metrics[name] for name in SECTIONS if isinstance(metrics.get(name), dict)}
    splits = {name: _figures(found[name]) for name in ("test", "validation") if name in found}
    others = {name: _figures(other) for name, other in found.get("others", {}).items()}
    return found | splits | {"others": others}


def _figures(section: object) -> dict:
    """Return what `evaluation.measure` gave but for what could not be measured; {} of anything else."""
    if not isinstance(section, dict) or "n" not in section:
        return {}
    bounds = ("value", "low", "high")
    return {
        name: figure
        for name, figure in section.items()
        if not (isinstance(figure, dict) and "value" in figure)
        or all(isinstance(figure.get(bound), float | int) for bound in bounds)
    }


def pictures(folder: Path) -> list[tuple[Path, str]]:
    """Return the path and the caption of each picture that the model folder has."""
    return [(Path(folder) / name, text) for name, text in PICTURES.items() if (Path(folder) / name).is_file()]


def text(metrics: dict, points: dict[str, float]) -> str:
    """Return the figures in Markdown: test split, operating points, other films, input check.

    `points` are the thresholds by name. What `metrics` lacks is left out, all of it says so.
    """
    parts = [
        _test(metrics.get("test", {})),
        _operating_points(metrics, points),
        *(_other(name, figures) for name, figures in metrics.get("others", {}).items()),
        _scope(metrics.get("scope", {})),
    ]
    return "\n\n".join(part for part in parts if part) or "The model folder holds no measurements."


def _test(figures: dict) -> str:
    negative, positive = figures.get("classes", ["", ""])[:2]
    rows = [
        f"| {words.format(positive=positive, negative=negative)} | {figures[name]['value']:.3f} | "
        f"{figures[name]['low']:.3f} to {figures[name]['high']:.3f} |"
        for name, words in MEASURES.items()
        if name in figures
    ]
    if not rows:
        return ""
    of = f" of {figures['patients']} patients" if figures.get("patients") else ""
    return "\n".join(
        [
            "## How good is it?",
            f"{figures['n']} test pictures{of}. They chose nothing: no weights, no calibration, no "
            "threshold. The class is the most probable one.",
            "",
            "| Measure | Test split | 95 % interval |",
            "| --- | --- | --- |",
            *rows,
        ]
    )


def _operating_points(metrics: dict, points: dict[str, float]) -> str:
    def cell(split: str, measure: str) -> str:
        figure = metrics.get(split, {}).get(measure)
        return f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})" if figure else ""

    rows = [
        f"| {name.capitalize()}, from {threshold:.3f}: {measure} "
        f"| {cell('validation', f'{name}_{measure}')} | {cell('test', f'{name}_{measure}')} |"
        for name, threshold in sorted(points.items())
        for measure in ("sensitivity", "specificity")
    ]
    if not rows:
        return ""
    return "\n".join(
        [
            "## Operating points",
            "From the threshold up, a calibrated probability counts as positive. Validation pictures chose "
            "the thresholds, so their figures flatter; 95 % intervals in brackets.",
            "",
            "| Operating point | Validation split | Test split |",
            "| --- | --- | --- |",
            *rows,
        ]
    )


def _other(name: str, figures: dict) -> str:
    if "auc" not in figures:
        return ""
    auc = figures["auc"]
    return (
        f"## Films it was not made for: {name.replace('_', ' ')}\n"
        f"On {figures['n']} of them its AUC is {auc['value']:.3f} ({auc['low']:.3f} to {auc['high']:.3f}), "
        "where 0.5 is guessing. Do not use it on such films."
    )


def _scope(figures: dict) -> str:
    rows = [
        f"| {name.replace('_', ' ').replace('/', ': ')}, {row['n']} "
        f"| {row['warned']:.1%} | {row['refused']:.1%} |"
        for name, row in figures.get("test", {}).items()
    ]
    if not rows:
        return ""
    return "\n".join(
        [
            "## Input check",
            "How many pictures get an answer behind a warning, and how many none: test films, as they are "
            "and with each fault, and other pictures. None of them made the fit.",
            "",
            "| Pictures | Warned | Refused |",
            "| --- | --- | --- |",
            *rows,
        ]
    )
