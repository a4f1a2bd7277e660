"""python -m benchmarks.reliability: see the package."""

from benchmarks.reliability import main
from hub.errors import run_command

if __name__ == "__main__":
    run_command("python -m benchmarks.reliability", main)
