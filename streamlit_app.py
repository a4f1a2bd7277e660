"""The same demo on Streamlit: `streamlit run streamlit_app.py`."""

import tempfile
import threading
import time
import zlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from PIL import Image

from hub.demo import explorer_panels, handlers, model_tab, panels, wording
from hub.demo.render import CSS, jpeg_uri
from hub.errors import InputError
from hub.inference import batch, decision
from hub.inference.classifier import Classifier

if TYPE_CHECKING:
    from hub.explorer.inside import Network


@st.cache_resource(show_spinner="Loading the model")
def load() -> tuple[Classifier, dict[str, bytes]]:
    """Return the model and its examples, as PNG bytes by name: once for all visitors."""
    classifier = handlers.load_model()
    with tempfile.TemporaryDirectory() as folder:
        paths = handlers.write_examples(classifier, Path(folder))
        return classifier, {path.stem: path.read_bytes() for path in paths}


@st.cache_resource(show_spinner=explorer_panels.LOADING)
def open_network() -> "Network":
    """Return the inside of the model, with torch: once for all visitors, when one opens the tab."""
    from hub.explorer import inside

    return inside.open_network(load()[0])


@st.cache_resource
def stopwatch() -> threading.Lock:
    """Return what lets one visitor at a time time networks: two at once would time each other."""
    return threading.Lock()


def choose_point(label: str) -> str | None:
    """Draw the choice of an operating point and what it means; None for a model without any."""
    points = decision.operating_points(classifier)
    if not points:
        return None
    with st.container(gap=None):
        point = st.radio(label, points, format_func=str.capitalize, horizontal=True)
        st.html(panels.explanation(wording.explain_point(point, metrics)))
    return point


def choose_film() -> bytes | None:
    """Draw the ways to give a film; return the film."""
    give, pick = st.columns(2)
    upload = give.file_uploader(words["image"])
    if upload:
        return upload.getvalue()
    if not examples:
        return None
    name = pick.selectbox("or a synthetic film of no patient", examples, index=None, placeholder="Pick one")
    return examples.get(name)


def answer_once(source: bytes) -> handlers.Answer:
    """Return the answer to a film; the session keeps it, for Streamlit runs all this at every touch."""
    if st.session_state.get("answer", (None,))[0] != source:
        st.session_state.answer = source, handlers.answer(classifier, source)
    return st.session_state.answer[1]


def show_film() -> np.ndarray | None:
    """Draw one film and its answer; return what the network was given of it."""
    source = choose_film()
    answer_column, film_column = st.columns(2)  # on a phone, the answer first
    with answer_column:
        card = st.container()
        point = choose_point("Operating point")
    if not source:
        st.session_state.pop("answer", None)
        card.html(panels.empty_card())
        return None
    try:
        answer = answer_once(source)
    except InputError as error:
        card.html(panels.refusal(str(error)))
        return None
    card.html(panels.card(decision.report(classifier, answer.prediction, point)))
    with film_column.container(key="film"):
        show_heatmap(answer)
    return answer.pixels


def show_heatmap(answer: handlers.Answer) -> None:
    """Draw a film under its heatmap, and a slider that fades the heatmap."""
    place, strength = st.empty(), 1.0
    if answer.prediction.heatmaps:
        strength = st.slider("Opacity of the heatmap", 0.0, 1.0, 1.0)
        st.html(panels.explanation(words["heatmap"]))
    picture = Image.blend(answer.image, answer.overlay, strength)
    place.image(picture, width="stretch", alt="The film under its heatmap")


def classify(uploads: list) -> list[batch.Result]:
    """Return a result per picture, under a bar that fills file by file.

    Streamlit runs this script anew at every touch of the page, also while it is in here. The session keeps
    what is done, and it goes on with the file where it was, from the beginning of that.
    """
    files = [upload.file_id for upload in uploads]
    known, rows, complete = st.session_state.get("batch", ([], [], False))
    if known != files:
        rows, complete = [], False
    if not complete:
        first = rows[-1].file if rows else 0
        rows = [row for row in rows if row.file < first]  # a list of its own: the run before may still add
        before, start = len(rows), time.perf_counter()
        st.session_state.batch = files, rows, False
        bar = st.progress(0.0, "Classifying")
        for row in batch.classify_files(classifier, uploads[first:]):
            rows.append(replace(row, file=first + row.file))
            number, speed = rows[-1].file + 1, batch.rate(len(rows) - before, start)
            counts = f"File {number} of {len(files)}; pictures classified: {len(rows)}, {speed}"
            bar.progress(number / len(files), counts)
        st.session_state.batch = files, rows, True
        bar.empty()
    return rows


def show_batch() -> None:
    """Draw a table of many films, and a button that saves it."""
    uploads = st.file_uploader("Many files, or ZIPs of them", accept_multiple_files=True)
    point = choose_point("Operating point of this table")
    if not uploads:
        st.session_state.pop("batch", None)
        st.html(panels.empty_card("The answers appear here"))
        return
    rows = handlers.with_reports(classifier, classify(uploads), point)
    table = [
        {
            "Film": row.thumbnail and jpeg_uri(row.thumbnail),
            **dict(zip(wording.COLUMNS, wording.table_row(row.name, report, row.error), strict=True)),
        }
        for row, report in rows
    ]
    columns = {
        "Film": st.column_config.ImageColumn(width="small"),
        wording.COLUMNS[2]: st.column_config.NumberColumn(format="percent"),
    }
    st.dataframe(table, column_config=columns, hide_index=True)
    st.download_button("Download as CSV", batch.to_csv(rows), "answers.csv", "text/csv")


def show_inside(pixels: np.ndarray | None) -> None:
    """Draw what happens inside the network for a film, else for the first example."""
    if pixels is None and examples:
        pixels = classifier.read(next(iter(examples.values())))
    network = open_network()
    panel = st.pills(
        "Panel", explorer_panels.PANELS, default="Filters", required=True, label_visibility="collapsed",
        key="panel", persist_state="session",
    )  # fmt: skip
    st.html(explorer_panels.explanation(panel))
    match panel:
        case "Filters":
            st.html(explorer_panels.filters(network))
        case "Feature maps":
            show_feature_maps(network, pixels)
        case "Padding and stride":
            show_slide()
        case "Receptive field":
            show_field(network, pixels)
        case "Parameters":
            show_cost()
        case "Architectures":
            show_architectures()


def choose_layer(network: "Network", panel: str, usual: str | None) -> str | None:
    """Draw the choice of a layer with maps; None for a network without any."""
    labels = {name: label for label, name in explorer_panels.layer_choices(network)}
    if not labels:
        return None
    names = list(labels)
    return st.selectbox(
        "Layer", names, names.index(usual), format_func=labels.get,
        key=f"layer of {panel}", persist_state="session",
    )  # fmt: skip


def show_feature_maps(network: "Network", pixels: np.ndarray | None) -> None:
    """Draw the strongest channels of a layer, and one of them large."""
    names = [name for _, name in explorer_panels.layer_choices(network)]
    layer = choose_layer(network, "maps", names[0] if names else None)
    if sentence := explorer_panels.problem(network, pixels, layer):
        st.html(explorer_panels.notice(sentence))
        return
    many, one = st.columns(2, gap="medium")
    with many.container(key="channels"):
        introduction = st.container()
        pictures = explorer_panels.thumbnails(network, pixels, layer)
        channel = st.pills(
            "Channels", list(pictures), default=next(iter(pictures)), required=True,
            format_func=lambda channel: f"![]({pictures[channel]}) {channel}", label_visibility="collapsed",
            key=f"channel of {layer} for {zlib.crc32(pixels)}", persist_state="session",
        )  # fmt: skip
    with one:
        picture = st.container()
        opacity = st.slider(
            "Opacity of the channel", 0.0, 1.0, 1.0, key="channel opacity", persist_state="session"
        )
    sentence, large = explorer_panels.feature_maps(
        network, pixels, layer, channel, buttons=False, opacity=opacity
    )
    introduction.html(sentence)
    picture.html(large)


def show_slide() -> None:
    """Draw a kernel that slides, and its output size."""
    with st.container(key="slide"):
        size, kernel = number("Pixels, N"), number("Kernel, F")
        padding = st.radio(
            "Padding", explorer_panels.PADDINGS, 2, horizontal=True, key="padding", persist_state="session"
        )
        pixels = number("Padding, P", disabled=padding != "number")
        stride, dilation = number("Stride, S"), number("Dilation")
    padding = pixels if padding == "number" else padding
    st.html(explorer_panels.slide(size, kernel, padding, stride, dilation))


def show_field(network: "Network", pixels: np.ndarray | None) -> None:
    """Draw the cells of a layer over the film, and the pixels that one of them sees."""
    layer = choose_layer(network, "cells", explorer_panels.usual_layer(network))
    if sentence := explorer_panels.problem(network, pixels, layer):
        st.html(explorer_panels.notice(sentence))
    else:
        heat = explorer_panels.evidence(classifier, pixels)
        cells, seen = st.columns(2, gap="medium")
        with cells.container(key="cells"):
            grid = st.container()
            rows, columns = explorer_panels.cell_choices(network, layer)
            st.html(f"<style>.st-key-cells {{ --columns: {len(columns)} }}</style>")
            cell = st.pills(
                "Cells", [(row, column) for row in rows for column in columns],
                default=[explorer_panels.usual_cell(network, layer, heat)], required=True,
                format_func="Row {0[0]}, column {0[1]}".format, label_visibility="collapsed",
                key=f"cell of {layer} for {zlib.crc32(pixels)}", persist_state="session",
            )  # fmt: skip
        grid.html(explorer_panels.field_grid(network, pixels, layer, heat, cell, buttons=False)[0])
        seen.html(explorer_panels.seen(network, pixels, layer, *cell))
    if table := explorer_panels.layer_table(network):
        st.html(table)


def show_cost() -> None:
    """Draw what a convolution costs."""
    with st.container(key="cost"):
        channels, filters = number("Channels in"), number("Filters")
        kernel, size = number("Filter size"), number("Picture, pixels a side")
        stride = number("Stride")
    st.html(explorer_panels.cost(channels, filters, kernel, size, stride))
    st.html(explorer_panels.stacks(channels, size))


def number(label: str, disabled: bool = False) -> int:
    """Draw a slider of whole numbers."""
    low, high, usual = explorer_panels.SLIDERS[label]
    return st.slider(label, low, high, usual, key=label, persist_state="session", disabled=disabled)


def show_architectures() -> None:
    """Draw the table of networks, and count and time them when asked."""
    from hub.explorer import inside

    wanted, place = st.button("Count and time them here"), st.empty()
    papers = inside.papers()
    if wanted:
        # The session keeps what is done, should the visitor leave.
        found = st.session_state.architectures = []
        place.html(explorer_panels.architectures(papers, running=True))
        with stopwatch():
            for row in inside.architectures():
                found.append(row)
                place.html(explorer_panels.architectures(papers, found, running=True))
    place.html(explorer_panels.architectures(papers, st.session_state.get("architectures", [])))


def show_model() -> None:
    """Write how good the model is."""
    st.markdown(model_tab.markdown(metrics, classifier.operating_points))
    for path, caption in model_tab.plots(classifier.folder):
        st.image(str(path), caption, alt=caption)


try:
    classifier, examples = load()
except InputError as error:
    st.error(str(error))
    st.stop()

words, metrics = wording.words(classifier), model_tab.read_metrics(classifier.folder)
st.set_page_config(page_title=words["title"], page_icon="🫁", layout="wide")
st.html(CSS)
st.html(panels.header(words, "Uploads go with your session and are never logged."))

tabs = [words["first_tab"], "Batch", "Inside the network", "The model"]
one, many, inside_tab, model = st.tabs(tabs, on_change="rerun", key="tab")
with one:
    film_pixels = show_film()
if inside_tab.open:
    with inside_tab:  # before the batch, which may take long
        show_inside(film_pixels)
with many:
    show_batch()
with model:
    show_model()
