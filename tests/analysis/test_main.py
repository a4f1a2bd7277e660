"""`python -m hub.analysis`: one entry for all measurements."""

import importlib

import pytest

from hub.analysis import __main__
from hub.models.folder import BUNDLED


@pytest.mark.parametrize("name", __main__.COMMANDS)
def test_every_command_is_a_module_with_a_help_text(name, capsys):
    module = importlib.import_module(f"hub.analysis.{name}")
    with pytest.raises(SystemExit) as exit:
        module.main(["--help"])
    assert exit.value.code == 0
    assert f"python -m hub.analysis {name}" in capsys.readouterr().out


def test_the_help_text_lists_the_commands(capsys):
    with pytest.raises(SystemExit) as exit:
        __main__.main(["--help"])
    assert exit.value.code == 0
    out = capsys.readouterr().out
    for name, what in __main__.COMMANDS.items():
        assert name in out and what in out


def test_a_command_gets_the_arguments_after_its_name(tmp_path, capsys):
    with pytest.raises(SystemExit) as exit:
        __main__.main(["seeds", str(tmp_path)])
    assert exit.value.code == 2
    assert capsys.readouterr().err.startswith(f"python -m hub.analysis seeds: {tmp_path}")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["heatmaps", "some/id", "--save"], "--save writes into a model folder of train.py, and some/id"),
        (["heatmaps", str(BUNDLED), "--output", str(BUNDLED)], "which is read; give another --output"),
        (["heatmaps", str(BUNDLED), "--output", "/proc/pictures"], "/proc/pictures cannot be"),
        (["shortcuts", "--weights", "FILE", "--save", "nowhere"], "model folder of train.py, and nowhere"),
        (["input_check", "nowhere", "--save"], "model folder of train.py, and nowhere"),
        (["heatmaps", str(BUNDLED)], "There is no folder no data"),
    ],
)
def test_where_the_figures_go_is_looked_at_before_the_data(arguments, sentence, capsys):
    with pytest.raises(SystemExit) as exit:
        __main__.main([*arguments, "--dataset", "no data"])
    errors = capsys.readouterr().err
    assert exit.value.code == 2
    assert sentence in errors and errors.count("\n") == 1


def test_an_unknown_command_is_refused(capsys):
    with pytest.raises(SystemExit) as exit:
        __main__.main(["speed"])
    assert exit.value.code == 2
    assert "choose from 'heatmaps'" in capsys.readouterr().err
