"""Measure the demo: start-up, latency of a click on a sample, and memory.

  python -m benchmarks.serving [--visitors 8] [--clicks 50] [--save]

Start-up is from the command to the first page over HTTP, beside a process that only imports gradio; both take
turns. A click is from the visitor's request, as the page makes it, to the finished answer: image, card and
heatmap. Every visitor clicks again as soon as the last click is answered, first one alone, then all at once.
They run on the same cores as the server. Memory is the peak of the serving process.
--save puts the figures into results.json.
"""

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
from tqdm.auto import tqdm

from benchmarks import machine, records
from hub.errors import InputError, run_command
from hub.text import markdown_table

ROOT = Path(__file__).parents[1]
PATIENCE = 120  # seconds that a server may take to start
COLUMNS = ("Visitors at once", "Clicks", "Latency (ms), median", "Latency (ms), 99th percentile")


def main(arguments: list[str] | None = None) -> None:
    """Measure the demo and print its figures.

    Raises InputError for numbers below 1, or a demo that does not start.
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.serving",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--visitors", type=int, default=8, help="at once (default: %(default)s)")
    add("--clicks", type=int, default=50, help="of each visitor (default: %(default)s)")
    add("--starts", type=int, default=3, help="of the demo (default: %(default)s)")
    add("--save", action="store_true", help="put the figures into results.json")
    options = parser.parse_args(arguments)
    records.check(options.save, records.RECORD)
    if min(options.visitors, options.clicks, options.starts) < 1:
        raise InputError("Give --visitors, --clicks and --starts of 1 or more.")
    imports, starts = [], []
    for _ in tqdm(range(options.starts), "Starting", unit=" starts"):
        imports.append(time_import())
        with demo() as (url, seconds, process):
            starts.append(seconds)
            alone = visit(url, 1, options.clicks)
            together = visit(url, options.visitors, options.clicks)
            megabytes = machine.peak_memory(process.pid)
    record = {
        "import_gradio_seconds": round(statistics.median(imports), 2),
        "first_page_seconds": round(statistics.median(starts), 2),
        "megabytes": megabytes,
        "clicks": {"1": summarize(alone), str(options.visitors): summarize(together)},
        "machine": machine.describe(),
    }
    print(format_record(record))
    if options.save:
        records.save("serving", record)


def time_import() -> float:
    """Return the seconds of a process that imports gradio."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import gradio"], check=True)
    return time.perf_counter() - started


@contextmanager
def demo() -> Iterator[tuple[str, float, subprocess.Popen]]:
    """Yield the address of a new demo, seconds to its first page, and its process."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    environment = os.environ | {"GRADIO_SERVER_PORT": str(port), "GRADIO_ANALYTICS_ENABLED": "False"}
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "app.py"], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL
    )
    try:
        while True:
            try:
                httpx.get(url, timeout=PATIENCE).raise_for_status()
                break
            except httpx.TransportError:
                if process.poll() is not None or time.perf_counter() - started > PATIENCE:
                    raise InputError("app.py did not start; what it says above is why.") from None
                time.sleep(0.02)
        yield url, time.perf_counter() - started, process
    finally:
        process.terminate()
        process.wait()


def visit(url: str, visitors: int, clicks: int) -> list[float]:
    """Return the seconds of each click of `visitors` at once.

    The first click of each visitor does not count.
    """
    event, samples = sample_event(url)
    with ThreadPoolExecutor(visitors) as pool:
        seconds = pool.map(lambda number: click(url, event, samples, number, clicks), range(visitors))
        return [second for each in seconds for second in each]


def sample_event(url: str) -> tuple[dict, int]:
    """Return the request for a sample, and the number of samples.

    The request is the one that the page makes. Raises InputError for a demo without samples.
    """
    config = httpx.get(f"{url}/config", timeout=PATIENCE).json()
    samples = {
        part["id"]: json.dumps(part["props"]).count("data-sample=")
        for part in config["components"]
        if "data-sample=" in json.dumps(part.get("props", {}))
    }
    for event in config["dependencies"]:
        for part, name in event["targets"]:
            if name == "sample" and part in samples:
                values = {part["id"]: part["props"].get("value") for part in config["components"]}
                data = [values[part] for part in event["inputs"]]
                return {"fn_index": event["id"], "data": data}, samples[part]
    raise InputError("The demo has no samples to click; give it a model that has some, or none in MODEL.")


def click(url: str, event: dict, samples: int, visitor: int, clicks: int) -> list[float]:
    """Return the seconds of `clicks` of one visitor, on the samples in turn."""
    session, seconds = uuid.uuid4().hex[:11], []
    with httpx.Client(base_url=f"{url}/gradio_api", timeout=PATIENCE) as client:
        for number in range(clicks + 1):
            asked = {"index": (visitor + number) % samples, "token": f"click-{number}"}
            place = {"session_hash": session, "event_data": asked}
            started = time.perf_counter()
            # Not through Gradio's queue: events that answer at once bypass it.
            answer = client.post("/run/predict", json=event | place)
            # The card of every answer has the token of its question.
            if answer.status_code != 200 or asked["token"] not in answer.json()["data"][1]:
                raise InputError(f"A click failed: {answer.text[:300]}")
            if number:
                seconds.append(time.perf_counter() - started)
    return seconds


def summarize(seconds: list[float]) -> dict[str, float]:
    """Return how many clicks, and their median and 99th percentile in ms."""
    percentiles = statistics.quantiles(seconds, n=100) if len(seconds) > 1 else seconds * 99
    return {
        "clicks": len(seconds),
        "median": round(1000 * statistics.median(seconds), 1),
        "percentile_99": round(1000 * percentiles[98], 1),
    }


def format_record(record: dict) -> str:
    """Return the start-up as a sentence of Markdown, and a table of the clicks."""
    extra = record["first_page_seconds"] - record["import_gradio_seconds"]
    start = (
        f"`python app.py` answers its first request after {record['first_page_seconds']:.1f} s, "
        f"{extra:.1f} s more than `import gradio` alone takes. Its peak memory is {record['megabytes']} MB."
    )
    rows = [
        (visitors, times["clicks"], f"{times['median']:.0f}", f"{times['percentile_99']:.0f}")
        for visitors, times in record["clicks"].items()
    ]
    table = markdown_table(COLUMNS, rows)
    return f"{start}\n\n{table}\n\n{machine.sentence(record['machine'])}"


if __name__ == "__main__":
    run_command("python -m benchmarks.serving", main)
