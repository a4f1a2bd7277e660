"""The same demo on Streamlit: `streamlit run streamlit_app.py`."""

import tempfile
from pathlib import Path

import streamlit as st
from PIL import Image

from hub import about, batch, demo, page
from hub.classifier import Classifier, Prediction
from hub.errors import InputError


@st.cache_resource(show_spinner="Loading the model")
def load() -> tuple[Classifier, dict[str, bytes]]:
    """Return the model and its examples, as PNG bytes by name: once for all visitors."""
    classifier = demo.load_model()
    with tempfile.TemporaryDirectory() as folder:
        paths = demo.write_examples(classifier, Path(folder))
        return classifier, {path.stem: path.read_bytes() for path in paths}


def show_prediction(prediction: Prediction) -> None:
    """Write the check's verdict, the finding and the probability."""
    report = demo.report(classifier, prediction, point)
    if report["verdict"]["status"] in ("warned", "refused"):
        st.warning(demo.check_words(report))
    st.subheader(demo.headline(report))
    if report["finding"]:
        share = report["probability"]
        st.progress(share, f"Calibrated probability of pneumonia: {demo.percent(share)}")
        st.write(demo.advice(report))
    else:
        for label, share in demo.most_probable(report):
            st.progress(share, f"{label}: calibrated probability {demo.percent(share)}")
    if report["verdict"]["status"] in ("fine", "unchecked"):
        st.write(demo.check_words(report))


def show_film() -> None:
    """Draw one film and its answer."""
    upload = st.file_uploader(words["picture"])
    source = upload.getvalue() if upload else None
    if examples and not upload:
        name = st.selectbox("or a synthetic film of no patient", examples, index=None, placeholder="Pick one")
        source = examples.get(name)
    if not source:
        return
    try:
        answer = demo.answer(classifier, source)
    except InputError as error:
        st.error(str(error))
        return
    card, film = st.columns(2)  # on a phone, the answer first
    with card:
        show_prediction(answer.prediction)
    with film:
        strength = 1.0
        if answer.prediction.heatmaps:
            strength = st.slider("Opacity of the heatmap", 0.0, 1.0, 1.0)
            st.write(words["heatmap"])
        st.image(
            Image.blend(answer.picture, answer.heatmap, strength),
            width="stretch",
            alt="The film under its heatmap",
        )


def show_batch() -> None:
    """Draw a table of many films, and a button that saves it."""
    uploads = st.file_uploader("Many files, or ZIPs of them", accept_multiple_files=True)
    if not uploads:
        return
    with st.spinner("Classifying"):
        rows = list(batch.classify_files(classifier, uploads))
    reports = [row.prediction and demo.report(classifier, row.prediction, point) for row in rows]
    table = [
        {
            "Film": row.thumbnail and page.data_uri(row.thumbnail),
            **demo.table_row(row.name, report, row.error),
        }
        for row, report in zip(rows, reports, strict=True)
    ]
    columns = {
        "Film": st.column_config.ImageColumn(width="small"),
        demo.SHARE: st.column_config.NumberColumn(format="percent"),
    }
    st.dataframe(table, column_config=columns, hide_index=True)
    saved = batch.to_csv(zip(rows, reports, strict=True))
    st.download_button("Download as CSV", saved, "answers.csv", "text/csv")


try:
    classifier, examples = load()
except InputError as error:
    st.error(str(error))
    st.stop()

words, metrics = demo.words(classifier), about.read_metrics(classifier.folder)
points = demo.operating_points(classifier)
st.set_page_config(page_title=words["title"], page_icon="🫁", layout="wide")
st.title(words["title"])
st.write(words["introduction"])
st.warning(f"{words['disclaimer']} Uploads go with your session and are never logged.")
point = st.radio("Operating point", points, format_func=str.capitalize, horizontal=True) if points else None
if point:
    st.write(demo.explain_point(point, metrics))

one, many, model = st.tabs([words["one"], "Batch", "The model"])
with one:
    show_film()
with many:
    show_batch()
with model:
    st.markdown(about.text(metrics, classifier.operating_points))
    for path, caption in about.pictures(classifier.folder):
        st.image(str(path), caption, alt=caption)
