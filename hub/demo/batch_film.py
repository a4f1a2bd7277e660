"""One X-ray of a batch, opened: its picture under the heatmap, and its answer."""

import io
import secrets

from markupsafe import Markup
from PIL import Image

from hub.demo import batch_panel
from hub.demo.batch_panel import Reports, View
from hub.demo.render import data_uri, palette_uri, render
from hub.demo.words import Words
from hub.inference.batch import Result
from hub.inference.decision import heatmap_class
from hub.inference.heatmap import layer

SIDE = 512  # pixels of the picture that a batch keeps of each X-ray


def empty() -> Markup:
    """Return the dialog before an X-ray is opened."""
    return render("batch_film.html", row=None, sentence=None)


def film(reports: Reports, view: View, index: int, words: Words) -> Markup:
    """Return the dialog that shows one result of a batch.

    It names those before and after it in the view.
    """
    every = batch_panel.choose(batch_panel.rows(reports, words), view)
    order = [row for row in every if reports[row["index"]][0].picture]
    places = [row["index"] for row in order]
    if index not in places:  # such as one that is no longer kept
        return render("batch_film.html", row=None, sentence=words("batch.expired"), words=words)
    place = places.index(index)
    result, _ = reports[index]
    has_heatmap = bool(result.prediction.heatmaps)
    return render(
        "batch_film.html",
        words=words,
        row=order[place],
        picture=data_uri("jpeg", result.picture),
        has_heatmap=has_heatmap,
        heat=heat_uri(result) if has_heatmap else None,
        place=place + 1,
        total=len(places),
        previous=places[place - 1] if place else None,
        next=places[place + 1] if place + 1 < len(places) else None,
        nonce=secrets.token_hex(4),  # so that the same X-ray, opened again, is an answer too
    )


def index_of(data: object) -> int:
    """Return which result a browser asks for, which may send anything."""
    index = data.get("index") if isinstance(data, dict) else None
    return index if isinstance(index, int) else -1


def heat_uri(result: Result) -> str | None:
    """Return the heatmap as a layer to lay over the picture.

    None where nothing is coloured.
    """
    with Image.open(io.BytesIO(result.picture)) as picture:
        heat = layer(result.prediction, heatmap_class(result.prediction), picture.size)
    return palette_uri(heat) if heat else None
