"""`python -m hub` in this process."""

import pytest

from hub.cli.main import main


@pytest.fixture
def run(capsys):
    """Run the command in this process; return its exit code, output and errors."""

    def run(*arguments):
        code = main([*map(str, arguments)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run
