"""Choices and names that both pages share."""

from hub.demo.handlers import Film
from hub.demo.samples import Sample
from hub.demo.words import Words
from hub.prevalence import EVEN

PREVALENCES = {"rare": 0.1, "quarter": 0.25, "half": EVEN, "most": 0.75}
OPENING = ("pneumonia", "normal")  # the sample that a page opens with, the first that there is


def opening_sample(samples: list[Sample]) -> Sample | None:
    """Return the sample that a page opens with."""
    by_name = {sample.name: sample for sample in samples}
    return next((by_name[name] for name in OPENING if name in by_name), None)


def sample_name(sample: Sample, words: Words) -> str:
    """Return what the page calls a sample."""
    return words("samples.shown", name=words(f"samples.{sample.name}"))


def film_name(film: Film, words: Words) -> str:
    """Return the name of an image, and how it was corrected."""
    name = words("card.inverted_name", name=film.name) if film.inverted else film.name
    return words("card.turned_name", name=name, degrees=90 * film.turns) if film.turns else name
