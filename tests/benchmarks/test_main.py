"""`python -m benchmarks`: one entry for all comparisons."""

import argparse
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import benchmarks.__main__ as entry

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", entry.COMMANDS)
def test_every_comparison_is_a_module_with_a_help_text(name, capsys):
    module = importlib.import_module(f"benchmarks.{name}")
    with pytest.raises(SystemExit) as exit:
        module.main(["--help"])
    assert exit.value.code == 0
    assert f"python -m benchmarks.{name}" in capsys.readouterr().out


def test_the_help_text_lists_the_comparisons(capsys):
    with pytest.raises(SystemExit) as exit:
        entry.main(["--help"])
    assert exit.value.code == 0
    out = capsys.readouterr().out
    for name, what in entry.COMMANDS.items():
        assert name in out and what in out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["inference"], "There are no films to classify; give --films DIR."),
        (["inference", "--films", "few", "--count", "40"], "few holds 6 pictures; --count asks for 40."),
        (["inference", "--films", "few", "--turns", "1"], "Give --count 32 or more, and --turns 3 or more."),
        (["serving", "--visitors", "0"], "Give --visitors, --clicks and --starts of 1 or more."),
        (["reduction", "--films", "few", "--side", "0"], "Give --side of 1 or more."),
        (["browser", "--films", "few", "--first", "0"], "Give --first of 1 or more."),
        (["reduction"], "There are no films to read; give --films DIR."),
        (
            ["training", "--dataset", "hub"],
            "There is nothing to learn from; give --dataset DIR and --weights FILE.safetensors.",
        ),
        (["training", "--dataset", "hub", "--weights", "w", "--epochs", "0"], "Give --epochs of 1 or more."),
        (
            ["distributed", "--processes", "2"],
            "Give --processes a 1, with which the others are compared, and no number below it.",
        ),
        (["runtimes", "--films", "few", "--turns", "0"], "Give --turns of 1 or more."),
        (["growth", "--turns", "1"], "Give --turns of 2 or more."),
        (["growth", "--only", "batch"], "There are no films to classify; give --films DIR."),
        (
            ["growth", "--only", "training"],
            "There is nothing to learn from; give --dataset DIR and --weights FILE.safetensors.",
        ),
        (["--xray", "DIR"], "All comparisons need --mnist; give it, or the name of one that does not."),
    ],
)
def test_what_cannot_be_measured_is_one_sentence(arguments, sentence, tmp_path, monkeypatch, capsys):
    (tmp_path / "few").mkdir()
    for number in range(6):
        (tmp_path / "few" / f"{number}.png").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as exit:
        entry.main(arguments)
    assert exit.value.code == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and error.strip().endswith(sentence)


def test_a_comparison_is_a_command_of_its_own_too(tmp_path):
    command = [sys.executable, "-m", "benchmarks.serving", "--visitors", "0"]
    process = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}
    )
    assert process.returncode == 2
    assert process.stderr.startswith("python -m benchmarks.serving: ") and process.stderr.count("\n") == 1


def test_all_comparisons_are_run_with_the_same_images():
    names = ("xray", "mnist", "cifar10", "weights")
    options = argparse.Namespace(save=True, **{name: name[0] for name in names})
    commands = entry.commands(options)
    assert commands["training"] == ["--dataset", "x", "--weights", "w", "--save"]
    assert commands["inference"] == ["--films", "x/test", "--save"]
    assert list(commands)[-1] == "report"
    assert commands["coursework"][-3:] == ["--weights", "w", "--save"]


def test_an_unknown_comparison_is_refused_with_the_names_of_all(capsys):
    with pytest.raises(SystemExit) as exit:
        entry.main(["speed"])
    assert exit.value.code == 2
    sentence = capsys.readouterr().err
    assert all(name in sentence for name in entry.COMMANDS)
