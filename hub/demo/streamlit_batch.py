"""The tab for many images of the Streamlit app."""

import re
import time
from collections import Counter
from contextlib import closing
from dataclasses import replace

import streamlit as st

from hub.demo import batch_panel, handlers, panels, streamlit_settings
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
    point, prevalence = streamlit_settings.choose(classifier, words)
    if not uploads:
        st.session_state.pop("batch", None)
        st.html(panels.empty_card(words("batch.empty")))
        return
    results, is_full = classify(classifier, uploads, words)
    if is_full:
        st.warning(batch_panel.full(words))
    reports = handlers.with_reports(classifier, results, point, prevalence)
    rows = filter_rows(batch_panel.table_rows(reports, words), words)
    show_table(rows, words)
    st.download_button(
        words("batch.download"), batch.to_csv(reports), "answers.csv", "text/csv", on_click="ignore"
    )


def show_table(rows: list[dict], words: Words) -> None:
    """Lay out the rows, with a bar for each probability."""
    for row in rows:
        row["probability"] = None if row["probability"] is None else 100 * row["probability"]
        row["thumbnail"] = row["thumbnail"] or ""
    names = ("thumbnail", *batch_panel.COLUMNS)
    titles = {name: words("batch.picture" if name == "thumbnail" else f"batch.{name}") for name in names}
    columns = {
        "thumbnail": st.column_config.ImageColumn(titles["thumbnail"], width="small"),
        "probability": st.column_config.ProgressColumn(
            titles["probability"], format="%.1f %%", min_value=0, max_value=100
        ),
    }
    columns |= {name: titles[name] for name in names if name not in columns}
    st.dataframe(rows, column_config=columns, column_order=names, hide_index=True)


def filter_rows(rows: list[dict], words: Words) -> list[dict]:
    """Lay out the count of each answer, the most urgent first.

    Returns the rows of those that were chosen, or all.
    """
    counts = Counter(row["answer"] for row in rows)
    order = [words(name) for name in batch_panel.WORDS.values()]
    answers = sorted(counts, key=lambda answer: order.index(answer) if answer in order else -1)
    chosen = st.pills(
        words("batch.filter"), answers, selection_mode="multi", key="answers", persist_state="session",
        format_func=lambda answer: f"{counts.get(answer, 0)} · {MARKDOWN.sub(ESCAPED, answer)}",
    )  # fmt: skip
    return [row for row in rows if row["answer"] in chosen] if chosen else rows


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
