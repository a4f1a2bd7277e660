"""The language of a visitor of the Gradio page.

Labels of Gradio's components are translated in the browser by Gradio's own i18n, HTML of the panels on the
server; both follow the browser's languages and have their words from `hub.demo.words`.
"""

from collections.abc import Callable

import gradio as gr

from hub.demo.words import LANGUAGES, Words, phrases, preferred_language, words_in
from hub.inference.classifier import Classifier

I18N = gr.I18n(**{language: phrases("en") | phrases(language) for language in LANGUAGES})
OPENED = "<i></i>"  # tells static/reading.js that the page may be used
# HTML that is laid out before anyone visits, and how it is said in the visitor's words.
Localized = list[tuple[gr.HTML, Callable[[Words], str]]]
# What each visitor has from the start, in their words.
Opening = list[tuple[gr.components.Component, Callable[[Words], object]]]


def label(name: str, classifier: Classifier) -> object:
    """Return a phrase as the label of a component, translated by the browser."""
    other = f"other.{name}"
    return I18N(name if classifier.radiograph or other not in phrases("en") else other)


def words_of(request: gr.Request | None, classifier: Classifier) -> Words:
    """Return the words in the language that the visitor's browser prefers."""
    accepted = request.headers.get("accept-language") if request else None
    return words_in(preferred_language(accepted), classifier.radiograph)


def localized_html(render: Callable[[Words], str], localized: Localized, classifier: Classifier, **options):
    """Lay out HTML in English, and note it down for visitors of other languages.

    `options` are those of gr.HTML.
    """
    component = gr.HTML(render(words_in("en", classifier.radiograph)), **options)
    localized.append((component, render))
    return component


def add_localization(
    blocks: gr.Blocks, localized: Localized, opening: Opening, classifier: Classifier, **options
) -> None:
    """Say what is `localized` in the visitor's language when the page is opened.

    The same event gives the visitor what is `opening`, and `OPENED` last: what is asked before would be
    answered twice. `options` are those of the event.
    """
    opened = gr.HTML(elem_id="opened")

    def localize(request: gr.Request) -> dict:
        english = preferred_language(request.headers.get("accept-language")) == "en"
        words = words_of(request, classifier)
        said = {component: gr.skip() if english else render(words) for component, render in localized}
        return said | {component: render(words) for component, render in opening} | {opened: OPENED}

    blocks.load(localize, None, {component for component, _ in [*localized, *opening]} | {opened}, **options)
