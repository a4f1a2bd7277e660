"""The comparison with the coursework's Keras."""

import importlib.util
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from benchmarks import coursework, keras_peers, processes
from hub.data.decode_cache import decode
from hub.data.leakage import leak_report
from hub.data.splits import load_splits
from hub.errors import InputError


@pytest.fixture
def digits(tmp_path, write_noise):
    """Two classes of 24 small images each in train, 8 in test."""
    for split, count in (("train", 24), ("test", 8)):
        for label in ("one", "two"):
            for number in range(count):
                write_noise(tmp_path / "digits" / split / label / f"{number}.png")
    return tmp_path / "digits"


def keras_figures(images, epochs=2):
    """What keras_peers writes."""
    return {
        "network": "small_cnn",
        "images": images,
        "test_accuracy": 0.75,
        "epochs": epochs,
        "seconds": 6.0 * epochs,
        "versions": {"tensorflow": "2.21.0", "keras": "3.15.1"},
    }


@pytest.fixture
def commands(monkeypatch):
    """Let no command run: each is written down, and leaves what it would have left after 9 seconds."""
    called = []

    def run(arguments):
        called.append(arguments)
        values = dict(pairwise(arguments))
        if "benchmarks.keras_peers" in arguments:
            images = {"train": 42, "validation": 6, "test": 16}
            Path(values["--result"]).write_text(json.dumps(keras_figures(images)))
        elif "train.py" in arguments:
            folder = Path(values["--output"])
            folder.mkdir()
            data = {"input_size": [1, 28, 28], "mean": [0.5], "std": [0.5]}
            config = {"architecture": "lenet", "num_classes": 10, "pretrained_cfg": data}
            (folder / "config.json").write_text(json.dumps(config))
            splits = leak_report(load_splits(values["--dataset"]))
            training = {"splits": splits, "history": [{}, {}], "training_seconds": 3.0}
            test = {"accuracy": {"value": 0.875}}
            (folder / "metrics.json").write_text(json.dumps({"training": training, "test": test}))
        return 9.0, 0

    monkeypatch.setattr(processes, "run", run)
    return called


def compare(monkeypatch, *arguments):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    coursework.main(list(map(str, arguments)))


def test_keras_learns_first_then_train_py_from_the_same_images(
    digits, commands, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(coursework, "RECORD", tmp_path / "coursework.json")
    output = tmp_path / "runs"
    compare(monkeypatch, "--mnist", digits, "--only", "mnist", "--seed", 3, "--output", output, "--save")
    keras, learn, evaluate = commands
    assert keras[:3] == ["-m", "benchmarks.keras_peers", "mnist"]
    assert learn[:5] == ["train.py", "--recipe", "mnist", "--dataset", str(digits)]
    assert evaluate == ["-m", "hub", "evaluate", str(output / "mnist"), "--dataset", str(digits), "--save"]
    for command in (keras, learn):
        assert command[command.index("--seed") + 1] == "3"
    arrays = keras_peers.read_arrays(output / "mnist.npz")
    for split, dataset in load_splits(digits).items():
        images, labels = decode(dataset, 28, channels=1, radiograph=False)
        assert np.array_equal(arrays[split][0], images.permute(0, 2, 3, 1))
        assert np.array_equal(arrays[split][1], labels)
    record = json.loads((tmp_path / "coursework.json").read_text())
    theirs, ours = record["mnist"]["rows"]
    assert (theirs["seconds"], theirs["command_seconds"]) == (12, 9)
    assert (ours["seconds"], ours["command_seconds"], ours["test_accuracy"]) == (3, 18, 0.875)
    assert coursework.format_table(record) in capsys.readouterr().out


def test_exercises_that_were_not_run_stay_in_the_record(digits, commands, tmp_path, monkeypatch):
    monkeypatch.setattr(coursework, "RECORD", tmp_path / "coursework.json")
    (tmp_path / "coursework.json").write_text('{"mnist": "old", "xray": "old"}')
    monkeypatch.setattr(coursework, "format_table", json.dumps)
    compare(monkeypatch, "--cifar10", digits, "--only", "cifar10", "--output", tmp_path / "runs", "--save")
    record = json.loads((tmp_path / "coursework.json").read_text())
    assert list(record) == ["mnist", "cifar10", "xray"] and record["xray"] == "old"
    assert len(record["cifar10"]["rows"]) == 3


def test_sides_that_learned_from_other_images_are_not_compared(digits, commands, tmp_path):
    processes.run(["train.py", "--dataset", str(digits), "--output", str(tmp_path / "mnist")])
    report = leak_report(load_splits(digits))
    assert coursework.our_row("mnist", tmp_path / "mnist", report, 9.0)["epochs"] == 2
    report["patients"]["train"] -= 1
    with pytest.raises(InputError, match="give both the same splits"):
        coursework.our_row("mnist", tmp_path / "mnist", report, 9.0)


def test_the_table_has_accuracy_seconds_and_their_ratio():
    machine = {"cpu": "Abacus", "cores": 2, "python": "3.11.7", "torch": "2.15.0", "timm": "1.0.31"}
    record = {
        "cifar10": {
            "images": {"train": 43750},
            "machine": machine | {"tensorflow": "2.21.0", "keras": "3.15.1"},
            "rows": [
                {"who": "Keras", "network": "small_cnn", "epochs": 5, "test_accuracy": 0.65784}
                | {"seconds": 174.2, "command_seconds": 190.4},
                {"who": "train.py --recipe cifar10", "network": "lenet", "epochs": 5}
                | {"test_accuracy": 0.7512, "seconds": 43.55, "command_seconds": 101.0},
            ],
        }
    }
    *table, _, below = coursework.format_table(record).splitlines()
    assert table[0].count("|") == table[1].count("|")
    assert table[2:] == [
        "| cifar10 | Keras | small_cnn | 43,750 | 5 | 65.78 % | 66.53 % | 34.8 | 174 | 1.00 | 190 |",
        "| cifar10 | `train.py --recipe cifar10` | lenet | 43,750 | 5 | 75.12 % | 66.53 % | 8.7 | 44 | 0.25 "
        "| 101 |",
    ]
    assert below == (
        "Times of one run on Abacus, 2 cores: python 3.11.7, torch 2.15.0, timm 1.0.31, tensorflow 2.21.0, "
        "keras 3.15.1."
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "There are no images for mnist; give --mnist DIR"),
        (["--only", "xray", "--xray", "films"], "The X-rays start from ImageNet weights; give --weights"),
    ],
)
def test_what_is_missing_is_said_before_anything_runs(monkeypatch, arguments, sentence):
    with pytest.raises(InputError, match=sentence):
        compare(monkeypatch, *arguments)
