"""The network of a model folder, loaded for the pages."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor, nn

from hub.errors import InputError
from hub.explorer.layers import COUNTING, Layer, list_layers
from hub.files import sha256
from hub.models.factory import load_network
from hub.models.filters import first_layer_filters, load_filters
from hub.models.folder import DIGEST, WEIGHTS

if TYPE_CHECKING:
    from hub.inference.classifier import Classifier


@dataclass(frozen=True)
class Network:
    """A model folder's network, layers and filters, for the pages.

    `before` and `after` are the first layer's filters before and after training, None if there are none. What
    cannot be loaded is None or empty, and `trouble` says why. `lock` lets one image at a time through
    `model`, because hooks would also record another visitor's image, and none while layers are counted.
    `normalize` is `Classifier.normalize`.
    """

    model: nn.Module | None
    layers: list[Layer]
    trouble: str
    before: Tensor | None
    after: Tensor | None
    normalize: Callable[[np.ndarray], np.ndarray]
    lock: threading.Lock

    @property
    def maps(self) -> list[Layer]:
        """The layers that give feature maps, with a receptive field."""
        return [layer for layer in self.layers if layer.field and layer.kind != "dense"]


def open_network(classifier: "Classifier") -> Network:
    """Return the network of a classifier's folder, as far as it can be loaded."""
    model, layers, trouble, before, after = None, [], "", None, None
    try:
        _check_unchanged(classifier)
        model = load_network(classifier.folder)
        after = first_layer_filters(model, classifier.radiograph)
        layers = list_layers(model)
        before = load_filters(classifier.folder)
    except InputError as error:
        trouble = _without_folder(str(error), classifier.folder)
    return Network(model, layers, trouble, before, after, classifier.normalize, COUNTING)


def _check_unchanged(classifier: "Classifier") -> None:
    """Raise InputError where the weights are not those that answer, or no longer.

    A folder may be deleted or replaced while the page is served.
    """
    served = classifier.session.get_modelmeta().custom_metadata_map.get(DIGEST)
    weights = classifier.folder / WEIGHTS
    if not weights.is_file():
        raise InputError(f"The model folder has no {WEIGHTS} to look into; get the model again.")
    if served not in (None, sha256(weights)):
        raise InputError(
            f"The {WEIGHTS} in the model folder is not that of the model that answers here; start the page "
            "anew, or get the model again."
        )


def _without_folder(sentence: str, folder: Path) -> str:
    """Return a sentence for visitors, whom the paths of the server do not concern."""
    return sentence.replace(f"{folder}/", "").replace(str(folder), "the model folder")
