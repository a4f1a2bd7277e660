"""Answer on Inference Endpoints, without torch.

The toolkit of Inference Endpoints loads this file from the root of a model repo, beside the folder `hub/`,
and calls `EndpointHandler` with each request. An image alone gets what the Hub's own service answers,
[{"label", "score"}, …], the most probable class first. With the parameter `operating_point` or `prevalence`
the answer is the report of `hub.inference.decision.report`.
"""

import base64
import binascii
import re
from contextlib import suppress
from pathlib import Path

from PIL import Image

from hub.errors import InputError
from hub.inference.classifier import Classifier
from hub.inference.decision import report

PARAMETERS = ("operating_point", "prevalence", "top_k", "function_to_apply")


class EndpointHandler:
    """The model folder that an endpoint serves."""

    def __init__(self, path: str = ""):
        """Load the model folder at `path`, by default the one that this file lies in."""
        self.classifier = Classifier(path or Path(__file__).parent)

    def __call__(self, data: dict) -> list[dict] | dict:
        """Return the answer to a request.

        `data["inputs"]` is an image: a PIL image, bytes, or text in base64; `data["parameters"]` may hold
        those of PARAMETERS. Raises InputError, whose sentence the toolkit returns with status 400, for an
        image that cannot be read or that the input check refuses, and for a wrong parameter.
        """
        parameters = _parameters(data.get("parameters"))
        prediction = self.classifier(_image(data.get("inputs")))
        if "operating_point" in parameters or "prevalence" in parameters:
            prevalence = parameters.get("prevalence")
            return report(self.classifier, prediction, parameters.get("operating_point"), prevalence)
        if prediction.label is None:
            raise InputError(prediction.verdict.sentence)
        rows = [{"label": name, "score": score} for name, score in prediction.probabilities.items()]
        rows.sort(key=lambda row: -row["score"])
        return rows[: parameters.get("top_k")]


def _image(inputs: object) -> Image.Image | bytes:
    """Return what `Classifier` reads; raise InputError for anything that is no image."""
    if isinstance(inputs, Image.Image):
        return inputs
    if isinstance(inputs, bytes | bytearray):
        return bytes(inputs)
    if not isinstance(inputs, str):
        raise InputError("There is no image in the request; give its bytes, or its base64 text as inputs.")
    if re.match(r"\w+://", inputs):
        raise InputError("An address is not fetched; give the image itself, as bytes or as base64 text.")
    try:
        return base64.b64decode(re.sub(r"^data:[^,]*,", "", inputs), validate=True)
    except (binascii.Error, ValueError):
        raise InputError("The text in inputs is not base64; give the image as bytes or as base64.") from None


def _parameters(given: object) -> dict:
    """Return the parameters of a request without missing ones; raise InputError for a wrong one."""
    given = {} if given is None else given
    if not isinstance(given, dict) or set(given) - set(PARAMETERS):
        raise InputError(f"The parameters are {', '.join(PARAMETERS)}; leave others out.")
    found = {name: value for name, value in given.items() if value is not None}
    if found.get("function_to_apply", "softmax") != "softmax":
        raise InputError("The scores are those of the softmax; leave function_to_apply out.")
    if "top_k" in found and not (type(found["top_k"]) is int and found["top_k"] > 0):
        raise InputError("top_k is a whole number above 0; give one, or leave it out.")
    if isinstance(found.get("prevalence"), str):  # of the address of the request: ?prevalence=0.1
        with suppress(ValueError):  # `report` says what it should be
            found["prevalence"] = float(found["prevalence"])
    return found
