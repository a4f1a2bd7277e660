"""Commands that comparisons run."""

import importlib.util

import pytest

from benchmarks import coursework, processes
from hub.errors import InputError


def test_a_command_that_fails_ends_the_comparison(capfd):
    with pytest.raises(InputError, match="ended with 3; what it says above is why"):
        processes.run(["-c", "import sys; print('no such luck', file=sys.stderr); sys.exit(3)"])
    assert "no such luck" in capfd.readouterr().err


def test_the_result_is_the_last_line_that_a_process_prints():
    assert processes.result(["-c", "print('noise'); print('{\"seconds\": 1}')"]) == {"seconds": 1}


def test_without_tensorflow_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install -r benchmarks/requirements\.txt"):
        coursework.main(["--only", "mnist", "--mnist", "digits"])
