"""The words of both pages in each language, from words/LANGUAGE.json.

A language is one file: sections of phrases, named SECTION.PHRASE in the code. A phrase may hold {names} that
the code fills. English has every phrase, and what another language lacks is said in English. Phrases of the
section `other` replace those of the same name elsewhere for models that do not read radiographs.
"""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

LANGUAGES = {"en": "English", "es": "Español", "zh": "中文"}
FOLDER = Path(__file__).parent / "words"
LONGEST = 1_000  # characters of a browser's languages that are looked at; more take time
# Called with the name of a phrase and what fills it: words("card.hundred", count=93).
Words = Callable[..., str]


@cache
def phrases(language: str) -> dict[str, str]:
    """Return the phrases of a language by name, such as "card.signs"."""
    sections = json.loads((FOLDER / f"{language}.json").read_text(encoding="utf-8"))
    return {f"{section}.{name}": text for section, part in sections.items() for name, text in part.items()}


def words_in(language: str = "en", radiograph: bool = True) -> Words:
    """Return the function that says a phrase in a language of `LANGUAGES`.

    It raises KeyError for a phrase that English does not have, or for a name in it that nothing fills.
    """
    known = phrases("en") | phrases(language)

    def words(name: str, /, **values: object) -> str:
        other = None if radiograph else known.get(f"other.{name}")
        return (known[name] if other is None else other).format(**values)

    return words


def preferred_language(accepted: str | None) -> str:
    """Return the first of `LANGUAGES` in a browser's Accept-Language, else English.

    Browsers list languages in the order of preference: "es-MX,es;q=0.9,en;q=0.8".
    """
    for part in (accepted or "")[:LONGEST].split(","):
        language = part.split(";")[0].strip().lower().split("-")[0]
        if language in LANGUAGES:
            return language
    return "en"
