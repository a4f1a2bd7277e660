"""`training.settings`: what no training could do is refused before anything is read."""

from pathlib import Path

import pytest

from hub.errors import InputError
from hub.training.settings import Settings, check_settings


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"epochs": 0}, "--epochs must be more than 0"),
        ({"size": -1}, "--size must be more than 0"),
        ({"learning_rate": 0.0}, "--learning-rate must be more than 0"),
        ({"learning_rate": float("nan")}, "--learning-rate must be more than 0"),
        ({"small_size": 0}, "--small-size must be more than 0"),
        ({"small_epochs": -1}, "--small-epochs must be 0 or more"),
        ({"frozen": -1}, "--frozen must be 0 or more"),
        ({"batch_size": 1}, "--batch-size must be 2 or more"),
        ({"size": 2049}, "--size is 2048 at most"),
        ({"small_size": 99999}, "--small-size is 2048 at most"),
    ],
)
def test_values_out_of_range_are_refused(changes, sentence):
    with pytest.raises(InputError, match=sentence):
        check_settings(Settings("synthetic", Path("model"), changes=changes))


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_that_numpy_does_not_take_is_refused(seed):
    with pytest.raises(InputError, match=f"The seed is {seed}"):
        check_settings(Settings("synthetic", Path("model"), seed=seed))


def test_defaults_and_the_least_values_are_accepted(tmp_path):
    check_settings(Settings("synthetic", tmp_path / "model"))
    least = {"epochs": 1, "small_epochs": 0, "frozen": 0, "batch_size": 2}
    check_settings(Settings("synthetic", tmp_path / "model", changes=least))


def test_a_run_is_resumed_only_from_a_checkpoint_beside_its_output(tmp_path):
    settings = Settings("synthetic", tmp_path / "model", resume=True)
    with pytest.raises(InputError, match="There is nothing to resume"):
        check_settings(settings)
    settings.checkpoint.touch()
    check_settings(settings)
    assert settings.checkpoint.parent == tmp_path


def test_compiling_needs_a_compiler(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match=r"--compile needs a C\+\+ compiler"):
        check_settings(Settings("synthetic", tmp_path / "model", compile=True))
