"""Measure the demo under many visitors, and the memory of many predictions.

  python -m benchmarks.reliability.load [--visitors 100] [--minutes 5] [--crowd 1000] [--predictions 20000]

Locust sends the visitors over loopback, from the same machine: they share its cores with the server.
Visitors click, upload films, large films and what is none. A crowd arrives within ten seconds, each for the
page and one answer. The predictions run in one process, with its memory after the first 500 and at the end.
"""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import processes
from benchmarks.reliability.demo import ROOT, Demo, Visitor, demo
from hub.errors import InputError, run_command

FILE = Path(__file__).with_name("visitors.py")
ARRIVAL = 10  # seconds in which the crowd comes
FIRST = 500  # predictions, after which memory is to stay
USUAL = 0.3  # seconds of a click after which the demo has recovered
PREDICT = """
import json, sys
from benchmarks.reliability.demo import resident
from hub.imaging.synthetic import sample_radiographs
from hub.inference.classifier import Classifier
count, first = map(int, sys.argv[1:])
classifier, films = Classifier.from_pretrained(), sample_radiographs(16)[0]
for number in range(count):
    classifier([films[number % 16]])
    if number + 1 == min(first, count):
        before = resident()
memory = {"memory_after_the_first_500_mb": before, "memory_at_the_end_mb": resident()}
print(json.dumps({"predictions": count} | memory))
"""


def main(arguments: list[str] | None = None) -> None:
    """Measure, and print the figures as JSON.

    Raises InputError for numbers below 1, a demo that does not start, or without Locust.
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.reliability.load",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--visitors", type=int, default=100, help="at once (default: %(default)s)")
    add("--minutes", type=float, default=5, help="that they stay (default: %(default)s)")
    add("--crowd", type=int, default=1000, help="who arrive in ten seconds (default: %(default)s)")
    add("--predictions", type=int, default=20_000, help="in one process (default: %(default)s)")
    options = parser.parse_args(arguments)
    if min(options.visitors, options.crowd, options.predictions) < 1 or options.minutes <= 0:
        raise InputError("Give --visitors, --minutes, --crowd and --predictions above 0.")
    figures = measure(options.visitors, options.minutes, options.crowd, options.predictions)
    print(json.dumps(figures, indent=2))


def measure(
    visitors: int = 100, minutes: float = 5, crowd: int = 1000, predictions: int = 20_000, quick: bool = False
) -> dict:
    """Return the figures: latencies in ms and memory in MB."""
    if quick:
        visitors, minutes, crowd, predictions = 5, 0.25, 20, 1000
    if not importlib.util.find_spec("locust"):
        raise InputError("Locust is not installed; `pip install -r benchmarks/requirements.txt` brings it.")
    with demo() as running:
        staying = stay(running, visitors, minutes)
        arriving = arrive(running, crowd)
        left = running.log().count("Traceback")
    memory = processes.result(["-c", PREDICT, str(predictions), str(FIRST)])
    return {"visitors": staying, "crowd": arriving, "one_process": memory, "tracebacks_in_the_log": left}


def stay(running: Demo, visitors: int, minutes: float) -> dict:
    """Let visitors stay; return what they got, and the server's memory."""
    with watched(running) as memory:
        figures = locust(running, visitors, max(1, visitors // 10), 60 * minutes)
    half = len(memory) // 2
    return {
        "at_once": visitors,
        "minutes": minutes,
        **figures,
        "memory_peak_mb": max(memory),
        "memory_in_the_middle_mb": memory[half],
        "memory_at_the_end_mb": memory[-1],
    }


def arrive(running: Demo, crowd: int) -> dict:
    """Let a crowd arrive; return what it got, and when the demo had recovered."""
    figures = locust(running, crowd, max(1, crowd // ARRIVAL), 3 * ARRIVAL, once=True)
    visitor, started = Visitor(running.url), time.perf_counter()
    while True:
        visitor.click()
        seconds = time.perf_counter() - started
        if (visitor.seconds and visitor.seconds[-1] < USUAL) or seconds > 120:
            return {"visitors": crowd, **figures, "recovered_after_seconds": round(seconds, 1)}


@contextmanager
def watched(running: Demo) -> Iterator[list[float]]:
    """Yield a list that grows by the memory of the server each second."""
    memory, ended = [running.memory()], threading.Event()

    def watch() -> None:
        while not ended.wait(1):
            memory.append(running.memory())

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    yield memory
    ended.set()
    thread.join()


def locust(running: Demo, visitors: int, rate: int, seconds: float, once: bool = False) -> dict:
    """Run Locust; return its requests, how many failed, and latencies in ms.

    Raises InputError where it says nothing.
    """
    command = [sys.executable, "-m", "locust", "-f", str(FILE), "--headless", "--json", "--only-summary"]
    command += ["--host", running.url, "-u", str(visitors), "-r", str(rate), "-t", f"{seconds:.0f}s"]
    command += ["--stop-timeout", "60", "--skip-log"]
    environment = os.environ | {"VISITORS": "once" if once else "stay", "PYTHONPATH": _paths()}
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        routes = json.loads(done.stdout)
    except ValueError:
        raise InputError("Locust gave no figures; what it says above is why.") from None
    times = {}
    for route in routes:
        for milliseconds, count in route["response_times"].items():
            times[float(milliseconds)] = times.get(float(milliseconds), 0) + count
    return {
        "requests": sum(route["num_requests"] for route in routes),
        "requests_failed": sum(route["num_failures"] for route in routes),
        "median_ms": quantile(times, 0.5),
        "percentile_99_ms": quantile(times, 0.99),
    }


def quantile(times: dict[float, int], share: float) -> float:
    """Return the time below which this share of the requests lies; NaN without any."""
    seen, total = 0, sum(times.values())
    for milliseconds in sorted(times):
        seen += times[milliseconds]
        if seen >= share * total:
            return milliseconds
    return float("nan")


def _paths() -> str:
    return os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))


if __name__ == "__main__":
    run_command("python -m benchmarks.reliability.load", main)
