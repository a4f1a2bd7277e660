"""The endpoint /classify of the Gradio app.

Its clients are Python, JavaScript, curl and MCP.
"""

import json
from typing import Literal

import gradio as gr
from gradio.data_classes import FileData, JsonData

from hub.demo.gradio_errors import upload_path
from hub.errors import InputError
from hub.inference import decision
from hub.inference.classifier import Classifier


class Report(JsonData):
    """The answer of the API: JSON over HTTP, and text for MCP clients."""

    def __str__(self) -> str:
        return json.dumps(self.root)


def add_endpoint(classifier: Classifier, description: str | None) -> None:
    """Add /classify to the API and to the MCP tools.

    Without a `description`, clients read the endpoint's docstring.
    """
    points = decision.operating_points(classifier)
    OperatingPoint = Literal[tuple(points)] if points else str

    def classify(image: FileData, operating_point: OperatingPoint = points[0] if points else None) -> dict:
        """Say whether a child's chest X-ray shows signs of pneumonia.

        Research only, not a diagnosis.

        Args:
            image: the picture, an X-ray from the front: DICOM or any usual image format
            operating_point: "balanced", or "screening", which misses less and raises more false alarms

        Returns:
            label, the class; finding, "signs of pneumonia", "no sign of pneumonia" or "uncertain";
            probability of pneumonia, calibrated; probabilities of each class; operating_point and its
            threshold; verdict of the input check: status "fine", "warned", "refused" (then there is no
            answer) or "unchecked", reason and sentence
        """
        if image is None:
            raise InputError("There is no picture; give one.")
        prediction = classifier(upload_path(image))
        return Report(decision.report(classifier, prediction, operating_point))

    gr.api(classify, api_name="classify", api_description=description, queue=False)
