"""Run `python -m hub COMMAND`, or `chest-xray COMMAND`."""

import sys

from hub.errors import end_on_interrupt


def main() -> int:
    """Run the command that the arguments of the process name; return its exit code."""
    end_on_interrupt()
    from hub.cli import main as command_line

    return command_line.main()


if __name__ == "__main__":
    sys.exit(main())
