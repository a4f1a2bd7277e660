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
        ({"learning_rate": float("inf")}, "--learning-rate must be 1,000 or less"),
        ({"epochs": 10**400}, "--epochs must be 10,000 or less"),
        ({"batch_size": 10**20}, "--batch-size must be 1,000,000 or less"),
        ({"small_size": 0}, "--small-size must be more than 0"),
        ({"small_epochs": -1}, "--small-epochs must be 0 or more"),
        ({"frozen": -1}, "--frozen must be 0 or more"),
        ({"batch_size": 1}, "--batch-size must be 2 or more"),
        ({"swapped": 1.1}, "--swapped must be a share"),
        ({"swapped": float("nan")}, "--swapped must be a share"),
        ({"size": 2049}, "--size is 2048 at most"),
        ({"small_size": 99999}, "--small-size is 2048 at most"),
    ],
)
def test_values_out_of_range_are_refused(changes, sentence):
    with pytest.raises(InputError, match=sentence):
        check_settings(Settings("synthetic", Path("model"), changes=changes))


def test_an_option_without_a_value_is_refused():
    with pytest.raises(InputError, match="The value of --output is empty"):
        check_settings(Settings("synthetic", Path(), command="python train.py --output ''"))


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_that_numpy_does_not_take_is_refused(seed):
    with pytest.raises(InputError, match=f"The seed is {seed}"):
        check_settings(Settings("synthetic", Path("model"), seed=seed))


def test_defaults_and_the_least_values_are_accepted(tmp_path):
    check_settings(Settings("synthetic", tmp_path / "model"))
    least = {"epochs": 1, "small_epochs": 0, "frozen": 0, "batch_size": 2}
    check_settings(Settings("synthetic", tmp_path / "model", changes=least))


@pytest.mark.parametrize("place", ["model", "model/images"])
def test_data_are_never_overwritten(place, tmp_path):
    data = tmp_path / place
    data.mkdir(parents=True)
    with pytest.raises(InputError, match=r"The data set .* --overwrite replaces; give another --output"):
        check_settings(Settings(str(data), tmp_path / "model", overwrite=True))
    check_settings(Settings("synthetic", tmp_path / "model", weights=str(tmp_path / "model"), overwrite=True))


@pytest.mark.parametrize("output", ["films", "films/model", "link/model"])
def test_no_model_is_put_among_the_images_that_it_learns_from(output, tmp_path):
    """The next run would take the folder for a class."""
    (tmp_path / "films").mkdir()
    (tmp_path / "link").symlink_to("films")
    with pytest.raises(InputError, match="which is read; give another --output"):
        check_settings(Settings(str(tmp_path / "films"), tmp_path / output))


@pytest.mark.parametrize("kind", ["teachers", "weights", "file of weights"])
def test_a_model_that_training_begins_with_is_never_overwritten_by_another(kind, tmp_path):
    (tmp_path / "model" / "base").mkdir(parents=True)
    for folder in (tmp_path / "model", tmp_path / "model" / "base"):
        (folder / "model.safetensors").touch()

    def check(model):
        file = str(model / "model.safetensors" if kind == "file of weights" else model)
        begins = {"teachers": (model,)} if kind == "teachers" else {"weights": file}
        check_settings(Settings("synthetic", tmp_path / "model", overwrite=True, **begins))

    check(tmp_path / "model")  # which goes on as the new one
    with pytest.raises(InputError, match=r"The model .* --overwrite replaces; give another --output"):
        check(tmp_path / "model" / "base")


def test_a_checkpoint_lies_beside_the_output(tmp_path):
    assert Settings("synthetic", tmp_path / "model").checkpoint.parent == tmp_path


def test_the_root_of_the_disk_is_no_place_for_a_model():
    settings = Settings("synthetic", Path("/"))
    with pytest.raises(InputError, match="give another --output"):
        check_settings(settings)
    assert settings.checkpoint.parent == Path("/")


def test_a_name_that_is_not_utf8_is_shown_as_it_is(tmp_path):
    command = "python train.py --output '/runs/lat\udce9 1'"
    with pytest.raises(InputError, match=r"^The name /runs/lat\\xe9 1 is not in UTF-8; rename"):
        check_settings(Settings("synthetic", tmp_path / "model", command=command))


def test_compiling_needs_a_compiler(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match=r"--compile needs a C\+\+ compiler"):
        check_settings(Settings("synthetic", tmp_path / "model", compile=True))
