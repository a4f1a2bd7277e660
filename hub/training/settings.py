"""Settings of one training run."""

import shlex
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from hub import files
from hub.errors import InputError, check_arguments
from hub.models.config_entries import LARGEST_SIDE
from hub.text import is_utf8, readable

# More than anyone trains with: numbers of hundreds of digits would overflow in the middle of a run, and with
# a row for each of more epochs metrics.json would be too large to be read again.
LARGEST = {"epochs": 10_000, "small_epochs": 10_000, "batch_size": 1_000_000, "learning_rate": 1000}


@dataclass(frozen=True)
class Settings:
    """The options of train.py, each with its default.

    `recipe` is a name of `recipes.RECIPES`, None where the data set decides; `changes` holds the fields of
    the recipe that were given as options. `weights` is None where the architecture and the data set decide;
    `teachers` are model folders to learn from, `track` is where the run is watched, if anywhere.
    `command` is how the run was started, without --resume: a run that was stopped is the same run.
    """

    dataset: str
    output: Path
    recipe: str | None = None
    changes: dict[str, int | float | str] = field(default_factory=dict)
    weights: str | None = None
    teachers: tuple[Path, ...] = ()
    seed: int = 0
    compile: bool = False
    grad_checkpointing: bool = False
    overwrite: bool = False
    resume: bool = False
    streaming: bool = False
    track: str | None = None
    push_to: str | None = None
    image_column: str | None = None
    label_column: str | None = None
    command: str = "python train.py"

    @property
    def checkpoint(self) -> Path:
        """Path of the run's checkpoint, beside the model folder and never inside."""
        return files.beside(files.real_path(self.output), "resume.pt")


def check_settings(settings: Settings) -> None:
    """Raise InputError for settings that cannot work, before anything is read."""
    words = shlex.split(settings.command)
    check_arguments(words)
    if not files.real_path(settings.output).name:
        raise InputError(f"{settings.output} is no place for a model; give another --output.")
    for name in ("epochs", "size", "learning_rate", "small_size"):
        if not settings.changes.get(name, 1) > 0:  # NaN is not, either
            raise InputError(f"--{name.replace('_', '-')} must be more than 0.")
    for name in ("small_epochs", "frozen"):
        if settings.changes.get(name, 0) < 0:
            raise InputError(f"--{name.replace('_', '-')} must be 0 or more.")
    if not 0 <= settings.changes.get("swapped", 0) <= 1:
        raise InputError("--swapped must be a share from 0 to 1.")
    for name in ("size", "small_size"):
        if settings.changes.get(name, 1) > LARGEST_SIDE:
            option = name.replace("_", "-")
            raise InputError(f"--{option} is {LARGEST_SIDE} at most; no model folder is read with more.")
    for name, largest in LARGEST.items():
        if settings.changes.get(name, 1) > largest:  # infinity is, too
            raise InputError(f"--{name.replace('_', '-')} must be {largest:,} or less.")
    if settings.changes.get("batch_size", 2) < 2:
        raise InputError("--batch-size must be 2 or more; batch norm compares the images of a batch.")
    if not 0 <= settings.seed < 2**32:
        raise InputError(f"The seed is {settings.seed}; give a whole number from 0 to {2**32 - 1}.")
    if settings.overwrite:
        _check_sources_stay(settings)
    files.check_outside(settings.output, settings.dataset, "--output")
    for word in words:
        if not is_utf8(word):
            raise InputError(f"The name {readable(word)} is not in UTF-8; rename what it names.")
    if settings.streaming and settings.dataset == "synthetic":
        raise InputError("--streaming is for data on the disk or the Hub; leave it out for synthetic.")
    if settings.compile and settings.grad_checkpointing:
        raise InputError("--compile chooses itself what to compute again; leave out --grad-checkpointing.")
    if settings.compile and not (shutil.which("g++") or shutil.which("clang++")):
        raise InputError("--compile needs a C++ compiler; install Debian's package g++, or leave it out.")


def _check_sources_stay(settings: Settings) -> None:
    """Raise InputError where the run would replace a folder that holds its data.

    The model that it goes on from, or learns from, may be the one that is replaced, and no other in there.
    """
    dataset, output = Path(settings.dataset), files.real_path(settings.output)
    if dataset.exists() and files.real_path(dataset).is_relative_to(output):
        raise InputError(
            f"The data set {dataset} is in {settings.output}, which --overwrite replaces; "
            "give another --output."
        )
    weights = Path(settings.weights or "none")
    for model in (*settings.teachers, weights.parent if weights.is_file() else weights):
        if model.exists() and output in files.real_path(model).parents:
            raise InputError(
                f"The model {model} is in {settings.output}, which --overwrite replaces; "
                "give another --output."
            )
