"""`cli.train`: from options to settings, and what a stopped run says."""

import errno
import os
from pathlib import Path

import pytest

from hub.cli.train import parse_settings, run_training
from hub.training.settings import Settings


def parse(*arguments):
    return parse_settings("", list(arguments))


def test_only_the_options_that_are_given_change_the_recipe():
    settings = parse("--epochs", "3", "--learning-rate", "0.01", "--frozen", "0")
    assert settings.changes == {"epochs": 3, "learning_rate": 0.01, "frozen": 0}
    assert parse().changes == {}


@pytest.mark.parametrize(
    ("arguments", "output"),
    [
        ([], "runs/xray"),
        (["--dataset", "ylecun/mnist"], "runs/mnist"),
        (["--dataset", "holiday/pictures"], "runs/pictures"),
        (["--recipe", "small_data"], "runs/small_data"),
        (["--recipe", "small_data", "--output", "here"], "here"),
    ],
)
def test_the_output_goes_by_the_recipe_or_the_folder(arguments, output):
    assert str(parse(*arguments).output) == output


def test_the_columns_of_a_table_may_be_named():
    settings = parse("--image-column", "img", "--label-column", "finding")
    assert (settings.image_column, settings.label_column) == ("img", "finding")
    assert (parse().image_column, parse().label_column) == (None, None)


def test_a_network_may_have_several_teachers():
    settings = parse("--teacher", "runs/one", "runs/two", "--seed", "1")
    assert list(map(str, settings.teachers)) == ["runs/one", "runs/two"]
    assert parse().teachers == ()


def test_a_resumed_run_has_the_command_of_the_run_that_was_stopped():
    options = "--dataset", "my images", "--seed", "1"
    assert parse(*options).command == "python train.py --dataset 'my images' --seed 1"
    for resume in ("--resume", "--res"):
        assert parse(*options, resume).command == parse(*options).command


@pytest.mark.parametrize(
    ("older", "resume", "saves", "sentence"),
    [
        (False, False, False, "stopped; nothing was written."),
        (True, False, False, "stopped; nothing was written."),
        (True, True, False, "stopped; `python train.py --resume` goes on after the last finished epoch."),
        (False, False, True, "stopped; `python train.py --resume` goes on after the last finished epoch."),
        (True, False, True, "stopped; `python train.py --resume` goes on after the last finished epoch."),
    ],
)
def test_a_stopped_run_is_said_to_go_on_only_from_a_checkpoint_of_it(
    tmp_path, capsys, older, resume, saves, sentence
):
    settings = Settings("synthetic", tmp_path / "model", resume=resume)
    if older:
        settings.checkpoint.write_bytes(b"an older run")

    def main(settings):
        if saves:
            settings.checkpoint.unlink(missing_ok=True)
            settings.checkpoint.write_bytes(b"this run")
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as exit:
        run_training(main, settings)
    assert exit.value.code == 130
    assert capsys.readouterr().err == f"train.py: {sentence}\n"


@pytest.mark.parametrize(
    ("saves", "end"), [(False, "room on the disk.\n"), (True, "`python train.py --resume` finishes it.\n")]
)
def test_a_full_disk_is_named_with_the_command_that_finishes_what_was_trained(tmp_path, capsys, saves, end):
    settings = Settings("synthetic", tmp_path / "model")

    def main(settings):
        if saves:
            settings.checkpoint.write_bytes(b"this run")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "model.safetensors")

    with pytest.raises(SystemExit) as exit:
        run_training(main, settings)
    said = capsys.readouterr().err
    assert exit.value.code == 2 and said.startswith("train.py: model.safetensors cannot be")
    assert "No space left" in said and said.endswith(end)


def test_an_output_where_nobody_may_look_is_one_sentence(tmp_path, capsys, monkeypatch):
    def stat(path, *arguments, **options):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    def main(settings):
        settings.output.exists()

    monkeypatch.setattr(Path, "stat", stat)
    with pytest.raises(SystemExit) as exit:
        run_training(main, Settings("synthetic", tmp_path / "closed" / "model"))
    said = capsys.readouterr().err
    assert exit.value.code == 2 and "Permission denied" in said and said.count("\n") == 1


def test_memory_that_runs_out_loses_no_finished_epoch(tmp_path, capsys):
    settings = Settings("synthetic", tmp_path / "model")

    def main(settings):
        settings.checkpoint.write_bytes(b"this run")
        raise MemoryError

    with pytest.raises(SystemExit) as exit:
        run_training(main, settings)
    said = capsys.readouterr().err
    assert exit.value.code == 2 and "too little memory" in said
    assert said.endswith("`python train.py --resume` finishes it.\n")
