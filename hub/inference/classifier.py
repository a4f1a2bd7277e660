"""`Classifier`: from an image to a prediction, without torch."""

import hashlib
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path

import numpy as np
from huggingface_hub import CommitOperationAdd, HfApi
from onnxruntime import InferenceSession
from PIL import Image

from hub.batching import batches
from hub.errors import InputError
from hub.files import refuse_links_out, replace_file
from hub.imaging.read import Source, read_reduced, squash
from hub.inference import input_check
from hub.inference.hub_files import download
from hub.inference.input_check import UNCHECKED, Verdict
from hub.inference.served_config import read_served_config
from hub.inference.session import open_session, output_shapes
from hub.models.digests import DIGESTS, check_digests
from hub.models.folder import (
    BUNDLED,
    CONFIG,
    DIGEST,
    INPUT_CHECK,
    METRICS,
    NETWORKS,
    read_metrics,
)
from hub.prevalence import EVEN, check_prevalence, evidence, move
from hub.system import usable_cores
from hub.version import LIBRARY

# The files of a model folder that serving reads beside one of NETWORKS.
FILES = (CONFIG, INPUT_CHECK, METRICS, DIGESTS)
MAX_CHANGES = 2  # of labels or verdicts on the test split, for 8 bits to be the default
# Pixels that a JPEG decoded at reduced scale keeps per pixel of the input, on each side. With 2, some
# radiographs move their probability by more than 0.01.
OVERSAMPLING = 3
LARGEST_NETWORK = 2**31  # bytes of a file of ONNX
CHUNK_SIZE = 4  # images in one run of the network; more are no faster and take more memory
SESSIONS = ("session", "_session_of_one")  # attributes of `Classifier`
MOST_THREADS = 1024


@dataclass(frozen=True)
class Prediction:
    """The prediction of a model for one image.

    `label` is the class that the image speaks for: the most probable one if all classes were equally common.
    `probabilities` has one per class, for the `prevalence` of the second of two classes. `heatmaps` has a
    class activation map per class (Zhou et al. 2016), float32 [h, w] in logits, 7 x 7 for MobileNetV2 at
    224 px: its mean plus the classifier's bias is the logit of the class. A network that does not end in
    average pooling and one linear layer has no heatmaps. `verdict` is that of the input check; where it
    refuses the image, `label` is None and the dictionaries are empty.
    """

    label: str | None
    probabilities: dict[str, float]
    heatmaps: dict[str, np.ndarray] = field(repr=False)
    verdict: Verdict = UNCHECKED
    prevalence: float = EVEN

    @property
    def likelihood_ratio(self) -> float | None:
        """How many times more often the second class looks like this than the first.

        It is the same at any prevalence. None without an answer, and for more classes than two.
        """
        if len(self.probabilities) != 2:
            return None
        negative, positive = move([*self.probabilities.values()], EVEN, self.prevalence).tolist()
        return evidence(negative, positive)

    @property
    def heatmap(self) -> np.ndarray | None:
        """Class activation map of the predicted label, float32 [h, w]."""
        return self.heatmaps.get(self.label)

    @property
    def warnings(self) -> list[str]:
        """Sentence of the verdict, if it has one, in a list."""
        return [self.verdict.sentence] if self.verdict.sentence else []


class Classifier:
    """A model folder, loaded for inference without torch.

    It may be copied and pickled, as for other processes and machines: it goes with its network.

    >>> classifier = Classifier.from_pretrained()
    >>> prediction = classifier("radiograph.jpeg")
    >>> prediction.label, prediction.probabilities  # None and {} where the input check refuses
    """

    def __init__(
        self,
        folder: str | Path,
        check: bool | dict = True,
        precision: str | None = None,
        prevalence: float = EVEN,
        threads: int | None = None,
    ):
        """Load a local model folder.

        `prevalence` is the share of the second of two classes among all images where one was taken, such as
        0.1 where one child in ten with an X-ray has pneumonia; the probabilities are for it.

        `precision` is "fp32" or "int8", by default that of `default_precision`. `check` says whether to use
        the folder's input check, or is one to use instead, as `input_check.load` returns it. The check is
        fitted in 32 bits; in 8, it is left out if `hub evaluate --save` counted more than `MAX_CHANGES`
        changed verdicts, and verdicts are then "unchecked". `threads` of the network, by
        default one per core, work together on up to `CHUNK_SIZE` images; of more, each takes some of its own,
        which is faster. Raises InputError if it is not a model folder, has no network of this precision, if a
        file is damaged or does not fit the others, or if the prevalence is not between 0 and 1.
        """
        self.threads = _check_threads(threads) if threads else usable_cores()
        check_digests(Path(folder), (CONFIG, METRICS))
        config = read_served_config(Path(folder))
        self.precision = precision or default_precision(Path(folder))
        self.file = file = Path(folder) / _network(self.precision)
        if not file.is_file():
            advice = "python -m hub export makes it in a folder of train.py"
            if self.precision == "int8" and (Path(folder) / NETWORKS["fp32"]).is_file():
                advice = 'it is left out where 8 bits lose too much; give precision="fp32"'
            raise InputError(f"{folder} has no {_network(self.precision)}; {advice}.")
        if file.stat().st_size > LARGEST_NETWORK:  # which would be read, and searched, whole
            raise InputError(f"{file} has more than 2 GB, which no ONNX file has; get it again.")
        checks = [INPUT_CHECK] if check is True else []
        check_digests(Path(folder), (_network(self.precision), *checks))
        self._network = file.read_bytes()  # kept: the file may be another one later
        self.session = open_session(self._network, self.threads, file)
        shapes = output_shapes(self.session, config, file)
        self.folder = Path(folder)
        # Not every network has a heatmap, and statistics are for the input check.
        self.available = list(shapes)
        self.outputs = [name for name in ("logits", "heatmap") if name in self.available]
        self.check = self._load_check(shapes) if check is True else check or None
        self.channels, _, self.size = config.input_size
        self.mean, self.std = config.mean, config.std
        self.classes = config.classes
        self.prevalence = check_prevalence(prevalence, len(self.classes))
        self.radiograph = config.radiograph
        # Thresholds on the positive probability at even odds.
        self.operating_points = config.operating_points
        # Covariance of scale and offset of the log odds, as the calibration left them uncertain.
        self.calibration_covariance = config.covariance

    def __getstate__(self) -> dict:
        """Leave out the sessions of ONNX Runtime, which a copy opens anew."""
        return {name: value for name, value in vars(self).items() if name not in SESSIONS}

    def __setstate__(self, state: dict) -> None:
        vars(self).update(state)
        self.session = open_session(self._network, self.threads, self.file)

    def _load_check(self, shapes: dict[str, tuple[int, ...]]) -> dict | None:
        """Return the folder's input check, None if it has none that fits.

        It does not fit if 8 bits change too many verdicts, or without the output `statistics`; `shapes` are
        those of `output_shapes`.
        """
        fits = self.precision == "fp32" or changed_by_int8(self.folder).get("verdicts", 0) <= MAX_CHANGES
        if not fits or "statistics" not in shapes:
            return None
        network = self.session.get_modelmeta().custom_metadata_map.get(DIGEST)
        return input_check.load(self.folder, network, shapes["statistics"][0])

    @classmethod
    def from_pretrained(
        cls,
        folder_or_hub_id: str | Path = BUNDLED,
        revision: str | None = None,
        token: str | None = None,
        cache_dir: str | Path | None = None,
        local_files_only: bool = False,
        precision: str | None = None,
        prevalence: float = EVEN,
        also: Sequence[str] = (),
        threads: int | None = None,
    ) -> "Classifier":
        """Load a local folder or a Hub model id, by default the bundled model.

        `precision`, `prevalence` and `threads` are those of the constructor; `revision`, `token`, `cache_dir`
        and `local_files_only` are those of huggingface_hub. Only what serving reads is downloaded, with one
        network, that of this precision; `also` holds patterns of further files. Raises InputError if there is
        no such folder, model or revision, no connection, and where the constructor does; its cause is the
        error of huggingface_hub.
        """
        if Path(folder_or_hub_id).is_dir():
            return cls(folder_or_hub_id, precision=precision, prevalence=prevalence, threads=threads)
        check_prevalence(prevalence)
        if precision:
            _network(precision)  # raises before any download
        source = {"token": token, "cache_dir": cache_dir, "local_files_only": local_files_only}
        folder = download(str(folder_or_hub_id), [*FILES, *also], revision=revision, **source)
        network = _network(precision or default_precision(folder))
        folder = download(str(folder_or_hub_id), [network], revision=folder.name, **source)  # the same commit
        return cls(folder, precision=precision, prevalence=prevalence, threads=threads)

    def save_pretrained(self, folder: str | Path) -> None:
        """Copy the model folder to `folder`, which `from_pretrained` loads.

        Of a model on the Hub, those files are copied that were downloaded.
        """
        for name in self._files():
            target = Path(folder) / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with replace_file(target) as partial:
                shutil.copyfile(self.folder / name, partial)

    def push_to_hub(
        self,
        repo_id: str,
        *,
        private: bool | None = None,
        token: str | None = None,
        revision: str | None = None,
        create_pr: bool = False,
        commit_message: str = "Upload model",
    ) -> str:
        """Put the files of `save_pretrained` on the Hub in one commit; return its URL.

        The repo is made where there is none. `python -m hub publish model` also writes a card for the repo,
        and what other libraries and endpoints need. Raises InputError for a link that leads out of the
        folder, and the errors of huggingface_hub.
        """
        refuse_links_out(self.folder)
        api = HfApi(token=token, **LIBRARY)
        repo_id = api.create_repo(repo_id, private=private, exist_ok=True).repo_id
        if revision and not create_pr:
            api.create_branch(repo_id, branch=revision, exist_ok=True)
        done = api.create_commit(
            repo_id,
            [CommitOperationAdd(name, self.folder / name) for name in self._files()],
            commit_message=commit_message,
            revision=revision,
            create_pr=create_pr,
        )
        return done.pr_url or done.commit_url

    def _files(self) -> list[str]:
        """Return the names of the files of the model folder, without hidden ones.

        Raises InputError where the folder is gone.
        """
        if not self.folder.is_dir():
            raise InputError(f"{self.folder}, which the model was loaded from, is not there; load it again.")
        paths = (path.relative_to(self.folder) for path in self.folder.rglob("*") if path.is_file())
        return sorted(
            path.as_posix()
            for path in paths
            if not any(part.startswith((".", "__pycache__")) for part in path.parts)
        )

    def __call__(self, images: Source | Sequence[Source]) -> Prediction | list[Prediction]:
        """Return the prediction for an image, or a list of them for a list.

        An image is whatever `read_image` reads. Raises InputError for an image that cannot be read, and
        TypeError for anything else.
        """
        if not isinstance(images, list | tuple):
            return self([images])[0]
        if not images:
            return []
        inputs = [(self.squash(image), image.info.get("view")) for image in map(self.open, images)]
        pixels, views = zip(*inputs, strict=True)
        return self.predict(pixels, views)

    def open(self, image: Source, side: int = 0) -> Image.Image:
        """Return the image as `read_image` does, a radiograph without its borders.

        A large JPEG is decoded at reduced scale, with `side` pixels or more, and no fewer than `read` needs.
        Raises InputError for an image that cannot be read.
        """
        return read_reduced(image, max(side, OVERSAMPLING * self.size), self.radiograph, crop=self.radiograph)

    def read(self, image: Source) -> np.ndarray:
        """Return an image as the network's input before normalisation.

        It is uint8 [size, size, channels]. Raises InputError for an image that cannot be read.
        """
        return self.squash(self.open(image))

    def squash(self, image: Image.Image) -> np.ndarray:
        """Return an image of `open` as `read` does, uint8 [size, size, channels]."""
        return squash(image, self.size, self.channels)

    def run(self, images: Sequence[np.ndarray], outputs: list[str]) -> list[np.ndarray]:
        """Return the outputs of the network for a list of images.

        `images` are uint8 [N, size, size, channels], `outputs` names of outputs; each array has N rows.
        """
        chunks = [*batches(images, CHUNK_SIZE)]
        if len(chunks) == 1 or self.threads == 1:
            answers = [self._run(self.session, outputs, chunk) for chunk in chunks]
        else:
            with ThreadPoolExecutor(self.threads) as pool:
                answers = [*pool.map(partial(self._run, self._session_of_one, outputs), chunks)]
        return [np.concatenate(parts) for parts in zip(*answers, strict=True)]

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of the network that answers."""
        return hashlib.sha256(self._network).hexdigest()

    @cached_property
    def _session_of_one(self) -> InferenceSession:
        """The network in one thread: of many images, several at a time are faster."""
        return open_session(self._network, 1, self.file)

    def _run(
        self, session: InferenceSession, outputs: list[str], images: Sequence[np.ndarray]
    ) -> list[np.ndarray]:
        return session.run(outputs, {"pixel_values": self.normalize(np.stack(images))})

    def normalize(self, images: np.ndarray) -> np.ndarray:
        """Return the normalised input of the network.

        It is float32 [N, C, size, size], from uint8 [N, size, size, C].
        """
        count, height, width, channels = images.shape
        pixels = np.empty((count, channels, height, width), np.float32)
        np.divide(images.transpose(0, 3, 1, 2), np.float32(255), out=pixels)
        pixels -= self.mean[:, None, None]
        pixels /= self.std[:, None, None]
        return pixels

    def predict(
        self, images: Sequence[np.ndarray], views: Sequence[str | None] = (), always: bool = False
    ) -> list[Prediction]:
        """Return one prediction for each image of `read`, uint8 [size, size, channels].

        `views` are `info.get("view")` of the images of `open`; an oblique one makes the verdict a warning.
        With `always`, images that the input check refuses get an answer too: for evaluation, not for people.
        """
        pixels = np.stack(images)
        names = [*self.outputs, "statistics"] if self.check else self.outputs
        outputs = dict(zip(names, self.run(pixels, names), strict=True))
        logits, maps = outputs["logits"], outputs.get("heatmap")
        if not np.isfinite(logits).all():
            raise InputError("The network is damaged: it does not answer with numbers; get the model again.")
        logits = logits.astype(np.float64)  # so that the smaller probability has all its digits
        probabilities = np.exp(logits - np.logaddexp.reduce(logits, 1, keepdims=True))
        if self.prevalence != EVEN:
            probabilities = move(probabilities, self.prevalence)
        verdicts = [UNCHECKED] * len(pixels)
        if self.check:
            verdicts = input_check.judge(self.check, pixels, outputs["statistics"])
        if views:
            verdicts = list(map(input_check.with_view, verdicts, views))
        return [
            Prediction(None, {}, {}, verdict)
            if verdict.status == "refused" and not always
            else Prediction(
                label=self.classes[int(np.argmax(logits[index]))],
                probabilities=dict(zip(self.classes, row.tolist(), strict=True)),
                heatmaps={} if maps is None else dict(zip(self.classes, maps[index], strict=True)),
                verdict=verdict,
                prevalence=self.prevalence,
            )
            for index, (row, verdict) in enumerate(zip(probabilities, verdicts, strict=True))
        ]


def default_precision(folder: Path) -> str:
    """Return "int8" if it changes hardly any test answer, else "fp32".

    On the test split, 8 bits may change `MAX_CHANGES` labels and `MAX_CHANGES` verdicts of the input check,
    as counted by `hub evaluate --save`; without a count, the default is 32 bits.
    """
    changes = changed_by_int8(folder)
    return "int8" if changes and max(changes.values()) <= MAX_CHANGES else "fp32"


def changed_by_int8(folder: Path) -> dict[str, int]:
    """Return how many `labels` and `verdicts` of the test split 8 bits change.

    It is {} if they were not counted. Raises InputError for a metrics.json that cannot be read.
    """
    section = read_metrics(folder).get("onnx") if (folder / METRICS).is_file() else None
    try:
        return {name: int(section[f"test_{name}_changed"]) for name in ("labels", "verdicts")}
    except (ValueError, KeyError, TypeError, OverflowError):
        return {}


def _check_threads(threads: int) -> int:
    """Return a number of threads; raise InputError for one that cannot be had."""
    if not isinstance(threads, int | np.integer) or not 0 < threads <= MOST_THREADS:
        raise InputError(f"There are no {threads!r} threads; give a whole number from 1 to {MOST_THREADS}.")
    return int(threads)


def _network(precision: str) -> str:
    """Return the file of a precision.

    Raises InputError for an unknown one.
    """
    if precision not in NETWORKS:
        raise InputError(f"There is no precision {precision}; give {' or '.join(NETWORKS)}.")
    return NETWORKS[precision]
