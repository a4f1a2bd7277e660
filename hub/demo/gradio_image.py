"""The first tab of the Gradio app: one image, its answer and its settings."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import gradio as gr

from hub.demo import handlers, panels
from hub.demo.answer_words import unreadable
from hub.demo.explorer_tab import Shown
from hub.demo.film_panel import film as film_viewer
from hub.demo.gradio_errors import given, upload_path
from hub.demo.gradio_language import Localized, Opening, label, localized_html, words_of
from hub.demo.gradio_options import DELETE_AFTER, EVENTS, LATEST
from hub.demo.gradio_settings import choose_point, choose_prevalence
from hub.demo.handlers import Answer, Film
from hub.demo.page_names import film_name, opening_sample, sample_name
from hub.demo.render import script
from hub.demo.report_panel import report as printed_report
from hub.demo.samples import Sample
from hub.demo.words import Words
from hub.errors import InputError
from hub.inference import decision
from hub.inference.classifier import Classifier, Prediction

# The page's script asks about one film at a time; "always_last" would ask with the data of the first event.
ONE_BY_ONE = EVENTS | {"trigger_mode": "multiple"}


@dataclass(frozen=True)
class Asked:
    """What the page shows an answer to, without the image."""

    name: str
    prediction: Prediction
    token: str = ""
    turned: bool = False


def build(
    classifier: Classifier,
    metrics: dict,
    samples: list[Sample],
    shown: gr.State,
    localized: Localized,
    opening: Opening,
) -> None:
    """Lay out the drop zone, the image, and the card with its settings."""
    first = opening_sample(samples)
    answer = handlers.answer(classifier, first.path) if first else None
    page = _lay_out(classifier, metrics, samples, answer, localized)
    choose, film_panel, card, decided, point, prevalence = page
    asked, film = gr.State(), gr.State(time_to_live=DELETE_AFTER)
    settings, outputs = [point, prevalence], [film_panel, card, decided, asked, film, shown]
    show = partial(answered, classifier, metrics)

    def show_upload(event: gr.EventData, request: gr.Request, *settings) -> tuple:
        path = upload_path({"path": given(event, "file")})
        words = words_of(request, classifier)
        return show(Film(None, Path(path).name), path, _token(event), settings, words)

    def show_sample(event: gr.EventData, request: gr.Request, *settings) -> tuple:
        index, words = given(event, "index"), words_of(request, classifier)
        if not isinstance(index, int) or index not in range(len(samples)):  # 1.0 is in the range, too
            raise InputError("There is no such example; choose one of those on the page.")
        film = Film(None, sample_name(samples[index], words))
        return show(film, samples[index].path, _token(event), settings, words)

    def show_corrected(event: gr.EventData, request: gr.Request, film: Film | None, *settings) -> tuple:
        words, token = words_of(request, classifier), _token(event)
        if film is None:
            return refused(words("card.gone"), "", token, words)
        film = handlers.correct(film, given(event, "how"))
        return show(film, handlers.corrected(film), token, settings, words)

    def change_settings(request: gr.Request, asked: Asked | None, *settings) -> tuple:
        words = words_of(request, classifier)
        if asked is None:  # after a night, say, or before there was any
            gone = panels.refusal(words("card.gone"), "", words)
            return gone if first else panels.empty_card(words("card.empty")), ""
        return cards(classifier, metrics, asked, settings, words)

    choose.give(show_upload, settings, outputs, **ONE_BY_ONE)
    choose.sample(show_sample, settings, outputs, **ONE_BY_ONE)
    card.correct(show_corrected, [film, *settings], outputs, **ONE_BY_ONE)
    gr.on([point.input, prevalence.input], change_settings, [asked, *settings], [card, decided], **LATEST)
    if first:
        opening.append((asked, lambda words: Asked(sample_name(first, words), answer.prediction)))
        opening.append((shown, lambda words: Shown(sample_name(first, words), answer.pixels)))


def _lay_out(
    classifier: Classifier,
    metrics: dict,
    samples: list[Sample],
    answer: Answer | None,
    localized: Localized,
) -> tuple:
    """Lay out the tab with its opening sample; return what its events need.

    `answer` is that to the opening sample, None without any.
    """

    def html(render, **options) -> gr.HTML:
        return localized_html(render, localized, classifier, **options)

    opening = opening_sample(samples)

    def film(words: Words) -> str:
        if not answer:
            return panels.empty_image(words)
        return film_html(answer, sample_name(opening, words), metrics, words)

    def card(words: Words) -> tuple:
        if not answer:
            return panels.empty_card(words("card.empty")), ""
        asked = Asked(sample_name(opening, words), answer.prediction)
        return cards(classifier, metrics, asked, (None, None), words)

    choose = html(
        lambda words: panels.choose(samples, words), js_on_load=script("choose.js"), elem_id="choose"
    )
    html(panels.reading, elem_id="reading")
    with gr.Row(elem_id="answer"):
        with gr.Column(scale=6, elem_id="film"):
            film_panel = html(film)
        with gr.Column(scale=5, elem_id="answer-card"):
            card_panel = html(lambda words: card(words)[0], js_on_load=script("correct.js"), elem_id="card")
            with gr.Column(elem_id="settings", visible=bool(decision.operating_points(classifier))):
                prevalence = choose_prevalence(
                    classifier, "prevalence.question",
                    info=label("prevalence.explanation", classifier), elem_id="prevalence",
                )  # fmt: skip
                point = choose_point(classifier, info=label("point.explanation", classifier), elem_id="point")
            decided = html(lambda words: card(words)[1], elem_id="decided")
    return choose, film_panel, card_panel, decided, point, prevalence


def film_html(answer: Answer, name: str, metrics: dict, words: Words) -> str:
    """Return the image of an answer, its heatmap off where the input check warns."""
    warned = answer.prediction.verdict.status == "warned"
    return film_viewer(answer, name, words, warned, metrics)


def answered(
    classifier: Classifier,
    metrics: dict,
    film: Film,
    source: object,
    token: str,
    settings: tuple,
    words: Words,
) -> tuple:
    """Return all outputs of the tab for an image, which `film` names."""
    name = film_name(film, words)
    try:
        answer = handlers.answer(classifier, source)
    except InputError as error:
        return refused(unreadable(error, words), name, token, words)
    asked = Asked(name, answer.prediction, token, turned=film.turns > 0)
    kept = answer.image.convert("L") if classifier.radiograph else answer.image  # grey takes a third
    film = film if film.image else Film(kept, film.name)
    panel = film_html(answer, name, metrics, words)
    inside = Shown(name, answer.pixels)
    return panel, *cards(classifier, metrics, asked, settings, words), asked, film, inside


def refused(sentence: str, name: str, token: str, words: Words) -> tuple:
    """Return all outputs of the tab for an image without an answer.

    The tab "Inside the network" goes on with the last one that could be read.
    """
    return panels.empty_image(words), panels.refusal(sentence, name, words, token), "", None, None, gr.skip()


def cards(classifier: Classifier, metrics: dict, asked: Asked, settings: tuple, words: Words) -> tuple:
    """Return the card of an answer at its settings, and how it came about."""
    point, prevalence = settings
    if not decision.operating_points(classifier):
        prevalence = None
    report = decision.report(classifier, asked.prediction, point, prevalence)
    card = panels.card(report, asked.name, words, asked.token, asked.turned)
    printed = printed_report(classifier, report, asked.name, words)
    return card, panels.decided(report, metrics, words) + printed


def _token(event: gr.EventData) -> str:
    return f"{given(event, 'token')!s:.40}"
