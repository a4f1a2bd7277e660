"""The same demo on Streamlit: `streamlit run streamlit_app.py`."""

import tempfile
from pathlib import Path

import streamlit as st

from hub import demo
from hub.classifier import Classifier
from hub.errors import InputError


@st.cache_resource(show_spinner="Loading the model")
def load() -> tuple[Classifier, dict[str, bytes]]:
    """Return the model and its examples, as PNG bytes by name: once for all visitors."""
    classifier = demo.load_model()
    with tempfile.TemporaryDirectory() as folder:
        paths = demo.write_examples(classifier, Path(folder))
        return classifier, {path.stem: path.read_bytes() for path in paths}


try:
    classifier, examples = load()
except InputError as error:
    st.error(str(error))
    st.stop()

words = demo.words(classifier)
st.set_page_config(page_title=words["title"], page_icon="🫁", layout="wide")
st.title(words["title"])
st.write(words["introduction"])
st.warning(f"{words['disclaimer']} Uploads stay in memory, go with your session, and are never logged.")

left, right = st.columns(2)
with left:
    upload = st.file_uploader(words["picture"])
    source = upload.getvalue() if upload else None
    if examples and not upload:
        name = st.selectbox("or a synthetic film of no patient", examples, index=None, placeholder="Pick one")
        source = examples.get(name)
with right:
    if source:
        try:
            answer = demo.answer(classifier, source)
        except InputError as error:
            st.error(str(error))
            st.stop()
        st.subheader(answer.headline)
        for warning in answer.prediction.warnings:
            st.warning(warning)
        for label, probability in answer.prediction.probabilities.items():
            st.progress(probability, f"{label}: probability {probability:.3f}")
        film, heatmap = st.columns(2)
        film.image(answer.picture, caption="The film")
        heatmap.image(answer.heatmap, caption="Where the evidence is")
        if answer.prediction.heatmaps:
            st.caption(words["heatmap"])
