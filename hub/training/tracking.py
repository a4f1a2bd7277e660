"""Figures of a run in Trackio or TensorBoard, while it trains."""

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hub.errors import InputError
from hub.files import check_writable_folder, real_path
from hub.training.settings import Settings

TRACKERS = ("trackio", "tensorboard")
PROJECT = "chest-xray-hub"
Log = Callable[[dict[str, float], int], None]  # figures by name, and the step that they are of


def check_tracker(settings: Settings) -> None:
    """Raise InputError where a tracker is not installed, or cannot keep its figures."""
    name, kept = settings.track, _tensorboard_folder(settings)
    if name and not importlib.util.find_spec(name):
        raise InputError(f"--track {name} needs the package {name}; `pip install {name}` brings it.")
    if name != "tensorboard":
        return
    if real_path(settings.output) == real_path(kept):
        raise InputError(f"TensorBoard keeps its figures in {kept}; give another --output.")
    check_writable_folder(kept)


def _tensorboard_folder(settings: Settings) -> Path:
    return settings.output.parent / "tensorboard"


@contextmanager
def tracked(settings: Settings, hyperparameters: dict[str, int | float | str]) -> Iterator[Log | None]:
    """Yield what shows figures of a run in `settings.track`; None without one.

    Trackio keeps them in its own folder, TensorBoard in one named tensorboard beside the output.
    """
    if not settings.track:
        yield None
        return
    from accelerate.tracking import TensorBoardTracker, TrackioTracker

    name = settings.output.name
    if settings.track == "trackio":
        tracker = TrackioTracker(PROJECT, name=name)
    else:
        tracker = TensorBoardTracker(name, logging_dir=_tensorboard_folder(settings))
    tracker.start()
    try:
        tracker.store_init_configuration(hyperparameters)
        yield tracker.log
    finally:
        tracker.finish()
