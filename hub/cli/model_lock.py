"""A model folder that one command at a time may change."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from pathlib import Path

from hub.files import lock


def lock_model(model: Path) -> AbstractContextManager[None]:
    """Return a context that keeps a model folder, nothing where there is none.

    Entering it raises InputError where another process is changing the folder.
    """
    return lock(model.resolve()) if model.is_dir() else nullcontext()


def locking_model(run: Callable[..., None]) -> Callable[..., None]:
    """Keep the model folder that is the first argument of `run` until it ends."""

    @wraps(run)
    def locked(model: Path, *arguments, **options) -> None:
        with lock_model(model):
            run(model, *arguments, **options)

    return locked
