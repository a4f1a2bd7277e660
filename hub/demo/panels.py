"""The header, image and card of both pages as HTML.

The files of static/ style them and make them interactive in Gradio. Visitors' images are data URIs inside
the HTML, so that no file of them is left behind.
"""

import math
from pathlib import Path

from markupsafe import Markup
from PIL import Image

from hub.demo import wording
from hub.demo.handlers import Answer
from hub.demo.render import jpeg_uri, render
from hub.inference.decision import UNCERTAIN_FACTOR
from hub.prevalence import log_odds

TICKS = (0.01, 0.1, 0.5, 0.9, 0.99)
SCALE_END = log_odds(0.997)  # of the probability bar, in log odds either way


def header(words: dict[str, str], uploads: str) -> Markup:
    """Return the head of the page.

    `uploads` says what happens to the files of a visitor.
    """
    return render("header.html", words=words, uploads=uploads)


def explanation(sentence: str) -> Markup:
    """Return a sentence in small, muted letters."""
    return render("explanation.html", sentence=sentence)


def examples(paths: list[Path]) -> Markup:
    """Return a button for each example, numbered from 0 for the script of the page."""
    return render(
        "examples.html", examples=[(path.stem.replace("-", " "), _thumbnail_uri(path)) for path in paths]
    )


def empty_image() -> Markup:
    """Return the place of the image before there is one."""
    return render("empty_image.html")


def image(answer: Answer, name: str, words: dict[str, str]) -> Markup:
    """Return the image under its heatmap, with a slider for the opacity.

    Without a heatmap it is the image alone.
    """
    overlay = jpeg_uri(answer.overlay) if answer.prediction.heatmaps else None
    return render(
        "image.html", image=jpeg_uri(answer.image), overlay=overlay, name=name, explanation=words["heatmap"]
    )


def empty_card(sentence: str = "The answer appears here") -> Markup:
    """Return the card before there is an answer."""
    return render("empty_card.html", sentence=sentence)


def refusal(sentence: str) -> Markup:
    """Return the card of a file without an answer, and why."""
    return render("refusal.html", sentence=sentence)


def card(report: dict) -> Markup:
    """Return the card of a report: input check, finding and probability.

    `report` is that of `inference.decision.report`.
    """
    check = wording.check_sentence(report)
    if report["label"] is None:
        return refusal(check)
    return render(
        "card.html",
        status=report["verdict"]["status"],
        check=check,
        headline=wording.headline(report),
        advice=wording.advice(report),
        probability=report["probability"],
        threshold=report["threshold"],
        scale=_scale(report["probability"], report["threshold"]) if report["finding"] else None,
        classes=wording.most_probable(report),
    )


def _scale(probability: float, threshold: float) -> dict:
    """Return positions on the probability bar, in per cent of its length.

    They are measured from the left.
    """
    middle, uncertain = log_odds(threshold), math.log(UNCERTAIN_FACTOR)
    return {
        "probability": _place(log_odds(probability)),
        "threshold": _place(middle),
        "low": _place(middle - uncertain),
        "high": _place(middle + uncertain),
        "ticks": [(tick, _place(log_odds(tick))) for tick in TICKS],
    }


def _place(log_odds: float) -> float:
    return 50 + 50 * min(max(log_odds / SCALE_END, -1), 1)


def _thumbnail_uri(path: Path) -> str:
    with Image.open(path) as example:
        example.thumbnail((128, 128))
        return jpeg_uri(example)
