"""Run Python in another process: its time, its peak memory, its result."""

import importlib.util
import json
import shlex
import subprocess
import sys
import time
from contextlib import suppress

from benchmarks.machine import peak_memory
from hub.errors import InputError


def run(arguments: list[str]) -> tuple[float, int]:
    """Run Python with `arguments`; return seconds and peak memory in megabytes.

    Its output is shown. Raises InputError where it fails.
    """
    command = f"python {shlex.join(arguments)}"
    print(f"\n{command}", flush=True)
    start, megabytes = time.perf_counter(), 0
    with subprocess.Popen([sys.executable, *arguments]) as process:
        while process.poll() is None:
            megabytes = peak_memory(process.pid) or megabytes
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.5)
    _check(command, process.returncode)
    return time.perf_counter() - start, megabytes


def result(arguments: list[str]) -> dict:
    """Run Python with `arguments`; return the JSON object in its last line of output.

    Raises InputError where it fails.
    """
    process = subprocess.run([sys.executable, *arguments], stdout=subprocess.PIPE, text=True)
    _check(f"python {shlex.join(arguments)}", process.returncode)
    return json.loads(process.stdout.splitlines()[-1])


def _check(command: str, code: int) -> None:
    if code:
        raise InputError(f"`{command}` ended with {code}; what it says above is why.")


def need_tensorflow() -> None:
    """Raise InputError where TensorFlow is not installed."""
    if not importlib.util.find_spec("tensorflow"):
        raise InputError(
            "TensorFlow is not installed; `pip install -r benchmarks/requirements.txt` brings it."
        )
