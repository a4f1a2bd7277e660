"""The viewer of an image: original, heatmap, or side by side.

static/film.css and static/film.js make it work.
"""

import hashlib

import numpy as np
from markupsafe import Markup

from hub.demo.handlers import Answer
from hub.demo.render import jpeg_uri, palette_uri, render
from hub.demo.words import Words
from hub.inference.heatmap import layer_tint

STOPS = 5  # of the colour bar


def film(
    answer: Answer,
    name: str,
    words: Words,
    warned: bool = False,
    metrics: dict | None = None,
    scripts: bool = True,
) -> Markup:
    """Return an image and its heatmap with what one can do to them.

    For an image that the input check `warned` of, the heatmap is off until it is chosen. `metrics`, those of
    the model folder, hold the measured answer to why colour lies outside the lungs; without them the question
    is left out. Without `scripts`, as in Streamlit, the tools that need them are left out.
    """
    image = jpeg_uri(answer.image)
    coloured = answer.heat is not None
    return render(
        "film.html",
        key=hashlib.sha256(f"{name}{image}".encode()).hexdigest()[:12],
        image=image,
        heat=palette_uri(answer.heat) if coloured else None,
        ratio=round(answer.image.width / answer.image.height, 4),
        name=name,
        nothing=bool(answer.prediction.heatmaps) and not coloured,
        mode="original" if warned else "heatmap",
        warned=warned,
        bar=colour_bar(),
        lungs=lungs(metrics or {}) if coloured else None,
        scripts=scripts,
        words=words,
    )


def colour_bar() -> str:
    """Return the colours of a heatmap from none to full, as a gradient of CSS."""
    colour, opacity = layer_tint(np.linspace(0, 1, STOPS)[:, None])
    stops = [
        f"rgb({red:.0f} {green:.0f} {blue:.0f} / {100 * alpha:.0f}%)"
        for (red, green, blue), (alpha,) in zip(colour, opacity, strict=True)
    ]
    return f"linear-gradient(to right, {', '.join(stops)})"


def lungs(metrics: dict) -> dict | None:
    """Return the number of images, and the shares of evidence and area in lungs.

    The shares are those of images with pneumonia. None if a model folder does not say.
    """
    section = metrics.get("heatmaps")
    try:
        sick = section["PNEUMONIA"]
        inside, area = float(sick["heat_in_lungs"]), float(sick["area_of_lungs"])
        return {"films": int(section["films"]), "inside": inside, "area": area}
    except (KeyError, TypeError, ValueError):
        return None
