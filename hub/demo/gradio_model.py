"""The tab "The model" of the Gradio app."""

from hub.demo import model_panels, model_tab
from hub.demo.gradio_language import Localized, localized_html
from hub.demo.http_routes import address_of
from hub.demo.words import Words
from hub.inference.classifier import Classifier


def build(classifier: Classifier, metrics: dict, localized: Localized) -> None:
    """Lay out the tab; its pictures load when they scroll into view."""
    pictures = [
        (address_of(f"model/{path.name}"), path.stem, model_tab.PICTURES[path.name])
        for path in model_tab.pictures(classifier.folder)
    ]

    def render(words: Words) -> str:
        return model_panels.tab(classifier, metrics, pictures, words)

    localized_html(render, localized, classifier, elem_id="model")
