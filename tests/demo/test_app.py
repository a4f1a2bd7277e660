"""`python app.py`: its help text, and a port or an address that is none."""

import errno
import os
import runpy
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import app as demo

ROOT = Path(__file__).parents[2]


def app(*arguments, **environment):
    command = [sys.executable, "app.py", *arguments]
    return subprocess.run(command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True)


@pytest.mark.parametrize("port", ["abc", "-3", "65536", ""])
def test_a_port_that_is_none_is_refused_in_a_sentence(port):
    done = app(GRADIO_SERVER_PORT=port)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("app.py: GRADIO_SERVER_PORT") and done.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["", "::1", "[::1]", "192.0.2.1", "no.such.host.invalid", "a" * 70, "a:1"])
def test_an_address_that_is_none_is_refused_in_a_sentence(name):
    """Gradio would find no free port there, after it tried a hundred."""
    done = app(GRADIO_SERVER_NAME=name)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("app.py: GRADIO_SERVER_NAME") and done.stderr.count("\n") == 1


def test_the_help_text_says_what_the_environment_sets():
    done = app("--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert all(name in done.stdout for name in ("MODEL", "METRICS", "GRADIO_SERVER_PORT"))


def test_an_option_that_there_is_not_is_refused():
    assert app("--port", "1").returncode == 2


def test_the_help_text_does_not_wait_for_gradio():
    imported = app("--help", PYTHONPROFILEIMPORTTIME="1").stderr
    assert "hub.errors" in imported and "gradio" not in imported


def test_an_app_that_is_served_already_outlives_visitors_with_all_open_files(monkeypatch):
    def fail(name):
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr("importlib.import_module", fail)
    demo.read_ahead()


def test_a_model_that_is_not_there_is_one_sentence_and_exit_code_2(monkeypatch, capsys):
    """In this process, which has imported Gradio already; what the program changes of it is left as it is."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr("hub.demo.server_log.install", lambda: None)
    monkeypatch.setattr(sys, "argv", ["app.py"])
    monkeypatch.setenv("MODEL", "no/such/model")
    with pytest.raises(SystemExit) as exit:
        runpy.run_path(str(ROOT / "app.py"), run_name="__main__")
    out, err = capsys.readouterr()
    assert (exit.value.code, out) == (2, "")
    assert "check the name" in err and "Traceback" not in err and err.count("\n") == 1
