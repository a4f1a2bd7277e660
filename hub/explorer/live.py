"""A network that torch runs, for the pages."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from hub.errors import InputError
from hub.explorer.effective_receptive_field import effective_receptive_field
from hub.explorer.feature_maps import feature_maps
from hub.explorer.layer_tracing import COUNTING, list_layers
from hub.explorer.network import Network
from hub.models.factory import load_network
from hub.models.filters import first_layer_filters, load_filters

if TYPE_CHECKING:
    from hub.inference.classifier import Classifier


def open_live(classifier: "Classifier") -> Network:
    """Return the network of a classifier's folder, as far as torch can load it."""
    entries = {}
    try:
        model = load_network(classifier.folder)
        entries |= look_into(model, classifier.normalize)
        entries["after"] = first_layer_filters(model, classifier.radiograph).numpy()
        entries["layers"] = list_layers(model)
        entries["before"] = load_filters(classifier.folder)
    except InputError as error:
        entries["trouble"] = str(error)
    return Network(**{"layers": [], "normalize": classifier.normalize} | entries)


def look_into(model: nn.Module, normalize: Callable[[np.ndarray], np.ndarray]) -> dict[str, Callable]:
    """Return the functions of `Network` that look at an image, by name.

    One image at a time goes through `model`, because hooks would also record another visitor's image, and
    none while layers are counted.
    """

    def maps(pixels: np.ndarray, layer: str) -> tuple[np.ndarray, str]:
        with COUNTING:
            return feature_maps(model, torch.from_numpy(pixels), layer)

    def field(pixels: np.ndarray, layer: str, row: int, column: int) -> np.ndarray:
        with COUNTING:
            return effective_receptive_field(model, torch.from_numpy(pixels), layer, row, column)

    return {"feature_maps": maps, "effective_field": field, "normalize": normalize}
