"""Fit the input check to radiographs, perturbed radiographs and other images."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.random import Generator, default_rng
from PIL import Image
from safetensors.numpy import save_file
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from hub.batching import batches
from hub.files import replace_file, sha256
from hub.imaging.synthetic import sample_radiographs
from hub.inference import input_check
from hub.inference.batch import BATCH_SIZE
from hub.inference.classifier import Classifier
from hub.inference.input_check import FINE, FOREIGN, UNLIKE, Verdict
from hub.models.card import write_card
from hub.models.folder import INPUT_CHECK, WEIGHTS, read_metrics, write_metrics
from hub.text import number
from hub.training import perturbations
from hub.training.image_groups import Halves

# The linear layer distinguishes three turns, which look different but are one reason.
_PERTURBATIONS = {
    f"{reason} {index}" if len(functions) > 1 else reason: perturb
    for reason, functions in perturbations.PERTURBATIONS.items()
    for index, perturb in enumerate(functions, 1)
}
# Synthetic radiographs are fine, but smoother than real ones and so a separate kind.
SYNTHETIC = "synthetic"
KINDS = (FINE, *_PERTURBATIONS, SYNTHETIC, UNLIKE, FOREIGN)
PER_PERTURBATION = 1500  # radiographs; all of them are in the fit as they are
DRAWINGS = 1500
SYNTHETICS = 600
MIN_COPIES = 200  # varied copies of each group of foreign images
COPIES = 4  # varied copies of each radiograph that is unlike the training images
# Quantiles over validation images, which are in neither fit nor training: how many good ones pass by scores
# and by distance, how many good ones are not refused, and how many perturbed ones are not refused for that.
MARGIN, FAMILIAR, GOOD_LIMIT, PERTURBED_LIMIT = 0.995, 0.99, 0.999, 0.99
STAGES = slice(1, 3)  # second and third of the network, whose distances separate best


@dataclass(frozen=True)
class Sample:
    """Statistics float32 [N, channels, 2] of images of one kind.

    `kind` is one of KINDS, `group` the name of a foreign folder, `altered` whether the images were made from
    others.
    """

    kind: str
    group: str
    statistics: np.ndarray
    altered: bool = False


def fit(samples: list[Sample], held_out: list[Sample], channels: tuple[int, int]) -> dict:
    """Return the check that `input_check.judge` takes, from `collect_samples`.

    The check is fitted to `samples`. `held_out`, one for each kind but FOREIGN, set the thresholds, because
    the images of the fit lie nearer to its Gaussians than new ones. The Gaussians are over the channels in
    the range `channels`.
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
    new = {sample.kind: sample.statistics for sample in held_out}
    scores = input_check.linear_scores(check, new[FINE])
    check["margin"] = np.float32(np.quantile(scores[:, 1:].max(1) - scores[:, 0], MARGIN, keepdims=True))
    good, *perturbed = (
        input_check.distances(check, new[kind], np.full(len(new[kind]), index))
        for index, kind in enumerate(kinds[:-1])
    )
    check["familiar"] = np.float32(np.quantile(good, FAMILIAR, keepdims=True))
    limits = [np.quantile(good, GOOD_LIMIT), *(np.quantile(each, PERTURBED_LIMIT) for each in perturbed)]
    check["limits"] = np.float32(limits)
    return check


def collect_samples(
    classifier: Classifier,
    train: np.ndarray,
    validation: np.ndarray,
    unlike: dict[str, Halves],
    foreign: dict[str, Halves],
) -> tuple[list[Sample], list[Sample]]:
    """Return the samples to fit and those that set the thresholds.

    `train` and `validation` are radiographs uint8 [N, H, W]; `unlike` are chest radiographs of other
    hospitals, `foreign` other images, by name of the group (`read_groups`). The fit takes the first halves;
    the second halves of `unlike` set the distance from which such radiographs are refused.
    """
    samples = [
        Sample(kind, group, _statistics(classifier, images, f"For the fit, {group or kind}"), altered)
        for kind, group, images, altered in _fit_sources(train, unlike, foreign)
    ]
    held_out = [
        Sample(kind, "", _statistics(classifier, images, f"For thresholds, {kind}"))
        for kind, images in _threshold_sources(validation, unlike).items()
    ]
    return samples, held_out


def _fit_sources(
    train: np.ndarray, unlike: dict[str, Halves], foreign: dict[str, Halves]
) -> list[tuple[str, str, Iterable[Image.Image], bool]]:
    """Return kind, group, images and `altered` of every sample of the fit.

    One generator serves all: another order of the draws gives another fit.
    """
    random = default_rng(0)
    sources, altered = [(FINE, "", _images(train), False)], []
    for kind, perturb in ((FINE, perturbations.harmless), *_PERTURBATIONS.items()):
        some = train[random.permutation(len(train))[:PER_PERTURBATION]]
        sources.append((kind, "", _perturbed(some, perturb, random), False))
    sources.append((SYNTHETIC, "", sample_radiographs(SYNTHETICS, seed=1)[0], False))
    for name, (half, _) in unlike.items():
        greys = _greys(half)
        sources.append((UNLIKE, name, _images(greys), False))
        for _ in range(COPIES):
            sources.append((UNLIKE, name, _perturbed(greys, perturbations.harmless, random), False))
    for name, (half, _) in foreign.items():
        sources.append((FOREIGN, name, half, False))
        copies = half * -(-MIN_COPIES // len(half))
        varied = [perturbations.vary(image, random) for image in copies]
        if max(half[0].size) <= 64:  # large images would have detail, which small ones lack
            varied += [perturbations.mosaic(half, random) for _ in range(len(half) // 2)]
        altered.append((FOREIGN, name, varied, True))
    drawings = (perturbations.drawing(random) for _ in range(DRAWINGS))
    return [*sources, (FOREIGN, "drawings", drawings, False), *altered]


def _threshold_sources(validation: np.ndarray, unlike: dict[str, Halves]) -> dict[str, Iterable[Image.Image]]:
    """Return by kind the images that set the thresholds."""
    sources = {FINE: _images(validation), SYNTHETIC: sample_radiographs(SYNTHETICS // 2, seed=2)[0]}
    for index, (kind, perturb) in enumerate(_PERTURBATIONS.items()):
        sources[kind] = _perturbed(validation, perturb, default_rng([1, index]))
    if unlike:
        sources[UNLIKE] = _images(_greys([image for _, half in unlike.values() for image in half]))
    return sources


def measure(
    classifier: Classifier,
    radiographs: np.ndarray,
    unlike: dict[str, Halves],
    foreign: dict[str, Halves],
) -> dict:
    """Return the rates of the check on radiographs and on other images.

    `radiographs`, uint8 [N, H, W], are checked as they are and perturbed, and of each group of `unlike` and
    `foreign` the second half. Every row has `n` and, as shares of it, `warned` and `refused`; `named` is the
    share with the right reason, of those warned or refused.
    """
    rows = {"as they are": _row(classifier, _images(radiographs), FINE)}
    rows["with borders"] = _row(classifier, _with_borders(radiographs, default_rng(2)), FINE)
    for index, (reason, functions) in enumerate(perturbations.PERTURBATIONS.items()):
        images = (
            image
            for perturb in functions
            for image in _perturbed(radiographs, perturb, default_rng([2, index]))
        )
        rows[reason] = _row(classifier, images, reason)
    for reason, groups in ((UNLIKE, unlike), (FOREIGN, foreign)):
        rows |= {name: _row(classifier, half, reason) for name, (_, half) in groups.items()}
    random = default_rng(2)
    rows["drawings"] = _row(classifier, (perturbations.drawing(random) for _ in range(300)), FOREIGN)
    return rows


def format_table(rows: dict) -> str:
    """Return the rows of `measure` as a table to print."""
    lines = [f"{'':<26}{'n':>6} {'warned':>8} {'refused':>8} {'right reason':>13}"]
    for name, row in rows.items():
        named = "" if row["named"] is None else number(row["named"], 3)
        warned, refused = number(row["warned"], 3), number(row["refused"], 3)
        lines.append(f"{name:<26}{row['n']:>6} {warned:>8} {refused:>8} {named:>13}")
    return "\n".join(lines)


def _reason(kind: str) -> str:
    """Return the reason of a kind: "turned" for "turned 2", FINE for SYNTHETIC."""
    if kind == SYNTHETIC:
        return FINE
    return next((reason for reason in perturbations.PERTURBATIONS if kind.startswith(reason)), kind)


def _fit_linear(statistics: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return weight [kinds, features] and bias [kinds]; all kinds weigh the same."""
    scaler = StandardScaler()
    features = scaler.fit_transform(statistics.reshape(len(statistics), -1).astype(np.float64))
    balanced = LogisticRegression(C=0.1, max_iter=200, class_weight="balanced").fit(features, labels)
    weight = balanced.coef_ / scaler.scale_
    return weight.astype(np.float32), (balanced.intercept_ - weight @ scaler.mean_).astype(np.float32)


def _fit_gaussian(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean [F] and the inverse covariance [F, F] of features [N, F]."""
    covariance = np.cov(features.T)
    # A ridge, because the covariance of nearly dependent or of dead channels has no inverse.
    ridge = 1e-3 * np.diag(covariance) + 1e-9
    return features.mean(0), np.linalg.inv(covariance + np.diag(ridge))


def channels(folder: Path) -> tuple[int, int]:
    """Return the range (start, stop) of STAGES in a network's `statistics`."""
    from hub.models.factory import load_network

    counts = np.cumsum([0, *(stage["num_chs"] for stage in load_network(folder).feature_info)])
    return int(counts[STAGES.start]), int(counts[STAGES.stop])


def _images(arrays: Iterable[np.ndarray]) -> Iterator[Image.Image]:
    return (Image.fromarray(array) for array in arrays)


def _greys(images: Iterable[Image.Image]) -> list[np.ndarray]:
    return [np.asarray(image.convert("L")) for image in images]


def _perturbed(arrays: Iterable[np.ndarray], perturb: Callable, random: Generator) -> Iterator[Image.Image]:
    return _images(np.ascontiguousarray(perturb(array, random)) for array in arrays)


def _with_borders(arrays: Iterable[np.ndarray], random: Generator) -> Iterator[Image.Image]:
    """Yield the images on a larger page: letterboxed, or as in a screenshot."""
    for array in arrays:
        height, width = array.shape
        above, beside = (random.uniform(0.05, 0.5, 2) * random.permutation([1, random.integers(2)])).tolist()
        size = round(width * (1 + 2 * beside)), round(height * (1 + 2 * above))
        page = Image.new("L", size, int(random.choice([0, 0, 32, 128, 255])))
        page.paste(Image.fromarray(array), ((size[0] - width) // 2, (size[1] - height) // 2))
        yield page


def _statistics(classifier: Classifier, images: Iterable[Image.Image], description: str) -> np.ndarray:
    """Return the network's statistics of the images, float32 [N, channels, 2]."""
    chunks = batches(map(classifier.read, images), BATCH_SIZE, description)
    return np.concatenate([classifier.run(np.stack(chunk), ["statistics"])[0] for chunk in chunks])


def _row(classifier: Classifier, images: Iterable[Image.Image], reason: str) -> dict:
    """Return `shares` of the classifier's verdicts on the images."""
    verdicts = []
    for batch in batches(images, BATCH_SIZE, f"Checking, {reason}"):
        verdicts += [prediction.verdict for prediction in classifier(batch)]
    return shares(verdicts, reason)


def shares(verdicts: list[Verdict], reason: str) -> dict:
    """Return the shares warned and refused, and of those the right `reason`."""
    bad = [verdict for verdict in verdicts if verdict.status != "fine"]
    right = (reason, "blank") if reason == FOREIGN else (reason,)
    return {
        "n": len(verdicts),
        "warned": sum(verdict.status == "warned" for verdict in verdicts) / len(verdicts),
        "refused": sum(verdict.status == "refused" for verdict in verdicts) / len(verdicts),
        "named": sum(v.reason in right for v in bad) / len(bad) if bad and reason != FINE else None,
    }


def save(check: dict, folder: Path) -> None:
    """Write the check into a model folder, with the SHA-256 of its weights."""
    tensors = {name: np.ascontiguousarray(check[name]) for name in check.keys() - {"kinds"}}
    metadata = {"kinds": json.dumps(check["kinds"]), "network": sha256(folder / WEIGHTS)}
    with replace_file(folder / INPUT_CHECK) as partial:
        save_file(tensors, partial, metadata)


def save_figures(rows: dict[str, dict], folder: Path) -> None:
    """Write the rates of a new check, by `measure`, into metrics.json and the card.

    What 8 bits change was counted with the check before, and is not known of this one.
    """
    metrics = read_metrics(folder)
    counted = {"test_labels_changed", "test_verdicts_changed"}
    onnx = {name: value for name, value in metrics.get("onnx", {}).items() if name not in counted}
    write_metrics(folder, metrics | {"scope": {"validation": rows}} | ({"onnx": onnx} if onnx else {}))
    write_card(folder)


def sign(folder: Path) -> None:
    """Write the check of a model folder again, for the weights that are there now.

    The check reads statistics before the last layer, so that it still fits where only that one has changed.
    """
    check = input_check.load(folder)
    if check:
        save(check, folder)
