"""`train.py`, as people start, stop and resume it."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import train
from hub.cli.train import parse_settings, run_training
from hub.errors import InputError
from hub.inference.classifier import Classifier
from hub.training import checkpoint
from hub.training.settings import Settings

ROOT = Path(__file__).parents[2]
# A network and images so small that an epoch takes a second.
QUICK = (
    "--dataset", "synthetic", "--architecture", "airbench_small", "--weights", "none", "--optimizer", "muon",
    "--size", 32, "--small-size", 24, "--small-epochs", 1, "--epochs", 3,
)  # fmt: skip


def checkpoint_path(output):
    return Settings("synthetic", Path(output)).checkpoint


def run_train(*arguments, cwd=ROOT):
    command = [sys.executable, str(ROOT / "train.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd)


def run_main(*arguments):
    """As `run_train`, in this process, which has imported everything."""
    train.main(parse_settings(train.__doc__, [*map(str, arguments)]))


@pytest.fixture
def few_draws(monkeypatch):
    """Intervals of few draws and ranges of few images; tests/evaluation and tests/export are about both."""
    monkeypatch.setattr("hub.evaluation.metrics.RESAMPLES", 50)
    monkeypatch.setattr("hub.export.onnx.CALIBRATION_IMAGES", 12)


@pytest.fixture
def no_export(few_draws, monkeypatch):
    """No ONNX either, which takes longer than so short a training."""

    def refuse(*arguments):
        raise InputError("no ONNX here")

    monkeypatch.setattr("hub.export.onnx.export", refuse)


def stop_train(how, *arguments):
    """Send the command a signal once its first epoch is kept; return its exit code and errors."""
    command = [sys.executable, str(ROOT / "train.py"), *map(str, arguments)]
    kept = checkpoint_path(arguments[-1])
    streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    # A shell's background job ignores Ctrl-C, and so would what its tests start.
    heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(command, **streams, preexec_fn=heed) as process:
        while process.poll() is None and not kept.exists():
            time.sleep(0.01)
        process.send_signal(how)
        _, errors = process.communicate()
    return process.returncode, errors


@pytest.mark.usefixtures("few_draws")
def test_notes_on_the_data_are_printed_and_kept(tmp_path, write_noise, capsys):
    rows = ["scan,outcome"]
    for index in range(80):
        write_noise(tmp_path / "set" / "films" / f"{index}.png")
        rows.append(f"{index},{('cat', 'dog')[index % 2]}")
    (tmp_path / "set" / "films.csv").write_text("\n".join([*rows, "gone,cat"]))
    (tmp_path / "set" / "films" / "notes.txt").write_text("blurred")
    output = tmp_path / "model"
    options = ("--label-column", "outcome", "--batch-size", 32)
    run_main(*QUICK, "--dataset", tmp_path / "set", *options, "--output", output)
    out = capsys.readouterr().out
    notes = json.loads((output / "metrics.json").read_text())["training"]["notes"]
    assert "left out 1 row of films.csv, whose images are not there" in notes
    assert "left out 1 file: 1 `.txt`" in notes
    assert all(f"note: {note}\n" in out for note in notes)
    assert all(note in (output / "README.md").read_text() for note in notes)
    assert not any(str(tmp_path) in note for note in notes)
    assert f"hub evaluate {output} --dataset {tmp_path / 'set'} --label-column outcome" in out


def test_help_teaches_and_costs_nothing():
    done = run_train("--help")
    assert done.returncode == 0
    assert "--dataset synthetic --epochs 1" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--dataset", "no-such-folder", "--output", "model"], "There is no folder no-such-folder"),
        (["--dataset", "synthetic", "--epochs", "0"], "--epochs must be more than 0"),
        (["--dataset", "synthetic", "--batch-size", "1"], "--batch-size must be 2 or more"),
        (["--dataset", "synthetic", "--seed", "-1", "--output", "model"], "The seed is -1"),
        (["--dataset", "synthetic", "--output", ROOT / "hub"], "is there already"),
        (["--dataset", "synthetic", "--output", ROOT / "hub", "--overwrite"], "is not a model folder"),
    ],
)
def test_bad_arguments_are_one_sentence_and_exit_code_2(arguments, sentence, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as exit:
        run_training(train.main, parse_settings(train.__doc__, [*map(str, arguments)]))
    errors = capsys.readouterr().err
    assert exit.value.code == 2
    assert sentence in errors
    assert "Traceback" not in errors
    assert list(tmp_path.iterdir()) == []


def test_the_process_ends_with_that_sentence_and_exit_code(tmp_path):
    done = run_train("--dataset", "synthetic", "--batch-size", 1, cwd=tmp_path)
    assert done.returncode == 2
    assert "--batch-size must be 2 or more" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.usefixtures("few_draws")
def test_the_command_leaves_a_finished_model_folder(tmp_path, capsys):
    """A first run as a newcomer makes it: offline, on synthetic radiographs, here with small images."""
    output = tmp_path / "model"
    run_main("--dataset", "synthetic", "--epochs", 1, "--size", 64, "--output", output)
    assert "shared byte-identical images: train/validation 0" in capsys.readouterr().out
    names = {path.name for path in output.iterdir()}
    assert names == {
        "README.md",
        "SHA256SUMS",
        "training.png",
        "model.safetensors",
        "filters.safetensors",
        "onnx",
    } | {f"{name}.json" for name in ("config", "preprocessor_config", "metrics")}
    metrics = json.loads((output / "metrics.json").read_text())
    assert metrics["validation"]["n"] == 64
    assert (metrics["training"]["weights"], metrics["training"]["seed"]) == ("the bundled model's", 0)
    assert "of no patient" in (output / "README.md").read_text()
    assert "`onnx/model.onnx`" in (output / "README.md").read_text()
    Image.open(output / "training.png").verify()
    assert Classifier.from_pretrained(output).size == 64
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.slow
@pytest.mark.usefixtures("few_draws")
def test_a_folder_of_other_classes_trains_a_colour_model(tmp_path):
    random = np.random.default_rng(0)
    for name, channel in (("red", 0), ("green", 1), ("blue", 2)):
        folder = tmp_path / "colours" / name
        folder.mkdir(parents=True)
        for index in range(24):
            pixels = random.integers(0, 80, (40, 50, 3), dtype=np.uint8)
            pixels[..., channel] += 150
            Image.fromarray(pixels).save(folder / f"{index}.png")
    output = tmp_path / "model"
    run_main(
        "--dataset", tmp_path / "colours", "--output", output, "--weights", "none", "--epochs", 1,
        "--size", 32, "--batch-size", 16, "--architecture", "mobilenetv2_050",
    )  # fmt: skip
    classifier = Classifier.from_pretrained(output)
    assert classifier.classes == ["blue", "green", "red"]
    assert not classifier.radiograph
    assert json.loads((output / "metrics.json").read_text())["validation"].keys() >= {"accuracy", "auc", "f1"}


@pytest.mark.slow
@pytest.mark.usefixtures("no_export")
def test_a_run_that_was_killed_is_resumed_and_ends_as_an_uninterrupted_one(tmp_path, capsys):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert stop_train(signal.SIGKILL, *QUICK, "--output", killed)[0] == -signal.SIGKILL
    assert not killed.exists()
    run_main(*QUICK, "--resume", "--output", killed)
    assert "going on after epoch" in capsys.readouterr().out
    run_main(*QUICK, "--output", whole)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["killed", "whole"]
    for name in ("model.safetensors", "filters.safetensors"):
        assert (killed / name).read_bytes() == (whole / name).read_bytes()
    first, second = (json.loads((folder / "metrics.json").read_text()) for folder in (whole, killed))
    seconds = sum(row["seconds"] for row in second["training"]["history"])
    assert second["training"]["training_seconds"] >= round(seconds, 2), "both parts count"
    for metrics in (first, second):
        for name in ("command", "seconds", "training_seconds"):
            del metrics["training"][name]
        for row in metrics["training"]["history"]:
            del row["seconds"], row["images_per_second"]
    assert second["training"] == first["training"]
    assert second["validation"] == first["validation"]


def test_ctrl_c_names_the_command_that_goes_on(kaggle_folder, tmp_path):
    run = (*QUICK, "--dataset", kaggle_folder, "--batch-size", 32, "--output", tmp_path / "model")
    code, errors = stop_train(signal.SIGINT, *run)
    command = " ".join(map(str, run))
    assert code == 130
    assert errors.endswith(
        f"train.py: stopped; `python train.py {command} --resume` goes on after the last finished epoch.\n"
    )
    assert {path.name for path in tmp_path.iterdir()} == {".model.resume.pt", kaggle_folder.name}


def test_a_run_with_other_settings_or_images_is_not_resumed(tmp_path):
    output = tmp_path / "model"
    checkpoint.save(checkpoint_path(output), {"learning_rate": 0.001, "images": "2 + 1 (0123)"}, {})
    kept = checkpoint_path(output).read_bytes()
    with pytest.raises(InputError) as caught:
        run_main(*QUICK, "--learning-rate", 0.01, "--resume", "--output", output)
    assert str(caught.value).startswith("The run that was stopped had ")
    assert "learning rate 0.001, not 0.01; " in str(caught.value)
    assert "images 2 + 1 (0123), not 320 + 64 (" in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == [".model.resume.pt"]
    assert checkpoint_path(output).read_bytes() == kept


@pytest.mark.usefixtures("no_export")
def test_a_run_that_was_killed_before_its_first_epoch_ended_begins_anew_and_then_is_complete(
    kaggle_folder, tmp_path, capsys
):
    run = (*QUICK, "--dataset", kaggle_folder, "--batch-size", 32, "--output", tmp_path / "model", "--resume")
    run_main(*run)
    said = capsys.readouterr().out
    assert "so the run begins anew" in said and "epoch 1: loss" in said
    assert said.splitlines()[-1].endswith("evaluate, the demos and publish need: no ONNX here")
    run_main(*run)
    assert "model is complete: there is nothing to resume" in capsys.readouterr().out


@pytest.mark.usefixtures("few_draws")
def test_a_disk_that_is_full_at_the_end_keeps_what_was_trained(kaggle_folder, tmp_path, capsys, monkeypatch):
    run = (*QUICK, "--dataset", kaggle_folder, "--batch-size", 32, "--output", tmp_path / "model")

    def fail(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "model.onnx")

    monkeypatch.setattr("hub.export.onnx.export", fail)
    with pytest.raises(SystemExit) as exit:
        run_training(train.main, parse_settings(train.__doc__, [*map(str, run)]))
    said = capsys.readouterr()
    assert exit.value.code == 2 and "is ready" not in said.out
    assert said.err.endswith(f"--output {tmp_path / 'model'} --resume` finishes it.\n")
    assert not (tmp_path / "model").exists()
    monkeypatch.setattr("hub.export.onnx.export", lambda *arguments: {})
    run_main(*run, "--resume")
    said = capsys.readouterr().out
    assert "going on after epoch 3 of 3" in said and "is ready" in said
    assert {path.name for path in tmp_path.iterdir()} == {"model", kaggle_folder.name}


def test_a_second_run_into_the_same_output_is_refused(tmp_path):
    code = "import sys; from pathlib import Path; from hub.files import lock\n"
    code += "with lock(Path(sys.argv[1])): print(flush=True); sys.stdin.read()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "model")], cwd=ROOT, **pipes) as other:
        other.stdout.readline()
        with pytest.raises(InputError, match="Another process is writing"):
            run_main(*QUICK, "--output", tmp_path / "model")
        other.stdin.close()


def test_a_new_run_says_what_it_would_replace_and_first_leaves_it(tmp_path, capsys):
    kept = checkpoint_path(tmp_path / "model")
    kept.write_bytes(b"a run")
    with pytest.raises(InputError):
        run_main("--dataset", "nowhere", "--output", tmp_path / "model")
    assert f"{kept} holds a run that was stopped: --resume would go on from there" in capsys.readouterr().out
    assert kept.read_bytes() == b"a run"
