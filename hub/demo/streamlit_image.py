"""The first tab of the Streamlit app: one image, its answer, and the settings of the answer."""

import datetime
from dataclasses import dataclass, replace

import streamlit as st
from PIL import Image

from hub.demo import handlers, panels, report_panel, streamlit_settings
from hub.demo.explorer_tab import Shown
from hub.demo.film_panel import film as film_viewer
from hub.demo.handlers import Answer, Film
from hub.demo.page_names import film_name, opening_sample, sample_name
from hub.demo.render import jpeg_uri
from hub.demo.samples import Sample
from hub.demo.words import Words
from hub.errors import InputError
from hub.inference import decision
from hub.inference.classifier import Classifier

THUMBNAIL = 160  # pixels, of a sample


@dataclass(frozen=True)
class Asked:
    """The image that the page answers: its film, and the answer or why there is none."""

    film: Film
    answer: Answer | None
    error: str = ""


def show(
    classifier: Classifier, samples: list[Sample], metrics: dict, words: Words, is_open: bool
) -> Shown | None:
    """Lay out one image and its answer; return what the tab inside the network looks at.

    The pickers are always laid out, so that the session keeps what was chosen; the answer only while the tab
    `is_open`.
    """
    choose(classifier, samples, words)
    asked: Asked | None = st.session_state.get("asked")
    if asked is None and (opening := opening_sample(samples)):
        asked = ask(classifier, Film(None, sample_name(opening, words)), opening.path)
        st.session_state.asked = asked
    if is_open:
        show_answer(classifier, asked, metrics, words)
    if asked is None or asked.answer is None:
        return None
    return Shown(film_name(asked.film, words), asked.answer.pixels)


def choose(classifier: Classifier, samples: list[Sample], words: Words) -> None:
    """Lay out the ways to give an image. What was given last is answered."""

    def give_upload() -> None:
        upload = st.session_state.upload
        if upload:
            st.session_state.asked = ask(classifier, Film(None, upload.name), upload.getvalue())

    def give_photo() -> None:
        photo = st.session_state.photo
        if photo:
            st.session_state.asked = ask(classifier, Film(None, words("page.photo")), photo.getvalue())

    def give_sample(sample: Sample) -> None:
        film = Film(None, sample_name(sample, words))
        st.session_state.asked = ask(classifier, film, sample.path)

    upload_column, sample_column = st.columns([2, 3], gap="medium") if samples else (st.container(), None)
    with upload_column:
        st.file_uploader(
            words("page.choose"), key="upload", on_change=give_upload, help=words("page.formats_one")
        )
        with st.popover(words("page.photo")):
            if st.toggle(words("page.camera"), key="camera"):
                st.camera_input(words("page.take"), key="photo", on_change=give_photo)
    if samples:
        with sample_column.container(key="samples", gap="small"):
            st.html(panels.explanation(words("samples.question")))
            for column, sample in zip(st.columns(len(samples), gap="small"), samples, strict=True):
                caption = words(f"samples.{sample.name}")
                column.button(
                    f"![]({thumbnail(sample)}) {caption}", key=f"sample {sample.name}",
                    on_click=give_sample, args=[sample], width="stretch",
                )  # fmt: skip


@st.cache_data(show_spinner=False)
def thumbnail(sample: Sample) -> str:
    """Return the picture of a sample as a data URI."""
    with Image.open(sample.path) as image:
        image.thumbnail((THUMBNAIL, THUMBNAIL))
        return jpeg_uri(image)


def ask(classifier: Classifier, film: Film, source: object) -> Asked:
    """Return what the page answers: once, since Streamlit runs the script at every interaction."""
    try:
        answer = handlers.answer(classifier, source)
    except InputError as error:
        return Asked(film, None, str(error))
    return Asked(film if film.image else replace(film, image=answer.image), answer)


def show_answer(classifier: Classifier, asked: Asked | None, metrics: dict, words: Words) -> None:
    """Lay out the card with the answer and its settings, and the image beside it."""
    card_column, film_column = st.columns([5, 6], gap="medium")  # on a phone, the answer first
    with card_column:
        card = st.container(gap="small")
        point, prevalence = streamlit_settings.choose(classifier, words)
    if asked is None:
        card.html(panels.empty_card(words("card.empty")))
        return
    name = film_name(asked.film, words)
    if asked.answer is None:
        card.html(panels.refusal(asked.error, name, words))
        return
    prediction = asked.answer.prediction
    report = decision.report(classifier, prediction, point, prevalence)
    with card:
        st.html(panels.card(report, name, words))
        correct(classifier, asked, report, words)
    with card_column:
        st.html(panels.decided(report, metrics, words))
        if report["label"] is not None:
            today = f"{datetime.datetime.now(datetime.UTC).astimezone():%Y-%m-%d}"
            page = report_panel.report_file(classifier, report, asked.answer, name, today, words)
            st.download_button(words("report.save"), page, "report.html", "text/html")
    with film_column:
        warned = prediction.verdict.status == "warned"
        st.html(film_viewer(asked.answer, name, words, warned, metrics, scripts=False))


def correct(classifier: Classifier, asked: Asked, report: dict, words: Words) -> None:
    """Lay out a button that inverts or turns the image, where the input check asks for it."""

    def give_corrected(how: str) -> None:
        film = handlers.correct(asked.film, how)
        st.session_state.asked = ask(classifier, film, handlers.corrected(film))

    how = panels.correction(report, asked.film.turns > 0)
    if how:
        st.button(words(f"card.{how}"), key=how, on_click=give_corrected, args=[how], type="primary")
