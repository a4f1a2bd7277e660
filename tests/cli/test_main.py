"""`python -m hub`: what all commands have in common."""

import argparse
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from hub.cli.main import build_parser, main
from hub.cli.train import build_parser as build_training_parser
from hub.models.folder import BUNDLED
from hub.version import VERSION

ROOT = Path(__file__).parents[2]


def test_the_module_runs_and_its_help_names_the_commands():
    done = subprocess.run([sys.executable, "-m", "hub", "--help"], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0
    assert all(name in done.stdout for name in ("evaluate", "classify", "scope", "fit-synthetic"))


def test_the_version_is_that_of_the_package(capsys):
    name = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["name"]
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out.split() == [name, VERSION]


def options_without_help(parser):
    """Return the options and arguments of a parser and of its commands that say nothing of themselves."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from options_without_help(command)
        elif not action.help:
            yield f"{parser.prog} {action.dest}"


def test_every_option_of_every_command_says_what_it_is():
    assert list(options_without_help(build_parser("hub"))) == []
    train = build_training_parser("")
    assert list(options_without_help(train)) == []
    assert all("%%" not in parser.format_help() for parser in (train, build_parser("hub")))


def test_the_help_of_training_begins_with_what_every_run_needs():
    groups = [group.title for group in build_training_parser("")._action_groups if group._group_actions]
    assert groups[1] == "Everyday options" and len(groups) > 3


@pytest.mark.parametrize(
    "command",
    [
        ("evaluate", "MODEL", "--dataset", "DIR"), ("export", "MODEL", "--dataset", "DIR"),
        ("scope", "MODEL", "--dataset", "DIR"), ("fit-synthetic", "--dataset", "DIR"),
        ("publish", "dataset", "DIR", "USER/DATASET"),
    ],
)  # fmt: skip
def test_every_command_that_takes_a_data_set_takes_its_columns(command):
    chosen = ("--image-column", "img", "--label-column", "finding")
    options = build_parser("hub").parse_args([*command, *chosen])
    assert (options.image_column, options.label_column) == ("img", "finding")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["evaluate", ROOT / "tests", "--dataset", "synthetic"], "not a model folder"),
        (["evaluate", BUNDLED, "--dataset", "nowhere"], "There is no folder nowhere"),
        (["evaluate", "some/id", "--dataset", "synthetic", "--save"], "--save writes into a model folder"),
        (
            ["evaluate", BUNDLED, "--dataset", "synthetic", "--json", "no/folder.json"],
            "There is no folder no ",
        ),
        (["evaluate", BUNDLED, "--dataset", "nowhere", "--json", "/proc/new.json"], "/proc/new.json cannot"),
        (["evaluate", BUNDLED, "--dataset", "nowhere", "--plots", "/proc/plots"], "/proc/plots cannot"),
        (["classify", "x.png", "--model", "no/such/model"], "check the name"),
        (["evaluate", BUNDLED, "--dataset", "synthetic", "--json", BUNDLED], "is a folder; give the name"),
        (["evaluate", BUNDLED, "--dataset", "synthetic", "--plots", __file__], "is no folder; give another"),
        (
            ["evaluate", BUNDLED, "--dataset", "nowhere", "--json", BUNDLED / "metrics.json"],
            "which is read; give another --json",
        ),
        (["evaluate", BUNDLED, "--dataset", "nowhere", "--plots", BUNDLED], "is read; give another --plots"),
        (
            ["evaluate", BUNDLED, "--dataset", ROOT / "tests", "--plots", ROOT / "tests" / "x"],
            "is read; give another --plots",
        ),
        (["page", BUNDLED, "--output", BUNDLED / "page", "--build-only"], "is read; give another --output"),
        (
            ["publish", "dataset", ROOT / "tests", "U/D", "--dry-run", ROOT / "tests" / "x"],
            "another --dry-run",
        ),
        (["publish", "model", ROOT / "tests", "U/M", "--dry-run", ROOT / "tests" / "x"], "another --dry-run"),
        (["publish", "model", BUNDLED, "USER/MODEL", "--license="], "The value of --license is empty"),
        (["evaluate", BUNDLED, "--dataset", "synthetic", "--json", ""], "The value of --json is empty"),
        (["evaluate", BUNDLED, "--dataset", "synthetic", "--label-column", "x"], "synthetic has no columns"),
        (["fit-synthetic", "--dataset", "nowhere"], "There is no folder nowhere"),
        (["scope", ROOT / "tests", "--dataset", "synthetic"], "not a model folder"),
        (["scope", BUNDLED, "--dataset", "nowhere"], "There is no folder nowhere"),
        (["scope", BUNDLED, "--dataset", "synthetic", "--foreign", ROOT / ".ci"], "has no images"),
    ],
)
def test_bad_arguments_are_one_sentence_and_exit_code_2(run, arguments, sentence):
    code, out, err = run(*arguments)
    assert code == 2
    assert sentence in err
    assert len(err.strip().splitlines()) == 1
    assert out == ""


def test_output_that_nobody_reads_any_more_ends_quietly(radiograph, tmp_path):
    radiograph.save(tmp_path / "film.png")
    files = " ".join([str(tmp_path / "film.png")] * 40)
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m hub classify {files} | head -1"],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""


@pytest.mark.parametrize("command", [["-m", "hub"], ["-m", "hub", "evaluate"], ["train.py"]])
def test_help_imports_nothing_that_takes_seconds(command):
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *command, "--help"], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0
    assert "usage: " in done.stdout
    modules = {line.split("|")[-1].strip() for line in done.stderr.splitlines()}
    assert "hub.cli" in modules
    assert modules.isdisjoint({"torch", "datasets", "timm", "onnxruntime", "sklearn", "matplotlib"})
    # Nor what is missing where nothing was installed yet: the command then says what brings it.
    assert modules.isdisjoint({"numpy", "huggingface_hub", "tqdm", "filelock"})


@pytest.mark.parametrize(
    ("program", "name"), [("/bin/chest-xray", "chest-xray"), ("/src/hub/__main__.py", "python -m hub")]
)
def test_a_command_goes_by_the_name_it_was_called_by(monkeypatch, capsys, program, name):
    monkeypatch.setattr("sys.argv", [program])
    with pytest.raises(SystemExit):
        main(["--help"])
    assert capsys.readouterr().out.startswith(f"usage: {name} ")
    assert main(["fit-synthetic", "--dataset", "nowhere"]) == 2
    assert capsys.readouterr().err.startswith(f"{name}: There is no folder nowhere")


def test_a_library_that_is_not_installed_is_named_with_what_brings_it(tmp_path):
    code = (
        "import sys\n"
        "sys.modules['datasets'] = None\n"  # as in an environment that only serves
        "from hub.cli.main import build_parser, main\n"
        "sys.exit(main(['evaluate', 'hub/pretrained', '--dataset', 'synthetic']))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 2
    assert "needs datasets" in done.stderr and "[train]" in done.stderr
    assert "Traceback" not in done.stderr
