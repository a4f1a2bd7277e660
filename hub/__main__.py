"""Run `python -m hub COMMAND`, or `chest-xray COMMAND`."""

import sys

from hub.errors import end_on_interrupt, interrupt_on_end


def main() -> int:
    """Run the command that the arguments of the process name; return its exit code."""
    end_on_interrupt()
    from hub.cli import main as command_line

    interrupt_on_end()  # so that nothing half written is left then, either
    return command_line.main()


if __name__ == "__main__":
    sys.exit(main())
