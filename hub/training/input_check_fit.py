"""Fitting the input check of `scope.py`: how good films look to the network, and how all else does."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import datasets
import numpy as np
from numpy.random import Generator, default_rng
from PIL import Image
from safetensors.numpy import save_file
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from tqdm.auto import tqdm

from hub.errors import InputError
from hub.files import replace_file, sha256
from hub.imaging.read import MIN_RADIOGRAPH_SIDE, SUFFIXES, read_image
from hub.imaging.synthetic import sample_radiographs
from hub.inference import input_check
from hub.inference.batch import BATCH_SIZE
from hub.inference.classifier import Classifier
from hub.inference.input_check import FINE, FOREIGN, UNLIKE, Verdict
from hub.models.folder import INPUT_CHECK, WEIGHTS
from hub.training import perturbations

# The kinds that the linear layer tells apart: the three turns look different, and are one reason.
_FAULTS = {
    f"{reason} {index}" if len(group) > 1 else reason: fault
    for reason, group in perturbations.FAULTS.items()
    for index, fault in enumerate(group, 1)
}
# The films of synthetic.py, smoother than real ones, are good films of another kind.
SYNTHETIC = "synthetic"
KINDS = (FINE, *_FAULTS, SYNTHETIC, UNLIKE, FOREIGN)
PER_FAULT = 1500  # films with each fault; all are fitted with as they are
PER_GROUP = 2000  # pictures taken from each folder of others
DRAWINGS = 1500
DRAWN = 600  # synthetic films
VIEWED = 200  # altered copies of a group of foreign pictures, at least
VIEWS = 4  # altered copies of each film that is unlike the training films
# Of validation films, neither trained nor fitted with: how many good ones the scores and the distance let
# pass, how many good ones are not refused, and how many with a fault are not refused for it.
MARGIN, FAMILIAR, GOOD_LIMIT, FAULT_LIMIT = 0.995, 0.99, 0.999, 0.99
STAGES = slice(1, 3)  # the second and third of the network: those whose distances tell films apart best


Halves = tuple[list[Image.Image], list[Image.Image]]  # to fit with, to measure


@dataclass(frozen=True)
class Sample:
    """Statistics float32 [N, channels, 2] of pictures of one kind; `group` is the folder of foreign ones.

    Kinds are those of KINDS; `altered` tells pictures that were made of others.
    """

    kind: str
    group: str
    statistics: np.ndarray
    altered: bool = False


def fit(samples: list[Sample], held_out: list[Sample], channels: tuple[int, int]) -> dict:
    """Return the check that `scope.judge` takes, from what `gather` gave.

    `samples` make the fit, `held_out`, one for each kind but FOREIGN, the thresholds: films that made the
    fit lie nearer to it than new ones. The Gaussians are of the channels in the range `channels`.
    """
    kinds = [kind for kind in KINDS if kind in {sample.kind for sample in samples}]
    statistics = np.concatenate([sample.statistics for sample in samples])
    labels = np.concatenate([[kinds.index(s.kind)] * len(s.statistics) for s in samples])
    weight, bias = _fit_linear(statistics, labels)
    flat = statistics[:, slice(*channels)].reshape(len(statistics), -1).astype(np.float64)
    gaussians = [_fit_gaussian(flat[labels == index]) for index in range(len(kinds) - 1)]
    check = {
        "weight": weight,
        "bias": bias,
        "channels": np.array(channels),
        "centres": np.stack([centre for centre, _ in gaussians]).astype(np.float32),
        "precisions": np.stack([precision for _, precision in gaussians]).astype(np.float32),
        "kinds": [_reason(kind) for kind in kinds],
    }
    known = {sample.kind: sample.statistics for sample in held_out}
    scores = input_check.linear_scores(check, known[FINE])
    check["margin"] = np.float32(np.quantile(scores[:, 1:].max(1) - scores[:, 0], MARGIN, keepdims=True))
    away = [
        input_check.distances(check, known[kind], np.full(len(known[kind]), index))
        for index, kind in enumerate(kinds[:-1])
    ]
    check["familiar"] = np.float32(np.quantile(away[0], FAMILIAR, keepdims=True))
    limits = [np.quantile(away[0], GOOD_LIMIT), *(np.quantile(fault, FAULT_LIMIT) for fault in away[1:])]
    check["limits"] = np.float32(limits)
    return check


def gather(
    classifier: Classifier,
    train: np.ndarray,
    validation: np.ndarray,
    unlike: dict[str, Halves],
    foreign: dict[str, Halves],
) -> tuple[list[Sample], list[Sample]]:
    """Return what `fit` fits with and what it takes thresholds from.

    `train` and `validation` are films uint8 [N, H, W]; `unlike` are chest radiographs that the model does
    not know, `foreign` no chest radiographs, by name of the group (`read_groups`). The fit is of the first
    halves; where the model begins to refuse films that it does not know, the second half of these says.
    """
    random = default_rng(0)
    some = train[random.permutation(len(train))[:PER_FAULT]]
    sources = [(FINE, "", _fine(train)), (FINE, "", _with_fault(some, perturbations.good, random))]
    for kind, fault in _FAULTS.items():
        some = train[random.permutation(len(train))[:PER_FAULT]]
        sources.append((kind, "", _with_fault(some, fault, random)))
    sources.append((SYNTHETIC, "", sample_radiographs(DRAWN, seed=1)[0]))
    for name, (half, _) in unlike.items():
        films = [np.asarray(picture.convert("L")) for picture in half]
        sources.append((UNLIKE, name, _fine(films)))
        sources += [(UNLIKE, name, _with_fault(films, perturbations.good, random)) for _ in range(VIEWS)]
    altered = []
    for name, (half, _) in foreign.items():
        views = half * -(-VIEWED // len(half))  # few pictures are altered many times
        sources.append((FOREIGN, name, half))
        more = [perturbations.other_view(picture, random) for picture in views]
        if max(half[0].size) <= 64:  # small pictures have no detail, which large ones of their kind would
            more += [perturbations.mosaic(half, random) for _ in range(len(half) // 2)]
        altered.append((FOREIGN, name, more))
    sources.append((FOREIGN, "drawings", (perturbations.drawing(random) for _ in range(DRAWINGS))))
    samples = [
        Sample(kind, group, _statistics(classifier, pictures, f"For the fit, {group or kind}"), made)
        for made, group_of in ((False, sources), (True, altered))
        for kind, group, pictures in group_of
    ]
    others = [np.asarray(picture.convert("L")) for _, half in unlike.values() for picture in half]
    held = {FINE: _fine(validation), SYNTHETIC: sample_radiographs(DRAWN // 2, seed=2)[0]} | {
        kind: _with_fault(validation, fault, default_rng([1, index]))
        for index, (kind, fault) in enumerate(_FAULTS.items())
    }
    held |= {UNLIKE: _fine(others)} if others else {}
    return samples, [
        Sample(kind, "", _statistics(classifier, pictures, f"For thresholds, {kind}"))
        for kind, pictures in held.items()
    ]


def measure(
    classifier: Classifier,
    films: np.ndarray,
    unlike: dict[str, Halves],
    foreign: dict[str, Halves],
) -> dict:
    """Return what the check says of films, uint8 [N, H, W], as they are and with each fault, and of others.

    Of each group of `unlike` and `foreign` pictures the second half. Every row has `n` and, as
    shares of it, `warned`, `refused` and `named`: the right reason given, of those warned or refused.
    """
    rows = {"as they are": _row(classifier, _fine(films), FINE)}
    rows["with borders"] = _row(classifier, _with_borders(films, default_rng(2)), FINE)
    for index, (reason, group) in enumerate(perturbations.FAULTS.items()):
        pictures = (
            picture for fault in group for picture in _with_fault(films, fault, default_rng([2, index]))
        )
        rows[reason] = _row(classifier, pictures, reason)
    for reason, groups in ((UNLIKE, unlike), (FOREIGN, foreign)):
        rows |= {name: _row(classifier, half, reason) for name, (_, half) in groups.items()}
    random = default_rng(2)
    rows["drawings"] = _row(classifier, (perturbations.drawing(random) for _ in range(300)), FOREIGN)
    return rows


def format_scope(rows: dict) -> str:
    """Return `measure`'s rows as a table to print."""
    lines = [f"{'':<26}{'n':>6} {'warned':>8} {'refused':>8} {'right reason':>13}"]
    for name, row in rows.items():
        named = "" if row["named"] is None else f"{row['named']:.3f}"
        lines.append(f"{name:<26}{row['n']:>6} {row['warned']:>8.3f} {row['refused']:>8.3f} {named:>13}")
    return "\n".join(lines)


def read_groups(paths: Sequence[Path], split: str = "train") -> dict[str, Halves]:
    """Return the pictures under each path by the name of their folder, in halves: to fit with, to measure.

    A path is a folder of image files, or of Parquet, of which the files of one split are read; `PER_GROUP`
    pictures of each folder at most. No patient (what a file name says before "_", where that tells several
    apart) is in both halves. Raises InputError where there are fewer than four pictures.
    """
    groups: dict[str, list[Image.Image | Path]] = {}
    for path in map(Path, paths):
        parquet = sorted(path.rglob(f"{split}*.parquet")) if path.is_dir() else []
        if parquet:
            groups[path.name] = _read_parquet(parquet)
            continue
        files = [file for file in sorted(path.rglob("*")) if file.suffix.lower() in SUFFIXES]
        if not files:
            raise InputError(f"{path} has no images and no {split}*.parquet; give a folder of pictures.")
        for file in files:
            name = path.name if file.parent == path else f"{path.name}/{file.parent.name}"
            groups.setdefault(name, []).append(file)
    for name, group in groups.items():
        if len(group) < 4:
            raise InputError(f"{name} has only {len(group)} pictures; give four or more of a kind.")
    thinned = {name: _thinned(group) for name, group in groups.items()}
    half = _half_of_patient([item for group in thinned.values() for item in group])
    halves = {name: ([], []) for name in thinned}
    for name, group in thinned.items():
        for place, item in enumerate(group):
            halves[name][half.get(_patient(item), place % 2)].append(_small(item))
    return halves


def _patient(item: Image.Image | Path) -> str:
    return item.name.split("_")[0] if isinstance(item, Path) else ""


def _half_of_patient(items: list[Image.Image | Path]) -> dict[str, int]:
    """Return 0 or 1 for each patient, in turn; nothing for names that tell few apart, such as img_1."""
    patients = {name: None for name in map(_patient, items) if name}
    return {name: place % 2 for place, name in enumerate(patients)} if len(patients) > 3 else {}


def _read_parquet(files: list[Path]) -> list[Image.Image]:
    table = datasets.load_dataset("parquet", data_files=[str(file) for file in files], split="train")
    columns = [name for name, kind in table.features.items() if isinstance(kind, datasets.Image)]
    if not columns:
        raise InputError(f"{files[0]} has no column of images; give another folder.")
    return [row[columns[0]] for row in table.select(_thinned(range(len(table))))]


def _small(item: Image.Image | Path) -> Image.Image:
    """Read a picture; make large ones smaller, and digits, too small for a radiograph, twice as large."""
    picture = read_image(item)
    picture.thumbnail((512, 512))
    factor = -(-MIN_RADIOGRAPH_SIDE // min(picture.size))
    return picture.resize((factor * picture.width, factor * picture.height)) if factor > 1 else picture


def _thinned(items: Sequence) -> list:
    """Return at most PER_GROUP items, evenly from all."""
    chosen = np.linspace(0, len(items) - 1, min(len(items), PER_GROUP)).round().astype(int)
    return [items[index] for index in chosen]


def _reason(kind: str) -> str:
    """Return the reason that a kind is one of: "turned" of "turned 2", FINE of SYNTHETIC."""
    if kind == SYNTHETIC:
        return FINE
    return next((reason for reason in perturbations.FAULTS if kind.startswith(reason)), kind)


def _fit_linear(statistics: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return weight float32 [kinds, features] and bias float32 [kinds]; every kind weighs the same."""
    scaler = StandardScaler()
    features = scaler.fit_transform(statistics.reshape(len(statistics), -1).astype(np.float64))
    balanced = LogisticRegression(C=0.1, max_iter=200, class_weight="balanced").fit(features, labels)
    weight = balanced.coef_ / scaler.scale_
    return weight.astype(np.float32), (balanced.intercept_ - weight @ scaler.mean_).astype(np.float32)


def _fit_gaussian(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean [F] and the inverse covariance [F, F] of features [N, F]."""
    covariance = np.cov(features.T)
    # A little more on the diagonal: channels that are nearly one another's sum have no inverse.
    spare = 1e-3 * np.diag(covariance) + 1e-9  # a dead channel deviates by nothing
    return features.mean(0), np.linalg.inv(covariance + np.diag(spare))


def channels(folder: Path) -> tuple[int, int]:
    """Return where the channels of STAGES begin and end in the `statistics` of a folder's network."""
    from hub.models.factory import load

    counts = np.cumsum([0, *(stage["num_chs"] for stage in load(folder).feature_info)])
    return int(counts[STAGES.start]), int(counts[STAGES.stop])


def _fine(films: Iterable[np.ndarray]) -> Iterator[Image.Image]:
    return (Image.fromarray(film) for film in films)


def _with_fault(films: Iterable[np.ndarray], fault: Callable, random: Generator) -> Iterator[Image.Image]:
    return (Image.fromarray(np.ascontiguousarray(fault(film, random))) for film in films)


def _with_borders(films: Iterable[np.ndarray], random: Generator) -> Iterator[Image.Image]:
    """Yield the films in the middle of black, grey or white: as letterboxed, or as in a screenshot."""
    for film in films:
        height, width = film.shape
        above, beside = (random.uniform(0.05, 0.5, 2) * random.permutation([1, random.integers(2)])).tolist()
        size = round(width * (1 + 2 * beside)), round(height * (1 + 2 * above))
        page = Image.new("L", size, int(random.choice([0, 0, 32, 128, 255])))
        page.paste(Image.fromarray(film), ((size[0] - width) // 2, (size[1] - height) // 2))
        yield page


def _statistics(classifier: Classifier, pictures: Iterable[Image.Image], what: str) -> np.ndarray:
    """Return float32 [N, channels, 2]."""
    inputs = (classifier.read(picture) for picture in tqdm(pictures, what, unit=" pictures", leave=False))
    batches = iter(lambda: list(islice(inputs, BATCH_SIZE)), [])
    return np.concatenate([classifier.run(np.stack(batch), ["statistics"])[0] for batch in batches])


def _row(classifier: Classifier, pictures: Iterable[Image.Image], reason: str) -> dict:
    """Return `shares` of what the classifier says of the pictures."""
    verdicts = []
    pictures = iter(tqdm(pictures, f"Checking, {reason}", unit=" pictures", leave=False))
    while batch := list(islice(pictures, BATCH_SIZE)):
        verdicts += [prediction.verdict for prediction in classifier(batch)]
    return shares(verdicts, reason)


def shares(verdicts: list[Verdict], reason: str) -> dict:
    """Return how many are warned of, how many refused, and how many of both for the right `reason`."""
    bad = [verdict for verdict in verdicts if verdict.status != "fine"]
    right = (reason, "blank") if reason == FOREIGN else (reason,)
    return {
        "n": len(verdicts),
        "warned": sum(verdict.status == "warned" for verdict in verdicts) / len(verdicts),
        "refused": sum(verdict.status == "refused" for verdict in verdicts) / len(verdicts),
        "named": sum(v.reason in right for v in bad) / len(bad) if bad and reason != FINE else None,
    }


def save(check: dict, folder: Path) -> None:
    """Write the check into a model folder, signed as its network is; a reader never sees half a file."""
    tensors = {name: np.ascontiguousarray(check[name]) for name in check.keys() - {"kinds"}}
    metadata = {"kinds": json.dumps(check["kinds"]), "network": sha256(folder / WEIGHTS)}
    with replace_file(folder / INPUT_CHECK) as partial:
        save_file(tensors, partial, metadata)
