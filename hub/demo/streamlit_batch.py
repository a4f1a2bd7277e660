"""The tab for many images of the Streamlit app."""

import re
import time
from contextlib import closing
from dataclasses import replace

import streamlit as st

from hub.demo import batch_panel, handlers, panels, streamlit_settings
from hub.demo.batch_panel import Reports, View
from hub.demo.words import Words
from hub.inference import batch
from hub.inference.classifier import Classifier

MARKDOWN, ESCAPED = re.compile(r"([!-/:-@[-`{-~])"), r"\\\1"  # class names come from model folders


def choose(words: Words) -> list:
    """Lay out the place for many files; return those that were uploaded."""
    label = words("batch.drop")
    return st.file_uploader(
        label, accept_multiple_files=True, key="batch uploads", help=words("batch.formats")
    )


def show(classifier: Classifier, uploads: list, words: Words) -> None:
    """Lay out the table of the uploads' answers, and a button that saves it."""
    point, prevalence = streamlit_settings.choose(classifier, words, "batch.prevalence")
    if not uploads:
        st.session_state.pop("batch", None)
        st.html(panels.empty_card(words("batch.empty")))
        return
    results, is_full = classify(classifier, uploads, words)
    if is_full:
        st.warning(batch_panel.full(words))
    reports = handlers.with_reports(classifier, results, point, prevalence)
    show_table(reports, words)
    st.download_button(
        words("batch.download"), batch.to_csv(reports), "answers.csv", "text/csv", on_click="ignore"
    )


def show_table(reports: Reports, words: Words) -> None:
    """Lay out the filters of a batch, and one page of its table."""
    view = choose_view(batch_panel.rows(reports, words), words)
    table = st.container()
    last_page = batch_panel.page_of(reports, view, words)["last_page"]
    page = st.pagination(last_page + 1, key="batch page", persist_state="session") if last_page else 1
    table.html(batch_panel.plain_table(reports, replace(view, page=page - 1), words))


def choose_view(rows: list[dict], words: Words) -> View:
    """Lay out the count of each answer, a search for names, and an order.

    Returns the first page of what was chosen.
    """
    chips = {
        chip["group"]: f"**{chip['count']}** {MARKDOWN.sub(ESCAPED, chip['text'])}"
        for chip in batch_panel.chips(rows, View(), words)
    }
    group = st.pills(
        words("batch.filter"), list(chips), default="", required=True, key="answers", persist_state="session",
        format_func=lambda group: chips.get(group, group), label_visibility="collapsed",
    )  # fmt: skip
    with st.container(key="batch-tools"):
        search = st.text_input(
            words("batch.search"), placeholder=words("batch.search"), label_visibility="collapsed",
            key="batch search", persist_state="session",
        )  # fmt: skip
        title = st.selectbox(
            words("batch.sort"), batch_panel.SORTS, format_func=words, label_visibility="collapsed",
            key="batch order", persist_state="session",
        )  # fmt: skip
    name, descending = batch_panel.SORTS[title]
    return View(group=group, search=search, sort=name, descending=descending)


def classify(classifier: Classifier, uploads: list, words: Words) -> tuple[list[batch.Result], bool]:
    """Return a result per image, and whether there were more than a page keeps.

    They come under a bar that fills file by file. Streamlit reruns its script at every interaction with the
    page, even while this function runs. The session keeps the results, and the next run starts over only with
    the file that was being classified.
    """
    files = [upload.file_id for upload in uploads]
    known, rows, complete, is_full = st.session_state.get("batch", ([], [], False, False))
    if known != files:
        rows, complete, is_full = [], False, False
    if complete:
        return rows, is_full
    first = rows[-1].file if rows else 0
    rows = [row for row in rows if row.file < first]  # a new list: the run before may still add to its own
    before, start = sum(row.note is None for row in rows), time.perf_counter()
    st.session_state.batch = files, rows, False, False
    bar = st.progress(0.0, words("batch.opening"))
    with closing(batch.classify_files(classifier, uploads[first:])) as results:
        for row in results:
            if is_full := len(rows) == batch_panel.ROWS:
                break
            rows.append(replace(row, file=first + row.file))
            number, done = rows[-1].file + 1, sum(row.note is None for row in rows)
            rate = f"{(done - before) / max(time.perf_counter() - start, 1e-9):,.1f}"
            bar.progress(
                number / len(files), words("batch.reading", done=number, total=len(files), rate=rate)
            )
    st.session_state.batch = files, rows, True, is_full
    bar.empty()
    return rows, is_full
