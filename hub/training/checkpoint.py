"""Where a training run stands after its last finished epoch, to go on from should it be stopped.

The file is torch's, lies beside the model folder to be, and goes once that is complete: it is never shipped.
"""

import hashlib
import json
import sys
from pathlib import Path

import torch
from datasets import DatasetDict

from hub.errors import InputError

FORMAT = 1  # raise it when what `training.train` keeps changes


def describe_images(splits: DatasetDict, digests: dict[str, list[str]]) -> str:
    """Return counts of train and validation images, and a digest of them and their labels.

    `digests` are `patients.digests_of` each split.
    """
    rows = [[digests[name], splits[name]["label"][:]] for name in ("train", "validation")]
    digest = hashlib.sha256(json.dumps(rows).encode()).hexdigest()
    return f"{len(splits['train'])} + {len(splits['validation'])} ({digest[:16]})"


def save(path: Path, settings: dict, state: dict) -> None:
    """Write the state, through a temporary name; where it cannot be written say so, for training goes on.

    `settings` are plain values, `state` tensors and plain values in dicts and lists.
    """
    partial = path.with_name(f"{path.name}.partial")
    try:
        torch.save({"settings": settings | {"format": FORMAT}, "state": state}, partial)
        partial.replace(path)
    except (OSError, RuntimeError) as error:  # of a full disk torch says RuntimeError
        print(f"This epoch is not kept for --resume: {path} cannot be written ({error}).", file=sys.stderr)
    finally:
        partial.unlink(missing_ok=True)


def load(path: Path, settings: dict) -> dict:
    """Return the state that `save` wrote, on the CPU.

    Raises InputError where it is damaged or of a run with other settings.
    """
    try:
        kept = torch.load(path, map_location="cpu", weights_only=True)
        theirs, state = kept["settings"], kept["state"]
    except Exception:  # torch reports damage by whatever it stumbles over
        raise InputError(f"{path} is damaged; leave --resume out to begin anew.") from None
    ours = settings | {"format": FORMAT}
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


def checkpoint_path(output: Path) -> Path:
    """Return where a run that is to make this model folder keeps its checkpoint: beside, never inside."""
    output = output.resolve()
    return output.with_name(f".{output.name}.resume.pt")
