"""A model folder's network as the pages show it, with torch or without it."""

import functools
import threading
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hub.errors import InputError
from hub.explorer.layers import Layer
from hub.files import sha256
from hub.models.folder import DIGEST, WEIGHTS

if TYPE_CHECKING:
    from hub.inference.classifier import Classifier


@dataclass(frozen=True)
class Network:
    """A model folder's network, layers and filters, for the pages.

    `before` and `after` are the first layer's filters before and after training, float32 [filters, channels,
    k, k], None if there are none. What cannot be loaded is None or empty, and `trouble` says why. Two
    functions look at an image, float32 [1, C, H, W] as `normalize` returns it: `feature_maps(pixels, layer)`
    as in `feature_maps.feature_maps`, `effective_field(pixels, layer, row, column)` as in
    `effective_receptive_field`. `normalize` is `Classifier.normalize`.
    """

    layers: list[Layer]
    trouble: str = ""
    before: np.ndarray | None = None
    after: np.ndarray | None = None
    feature_maps: Callable[[np.ndarray, str], tuple[np.ndarray, str]] | None = None
    effective_field: Callable[[np.ndarray, str, int, int], np.ndarray] | None = None
    normalize: Callable[[np.ndarray], np.ndarray] | None = None

    @property
    def maps(self) -> list[Layer]:
        """The layers that give feature maps, with a receptive field."""
        return [layer for layer in self.layers if layer.field and layer.kind != "dense"]


def open_network(classifier: "Classifier") -> Network:
    """Return the network of a classifier's folder, as far as it can be loaded.

    Where torch is installed, torch runs it; elsewhere ONNX Runtime does, from what `prepare` wrote.
    """
    try:
        _check_unchanged(classifier)
        if has_torch():
            from hub.explorer.live import open_live

            network = open_live(classifier)
        else:
            from hub.explorer.prepared import open_prepared

            network = open_prepared(classifier)
    except InputError as error:
        network = Network([], str(error), normalize=classifier.normalize)
    except (ImportError, OSError):  # of a library that is installed in part
        network = Network([], "PyTorch cannot be loaded here; install it anew, or remove it.")
    return Network(**vars(network) | {"trouble": _without_folder(network.trouble, classifier.folder)})


def opened_once(classifier: "Classifier") -> Callable[[], Network]:
    """Return a function that opens the network at its first call.

    Who calls it meanwhile waits for that: many networks would fill the memory.
    """
    opened, lock = functools.cache(lambda: open_network(classifier)), threading.Lock()

    def network() -> Network:
        with lock:
            return opened()

    return network


def has_torch() -> bool:
    """Return whether torch and timm are installed; a Space does without them."""
    return all(find_spec(name) for name in ("torch", "timm"))


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
