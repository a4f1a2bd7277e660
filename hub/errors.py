"""The one exception that users are meant to read."""

import sys
from collections.abc import Callable


class InputError(ValueError):
    """What the user gave cannot be used; the message is one sentence on what is wrong and what to do.

    The command line prints it and exits with 2, the apps show it in place of an answer.
    """


def run_command(
    name: str, main: Callable[[], object], interrupted: Callable[[], str] = lambda: "stopped."
) -> None:
    """Call `main`; where it raises InputError, print its one sentence and exit with 2.

    After Ctrl-C, print what `interrupted` returns and exit with 130.
    """
    try:
        main()
    except InputError as error:
        print(f"{name}: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print(f"{name}: {interrupted()}", file=sys.stderr)
        sys.exit(130)
