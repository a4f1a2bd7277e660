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
from hub.prevalence import EVEN, check_prevalence

OTHER = "Say which of its classes the model finds a picture most like."


class Report(JsonData):
    """The answer of the API: JSON over HTTP, and text for MCP clients."""

    def __str__(self) -> str:
        return json.dumps(self.root)


def add_endpoint(classifier: Classifier) -> None:
    """Add /classify to the API and to the MCP tools.

    Clients read its docstring, or one sentence if the model does not read X-rays.
    """
    points = decision.operating_points(classifier)
    OperatingPoint = Literal[tuple(points)] if points else str
    description = None if classifier.radiograph else OTHER

    def classify(
        image: FileData,
        operating_point: OperatingPoint = points[0] if points else None,
        prevalence: float = EVEN,
    ) -> dict:
        """Say whether a child's chest X-ray shows signs of pneumonia.

        Research only, not a diagnosis.

        Args:
            image: the picture, an X-ray from the front: DICOM or any usual image format
            operating_point: "balanced", or "screening", which misses less and raises more false alarms
            prevalence: share of children with pneumonia among those X-rayed where the picture was taken,
                between 0 and 1; it moves the probability, not the finding

        Returns:
            label, the class; finding, "signs of pneumonia", "no sign of pneumonia", "uncertain", or in
            screening "flagged for a second look"; probability of pneumonia at this prevalence and its 95 %
            interval, [low, high] or null; prevalence; likelihood_ratio, how many times more often children
            with pneumonia have such an X-ray than children without, the same at any prevalence;
            probabilities of each class; operating_point, its threshold as a probability at this prevalence
            and its threshold_likelihood_ratio; verdict of the input check: status "fine", "warned" (do not
            rely on the answer), "refused" (there is none) or "unchecked", reason and sentence
        """
        if image is None:
            raise InputError("There is no picture; give one.")
        check_prevalence(prevalence, len(classifier.classes))  # before the network runs
        prediction = classifier(upload_path(image))
        return Report(decision.report(classifier, prediction, operating_point, prevalence))

    gr.api(classify, api_name="classify", api_description=description, queue=False)
