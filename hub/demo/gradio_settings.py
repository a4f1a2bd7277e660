"""The settings of an answer in the Gradio app, for both tabs that have them."""

import gradio as gr

from hub.demo.gradio_language import label
from hub.demo.page_names import PREVALENCES
from hub.inference import decision
from hub.inference.classifier import Classifier
from hub.prevalence import EVEN


def choose_point(classifier: Classifier, **options) -> gr.Radio:
    """Lay out the choice of an operating point; `options` are those of gr.Radio."""
    points = decision.operating_points(classifier)
    choices = [(label(f"point.{name}", classifier), name) for name in points]
    question = label("point.question", classifier)
    return gr.Radio(choices, value=points[0] if points else None, label=question, **options)


def choose_prevalence(classifier: Classifier, question: str, **options) -> gr.Radio:
    """Lay out the choice of how common pneumonia is.

    `question` is the name of its phrase, `options` are those of gr.Radio.
    """
    choices = [(label(f"prevalence.{name}", classifier), share) for name, share in PREVALENCES.items()]
    return gr.Radio(choices, value=EVEN, label=label(question, classifier), **options)
