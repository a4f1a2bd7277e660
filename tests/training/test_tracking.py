"""Figures of a run are shown while it trains, where that is asked for."""

from pathlib import Path

import pytest

from hub.errors import InputError
from hub.training import tracking
from hub.training.settings import Settings


def test_nothing_is_tracked_unless_asked(tmp_path):
    with tracking.tracked(Settings("synthetic", tmp_path / "model"), {}) as log:
        assert log is None
    assert [*tmp_path.iterdir()] == []


def test_a_tracker_that_is_not_installed_is_refused_with_what_to_do(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match="`pip install trackio` brings it"):
        tracking.check_tracker(Settings("synthetic", Path("model"), track="trackio"))
    tracking.check_tracker(Settings("synthetic", Path("model")))


@pytest.mark.parametrize("output", ["tensorboard", "runs/../tensorboard", "other"])
def test_the_folder_of_tensorboard_is_no_output_and_has_to_be_written(tmp_path, monkeypatch, output):
    """Where it was made meanwhile, a finished model could not be put there."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    settings = Settings("synthetic", tmp_path / output, track="tensorboard")
    if output == "other":
        tracking.check_tracker(settings)
        (tmp_path / "tensorboard").write_text("a file")
    with pytest.raises(InputError, match="give another"):
        tracking.check_tracker(settings)


@pytest.mark.parametrize("name", tracking.TRACKERS)
def test_figures_reach_the_tracker_with_their_step_and_it_ends_with_the_run(name, monkeypatch):
    """Accelerate's own tests are about what each tracker does with them."""
    told = []

    class Tracker:
        def __init__(self, run, **options):
            told.append((run, {key: str(value) for key, value in options.items()}))

        def start(self):
            told.append("start")

        def store_init_configuration(self, values):
            told.append(values)

        def log(self, values, step):
            told.append((values, step))

        def finish(self):
            told.append("finish")

    for kind in ("TrackioTracker", "TensorBoardTracker"):
        monkeypatch.setattr(f"accelerate.tracking.{kind}", Tracker)
    settings = Settings("synthetic", Path("runs/model"), track=name)
    with pytest.raises(ZeroDivisionError), tracking.tracked(settings, {"seed": 3}) as log:
        log({"loss": 0.5}, 20)
        raise ZeroDivisionError
    where = {
        "trackio": (tracking.PROJECT, {"name": "model"}),
        "tensorboard": ("model", {"logging_dir": "runs/tensorboard"}),
    }[name]
    assert told == [where, "start", {"seed": 3}, ({"loss": 0.5}, 20), "finish"]
