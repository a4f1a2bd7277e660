"""Checkpoints, to resume a training run after its last finished epoch.

The file is torch's, lies beside the future model folder, and is deleted once that is complete: it is never
shipped.
"""

import hashlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from datasets import DatasetDict

from hub.errors import InputError
from hub.files import replace_file, sha256
from hub.models.folder import WEIGHTS
from hub.training.data import TrainingData
from hub.training.recipes import Recipe
from hub.training.settings import Settings

FORMAT = 1  # raise it when the state that `loop.train` saves changes


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
        "teachers": [sha256(folder / WEIGHTS)[:16] for folder in settings.teachers],
        "seed": settings.seed,
        "compile": settings.compile,
        "device": "cuda" if torch.cuda.is_available() else "cpu",
        "classes": data.classes,
        "images": describe_images(data.splits, data.digests),
    }


def describe_images(splits: DatasetDict, digests: dict[str, list[str]]) -> str:
    """Return the counts and a digest of the images and their labels.

    Both are of the train and validation splits. `digests` are the `sha256_digests` of each split.
    """
    rows = [[digests[name], splits[name]["label"][:]] for name in ("train", "validation")]
    digest = hashlib.sha256(json.dumps(rows).encode()).hexdigest()
    return f"{len(splits['train'])} + {len(splits['validation'])} ({digest[:16]})"


def save(path: Path, run: dict, state: dict) -> None:
    """Write the state, or print that it cannot be written: training goes on.

    `run` is what `describe_run` returns, `state` holds tensors and plain values in dicts and lists.
    """
    try:
        with replace_file(path) as partial:
            torch.save({"settings": run | {"format": FORMAT}, "state": state}, partial)
    except (OSError, RuntimeError) as error:  # torch raises RuntimeError if the disk is full
        print(f"This epoch is not kept for --resume: {path} cannot be written ({error}).", file=sys.stderr)


def saver(path: Path, run: dict, started: float, training_started: float) -> Callable[[dict], None]:
    """Return the function by which `loop.train` saves its state.

    It adds the seconds since `started` and `training_started`, times of `time.perf_counter`.
    """

    def save_with_seconds(state: dict) -> None:
        now = time.perf_counter()
        save(path, run, state | {"seconds": now - started, "training_seconds": now - training_started})

    return save_with_seconds


def load(path: Path, run: dict) -> dict:
    """Return the state that `save` wrote, on the CPU.

    Raises InputError if it is damaged or of a run with other settings.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        theirs, state = content["settings"], content["state"]
    except Exception:  # torch raises many kinds of errors for damaged files
        raise InputError(f"{path} is damaged; leave --resume out to begin anew.") from None
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
