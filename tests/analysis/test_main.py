"""`python -m hub.analysis`: one entry for all measurements."""

import importlib

import pytest

from hub.analysis import __main__


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


def test_an_unknown_command_is_refused(capsys):
    with pytest.raises(SystemExit) as exit:
        __main__.main(["speed"])
    assert exit.value.code == 2
    assert "choose from 'heatmaps'" in capsys.readouterr().err
