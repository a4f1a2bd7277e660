"""Out-of-distribution detection: whether the model can judge an image.

It uses the mean and standard deviation of the network's channels, from the same forward pass as the answer. A
linear layer classifies them as those of a good radiograph, a perturbed one or another image. A Gaussian per
kind, with the Mahalanobis distance to it (Lee et al. 2018, arXiv 1807.03888), catches images unlike all that
the linear layer was fitted to. `training/input_check_fit.py` fits both; a model folder has them in
`scope.safetensors`. Blank and coloured images are known by their pixels.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from hub.errors import InputError
from hub.imaging.views import OBLIQUE
from hub.models.folder import INPUT_CHECK

BLANK = 3.0  # grey levels: the standard deviation below which an image is blank
# A pixel is coloured if its highest channel is so many grey levels above its lowest, an image if more than
# this share of its pixels is. At the size of the network's input, all 5,216 training and 200 adults' images
# have a share of 0, with the tint of a scanner that takes 7 % off blue too, and at most 0.003 with noise of
# 20 levels in each channel, saved as JPEG. A marker that covers 1 % has 0.012. Colour maps have 0.48 and more
# (bone and cividis are the palest), class activation maps at an opacity of 0.2 have 0.14 and more (viridis is
# the palest), and the overlays of `heatmap.overlay` have 0.05 and more where pneumonia is likely.
COLOUR, COLOURED_SHARE = 24, 0.02
FINE, UNLIKE, FOREIGN = "fine", "unlike the training films", "not a chest radiograph"


@dataclass(frozen=True)
class Verdict:
    """The result of the input check for one image.

    `status` is "fine", "warned" (there is an answer and a warning), "refused" (there is no answer) or
    "unchecked" (the model folder has no check). If warned or refused, `reason` is a key of SENTENCES and
    `sentence` says what is wrong and what to do; otherwise both are empty.
    """

    status: str
    reason: str = ""
    sentence: str = ""


UNCHECKED = Verdict("unchecked")
SENTENCES = {
    "blank": "This picture is blank; give a chest radiograph.",
    FOREIGN: "This does not look like a frontal chest radiograph, so there is no answer; give one.",
    "coloured": "This radiograph was coloured, by a heatmap, a colour map or a tint; give the original grey "
    "one.",
    UNLIKE: "This radiograph is unlike those the model was trained on (is the patient an adult, or the view "
    "lateral?); do not rely on the answer.",
    OBLIQUE: "This radiograph is taken at an angle by its header; give one from the front, or do not rely on "
    "the answer.",
    "inverted": "This radiograph seems to be inverted, bone dark and air bright; invert it and try again.",
    "turned": "This radiograph seems to lie on its side or to stand on its head; turn it upright and try "
    "again.",
    "blurred": "This radiograph is too blurred to rely on the answer; give a sharper copy.",
    "under-exposed": "This radiograph is too dark to rely on the answer; give a brighter copy.",
    "over-exposed": "This radiograph is too bright to rely on the answer; give a darker copy.",
    "cut off": "Part of the chest seems to be cut off; give the whole radiograph.",
}
REFUSED = ("blank", FOREIGN)
TENSORS = ("weight", "bias", "channels", "centres", "precisions", "margin", "familiar", "limits")


def load(folder: Path, network: str | None = None, channels: int | None = None) -> dict | None:
    """Return the input check of a model folder, None if it has none.

    It is a dict of tensors by name, and `kinds`. Raises InputError for a damaged file, and for one fitted for
    other weights than those with the SHA-256 `network`, or to statistics of other than so many `channels`.
    """
    path = folder / INPUT_CHECK
    if not os.path.lexists(path):
        return None
    try:
        if not path.is_file():  # a link that leads nowhere, or a pipe that never ends
            raise ValueError
        with safe_open(path, "numpy") as file:
            kinds, fitted_for = json.loads(file.metadata()["kinds"]), file.metadata()["network"]
            shapes = {name: file.get_slice(name).get_shape() for name in TENSORS}
            fits = _are_kinds(kinds) and shapes == _shapes(shapes, len(kinds), channels)
            # Only now: a file may say that it holds more than there is memory.
            check = {name: file.get_tensor(name) for name in TENSORS} if fits else {}
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, IndexError, RecursionError):
        check = {}
    if not check or not _are_usable(check):
        raise InputError(f"{path} is damaged; get it again.")
    if network not in (None, fitted_for):
        raise InputError(f"{path} was made for another network; python -m hub scope makes it anew.")
    return check | {"kinds": kinds}


def _are_kinds(kinds: object) -> bool:
    """Return whether kinds go from FINE to FOREIGN, and each has a sentence."""
    is_list = isinstance(kinds, list) and all(kind == FINE or kind in SENTENCES for kind in kinds)
    return is_list and len(kinds) > 1 and (kinds[0], kinds[-1]) == (FINE, FOREIGN)


def _shapes(found: dict[str, list[int]], kinds: int, channels: int | None) -> dict[str, list[int]]:
    """Return the shapes that tensors have to have, for so many kinds and channels.

    Without `channels`, and for the features of a Gaussian, the numbers are those `found`.
    """
    features, gaussians = found["centres"][1], kinds - 1  # FOREIGN has no Gaussian
    return {
        "weight": [kinds, found["weight"][1] if channels is None else 2 * channels],
        "bias": [kinds],
        "channels": [2],
        "centres": [gaussians, features],
        "precisions": [gaussians, features, features],
        "margin": [1],
        "familiar": [1],
        "limits": [gaussians],
    }


def _are_usable(check: dict) -> bool:
    """Return whether tensors are numbers, and channels those of the Gaussians."""
    if not all(tensor.dtype.kind in "fi" and np.isfinite(tensor).all() for tensor in check.values()):
        return False
    start, stop = check["channels"]
    in_range = 0 <= start < stop <= check["weight"].shape[1] // 2
    return bool(in_range and 2 * (stop - start) == check["centres"].shape[1] and check["limits"].min() > 0)


def judge(check: dict, pixels: np.ndarray, statistics: np.ndarray) -> list[Verdict]:
    """Return a verdict for each image, uint8 [N, size, size, channels].

    `statistics` is the ONNX output of that name for the same images, float32 [N, channels, 2]. What refuses
    an image comes first, then its colours, which no network of one channel sees, then the other warnings.
    """
    channels = np.ascontiguousarray(np.moveaxis(pixels, 3, 0))  # NumPy is slow along short axes
    greys = sum(channels.astype(np.float32)) / len(channels)
    blank = greys.std((1, 2)) < BLANK
    coloured = (channels.max(0) - channels.min(0) >= COLOUR).mean((1, 2)) > COLOURED_SHARE
    return [
        verdict("blank" if is_blank else "coloured" if is_coloured and reason != FOREIGN else reason)
        for is_blank, is_coloured, reason in zip(blank, coloured, reasons(check, statistics), strict=True)
    ]


def with_view(found: Verdict, view: str | None) -> Verdict:
    """Return the verdict on an image whose header says that it is of a `view`.

    An oblique view is a warning that goes before any other, but a refusal stays.
    """
    return verdict(OBLIQUE) if view == OBLIQUE and found.status != "refused" else found


def reasons(check: dict, statistics: np.ndarray) -> list[str]:
    """Return the reason against each image, or FINE.

    `statistics` are float32 [N, channels, 2].
    """
    kinds, scores = np.array(check["kinds"]), linear_scores(check, statistics)
    fine = np.zeros(len(scores), int)  # index of the kind FINE
    unlike = check["kinds"].index(UNLIKE) if UNLIKE in kinds else 0
    away = distances(check, statistics, fine)
    by_scores = scores[:, 1:].max(1) - scores[:, 0] > check["margin"]
    by_distance = ~(away <= check["familiar"])  # NaN too
    kind = np.where(by_scores, scores[:, 1:].argmax(1) + 1, np.where(by_distance, unlike, fine))
    # An image far from every kind of radiograph is foreign, whatever its scores.
    limits = np.append(check["limits"], 1)  # FOREIGN has no Gaussian, and an infinite distance
    nearest = np.minimum(distances(check, statistics, kind) / limits[kind], away / limits[0])
    names = np.where(kind == 0, UNLIKE, kinds[kind])
    return np.where(by_scores | by_distance, np.where(nearest <= 1, names, FOREIGN), FINE).tolist()


def linear_scores(check: dict, statistics: np.ndarray) -> np.ndarray:
    """Return the linear layer's score of each kind, float32 [N, kinds]."""
    return statistics.reshape(len(statistics), -1) @ check["weight"].T + check["bias"]


def distances(check: dict, statistics: np.ndarray, kind: np.ndarray) -> np.ndarray:
    """Return the Mahalanobis distance of each image to the Gaussian of a kind.

    The distances are float32 [N]. `kind`, int [N], is the index of the kind; FOREIGN has no Gaussian, and its
    distance is infinite.
    """
    start, stop = check["channels"]
    features = statistics[:, start:stop].reshape(len(statistics), -1)
    squares = np.full(len(kind), np.inf, np.float32)
    # One matrix product per kind: gathering a matrix per image would be most of the cost of the check.
    for index in np.unique(kind[kind < len(check["centres"])]):
        rows = kind == index
        offsets = features[rows] - check["centres"][index]
        squares[rows] = (offsets @ check["precisions"][index] * offsets).sum(1)
    return np.sqrt(np.maximum(squares, 0))


def verdict(reason: str) -> Verdict:
    """Return the verdict for a reason, a key of SENTENCES or FINE."""
    if reason == FINE:
        return Verdict("fine")
    return Verdict("refused" if reason in REFUSED else "warned", reason, SENTENCES[reason])
