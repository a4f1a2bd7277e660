"""The words of both pages: the same phrases in every language, and none that nothing says."""

import re
import string
from pathlib import Path

import pytest

from hub.demo import panels
from hub.demo.words import LANGUAGES, phrases, preferred_language, words_in

ROOT = Path(__file__).parents[2]
# A name that is put together: f"card.next_{finding}" in Python, "model." ~ name ~ "_says" in templates.
IN_PYTHON = re.compile(r"""f["'](\w+\.\w*)\{.+?\}(\w*)["']""")
IN_TEMPLATES = re.compile(r"""["'](\w+\.\w*)["'] ~ (?:[^~}]+ ~ \(?["'](\w+)["'])?""")


def unused(names, code):
    """Return those names of phrases that are nowhere in the code, whole or put together."""
    quoted = set(re.findall(r"""(?<=["'])[\w .-]+(?=["'])""", code))
    # Parts may be of another form: "roc_test.png", or a reason of the input check, "cut off".
    parts = {re.sub(r"\W", "_", re.sub(r"\.\w+$", "", text)) for text in quoted}
    ends = {match.groups("") for form in (IN_PYTHON, IN_TEMPLATES) for match in form.finditer(code)}
    ends |= {(match[1], "") for match in IN_TEMPLATES.finditer(code)}  # the end may be left out there

    def put_together(name):
        return any(
            name.startswith(start) and name.endswith(end) and name[len(start) :].removesuffix(end) in parts
            for start, end in ends
        )

    return [name for name in names if name not in quoted and not put_together(name)]


def test_every_phrase_is_said_somewhere():
    files = [ROOT / "app.py", ROOT / "streamlit_app.py"]
    files += [path for path in (ROOT / "hub").rglob("*") if path.suffix in (".py", ".html")]
    files += (ROOT / "hub" / "page" / "web").rglob("*.js")
    code = "\n".join(path.read_text(encoding="utf-8") for path in files)
    assert unused([name.removeprefix("other.") for name in phrases("en")], code) == []


def test_a_phrase_that_nothing_says_is_found():
    said = 'words("card.signs") f"card.{how}_name" "model." ~ name ~ "_says" "cut off" "roc.png"'
    assert unused(["card.signs", "card.cut_off_name", "model.roc_says"], said) == []
    for name in ("card.turned", "card.cut_off", "model.signs", "model.signs_says"):
        assert unused([name], said) == [name]


def test_every_language_has_every_phrase_with_the_same_names_in_the_same_order():
    def names(phrase):
        return {name for _, name, _, _ in string.Formatter().parse(phrase) if name}

    english = phrases("en")
    for language in LANGUAGES:
        assert list(phrases(language)) == list(english)
        for name, phrase in phrases(language).items():
            if name not in ("inside.millions", "inside.billions"):  # Chinese counts in other units
                assert names(phrase) == names(english[name]), (language, name)


def test_only_translations_say_that_no_native_doctor_reviewed_them():
    said = {language: phrases(language)["page.not_reviewed"] for language in LANGUAGES}
    assert [language for language, sentence in said.items() if not sentence] == ["en"]
    assert said["es"] in panels.header("", words_in("es"))


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("es-MX,es;q=0.9,en;q=0.8", "es"),
        ("fr, ZH-CN;q=0.5", "zh"),
        ("fr,de", "en"),
        ("fr," * 10_000 + "es", "en"),
        ("", "en"),
        (None, "en"),
    ],
)
def test_the_first_language_that_a_browser_asks_for_and_the_page_speaks_is_taken(accepted, language):
    assert preferred_language(accepted) == language
