"""Is this a film that the model may judge?

Two questions about the mean and deviation of the network's channels, which one forward pass gives beside
the answer. A linear layer says whether they are those of a good film, of one with a fault, or of no chest
at all. A Gaussian for each of these says whether they are near it (the Mahalanobis distance on features,
Lee et al. 2018, arXiv 1807.03888), for what is like nothing that the linear layer has seen. `scope_fit.py`
makes both; they travel in the model folder as `scope.safetensors`.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from hub.errors import InputError
from hub.models.folder import INPUT_CHECK

BLANK = 3.0  # grey levels: a picture that deviates less from its mean shows nothing
FINE, UNLIKE, FOREIGN = "fine", "unlike the training films", "not a chest radiograph"


@dataclass(frozen=True)
class Verdict:
    """What the input check says of one picture.

    `status` is "fine"; "warned", an answer is given behind a warning; "refused", none is given; or
    "unchecked", the model folder has no check. `reason` is a key of SENTENCES for the second and third, and
    `sentence` says what is wrong and what to do; both are empty otherwise.
    """

    status: str
    reason: str = ""
    sentence: str = ""


UNCHECKED = Verdict("unchecked")
SENTENCES = {
    "blank": "This picture is blank; give a chest radiograph.",
    FOREIGN: "This does not look like a chest radiograph from the front, so there is no answer; give such "
    "a film.",
    UNLIKE: "This film is unlike those the model was trained on (is the patient an adult, or the view "
    "lateral?); do not rely on the answer.",
    "inverted": "This film seems to be inverted, bone dark and air bright; invert it and try again.",
    "turned": "This film seems to lie on its side or to stand on its head; turn it upright and try again.",
    "blurred": "This film is too blurred to rely on the answer; give a sharper copy.",
    "under-exposed": "This film is too dark to rely on the answer; give a brighter copy.",
    "over-exposed": "This film is too bright to rely on the answer; give a darker copy.",
    "cut off": "Part of the chest seems to be cut off; give the whole film.",
}
REFUSED = ("blank", FOREIGN)
TENSORS = ("weight", "bias", "channels", "centres", "precisions", "margin", "familiar", "limits")


def load(folder: Path, network: str | None = None) -> dict | None:
    """Return the check of a model folder as tensors by name, and `kinds`; None where it has none.

    Raises InputError for a damaged file, and for one that was made for another network than that whose
    weights have the SHA-256 `network`.
    """
    path = folder / INPUT_CHECK
    if not path.is_file():
        return None
    try:
        with safe_open(path, "numpy") as file:
            check = {name: file.get_tensor(name) for name in TENSORS}
            check["kinds"], made_for = json.loads(file.metadata()["kinds"]), file.metadata()["network"]
    except (SafetensorError, OSError, KeyError, TypeError, ValueError):
        raise InputError(f"{path} is damaged; get it again.") from None
    if network not in (None, made_for):
        raise InputError(f"{path} was made for another network; python -m hub scope makes it anew.")
    return check


def judge(check: dict, pixels: np.ndarray, statistics: np.ndarray) -> list[Verdict]:
    """Return a verdict for each of the pictures uint8 [N, size, size, channels].

    `statistics` is float32 [N, channels, 2], the ONNX output of that name for the same pictures.
    """
    # Channel by channel: numpy is slow along so short an axis.
    greys = sum(np.moveaxis(pixels, 3, 0).astype(np.float32)) / pixels.shape[3]
    blank = greys.std((1, 2)) < BLANK
    return [
        verdict("blank" if nothing else reason)
        for nothing, reason in zip(blank, reasons(check, statistics), strict=True)
    ]


def reasons(check: dict, statistics: np.ndarray) -> list[str]:
    """Return FINE or what is wrong for each row of statistics float32 [N, channels, 2]."""
    kinds, scores = np.array(check["kinds"]), linear_scores(check, statistics)
    home = np.zeros(len(scores), int)
    unlike = check["kinds"].index(UNLIKE) if UNLIKE in kinds else 0
    away = distances(check, statistics, home)
    by_scores = scores[:, 1:].max(1) - scores[:, 0] > check["margin"]
    by_distance = ~(away <= check["familiar"])  # also where it is no number
    kind = np.where(by_scores, scores[:, 1:].argmax(1) + 1, np.where(by_distance, unlike, home))
    # What lies near nothing that is known to be a chest is none, whatever the scores call it.
    limits = np.append(check["limits"], 1)  # FOREIGN has none, and is infinitely far
    nearest = np.minimum(distances(check, statistics, kind) / limits[kind], away / limits[0])
    names = np.where(kind == 0, UNLIKE, kinds[kind])
    return np.where(by_scores | by_distance, np.where(nearest <= 1, names, FOREIGN), FINE).tolist()


def linear_scores(check: dict, statistics: np.ndarray) -> np.ndarray:
    """Return the linear layer's score of each kind, float32 [N, kinds]."""
    return statistics.reshape(len(statistics), -1) @ check["weight"].T + check["bias"]


def distances(check: dict, statistics: np.ndarray, kind: np.ndarray) -> np.ndarray:
    """Return the Mahalanobis distance of each picture to the Gaussian of a kind, float32 [N].

    `kind` int [N] says which; infinite for FOREIGN, which has none.
    """
    start, stop = check["channels"]
    features = statistics[:, start:stop].reshape(len(statistics), -1)
    squares = np.full(len(kind), np.inf, np.float32)
    # One matrix product per kind: a matrix per picture, gathered, would be most of what the check costs.
    for near in np.unique(kind[kind < len(check["centres"])]):
        mine = kind == near
        offsets = features[mine] - check["centres"][near]
        squares[mine] = (offsets @ check["precisions"][near] * offsets).sum(1)
    return np.sqrt(np.maximum(squares, 0))


def verdict(reason: str) -> Verdict:
    """Return what becomes of a picture for this reason, a key of SENTENCES or FINE."""
    if reason == FINE:
        return Verdict("fine")
    return Verdict("refused" if reason in REFUSED else "warned", reason, SENTENCES[reason])
