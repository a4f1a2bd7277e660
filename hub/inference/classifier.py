"""A picture in, an answer out: what the apps, the command line and Python users call."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from onnxruntime import InferenceSession, SessionOptions
from onnxruntime.capi import onnxruntime_pybind11_state as refusals
from PIL import Image

from hub.batching import batches
from hub.errors import InputError
from hub.imaging.read import Source, read_film, squash
from hub.inference import input_check
from hub.inference.input_check import UNCHECKED, Verdict
from hub.models.folder import (
    BUNDLED,
    DIGEST,
    FILTERS,
    INPUT_CHECK,
    METRICS,
    NETWORKS,
    WEIGHTS,
    read_config,
    read_metrics,
)
from hub.system import usable_cores

# All that serving reads of a model folder beside one of NETWORKS, and the charts that the pages show. Their
# tab "Inside the network" reads the last two: torch's weights, since ONNX Runtime hands out no activations
# between layers, and the filters as they were before training.
FILES = ["config.json", INPUT_CHECK, METRICS, "*.png", "*.jpg", WEIGHTS, FILTERS]
MOST_CHANGED = 2  # of the answers to the test split by 8 bits, where these are the usual ones
# Pixels of a JPEG at reduced scale for each that the network is given, on each side: by 2, a film now and
# then moves its probability by more than 0.01.
SAMPLES = 3
# Pictures that go through the network at a time: more are no faster, and take much more memory.
CHUNK_SIZE = 8
SPIN_MICROSECONDS = "20"


@dataclass(frozen=True)
class Prediction:
    """What the model says of one picture.

    `label` is the most probable class, `probabilities` a calibrated one per class,
    `heatmaps` a class activation map per class, float32 [h, w] (7 x 7 for MobileNetV2 at 224 px) in
    logits: the mean over positions plus the classifier's bias is that class's logit. Empty for a
    network that does not end in average pooling and one linear layer. `verdict` is that of the input
    check; where it refuses the picture, `label` is None and the dictionaries are empty.
    """

    label: str | None
    probabilities: dict[str, float]
    heatmaps: dict[str, np.ndarray] = field(repr=False)
    verdict: Verdict = UNCHECKED

    @property
    def heatmap(self) -> np.ndarray | None:
        """The class activation map of the predicted label, float32 [h, w]."""
        return self.heatmaps.get(self.label)

    @property
    def warnings(self) -> list[str]:
        """The verdict's sentence, if it has one."""
        return [self.verdict.sentence] if self.verdict.sentence else []


class Classifier:
    """A model folder, loaded.

    >>> classifier = Classifier.from_pretrained()
    >>> prediction = classifier("film.jpeg")
    >>> prediction.label, prediction.probabilities["PNEUMONIA"]
    """

    def __init__(self, folder: str | Path, check: bool | dict = True, precision: str | None = None):
        """Load a local model folder, its input check too if it has one.

        `precision` is "fp32" or "int8"; without it that of `usual_precision`. `check`: whether the folder's
        input check is used, or one in its place, as `input_check.load` returns it. That of the folder, fitted
        in 32 bits, is left out of 8 where `hub evaluate --save` found that they change its verdicts: these
        are then "unchecked".
        Raises InputError: not a model folder, or none of this precision.
        """
        config = read_config(Path(folder))
        if "label_names" not in config:
            raise InputError(f"{folder} has no label_names in its config.json; add the classes in order.")
        self.precision = precision or usual_precision(Path(folder))
        file = Path(folder) / _network(self.precision)
        if not file.is_file():
            advice = "python -m hub export makes it in a folder of train.py"
            if self.precision == "int8":
                advice = 'it is left out where 8 bits lose too much; give precision="fp32"'
            raise InputError(f"{folder} has no {_network(self.precision)}; {advice}.")
        self.session = _open_session(file)
        self.folder = Path(folder)
        # The heatmap comes only from networks that have one; more outputs than these are not for predictions.
        self.available = [output.name for output in self.session.get_outputs()]
        self.outputs = [name for name in ("logits", "heatmap") if name in self.available]
        self.check = self._load_check() if check is True else check or None
        data = config["pretrained_cfg"]
        self.channels, self.size = data["input_size"][0], data["input_size"][-1]
        self.mean, self.std = (np.float32(data[key]) for key in ("mean", "std"))
        self.classes: list[str] = config["label_names"]
        self.radiograph: bool = config.get("radiograph", False)
        self.operating_points: dict[str, float] = config.get("operating_points", {})

    def _load_check(self) -> dict | None:
        """Return the folder's input check, None where it has none or none that holds in this precision."""
        holds = self.precision == "fp32" or _test_changes(self.folder).get("verdicts", 0) <= MOST_CHANGED
        if not holds or "statistics" not in self.available:
            return None
        network = self.session.get_modelmeta().custom_metadata_map.get(DIGEST)
        return input_check.load(self.folder, network)

    @classmethod
    def from_pretrained(
        cls,
        folder_or_hub_id: str | Path = BUNDLED,
        revision: str | None = None,
        token: str | None = None,
        cache_dir: str | Path | None = None,
        local_files_only: bool = False,
        precision: str | None = None,
    ) -> "Classifier":
        """Load a local folder or a Hub model id; without arguments the bundled pneumonia model.

        `precision` is that of the constructor; of the Hub's networks only the one that is needed is fetched.
        Raises InputError: no such folder or model, no network, not a model folder, or none of this precision.
        """
        if Path(folder_or_hub_id).is_dir():
            return cls(folder_or_hub_id, precision=precision)
        if precision:
            _network(precision)  # refused before anything is fetched
        fetch = partial(
            snapshot_download,
            str(folder_or_hub_id),
            token=token,
            cache_dir=cache_dir,
            local_files_only=local_files_only,
        )
        try:
            folder = Path(fetch(revision=revision, allow_patterns=FILES))
            file = _network(precision or usual_precision(folder))
            fetch(revision=folder.name, allow_patterns=file)  # of the same commit
        except LocalEntryNotFoundError:
            raise InputError(
                f"{folder_or_hub_id} is neither a folder nor in the cache, and the Hub cannot be reached; "
                "give a local model folder, or check the network."
            ) from None
        except (HFValidationError, HfHubHTTPError):
            raise InputError(
                f"There is no model {folder_or_hub_id}, neither as a folder nor on the Hub; "
                "check the name, or log in if it is private."
            ) from None
        return cls(folder, precision=precision)

    def __call__(self, pictures: Source | Sequence[Source]) -> Prediction | list[Prediction]:
        """Return a prediction for a picture (path, bytes, PIL image or array), or a list for a list.

        Raises InputError for a picture that cannot be read.
        """
        if isinstance(pictures, list | tuple):
            return self.predict([self.read(picture) for picture in pictures]) if pictures else []
        return self.predict([self.read(pictures)])[0]

    def open(self, picture: Source, side: int = 0) -> Image.Image:
        """Return the picture as `read_image` does; of a radiograph without the borders of a letterbox.

        A large JPEG is decoded at reduced scale, to `side` pixels or more, and no fewer than `read` needs.
        Raises InputError for a picture that cannot be read.
        """
        return read_film(picture, max(side, SAMPLES * self.size), self.radiograph, crop=self.radiograph)

    def read(self, picture: Source) -> np.ndarray:
        """Return the picture as the network sees it before normalisation, uint8 [size, size, channels].

        Raises InputError for a picture that cannot be read.
        """
        return self.squash(self.open(picture))

    def squash(self, film: Image.Image) -> np.ndarray:
        """Return what `open` gave as the network sees it before normalisation, uint8 as of `read`."""
        return squash(film, self.size, self.channels)

    def run(self, pictures: np.ndarray, outputs: list[str]) -> list[np.ndarray]:
        """Return the network's outputs of these names for pictures uint8 [N, size, size, channels]."""
        chunks = [
            self.session.run(outputs, {"pixel_values": self.normalize(np.stack(chunk))})
            for chunk in batches(pictures, CHUNK_SIZE)
        ]
        return [np.concatenate(parts) for parts in zip(*chunks, strict=True)]

    def normalize(self, pictures: np.ndarray) -> np.ndarray:
        """Return what the network takes, float32 [N, C, size, size], for uint8 [N, size, size, C]."""
        count, height, width, channels = pictures.shape
        pixels = np.empty((count, channels, height, width), np.float32)
        np.divide(pictures.transpose(0, 3, 1, 2), np.float32(255), out=pixels)
        pixels -= self.mean[:, None, None]
        pixels /= self.std[:, None, None]
        return pixels

    def predict(self, pictures: Sequence[np.ndarray], always: bool = False) -> list[Prediction]:
        """Return one prediction for each uint8 [size, size, channels] that `read` gave.

        With `always` there is an answer also to what the input check refuses: for measuring, not for people.
        """
        pixels = np.stack(pictures)
        outputs = [*self.outputs, "statistics"] if self.check else self.outputs
        found = dict(zip(outputs, self.run(pixels, outputs), strict=True))
        logits, maps = found["logits"], found.get("heatmap")
        probabilities = np.exp(logits - np.logaddexp.reduce(logits, 1, keepdims=True))
        verdicts = (
            input_check.judge(self.check, pixels, found["statistics"])
            if self.check
            else [UNCHECKED] * len(pixels)
        )
        return [
            Prediction(None, {}, {}, verdict)
            if verdict.status == "refused" and not always
            else Prediction(
                label=self.classes[int(np.argmax(row))],
                probabilities=dict(zip(self.classes, row.tolist(), strict=True)),
                heatmaps={} if maps is None else dict(zip(self.classes, maps[index], strict=True)),
                verdict=verdict,
            )
            for index, (row, verdict) in enumerate(zip(probabilities, verdicts, strict=True))
        ]


def usual_precision(folder: Path) -> str:
    """Return "int8" where `hub evaluate --save` found that it hardly changes an answer, else "fp32".

    On the test split it may change `MOST_CHANGED` labels, and as many verdicts of the input check.
    """
    changed = _test_changes(folder)
    return "int8" if changed and max(changed.values()) <= MOST_CHANGED else "fp32"


def _test_changes(folder: Path) -> dict[str, int]:
    """Return how many `labels` and `verdicts` of the test split 8 bits change; {} where nobody counted."""
    try:
        section = read_metrics(folder)["onnx"]
        return {what: int(section[f"test_{what}_changed"]) for what in ("labels", "verdicts")}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _network(precision: str) -> str:
    """Return the file of a precision; InputError for one that there is not."""
    if precision not in NETWORKS:
        raise InputError(f"There is no precision {precision}; give {' or '.join(NETWORKS)}.")
    return NETWORKS[precision]


def _open_session(file: Path) -> InferenceSession:
    """Load a network into ONNX Runtime; InputError where the file is damaged."""
    settings = SessionOptions()
    # ONNX Runtime looks at the machine, not at what of it this process may use.
    settings.intra_op_num_threads = usable_cores()
    settings.inter_op_num_threads = 1
    # Threads that spin wait for the next layer without being woken; as long as usual they would slow down the
    # decoding of the next picture, and every neighbour.
    settings.add_session_config_entry("session.intra_op.spin_duration_us", SPIN_MICROSECONDS)
    try:
        return InferenceSession(file, settings)
    except (
        refusals.Fail,
        refusals.InvalidArgument,
        refusals.InvalidGraph,
        refusals.InvalidProtobuf,
        refusals.RuntimeException,
    ):
        raise InputError(f"{file} is damaged; get it again.") from None
