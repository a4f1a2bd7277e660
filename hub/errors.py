"""The exception that users read, and the exit codes of commands."""

import os
import sys
from collections.abc import Callable


class InputError(ValueError):
    """An input that cannot be used.

    The message is one sentence for the user: what is wrong and what to do. The command line prints it and
    exits with 2; the apps show it in place of an answer.
    """


def run_command(
    name: str, main: Callable[[], int | None], interrupted: Callable[[], str] = lambda: "stopped."
) -> None:
    """Call `main`, and exit the process with its `exit_code` unless that is 0."""
    if code := exit_code(name, main, interrupted):
        sys.exit(code)


def exit_code(name: str, main: Callable[[], int | None], interrupted: Callable[[], str]) -> int:
    """Call `main` and return the exit code of the process.

    It is what `main` returns, with 0 for None; 2 after an InputError, whose sentence is printed; 130 after
    Ctrl-C, when the sentence that `interrupted` returns is printed, unless it is empty; 1 where nobody reads
    the output any more.
    """
    try:
        return main() or 0
    except InputError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        if sentence := interrupted():
            print(f"{name}: {sentence}", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of the output, `head` say, has closed it; there is nothing left to flush to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
