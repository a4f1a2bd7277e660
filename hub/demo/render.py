"""The templates of both pages, and images as data URIs.

Styles and scripts are in static/.
"""

import base64
import io
from pathlib import Path

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from PIL import Image

from hub import text

STATIC = Path(__file__).parent / "static"
STYLES = [STATIC / f"{part}.css" for part in ("page", "film", "card", "batch", "inside", "model")]
SCRIPTS = [STATIC / f"{part}.js" for part in ("page", "reading", "film", "report", "batch", "inside")]
# Autoescape: file names and class names come from visitors and model folders.
ENVIRONMENT = Environment(
    loader=PackageLoader("hub.demo"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=StrictUndefined,
)
ENVIRONMENT.filters |= text.FORMATS


def render(template: str, **context: object) -> Markup:
    """Return the HTML of a file in templates/.

    The values in the context are escaped unless they are Markup.
    """
    return Markup(ENVIRONMENT.get_template(template).render(context))


def script(name: str) -> str:
    """Return the text of a script in static/."""
    return (STATIC / name).read_text(encoding="utf-8")


def page_script() -> str:
    """Return `SCRIPTS` as one function of JavaScript, each in a scope of its own."""
    scopes = (f"{{\n{path.read_text(encoding='utf-8')}}}" for path in SCRIPTS)
    return "() => {\n" + "\n".join(scopes) + "\n}"


def data_uri(kind: str, encoded: bytes) -> str:
    """Return an encoded image, "jpeg" or "png", so that no file needs to be served."""
    return f"data:image/{kind};base64,{base64.b64encode(encoded).decode()}"


def jpeg_uri(image: Image.Image) -> str:
    """Return the image as a JPEG in a data URI."""
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "JPEG", quality=88)
    return data_uri("jpeg", buffer.getvalue())


def palette_uri(image: Image.Image) -> str:
    """Return the image, its palette and opacity too, as a PNG in a data URI."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return data_uri("png", buffer.getvalue())


def png_uri(pixels: np.ndarray) -> str:
    """Return uint8 [h, w, 1, 3 or 4] as a PNG in a data URI, without loss."""
    return palette_uri(Image.fromarray(pixels.squeeze(2) if pixels.shape[2] == 1 else pixels))
