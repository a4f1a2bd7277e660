"""The same demo on Streamlit: `streamlit run streamlit_app.py`."""

import tempfile
from pathlib import Path

import streamlit as st
from PIL import Image

from hub import about, batch, demo, page
from hub.classifier import Classifier
from hub.errors import InputError


@st.cache_resource(show_spinner="Loading the model")
def load() -> tuple[Classifier, dict[str, bytes]]:
    """Return the model and its examples, as PNG bytes by name: once for all visitors."""
    classifier = demo.load_model()
    with tempfile.TemporaryDirectory() as folder:
        paths = demo.write_examples(classifier, Path(folder))
        return classifier, {path.stem: path.read_bytes() for path in paths}


def choose_point(label: str) -> str | None:
    """Draw the choice of an operating point and what it means; None for a model without any."""
    points = demo.operating_points(classifier)
    if not points:
        return None
    with st.container(gap=None):
        point = st.radio(label, points, format_func=str.capitalize, horizontal=True)
        st.html(page.explanation(demo.explain_point(point, metrics)))
    return point


def choose_film() -> bytes | None:
    """Draw the ways to give a film; return the film."""
    give, pick = st.columns(2)
    upload = give.file_uploader(words["picture"])
    if upload:
        return upload.getvalue()
    if not examples:
        return None
    name = pick.selectbox("or a synthetic film of no patient", examples, index=None, placeholder="Pick one")
    return examples.get(name)


def show_film() -> None:
    """Draw one film and its answer."""
    source = choose_film()
    answer_column, film_column = st.columns(2)  # on a phone, the answer first
    with answer_column:
        card = st.container()
        point = choose_point("Operating point")
    if not source:
        card.html(page.invitation())
        return
    try:
        answer = demo.answer(classifier, source)
    except InputError as error:
        card.html(page.trouble(str(error)))
        return
    card.html(page.card(demo.report(classifier, answer.prediction, point)))
    with film_column.container(key="film"):
        show_heatmap(answer)


def show_heatmap(answer: demo.Answer) -> None:
    """Draw a film under its heatmap, and a slider that fades the heatmap."""
    place, strength = st.empty(), 1.0
    if answer.prediction.heatmaps:
        strength = st.slider("Opacity of the heatmap", 0.0, 1.0, 1.0)
        st.html(page.explanation(words["heatmap"]))
    picture = Image.blend(answer.picture, answer.heatmap, strength)
    place.image(picture, width="stretch", alt="The film under its heatmap")


def classify(uploads: list) -> list[batch.Result]:
    """Return a result per picture, under a bar that fills file by file.

    The session keeps the results: Streamlit runs this script anew at every touch of the page.
    """
    files = [upload.file_id for upload in uploads]
    if st.session_state.get("batch", (None,))[0] != files:
        rows, bar = [], st.progress(0.0, "Classifying")
        for number, upload in enumerate(uploads, 1):
            for row in batch.classify_files(classifier, [upload]):
                rows.append(row)
                counts = f"File {number} of {len(files)}; pictures classified: {len(rows)}"
                bar.progress(number / len(files), counts)
        bar.empty()
        st.session_state.batch = files, rows
    return st.session_state.batch[1]


def show_batch() -> None:
    """Draw a table of many films, and a button that saves it."""
    uploads = st.file_uploader("Many files, or ZIPs of them", accept_multiple_files=True)
    point = choose_point("Operating point of this table")
    if not uploads:
        st.session_state.pop("batch", None)
        st.html(page.invitation("The answers appear here"))
        return
    rows = demo.with_reports(classifier, classify(uploads), point)
    table = [
        {
            "Film": row.thumbnail and page.data_uri(row.thumbnail),
            **demo.table_row(row.name, report, row.error),
        }
        for row, report in rows
    ]
    columns = {
        "Film": st.column_config.ImageColumn(width="small"),
        demo.SHARE: st.column_config.NumberColumn(format="percent"),
    }
    st.dataframe(table, column_config=columns, hide_index=True)
    st.download_button("Download as CSV", batch.to_csv(rows), "answers.csv", "text/csv")


def show_model() -> None:
    """Write how good the model is."""
    st.markdown(about.text(metrics, classifier.operating_points))
    for path, caption in about.pictures(classifier.folder):
        st.image(str(path), caption, alt=caption)


try:
    classifier, examples = load()
except InputError as error:
    st.error(str(error))
    st.stop()

words, metrics = demo.words(classifier), about.read_metrics(classifier.folder)
st.set_page_config(page_title=words["title"], page_icon="🫁", layout="wide")
st.html(page.CSS)
st.html(page.notes(words, "Uploads go with your session and are never logged."))

one, many, model = st.tabs([words["one"], "Batch", "The model"])
with one:
    show_film()
with many:
    show_batch()
with model:
    show_model()
