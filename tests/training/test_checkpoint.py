"""`training.checkpoint`: what is kept of a run that is stopped."""

import json
import random
import resource
import shutil
from types import SimpleNamespace

import pytest
import torch
from datasets import Dataset, DatasetDict
from torch import nn

from hub.errors import InputError
from hub.files import write_json
from hub.models.folder import BUNDLED
from hub.public_names import command_digest
from hub.training import checkpoint
from hub.training.recipes import RECIPES
from hub.training.settings import Settings


def test_a_checkpoint_that_cannot_be_written_stops_the_run_and_leaves_the_older_one(tmp_path):
    checkpoint.save(tmp_path / "run.pt", {}, {"step": 1})
    with pytest.raises(TypeError):
        checkpoint.save(tmp_path / "run.pt", {}, {"step": (number for number in range(2))})
    assert checkpoint.load(tmp_path / "run.pt", {}) == {"step": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["run.pt"]
    (tmp_path / "folder.pt").mkdir()
    with pytest.raises(IsADirectoryError):
        checkpoint.save(tmp_path / "folder.pt", {}, {"step": 1})


def test_a_checkpoint_larger_than_a_file_may_be_says_so_and_leaves_the_older_one(tmp_path):
    checkpoint.save(tmp_path / "run.pt", {}, {"step": 1})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            checkpoint.save(tmp_path / "run.pt", {}, {"step": 2, "weights": torch.zeros(100_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert checkpoint.load(tmp_path / "run.pt", {}) == {"step": 1}


def test_a_checkpoint_with_any_damage_is_refused(tmp_path):
    path, chance = tmp_path / "run.pt", random.Random(0)
    checkpoint.save(path, {}, {"step": 1})
    content = path.read_bytes()
    flipped = [bytearray(content) for _ in range(40)]
    for damaged in flipped:
        damaged[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    for damaged in (content[:-100], b"", b"no checkpoint", *flipped):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=r"is damaged.*; leave --resume out"):
            checkpoint.load(path, {})


def test_without_a_finished_epoch_there_is_no_state(tmp_path):
    assert checkpoint.load(tmp_path / "run.pt", {}) is None


@pytest.mark.parametrize(
    "changed", ["weights/model.safetensors", "teacher/model.safetensors", "teacher/config.json"]
)
def test_a_run_whose_weights_or_teacher_were_changed_is_another_run(tmp_path, changed):
    for name in ("weights", "teacher"):
        shutil.copytree(BUNDLED, tmp_path / name)
    labels = DatasetDict(dict.fromkeys(("train", "validation"), Dataset.from_dict({"label": [0, 1]})))
    data = SimpleNamespace(classes=["a", "b"], splits=labels, digests={name: ["0", "1"] for name in labels})
    settings = Settings("synthetic", tmp_path / "model", teachers=(tmp_path / "teacher",))

    def describe():
        recipe = RECIPES["xray"]
        return checkpoint.describe_run(settings, "xray", recipe, str(tmp_path / "weights"), data)

    checkpoint.save(settings.checkpoint, describe(), {"step": 1})
    metrics = tmp_path / "teacher" / "metrics.json"
    metrics.write_text(json.dumps(json.loads(metrics.read_text()) | {"test": {}}))  # as evaluate --save does
    assert checkpoint.load(settings.checkpoint, describe()) == {"step": 1}
    with (tmp_path / changed).open("ab") as file:
        file.write(b" ")
    where = "contents of --weights" if "weights/" in changed else "teachers"
    with pytest.raises(InputError, match=f"The run that was stopped had {where} .* not "):
        checkpoint.load(settings.checkpoint, describe())


def test_a_run_is_complete_where_its_command_left_a_model_folder(tmp_path):
    shutil.copytree(BUNDLED, tmp_path / "model")
    command = json.loads((BUNDLED / "metrics.json").read_text())["training"]["command"]

    def is_complete(**options):
        return checkpoint.is_complete(Settings("synthetic", tmp_path / "model", **options))

    assert is_complete(command=command, resume=True)
    assert not is_complete(command=command)
    assert not is_complete(command=f"{command} --epochs 90", resume=True)
    Settings("synthetic", tmp_path / "model").checkpoint.touch()
    assert is_complete(command=command, resume=True), "killed before it could delete the checkpoint"
    assert not is_complete(command=command, resume=True, overwrite=True)
    shutil.rmtree(tmp_path / "model")
    assert not is_complete(command=command, resume=True)


def test_a_run_on_data_of_the_same_name_elsewhere_is_another_run(tmp_path, monkeypatch):
    for place in ("one", "other"):
        (tmp_path / place / "films").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "one")
    command = "python train.py --dataset films"
    record = {"training": {"command": command, "command_digest": command_digest(command)}}
    write_json(tmp_path / "metrics.json", record)

    def is_complete(dataset):
        command = f"python train.py --dataset {dataset}"
        return checkpoint.is_complete(Settings(dataset, tmp_path, command=command, resume=True))

    assert is_complete("films") and is_complete("../one/films")
    assert not is_complete("../other/films")
    monkeypatch.chdir(tmp_path / "other")
    assert not is_complete("films")


def test_a_disk_without_room_for_the_run_is_refused_before_it_trains(tmp_path, monkeypatch):
    network = nn.Linear(1000, 1000)  # 4 MB: 32 MB of checkpoints, and 3 MB of plots
    disk = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: disk._replace(free=30_000_000))
    with pytest.raises(InputError, match="has room for 30 MB, and the run needs 35 MB"):
        checkpoint.check_room(tmp_path / "run.pt", network)
    (tmp_path / "run.pt").write_bytes(bytes(16_000_000))  # which the run replaces
    checkpoint.check_room(tmp_path / "run.pt", network)


def test_equal_images_with_other_labels_are_other_data():
    def describe(train=(0, 1), validation=(1, 0), digests=("a", "b")):
        labels = {"train": train, "validation": validation}
        splits = DatasetDict({name: Dataset.from_dict({"label": given}) for name, given in labels.items()})
        return checkpoint.describe_images(splits, dict.fromkeys(splits, digests))

    assert describe() == describe()
    assert describe().startswith("2 + 2 (")
    assert len({describe(), describe((1, 0)), describe(validation=(0, 1)), describe(digests=("b", "a"))}) == 4
