"""The first tab of the Streamlit app: one image, its answer and its settings."""

import datetime
from dataclasses import dataclass, replace
from functools import partial

import streamlit as st

from hub.demo import answer_words, handlers, panels, report_panel, streamlit_settings
from hub.demo.explorer_tab import Shown
from hub.demo.film_panel import film as film_viewer
from hub.demo.handlers import Answer, Film
from hub.demo.page_names import film_name, opening_sample, sample_name
from hub.demo.render import render
from hub.demo.samples import Sample
from hub.demo.words import Words
from hub.errors import InputError
from hub.imaging.read import Source
from hub.inference import decision
from hub.inference.classifier import Classifier


@dataclass(frozen=True)
class Question:
    """What a visitor gave last.

    The session keeps it until it is answered, whatever interrupts the script.
    """

    film: Film
    source: Source | Sample


@dataclass(frozen=True)
class Asked:
    """The image that the page answers, and the answer or why there is none."""

    film: Film
    answer: Answer | None
    error: str = ""


def show(
    classifier: Classifier, samples: list[Sample], metrics: dict, words: Words, is_open: bool
) -> Shown | None:
    """Lay out one image and its answer.

    Returns the last image that could be read, which the tab inside the network looks at. The pickers are
    always laid out, so that the session keeps what was chosen; the answer only while the tab `is_open`.
    """
    choose(samples, words)
    with st.container(key="answer"):
        reading = st.empty()
        if question := pending(samples, words):
            name = film_name(question.film, words)
            reading.html(render("streamlit_reading.html", name=name, words=words))
            st.session_state.asked = answer(classifier, question)
            st.session_state.question = None
        asked: Asked | None = st.session_state.get("asked")
        if is_open:
            show_answer(classifier, asked, metrics, words)
        reading.empty()
    if asked and asked.answer:
        st.session_state.shown = Shown(film_name(asked.film, words), asked.answer.pixels)
    return st.session_state.get("shown")


def choose(samples: list[Sample], words: Words) -> None:
    """Lay out the ways to give an image. What was given last is answered."""
    ways, examples = st.columns([2, 3], gap="medium") if samples else (st.container(), None)
    with ways.container(key="ways", horizontal=True, vertical_alignment="bottom", wrap=False):
        key = f"upload {st.session_state.get('uploads', 0)}"
        st.file_uploader(
            words("page.choose"), key=key, on_change=give_upload, args=[key], help=words("page.formats_one")
        )
        with st.popover(words("page.photo"), key="camera", on_change="rerun") as camera:
            if camera.open:  # only then is the visitor asked for the camera
                st.camera_input(words("page.take"), key="photo", on_change=give_photo)
    if samples:
        with examples.container(key="samples", gap=None):
            st.html(panels.explanation(words("samples.question")))
            for column, sample in zip(st.columns(len(samples), gap="small"), samples, strict=True):
                column.button(
                    f"![]({panels.thumbnail(sample)}) {words(f'samples.{sample.name}')}",
                    key=f"sample {sample.name}", on_click=give_other, width="stretch",
                    args=[Question(Film(None, sample_name(sample, words)), sample)],
                )  # fmt: skip


def give_upload(key: str) -> None:
    """Ask about the uploaded file.

    If its visitor took it away, the page shows the opening sample again.
    """
    upload = st.session_state[key]
    st.session_state.pop("asked", None)
    st.session_state.question = upload and Question(Film(None, upload.name), upload)


def give_photo() -> None:
    """Ask about the photo, and close the camera."""
    photo, st.session_state.camera = st.session_state.photo, False
    if photo:
        give_other(Question(Film(None, "photo.jpg"), photo))


def give_other(question: Question) -> None:
    """Ask about what is no upload.

    The file in the picker goes, as it is not the one that is answered.
    """
    st.session_state.question = question
    st.session_state.uploads = st.session_state.get("uploads", 0) + 1


def pending(samples: list[Sample], words: Words) -> Question | None:
    """Return what is to be answered: the last question, if any.

    A page without an answer asks about the opening sample.
    """
    question, opening = st.session_state.get("question"), opening_sample(samples)
    if question or "asked" in st.session_state or not opening:
        return question
    return Question(Film(None, sample_name(opening, words)), opening)


def answer(classifier: Classifier, question: Question) -> Asked:
    """Return what the page answers.

    It is kept, since Streamlit runs the script at every interaction.
    """
    film, source = question.film, question.source
    try:
        is_sample = isinstance(source, Sample)
        answer = answer_sample(classifier, source) if is_sample else handlers.answer(classifier, source)
    except InputError as error:
        return Asked(film, None, str(error))
    return Asked(film if film.image else replace(film, image=answer.image), answer)


@st.cache_resource(show_spinner=False)
def answer_sample(_classifier: Classifier, sample: Sample) -> Answer:
    """Return the answer to a sample, once for all visitors."""
    return handlers.answer(_classifier, sample.path)


def show_answer(classifier: Classifier, asked: Asked | None, metrics: dict, words: Words) -> None:
    """Lay out the card with the answer and its settings, and the image beside it."""
    card_column, film_column = st.columns([5, 6], gap="medium")  # on a phone, the answer first
    with card_column.container(key="answer-card", gap="small"):
        card = st.container(gap="small")
        point, prevalence = streamlit_settings.choose(classifier, words)
        if asked is None:
            card.html(panels.empty_card(words("card.empty")))
            return
        name = film_name(asked.film, words)
        if asked.answer is None:
            card.html(panels.refusal(answer_words.unreadable(asked.error, words), name, words))
            return
        report = decision.report(classifier, asked.answer.prediction, point, prevalence)
        with card:
            st.html(panels.card(report, name, words))
            correct(asked, report, words)
        if decided := panels.decided(report, metrics, words, folded=False):
            # Streamlit's own, which stays open when a setting changes.
            st.expander(words("card.decided"), key="decided").html(decided)
        if report["label"] is not None:
            save_report(classifier, report, asked.answer, name, words)
    warned = report["verdict"]["status"] == "warned"
    film_column.html(film_viewer(asked.answer, name, words, warned, metrics, scripts=False))


def correct(asked: Asked, report: dict, words: Words) -> None:
    """Lay out a button that inverts or turns the image, where one is needed."""

    def give_corrected(how: str) -> None:
        film = handlers.correct(asked.film, how)
        st.session_state.question = Question(film, handlers.corrected(film))

    how = panels.correction(report, asked.film.turns > 0)
    if how:
        with st.container(key="correction"):
            st.button(words(f"card.{how}"), key=how, on_click=give_corrected, args=[how], type="primary")


def save_report(classifier: Classifier, report: dict, answer: Answer, name: str, words: Words) -> None:
    """Lay out a button that saves a report, which is made when it is pressed."""
    today = f"{datetime.datetime.now(datetime.UTC).astimezone():%Y-%m-%d}"
    page = partial(report_panel.report_file, classifier, report, answer, name, today, words)
    st.download_button(
        words("report.save"), page, "report.html", "text/html", key="report", on_click="ignore"
    )
