"""The header, samples and card of both pages as HTML.

The files of static/ style them and make them interactive in Gradio.
"""

import json
import math
from functools import cache

from markupsafe import Markup
from PIL import Image

from hub.demo import answer_words
from hub.demo.render import jpeg_uri, render
from hub.demo.samples import Sample
from hub.demo.words import Words
from hub.inference.classifier import Classifier, Prediction
from hub.inference.decision import FINDINGS, UNCERTAIN_FACTOR, operating_points, report
from hub.inference.input_check import UNCHECKED, Verdict
from hub.prevalence import log_odds

THUMBNAIL = 192  # pixels, of a sample
LIKELY = 0.93  # the probability in an example of an answer
TICKS = (0.01, 0.1, 0.5, 0.9, 0.99)
SCALE_END = log_odds(0.997)  # of the probability bar, in log odds either way
CORRECTIONS = {"inverted": "invert", "turned": "turn"}  # what a visitor can do about a reason of the check


def header(uploads: str, words: Words, is_local: bool = False) -> Markup:
    """Return the head of the page.

    `uploads` says what happens to the files of a visitor. With `is_local` there is a link to the page that
    answers in the browser (`local_page`).
    """
    return render("header.html", uploads=uploads, is_local=is_local, words=words)


def explanation(sentence: str) -> Markup:
    """Return a sentence in small, muted letters."""
    return render("explanation.html", sentence=sentence)


def choose(samples: list[Sample], words: Words) -> Markup:
    """Return the drop zone, and a button for each sample, numbered from 0."""
    pictures = [(words(f"samples.{sample.name}"), thumbnail(sample)) for sample in samples]
    return render("choose.html", samples=pictures, words=words)


@cache
def thumbnail(sample: Sample) -> str:
    """Return the picture of a sample, small, as a data URI."""
    with Image.open(sample.path) as image:
        image.thumbnail((THUMBNAIL, THUMBNAIL))
        return jpeg_uri(image)


def reading(words: Words) -> Markup:
    """Return the place of what the page says while it waits for an answer."""
    return render("reading.html", words=words)


def empty_image(words: Words) -> Markup:
    """Return the place of the image before there is one."""
    return render("empty_image.html", words=words)


def empty_card(sentence: str) -> Markup:
    """Return the card before there is an answer."""
    return render("empty_card.html", sentence=sentence)


def refusal(sentence: str, name: str, words: Words, token: str = "", correction: str | None = None) -> Markup:
    """Return the card of a file without an answer, and why.

    `token` is that of the question, by which the script of the page knows its answer. `correction` is what a
    button offers to do, "invert" or "turn".
    """
    return render(
        "refusal.html", sentence=sentence, name=name, token=token, correction=correction, words=words
    )


def card(report: dict, name: str, words: Words, token: str = "", turned: bool = False) -> Markup:
    """Return the card of a report: one verdict, one number, and what to do next.

    `report` is that of `inference.decision.report`, `name` that of the image, `token` that of `refusal`,
    `turned` that of `correction`.
    """
    check, button = answer_words.check(report, words), correction(report, turned)
    if report["label"] is None:
        return refusal(check, name, words, token, button)
    return render(
        "card.html",
        name=name,
        token=token,
        status=report["verdict"]["status"],
        tone=FINDINGS.get(report["finding"], "label"),
        verdict=answer_words.verdict(report, words),
        number=answer_words.of_hundred(report, words),
        figures=_figures(report["probability"]),
        next_step=answer_words.next_step(report, words),
        check=check,
        correction=button,
        classes=answer_words.most_probable(report),
        words=words,
    )


def correction(report: dict, turned: bool = False) -> str | None:
    """Return "invert" or "turn" where that may help; None if nothing does.

    An image that was `turned` can be turned on until it is upright.
    """
    return CORRECTIONS.get(report["verdict"]["reason"]) or ("turn" if turned else None)


def decided(report: dict, metrics: dict, words: Words, folded: bool = True) -> Markup | str:
    """Return how a report came about; "" without a finding.

    It is `folded`, or open for a page that folds it by itself.
    """
    if report["finding"] is None:
        return ""
    return render(
        "decided.html",
        likelihood=answer_words.likelihood(report, words),
        meaning=answer_words.probability(report, words),
        rule=answer_words.threshold(report, words),
        point=answer_words.explain_point(report["operating_point"], metrics, words),
        probability=report["probability"],
        threshold=report["threshold"],
        screening=report["operating_point"] == "screening",
        scale=_scale(report),
        folded=folded,
        words=words,
    )


def api(classifier: Classifier, words: Words) -> Markup:
    """Return how programs ask the model, with snippets to copy and an answer."""
    return render("api.html", points=operating_points(classifier), answer=_example(classifier), words=words)


def _example(classifier: Classifier) -> str:
    """Return JSON as the model answers, where it gives its last class `LIKELY`."""
    first, *others, last = classifier.classes
    shares = {first: 1 - LIKELY} | dict.fromkeys(others, 0.0) | {last: LIKELY}
    verdict = Verdict("fine") if classifier.check else UNCHECKED
    answer = json.dumps(report(classifier, Prediction(last, shares, {}, verdict)))
    short = json.loads(answer, parse_float=lambda text: float(f"{float(text):.3g}"))
    return json.dumps(short, indent=2, ensure_ascii=False)


def _figures(probability: float | None) -> list[str]:
    """Return a hundred children, "sick" or "well"; "between" at either end."""
    if probability is None:
        return []
    if probability < 0.01:
        return ["between"] + 99 * ["well"]
    if probability > 0.99:
        return 99 * ["sick"] + ["between"]
    count = round(100 * probability)
    return count * ["sick"] + (100 - count) * ["well"]


def _scale(report: dict) -> dict:
    """Return positions on the probability bar, in per cent of its length.

    They are measured from the left. Screening has no range that is too close to call.
    """
    middle = log_odds(report["threshold"])
    unsure = 0 if report["operating_point"] == "screening" else math.log(UNCERTAIN_FACTOR)
    return {
        "probability": _place(log_odds(report["probability"])),
        "threshold": _place(middle),
        "low": _place(middle - unsure),
        "high": _place(middle + unsure),
        "ticks": [(tick, _place(log_odds(tick))) for tick in TICKS],
    }


def _place(log_odds: float) -> float:
    return 50 + 50 * min(max(log_odds / SCALE_END, -1), 1)
