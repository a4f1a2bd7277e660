"""The HTML of the tab "The model" of both apps.

Charts are drawn by HTML and CSS: Streamlit takes SVG out of HTML, and so they are of the page's colours.
"""

import math
from collections.abc import Sequence

from markupsafe import Markup

from hub.demo.model_names import name_of
from hub.demo.render import render
from hub.demo.words import Words
from hub.inference.classifier import Classifier
from hub.inference.decision import operating_points
from hub.prevalence import log_odds

RATES = ("accuracy", "sensitivity", "specificity")
CALIBRATION = ("ece", "brier", "log_loss", "auc")
# Pictures that are left out where their figures are drawn.
DRAWN = {"reliability_test": "reliability", "confusion_test": "confusion"}
# The address of a picture, the name of its file without an end, and whether it is a chart on a white ground.
Picture = tuple[str, str, bool]


def tab(
    classifier: Classifier, metrics: dict, pictures: Sequence[Picture], words: Words, dark: bool = False
) -> Markup:
    """Return the tab: figures in words, charts that open, tables that fold out.

    `metrics` are those of `model_tab.read_metrics`; what they lack is left out. `dark` is for pages that do
    not tell their styles that they are dark.
    """
    points = operating_points(classifier)
    test = metrics.get("test", {})
    drawn = test if classifier.radiograph else {}
    others = metrics.get("others", {}).items()
    return render(
        "model/tab.html",
        empty=not any(metrics.values()) and not pictures,
        facts=_facts(test, classifier, points),
        source=_source(test, classifier, points, words),
        reliability=_bins(drawn.get("reliability", [])),
        rates=_point_rates(test, points),
        confusions=_confusions(drawn, points),
        pictures=[picture for picture in pictures if DRAWN.get(picture[1]) not in drawn],
        answers=_answers(metrics, classifier, points),
        calibration=_calibration(metrics, classifier),
        others=[(name_of(name, words), other) for name, other in others if "auc" in other],
        check=[(name_of(name, words), row) for name, row in metrics.get("scope", {}).items()],
        dark=dark,
        words=words,
    )


def _facts(test: dict, classifier: Classifier, points: list[str]) -> list[tuple[str, dict[str, int]]]:
    """Return a phrase's name and a metric of 100, for each figure said in words."""
    phrases = {"found": "sensitivity", "cleared": "specificity"} if classifier.radiograph else {}
    names = {phrase: _metric(rate, points) for phrase, rate in (phrases | {"right": "accuracy"}).items()}
    return [
        (phrase, {bound: of_hundred(test[name][bound]) for bound in ("value", "low", "high")})
        for phrase, name in names.items()
        if name in test
    ]


def of_hundred(share: float) -> int:
    """Return how many of 100 a share is; all and none only where it is so."""
    return round(100 * share) if share in (0, 1) else min(max(round(100 * share), 1), 99)


def _source(test: dict, classifier: Classifier, points: list[str], words: Words) -> list[str]:
    """Return sentences on what was measured, and how."""
    if not test:
        return []
    counts = {name: f"{test[name]:,}" for name in ("n", "patients") if name in test}
    sentences = [words("model.measured_patients" if "patients" in test else "model.measured", **counts)]
    if classifier.radiograph and (share := _prevalence(test)):
        sentences.append(words("model.share", count=of_hundred(share)))
    sentences.append(words("model.unseen"))
    point = words(f"point.{points[0]}") if points else ""
    sentences.append(words("model.at_point", point=point) if points else words("model.at_argmax"))
    return sentences


def _prevalence(section: dict) -> float | None:
    """Return the share of positives in a split; older folders tell by the confusion."""
    if "prevalence" in section or "confusion" not in section:
        return section.get("prevalence")
    negatives, positives = map(sum, section["confusion"])
    return positives / (negatives + positives)


def _bins(reliability: list[dict]) -> list[dict]:
    """Return the bins of a reliability diagram with the heights of their bars."""
    highest = max((part["count"] for part in reliability), default=1)
    return [part | {"height": part["count"] / highest} for part in reliability]


def _point_rates(test: dict, points: list[str]) -> list[tuple[str, list[tuple[str, dict]]]]:
    """Return the shares found and cleared at each point, with their phrases' names."""
    phrases = {"pneumonia_found": "sensitivity", "normal_cleared": "specificity"}
    rows = {
        point: [(phrase, test.get(_metric(rate, [point]))) for phrase, rate in phrases.items()]
        for point in points
    }
    return [(point, rates) for point, rates in rows.items() if all(rate for _, rate in rates)]


def _confusions(test: dict, points: list[str]) -> list[tuple[str, list[list[int]]]]:
    """Return the confusion at each point and by argmax, with their phrases' names."""
    names = {f"point.{point}": f"confusion_at_{point}" for point in points} | {"model.argmax": "confusion"}
    return [(phrase, test[name]) for phrase, name in names.items() if name in test]


def _answers(metrics: dict, classifier: Classifier, points: list[str]) -> list[dict]:
    """Return a table of rates for each split, a column for each way to answer."""
    columns = {f"point.{point}": [point] for point in points} | {"model.argmax": []}
    rates = RATES if classifier.radiograph else RATES[:1]
    tables = []
    for split in ("test", "validation"):
        section = metrics.get(split, {})
        rows = [(rate, [section.get(_metric(rate, point)) for point in columns.values()]) for rate in rates]
        rows = [row for row in rows if any(row[1])]
        if rows:
            thresholds = _likelihood_ratios(classifier, points) if points else []
            tables.append({"split": split, "columns": list(columns), "thresholds": thresholds, "rows": rows})
    return tables


def _likelihood_ratios(classifier: Classifier, points: list[str]) -> list[float]:
    """Return the thresholds of the operating points and of argmax at even odds."""
    return [*(math.exp(log_odds(classifier.operating_points[point])) for point in points), 1.0]


def _metric(rate: str, points: list[str]) -> str:
    """Return the key of a rate at the first of the points; by argmax without any."""
    if not points:
        return rate
    return f"accuracy_at_{points[0]}" if rate == "accuracy" else f"{points[0]}_{rate}"


def _calibration(metrics: dict, classifier: Classifier) -> dict:
    """Return the table of calibration and ranking, a column for each split."""
    splits = {name: metrics[name] for name in ("test", "validation") if name in metrics}
    binary = classifier.radiograph
    rows = {
        name: [section.get(name) for section in splits.values()]
        for name in (CALIBRATION if binary else ("ece", "auc"))
    }
    return {
        "columns": [f"model.{name}" for name in splits],
        "prevalences": [_prevalence(section) for section in splits.values()] if binary else [],
        "at_own_share": binary and any("prevalence" in section for section in splits.values()),
        "rows": [(name, figures) for name, figures in rows.items() if any(figures)],
    }
