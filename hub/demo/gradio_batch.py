"""The tab "Batch" of the Gradio app: its layout and its events."""

import time
from collections.abc import Iterator
from contextlib import closing
from typing import NamedTuple

import gradio as gr

from hub.demo import batch_film, batch_panel, gradio_errors, handlers
from hub.demo.batch_panel import Reports, View
from hub.demo.gradio_language import Localized, localized_html, words_of
from hub.demo.gradio_options import DELETE_AFTER, EVENTS, LATEST
from hub.demo.gradio_settings import choose_point, choose_prevalence
from hub.demo.render import script
from hub.inference import batch, decision
from hub.inference.batch import Result
from hub.inference.classifier import Classifier

PAUSE = 0.7  # seconds between two looks at a batch that runs
ASK = script("batch_ask.js")

Rows = list[Result] | None  # None before a batch, and when they are no longer kept


class Tab(NamedTuple):
    """The components of the tab, and what it keeps of a visitor."""

    drop: gr.HTML
    status: gr.HTML
    point: gr.Radio
    prevalence: gr.Radio
    results: gr.HTML
    csv: gr.HTML
    film: gr.HTML
    rows: gr.State
    view: gr.State


def build(classifier: Classifier, localized: Localized) -> None:
    """Lay out the drop zone for many images, and the work list of their answers."""
    drop = localized_html(
        batch_panel.drop_zone, localized, classifier,
        elem_id="batch-input", js_on_load=script("batch_upload.js"),
    )  # fmt: skip
    status = gr.HTML(elem_id="batch-status", js_on_load=ASK)
    with gr.Row(elem_id="batch-settings", visible=bool(decision.operating_points(classifier))):
        prevalence, point = choose_prevalence(classifier, "batch.prevalence"), choose_point(classifier)
    results = localized_html(
        lambda words: batch_panel.notice(words("batch.empty"), False, words), localized, classifier,
        elem_id="batch-results", js_on_load=ASK,
    )  # fmt: skip
    csv = gr.HTML(elem_id="batch-csv", js_on_load=None)
    film = gr.HTML(batch_film.empty(), js_on_load=ASK)
    rows, view = gr.State(time_to_live=DELETE_AFTER), gr.State()
    tab = Tab(drop, status, point, prevalence, results, csv, film, rows, view)
    add_work_list(classifier, tab, add_batch(classifier, tab))


def add_batch(classifier: Classifier, tab: Tab) -> tuple[gr.events.Dependency, ...]:
    """Let files that are given be classified; return the events that end it."""

    def run(event: gr.EventData, request: gr.Request) -> Iterator[tuple]:
        words = words_of(request, classifier)
        files = gradio_errors.given(event, "files")
        files = files[: batch_panel.ROWS + 1] if isinstance(files, list) else [files]  # one row each at least
        paths, start, rows = list(map(gradio_errors.upload_path, files)), time.perf_counter(), []
        opening = batch_panel.notice(words("batch.opening"), False, words)
        yield rows, View(), opening, "", batch_panel.progress(0, 0, 0, words)
        total = min(batch.expected(paths), batch_panel.ROWS)
        shown, is_full = 0, False
        with closing(handlers.classify_uploads(classifier, paths, batch_film.SIDE)) as results:
            for row in results:
                if is_full := len(rows) == batch_panel.ROWS:
                    break
                rows.append(row)
                if len(rows) % batch.BATCH_SIZE == 0 and time.perf_counter() - start > shown + PAUSE:
                    shown = time.perf_counter() - start
                    status = batch_panel.progress(count_files(rows), total, count_files(rows) / shown, words)
                    yield rows, gr.skip(), gr.skip(), gr.skip(), status
        seconds = time.perf_counter() - start
        status = batch_panel.finished(count_files(rows), seconds, words, is_full)
        yield rows, gr.skip(), gr.skip(), gr.skip(), status

    def stop(rows: Rows, request: gr.Request) -> str:
        return batch_panel.stopped(count_files(rows or []), words_of(request, classifier))

    running = tab.drop.select(
        run, None, [tab.rows, tab.view, tab.results, tab.csv, tab.status],
        api_visibility="private", show_progress="hidden", concurrency_limit=2,
    )  # fmt: skip
    stopped = tab.status.select(stop, tab.rows, tab.status, cancels=[running], **EVENTS)
    failed = running.failure(stop, tab.rows, tab.status, **EVENTS)
    return running, stopped, failed


def add_work_list(classifier: Classifier, tab: Tab, ends: tuple[gr.events.Dependency, ...]) -> None:
    """Let a visitor filter, sort and open the answers.

    They are given anew at other settings. `ends` are the events after which a batch is complete.
    """

    def draw(rows: Rows, view: View | None, point: str, prevalence: float, request: gr.Request):
        words = words_of(request, classifier)
        if view is None or rows == []:
            return gr.skip()  # nothing was given, or nothing is read yet
        if rows is None:
            return batch_panel.notice(words("batch.expired"), True, words)
        return batch_panel.batch_table(report(classifier, rows, point, prevalence), view, words)

    def draw_all(rows: Rows, view: View | None, point: str, prevalence: float, request: gr.Request):
        csv = batch_panel.csv_data(report(classifier, rows, point, prevalence)) if rows else gr.skip()
        return draw(rows, view, point, prevalence, request), csv

    def change_view(event: gr.EventData, rows: Rows, point: str, prevalence: float, request: gr.Request):
        view = batch_panel.view_of(event._data)
        return rows, view, draw(rows, view, point, prevalence, request)  # rows, to keep them longer

    def open_film(
        event: gr.EventData, rows: Rows, view: View, point: str, prevalence: float, request: gr.Request
    ):
        words, reports = words_of(request, classifier), report(classifier, rows or [], point, prevalence)
        return rows, batch_film.film(reports, view or View(), batch_film.index_of(event._data), words)

    chosen = [tab.point, tab.prevalence]
    settings, whole = [tab.rows, tab.view, *chosen], [tab.results, tab.csv]
    # What is shown follows what is kept: while a batch runs, in the view that was chosen meanwhile.
    tab.status.change(draw, settings, tab.results, **LATEST)
    for end in ends:
        end.then(draw_all, settings, whole, **EVENTS)
    gr.on([each.change for each in chosen], draw_all, settings, whole, **LATEST)
    tab.results.select(change_view, [tab.rows, *chosen], [tab.rows, tab.view, tab.results], **LATEST)
    tab.film.select(open_film, settings, [tab.rows, tab.film], **LATEST)


def count_files(rows: list[Result]) -> int:
    """Return how many rows are of a file, and not of what was left out."""
    return sum(row.note is None for row in rows)


def report(
    classifier: Classifier, rows: list[Result], point: str | None, prevalence: float | None
) -> Reports:
    """Return the answers so far at an operating point and a prevalence."""
    if not decision.operating_points(classifier):
        point = prevalence = None
    return handlers.with_reports(classifier, list(rows), point, prevalence)
