"""Exit codes, and what a full disk or a path that may not be written comes to."""

import errno
import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hub import errors
from hub.cli.main import main as command_line
from hub.errors import InputError
from hub.imaging.read import read_image
from hub.models.folder import BUNDLED

ROOT = Path(__file__).parents[1]
full_device = pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")


def hub(command, limit=None):
    """Run `python -m hub` in a shell; files may have at most `limit` blocks of 512 or 1,024 bytes."""
    line = (f"ulimit -f {limit}; " if limit else "") + f"{sys.executable} -m hub {command}"
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True, cwd=ROOT)


def one_sentence(code, errors):
    assert code == 2 and "Traceback" not in errors and "(None)" not in errors
    sentence = errors.replace("\r", "\n").strip().splitlines()[-1]
    assert sentence.startswith("python -m hub: ") and sentence.endswith(".") and ". " not in sentence
    return sentence


@full_device
@pytest.mark.parametrize("options", ["", " --json"])
def test_output_on_a_full_disk_is_one_sentence(radiograph, tmp_path, options):
    radiograph.save(tmp_path / "film.png")
    done = hub(f"classify {tmp_path / 'film.png'}{options} > /dev/full")
    sentence = one_sentence(done.returncode, done.stderr)
    assert "No space left on device" in sentence


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-"])
def test_a_command_works_where_a_stream_is_closed(radiograph, tmp_path, closed):
    radiograph.save(tmp_path / "film.png")
    done = hub(f"classify {tmp_path / 'film.png'} {closed}")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
def test_plots_on_a_full_disk_are_one_sentence(tmp_path):
    command = f"evaluate hub/pretrained --dataset synthetic --split validation --plots {tmp_path / 'plots'}"
    done = hub(command, limit=8)
    assert "File too large" in one_sentence(done.returncode, done.stderr)


@pytest.fixture
def small_disk():
    """Let files have 8 kB at most."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("command", [f"model {BUNDLED} USER/MODEL", "space USER/DEMO --model USER/MODEL"])
def test_a_dry_run_on_a_full_disk_says_why(tmp_path, capsys, small_disk, command):
    code = command_line(["publish", *command.split(), "--dry-run", str(tmp_path / "upload")])
    sentence = one_sentence(code, capsys.readouterr().err)
    assert "(File too large)" in sentence and "--dry-run" in sentence
    assert list(tmp_path.iterdir()) == []


def test_text_is_written_in_utf8_whatever_the_terminal_has(tmp_path):
    code = (
        "import pathlib, sys\n"
        "from hub import errors, files\n"
        "text = 'R\\u00f6ntgen \\u80ba'\n"
        "files.write_text(pathlib.Path(sys.argv[1]), text)\n"
        "errors.exit_code('hub', lambda: print(text), lambda: '')\n"
    )
    latin = os.environ | {"PYTHONIOENCODING": "latin-1", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}
    command = [sys.executable, "-X", "utf8=0", "-c", code, str(tmp_path / "text")]
    done = subprocess.run(command, env=latin, capture_output=True, cwd=ROOT)
    assert (tmp_path / "text").read_text(encoding="utf-8") == "R\u00f6ntgen \u80ba", done.stderr
    assert done.stdout == b"R\xf6ntgen \\u80ba\n"


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EDQUOT, errno.ENAMETOOLONG])
def test_what_is_wrong_with_a_disk_or_path_is_named(code, capsys):
    def main():
        raise OSError(code, os.strerror(code), "/films/a.png")

    assert errors.exit_code("hub", main, lambda: "") == 2
    said = capsys.readouterr().err
    assert said.startswith("hub: /films/a.png cannot be read or written") and os.strerror(code) in said


def test_the_errors_of_a_folder_that_is_copied_are_named(tmp_path):
    (tmp_path / "from").mkdir()
    (tmp_path / "from" / "loop").symlink_to("loop")
    with pytest.raises(shutil.Error) as raised:
        shutil.copytree(tmp_path / "from", tmp_path / "to")
    assert raised.value.strerror is None
    assert errors.disk_error(raised.value) == os.strerror(errno.ELOOP)


@pytest.mark.parametrize(
    ("package", "brings"),
    [
        ("datasets", "[train]"),
        ("pyarrow.parquet", "[score]"),
        ("cleanlab.filter", "benchmarks/requirements.txt"),
    ],
)
def test_a_library_that_is_not_installed_is_named_with_what_brings_it(package, brings, capsys):
    def main():
        raise ModuleNotFoundError(f"No module named {package!r}", name=package)

    assert errors.exit_code("hub", main, lambda: "") == 2
    said = capsys.readouterr().err
    assert said.startswith(f"hub: This command needs {package}; ") and brings in said


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError(errno.ENOENT, "x"), OSError("no code"), ValueError("x"),
        ModuleNotFoundError("x", name="hub.x"), ImportError("cannot import name 'x'"),
    ],
)  # fmt: skip
def test_a_mistake_of_the_code_keeps_its_traceback(error):
    def main():
        raise error

    with pytest.raises(type(error)):
        errors.exit_code("hub", main, lambda: "")


def test_a_sentence_is_one_line_whatever_the_names_in_it_hold(tmp_path, capsys):
    (tmp_path / "a\n\x1b[2Jb.png").write_text("no image")
    with pytest.raises(InputError) as refused:
        read_image(tmp_path / "a\n\x1b[2Jb.png")
    assert command_line(["classify", str(tmp_path)]) == 2
    assert command_line(["classify", str(tmp_path / "a\x9b.png")]) == 2
    lines = capsys.readouterr().out.removesuffix("\n").split("\n")
    assert len(lines) == 2 and all(text.isprintable() for text in (str(refused.value), *lines))


PROGRAMS = {
    "hub": ("hub.cli.main", "runpy.run_module('hub', run_name='__main__')"),
    "train.py": ("hub.cli.train", "runpy.run_path('train.py', run_name='__main__')"),
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_ctrl_c_while_modules_are_imported_ends_a_program_without_a_word(program):
    imported, run = PROGRAMS[program]
    code = f"""
import os, runpy, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever runs the tests may ignore it
class Interrupt:
    def find_spec(name, path, target=None):
        if name == {imported!r}:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupt)
{run}
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--model", ""], "--model"),
        (["a", "--model= "], "--model"),
        ([" "], "argument"),
        (["--to", "a", ""], "arg"),
    ],
)
def test_an_empty_argument_is_refused(words, named):
    with pytest.raises(InputError, match=rf"{named}.* is empty"):
        errors.check_arguments(words)


def test_arguments_that_hold_something_are_taken():
    errors.check_arguments(["--model", "a", "--rename", "a=", "b=c", "--license=mit", "-"])


def test_an_exit_code_is_that_of_the_command(capsys):
    def refuse():
        raise InputError("This is wrong; do that.")

    assert [errors.exit_code("hub", main, lambda: "") for main in (lambda: None, lambda: 3, refuse)] == [
        0,
        3,
        2,
    ]
    assert capsys.readouterr().err == "hub: This is wrong; do that.\n"


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_process_that_is_told_to_end_ends_once_as_by_an_interrupt(name):
    handlers = {signal.SIGTERM: signal.SIG_DFL, signal.SIGHUP: signal.SIG_DFL}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        errors.interrupt_on_end()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(getattr(signal, name))
        signal.raise_signal(signal.SIGHUP)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_a_process_that_outlives_its_terminal_is_not_ended_with_it():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        errors.interrupt_on_end()
        signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB."),
        RuntimeError(
            "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"
        ),
        ImportError("libtorch_cpu.so: failed to map segment from shared object"),
        OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)),
    ],
)
def test_too_little_memory_is_one_sentence(error, capsys):
    def main():
        raise error

    assert errors.exit_code("hub", main, lambda: "") == 2
    assert capsys.readouterr().err.startswith("hub: There is too little memory")


@pytest.mark.parametrize(
    ("error", "limit"),
    [
        (OSError(errno.EMFILE, os.strerror(errno.EMFILE)), "ulimit -n"),
        (OSError(errno.ENFILE, os.strerror(errno.ENFILE)), "ulimit -n"),
        (OSError(errno.EAGAIN, os.strerror(errno.EAGAIN)), "ulimit -u"),
        (RuntimeError("can't start new thread"), "ulimit -u"),
    ],
)
def test_a_limit_of_the_system_is_one_sentence_that_names_it(error, limit, capsys):
    def main():
        raise error

    assert errors.exit_code("hub", main, lambda: "") == 2
    said = capsys.readouterr().err
    assert limit in said and said.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "reason"), [({"capture_output": True}, "no room"), ({}, "what it says above is why")]
)
def test_a_program_that_fails_is_one_sentence(options, reason, capsys):
    def main():
        subprocess.run(["bash", "-c", "echo no room. >&2; exit 3"], check=True, **options)

    assert errors.exit_code("hub", main, lambda: "") == 2
    said = capsys.readouterr().err
    assert said.endswith(f"ended with 3; {reason}.\n") and said.count("\n") == 1


@pytest.mark.parametrize("word", ["~", "~/runs", "--output=~/runs"])
def test_a_home_folder_that_the_shell_left_as_it_is_is_refused(word):
    with pytest.raises(InputError, match="is not your home folder"):
        errors.check_arguments([word])
    errors.check_arguments(["~backup", "a~/b"])


def test_who_works_in_a_folder_that_is_gone_is_told_so(tmp_path, monkeypatch, capsys):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert command_line(["classify", "film.png"]) == 2
    assert "The folder that you are in was deleted or replaced" in capsys.readouterr().err
