"""Checkpoints, to resume a training run after its last finished epoch.

The file is torch's, lies beside the future model folder, and is deleted once that is complete: it is never
shipped.
"""

import hashlib
import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import torch
from datasets import DatasetDict
from torch import nn

from hub.errors import InputError
from hub.files import is_sealed, replace_file, seal, sha256
from hub.models.folder import WEIGHTS, read_metrics
from hub.public_names import command_digest, public_command
from hub.training import distillation
from hub.training.data import TrainingData
from hub.training.recipes import Recipe
from hub.training.settings import Settings

FORMAT = 2  # raise it when the state that `loop.train` saves changes
WEIGHTS_KEPT = 8  # times the weights on the disk at most: weights, average, two moments; the older ones, too
PLOTS = 3_000_000  # bytes of plots and texts at most


def is_complete(settings: Settings) -> bool:
    """Return whether the run that is to be resumed has left its model folder already."""
    if not settings.resume or (settings.overwrite and settings.checkpoint.is_file()):
        return False
    digest = command_digest(settings.command)
    try:
        training = read_metrics(settings.output)["training"]
        is_same = training["command"] == public_command(settings.command)
        return is_same and training.get("command_digest", digest) == digest  # older versions wrote none
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # no model folder, or a damaged one
        return False


def check_room(path: Path, network: nn.Module) -> None:
    """Raise InputError where a disk has no room for a run.

    It is for the checkpoint `path`, while that is replaced, and for the model folder beside it.
    """
    weights = sum(tensor.nbytes for tensor in network.state_dict().values())
    needed = WEIGHTS_KEPT * weights + PLOTS - (path.stat().st_size if path.is_file() else 0)
    disk = shutil.disk_usage(path.parent)
    if disk.total and disk.free < needed:
        raise InputError(
            f"{path.parent} has room for {disk.free / 1e6:.0f} MB, and the run needs {needed / 1e6:.0f} MB "
            "until it is complete; make room, or give another --output."
        )


def announce_older(settings: Settings) -> None:
    """Print that an older checkpoint is not resumed from and will be replaced."""
    if settings.checkpoint.is_file() and not settings.resume:
        print(
            f"{settings.checkpoint} holds a run that was stopped: --resume would go on from there, "
            "and the first finished epoch of this one replaces it."
        )


def describe_run(
    settings: Settings, recipe_name: str, recipe: Recipe, weights: str, data: TrainingData
) -> dict:
    """Return the settings that must be equal to resume, as plain values."""
    return recipe._asdict() | {
        "recipe": recipe_name,
        "weights": weights,
        "contents of --weights": _describe_weights(weights),
        "teachers": [distillation.describe_teacher(folder) for folder in settings.teachers],
        "seed": settings.seed,
        "compile": settings.compile,
        "device": "cuda" if torch.cuda.is_available() else "cpu",
        "classes": data.classes,
        "images": describe_images(data.splits, data.digests),
    }


def _describe_weights(weights: str) -> str | None:
    """Return a digest of the file of weights; None for timm's own, or none."""
    file = Path(weights) / WEIGHTS if Path(weights).is_dir() else Path(weights)
    return sha256(file)[:16] if weights not in ("imagenet", "none") and file.is_file() else None


def describe_images(splits: DatasetDict, digests: dict[str, list[str]]) -> str:
    """Return the counts and a digest of the images and their labels.

    Both are of the train and validation splits. `digests` are the `sha256_digests` of each split.
    """
    rows = [[digests[name], splits[name]["label"][:]] for name in ("train", "validation")]
    digest = hashlib.sha256(json.dumps(rows).encode()).hexdigest()
    return f"{len(splits['train'])} + {len(splits['validation'])} ({digest[:16]})"


def save(path: Path, run: dict, state: dict) -> None:
    """Write the state, sealed; an older one remains until it is complete.

    `run` is what `describe_run` returns, `state` holds tensors and plain values in dicts and lists. Raises
    OSError where it cannot be written: a run that went on could lose all of it.
    """
    with replace_file(path) as partial:
        with partial.open("wb") as file:  # of a name torch does not say why it cannot be written
            torch.save({"settings": run | {"format": FORMAT}, "state": state}, file)
        seal(partial)


def saver(path: Path, run: dict, started: float, training_started: float) -> Callable[[dict], None]:
    """Return the function by which `loop.train` saves its state.

    It adds the seconds since `started` and `training_started`, times of `time.perf_counter`.
    """

    def save_with_seconds(state: dict) -> None:
        now = time.perf_counter()
        save(path, run, state | {"seconds": now - started, "training_seconds": now - training_started})

    return save_with_seconds


def load(path: Path, run: dict) -> dict | None:
    """Return the state that `save` wrote, on the CPU.

    It is None where no epoch was finished. Raises InputError if it is damaged or of a run with other
    settings.
    """
    if not path.is_file():
        return None
    try:
        if not is_sealed(path):
            raise ValueError("a byte is not as it was written")
        content = torch.load(path, map_location="cpu", weights_only=True)
        theirs, state = content["settings"], content["state"]
    except Exception:  # torch raises many kinds of errors for damaged files
        raise InputError(
            f"{path} is damaged, or from an older version; leave --resume out to begin anew."
        ) from None
    ours = run | {"format": FORMAT}
    differing = [
        f"{name.replace('_', ' ')} {theirs.get(name)}, not {value}"
        for name, value in ours.items()
        if theirs.get(name) != value
    ]
    if differing:
        raise InputError(
            f"The run that was stopped had {'; '.join(differing)}: give it the same, or leave --resume out."
        )
    return state
