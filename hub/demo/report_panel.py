"""The report on one image, a page that the browser prints or saves."""

from markupsafe import Markup

from hub.demo import answer_words
from hub.demo.handlers import Answer
from hub.demo.render import STATIC, jpeg_uri, palette_uri, render
from hub.demo.words import Words
from hub.inference.classifier import Classifier
from hub.models.folder import BUNDLED, DIGEST

DIGITS = 12  # of the weights' SHA-256
CACHED = "models--"  # how folders of the Hub's cache begin: models--OWNER--NAME/snapshots/COMMIT


def report(classifier: Classifier, answer: dict, name: str, words: Words) -> Markup:
    """Return a button, and hidden behind it the page that it prints.

    `answer` is that of `inference.decision.report`, `name` that of the image. The browser adds the picture
    and its heatmap from the viewer, and the date. Empty for an image without an answer.
    """
    if answer["label"] is None:
        return Markup()
    return render("report.html", **_lines(classifier, answer, words), name=name, words=words)


def report_file(
    classifier: Classifier, answer: dict, shown: Answer, name: str, date: str, words: Words
) -> str:
    """Return the same page as one HTML file, for pages without scripts.

    `shown` has the picture and its heatmap, `date` is text.
    """
    return render(
        "report_file.html",
        **_lines(classifier, answer, words),
        picture=jpeg_uri(shown.image),
        heat=palette_uri(shown.heat) if shown.heat else None,
        name=name,
        date=date,
        words=words,
    )


def version(classifier: Classifier, words: Words) -> str:
    """Return the Hub id or folder of a model, and its weights' first digits."""
    folder = classifier.folder.resolve()
    cached = folder.parent.parent.name
    if folder == BUNDLED.resolve():
        name = words("report.bundled")
    elif cached.startswith(CACHED):
        name = cached.removeprefix(CACHED).replace("--", "/")
    else:
        name = folder.name
    digest = classifier.session.get_modelmeta().custom_metadata_map.get(DIGEST)
    return words("report.version", model=name, digits=digest[:DIGITS]) if digest else name


def _lines(classifier: Classifier, answer: dict, words: Words) -> dict:
    """Return what the templates say of an answer."""
    warned = answer["verdict"]["status"] == "warned"
    found = answer_words.verdict(answer, words)
    settings = []
    if answer["finding"]:
        settings = [
            words(f"point.{answer['operating_point']}"),
            answer_words.threshold(answer, words),
            *([] if warned else [answer_words.probability(answer, words)]),
        ]
    return {
        "style": Markup((STATIC / "report.css").read_text(encoding="utf-8")),
        "headline": words("card.not_reliable") if warned else found,
        "would": words("report.would", answer=found) if warned else "",
        "next_step": "" if warned else answer_words.next_step(answer, words),
        "of_hundred": "" if warned else answer_words.of_hundred(answer, words),
        "classes": [] if answer["finding"] else answer_words.most_probable(answer),
        "check": answer_words.check(answer, words),
        "settings": settings,
        "model": version(classifier, words),
    }
