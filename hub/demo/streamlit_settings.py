"""The settings of an answer on the Streamlit page, the same in all its tabs."""

import streamlit as st

from hub.demo.page_names import PREVALENCES
from hub.demo.words import Words
from hub.inference import decision
from hub.inference.classifier import Classifier

HALF = list(PREVALENCES).index("half")


def choose(
    classifier: Classifier, words: Words, question: str = "prevalence.question"
) -> tuple[str | None, float | None]:
    """Lay out the settings; return the operating point and the prevalence.

    `question` is the name of what is asked about the prevalence. Only the open tab may lay them out, and the
    session keeps them for the others. Both are None for a model without operating points.
    """
    points = decision.operating_points(classifier)
    if not points:
        return None, None
    with st.container(key="answer-settings", gap="small"):
        prevalence = st.radio(
            words(question), PREVALENCES, HALF, horizontal=True, key="prevalence",
            format_func=lambda name: words(f"prevalence.{name}"), help=words("prevalence.explanation"),
            persist_state="session",
        )  # fmt: skip
        point = st.radio(
            words("point.question"), points, horizontal=True, key="point",
            format_func=lambda name: words(f"point.{name}"), help=words("point.explanation"),
            persist_state="session",
        )  # fmt: skip
    return point, PREVALENCES[prevalence]
