"""Classify chest radiographs: NORMAL or PNEUMONIA.

>>> from hub import Classifier
>>> prediction = Classifier.from_pretrained()("radiograph.png")
>>> prediction.label, prediction.probabilities  # None and {} where the input check refuses the image
"""

import os
from typing import TYPE_CHECKING

from hub.errors import InputError

if TYPE_CHECKING:
    from hub.inference.classifier import Classifier

__all__ = ["Classifier", "InputError"]

# ONNX Runtime, which reads this at its import, would tell Microsoft of each model and of what goes wrong.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


def __getattr__(name: str) -> object:
    """Import `Classifier` at its first use.

    ONNX Runtime takes longer to load than a command's --help.
    """
    if name == "Classifier":
        from hub.inference.classifier import Classifier

        return Classifier
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
