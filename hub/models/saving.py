"""A model folder that figures will be saved into, once they are measured."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hub.errors import InputError
from hub.files import lock
from hub.models.card import card_text
from hub.models.folder import METRICS


@contextmanager
def saving_into(model: str | Path | None) -> Iterator[None]:
    """Keep a model folder for what the block measures; None is no folder.

    Raises InputError, before minutes of work, for what is no model folder of train.py, where no card can be
    written of it, and where another process is changing it; OSError where the folder cannot be replaced.
    """
    if model is None:
        yield
        return
    model = Path(model)
    if not (model / METRICS).is_file():
        raise InputError(f"--save writes into a model folder of train.py, and {model} is not one here.")
    card_text(model)
    with lock(model.resolve()):
        yield
