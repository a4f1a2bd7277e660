"""A model folder that one command at a time may change."""

from collections.abc import Callable
from contextlib import nullcontext
from functools import wraps
from pathlib import Path

from hub.files import lock


def locking_model(run: Callable[..., None]) -> Callable[..., None]:
    """Keep the model folder that is the first argument of `run` until it ends.

    The function then raises InputError where another process is changing the folder.
    """

    @wraps(run)
    def locked(model: Path, *arguments, **options) -> None:
        with lock(model.resolve()) if model.is_dir() else nullcontext():
            run(model, *arguments, **options)

    return locked
