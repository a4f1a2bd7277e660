"""The command line: `python -m hub`, or `chest-xray`."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from hub.cli import (
    calibrate,
    card,
    classify,
    evaluate,
    export,
    filters,
    fit_synthetic,
    inside,
    page,
    publish,
    scope,
    score,
)
from hub.errors import check_arguments, exit_code, open_streams
from hub.version import NAME, VERSION

# In the order of --help. Each module adds its parser, and imports what takes seconds only when it runs.
COMMANDS = (
    evaluate, classify, score, calibrate, export, scope, filters, inside, card, page, publish, fit_synthetic,
)  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code.

    `arguments` are those of the process if not given.
    """
    open_streams()
    arguments = sys.argv[1:] if arguments is None else arguments
    name = "chest-xray" if Path(sys.argv[0]).stem == "chest-xray" else "python -m hub"
    options = vars(build_parser(name).parse_args(arguments))
    run = options.pop("run")
    return exit_code(name, lambda: _run(run, options, arguments), interrupted=lambda: "")


def _run(run: Callable[..., int | None], options: dict, arguments: list[str]) -> int | None:
    """Call the function of a command with the options that its arguments gave.

    Raises InputError for an empty argument.
    """
    check_arguments(arguments)
    return run(**options)


def build_parser(name: str) -> argparse.ArgumentParser:
    """Return the parser of all commands.

    The parsed options are `run`, the function of the command, and the arguments of `run` by name.
    """
    parser = argparse.ArgumentParser(
        prog=name,
        description="Work with a model folder that train.py made, or a model on the Hub. "
        f"`{name} COMMAND --help` explains a command.",
    )
    parser.add_argument("--version", action="version", version=f"{NAME} {VERSION}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_parser(commands)
    return parser
