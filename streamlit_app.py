"""The Streamlit demo: `streamlit run streamlit_app.py`.

MODEL in the environment names another model folder or Hub id.
"""

import tempfile
import time
from dataclasses import replace
from pathlib import Path

import streamlit as st
from PIL import Image

from hub.demo import handlers, model_tab, panels, streamlit_explorer, streamlit_model, wording
from hub.demo.explorer_tab import Shown
from hub.demo.render import STYLES, jpeg_uri
from hub.demo.words import words_in
from hub.errors import InputError
from hub.inference import batch, decision
from hub.inference.classifier import Classifier


def main() -> None:
    """Lay out the page, or the reason why the model cannot be loaded."""
    try:
        classifier, examples = load()
    except InputError as error:
        st.error(str(error))
        return
    words, metrics = wording.words(classifier), model_tab.read_metrics(classifier.folder)
    st.set_page_config(page_title=words["title"], page_icon="🫁", layout="wide")
    for style in STYLES:
        st.html(style)
    st.html(panels.header(words, "Uploads go with your session and are never logged."))

    tabs = [words["first_tab"], "Batch", "Inside the network", "The model"]
    image_tab, batch_tab, inside_tab, model = st.tabs(tabs, on_change="rerun", key="tab")
    with image_tab:
        shown = show_image(classifier, examples, metrics)
    if inside_tab.open:
        with inside_tab:  # before the batch, which may take long
            inside_words = words_in("en", classifier.radiograph)
            streamlit_explorer.show(classifier, list(examples.values()), shown, inside_words)
    with batch_tab:
        show_batch(classifier, metrics)
    if model.open:
        with model:
            streamlit_model.show(classifier, metrics, words_in("en", classifier.radiograph))


@st.cache_resource(show_spinner="Loading the model")
def load() -> tuple[Classifier, dict[str, bytes]]:
    """Return the model and its examples, as PNG bytes by name: once for all visitors."""
    classifier = handlers.load_model()
    with tempfile.TemporaryDirectory() as folder:
        paths = handlers.write_examples(classifier, Path(folder))
        return classifier, {path.stem: path.read_bytes() for path in paths}


def show_image(classifier: Classifier, examples: dict[str, bytes], metrics: dict) -> Shown | None:
    """Lay out one image and its answer; return what the network was given."""
    words = wording.words(classifier)
    name, source = choose_image(examples, words)
    card_column, image_column = st.columns(2)  # on a phone, the answer first
    with card_column:
        card = st.container()
        point = choose_point("Operating point", classifier, metrics)
    if not source:
        st.session_state.pop("answer", None)
        card.html(panels.empty_card())
        return None
    try:
        answer = answer_once(classifier, source)
    except InputError as error:
        card.html(panels.refusal(str(error)))
        return None
    card.html(panels.card(decision.report(classifier, answer.prediction, point)))
    with image_column.container(key="film"):
        show_heatmap(answer, words)
    return Shown(name, answer.pixels)


def choose_image(examples: dict[str, bytes], words: dict[str, str]) -> tuple[str, bytes | None]:
    """Lay out the ways to give an image; return its name and its bytes."""
    upload_column, example_column = st.columns(2)
    upload = upload_column.file_uploader(words["image"])
    if upload:
        return upload.name, upload.getvalue()
    if not examples:
        return "", None
    name = example_column.selectbox(
        "or a synthetic film of no patient", examples, index=None, placeholder="Pick one"
    )
    return name or "", examples.get(name)


def choose_point(label: str, classifier: Classifier, metrics: dict) -> str | None:
    """Lay out the choice of an operating point; return it, or None without any.

    An explanation is shown below it.
    """
    points = decision.operating_points(classifier)
    if not points:
        return None
    with st.container(gap=None):
        point = st.radio(label, points, format_func=str.capitalize, horizontal=True)
        st.html(panels.explanation(wording.explain_point(point, metrics)))
    return point


def answer_once(classifier: Classifier, source: bytes) -> handlers.Answer:
    """Return the answer to an image, computed once and kept by the session.

    Streamlit runs the script at every interaction with the page.
    """
    if st.session_state.get("answer", (None,))[0] != source:
        st.session_state.answer = source, handlers.answer(classifier, source)
    return st.session_state.answer[1]


def show_heatmap(answer: handlers.Answer, words: dict[str, str]) -> None:
    """Lay out an image under its heatmap, and a slider that fades the heatmap."""
    place, opacity = st.empty(), 1.0
    if answer.prediction.heatmaps:
        opacity = st.slider("Opacity of the heatmap", 0.0, 1.0, 1.0)
        st.html(panels.explanation(words["heatmap"]))
    image = Image.blend(answer.image, answer.overlay, opacity)
    place.image(image, width="stretch", alt="The film under its heatmap")


def show_batch(classifier: Classifier, metrics: dict) -> None:
    """Lay out the table of many images, and a button that saves it."""
    uploads = st.file_uploader("Many files, or ZIPs of them", accept_multiple_files=True)
    point = choose_point("Operating point of this table", classifier, metrics)
    if not uploads:
        st.session_state.pop("batch", None)
        st.html(panels.empty_card("The answers appear here"))
        return
    reports = handlers.with_reports(classifier, classify(classifier, uploads), point)
    _, _, probability, _ = wording.COLUMNS
    rows = []
    for result, report in reports:
        thumbnail = result.thumbnail and jpeg_uri(result.thumbnail)
        cells = wording.table_row(result, report)
        rows.append({"Film": thumbnail, **dict(zip(wording.COLUMNS, cells, strict=True))})
    columns = {
        "Film": st.column_config.ImageColumn(width="small"),
        probability: st.column_config.NumberColumn(format="percent"),
    }
    st.dataframe(rows, column_config=columns, hide_index=True)
    st.download_button("Download as CSV", batch.to_csv(reports), "answers.csv", "text/csv")


def classify(classifier: Classifier, uploads: list) -> list[batch.Result]:
    """Return a result per image, under a bar that fills file by file.

    Streamlit reruns this script at every interaction with the page, even while this function runs. The
    session keeps the results, and the next run starts over only with the file that was being classified.
    """
    files = [upload.file_id for upload in uploads]
    known, rows, complete = st.session_state.get("batch", ([], [], False))
    if known != files:
        rows, complete = [], False
    if not complete:
        first = rows[-1].file if rows else 0
        rows = [
            row for row in rows if row.file < first
        ]  # a new list: the run before may still add to its own
        before, start = sum(row.note is None for row in rows), time.perf_counter()
        st.session_state.batch = files, rows, False
        bar = st.progress(0.0, "Classifying")
        for row in batch.classify_files(classifier, uploads[first:]):
            rows.append(replace(row, file=first + row.file))
            number, done = rows[-1].file + 1, sum(row.note is None for row in rows)
            speed = batch.rate(done - before, start)
            counts = f"File {number} of {len(files)}; pictures classified: {done}, {speed}"
            bar.progress(number / len(files), counts)
        st.session_state.batch = files, rows, True
        bar.empty()
    return rows


if __name__ == "__main__":
    main()
