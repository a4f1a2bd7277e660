"""A training run after its last finished epoch, to go on from where it is stopped.

The file is torch's, lies beside the model folder to be, and goes once that is complete: it is never shipped.
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
from hub.files import replace_file
from hub.training.data import TrainingData
from hub.training.recipes import Recipe
from hub.training.settings import Settings

FORMAT = 1  # raise it when the state that `loop.train` saves changes


def announce_older(settings: Settings) -> None:
    """Say where a checkpoint lies that this run does not go on from, and will replace."""
    if settings.checkpoint.is_file() and not settings.resume:
        print(
            f"{settings.checkpoint} holds a run that was stopped: --resume would go on from there, "
            "and the first finished epoch of this one replaces it."
        )


def describe_run(
    settings: Settings, recipe_name: str, recipe: Recipe, weights: str, data: TrainingData
) -> dict:
    """Return what must be equal for a run to go on from a checkpoint, as plain values."""
    return recipe._asdict() | {
        "recipe": recipe_name,
        "weights": weights,
        "seed": settings.seed,
        "compile": settings.compile,
        "device": "cuda" if torch.cuda.is_available() else "cpu",
        "classes": data.classes,
        "images": describe_images(data.splits, data.digests),
    }


def describe_images(splits: DatasetDict, digests: dict[str, list[str]]) -> str:
    """Return counts of train and validation images, and a digest of them and their labels.

    `digests` are the `sha256_digests` of each split.
    """
    rows = [[digests[name], splits[name]["label"][:]] for name in ("train", "validation")]
    digest = hashlib.sha256(json.dumps(rows).encode()).hexdigest()
    return f"{len(splits['train'])} + {len(splits['validation'])} ({digest[:16]})"


def save(path: Path, run: dict, state: dict) -> None:
    """Write the state; where it cannot be written say so, for training goes on.

    `run` is that of `describe_run`, `state` holds tensors and plain values in dicts and lists.
    """
    try:
        with replace_file(path) as partial:
            torch.save({"settings": run | {"format": FORMAT}, "state": state}, partial)
    except (OSError, RuntimeError) as error:  # of a full disk torch says RuntimeError
        print(f"This epoch is not kept for --resume: {path} cannot be written ({error}).", file=sys.stderr)


def saver(path: Path, run: dict, started: float, training_started: float) -> Callable[[dict], None]:
    """Return the function that `loop.train` saves its state by; it adds the seconds since both times."""

    def save_with_seconds(state: dict) -> None:
        now = time.perf_counter()
        save(path, run, state | {"seconds": now - started, "training_seconds": now - training_started})

    return save_with_seconds


def load(path: Path, run: dict) -> dict:
    """Return the state that `save` wrote, on the CPU.

    Raises InputError where it is damaged or of a run with other settings.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        theirs, state = content["settings"], content["state"]
    except Exception:  # torch reports damage by whatever it stumbles over
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
