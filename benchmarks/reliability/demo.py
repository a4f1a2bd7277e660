"""A demo to be hard on: its address, its process, its log and its uploads."""

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx

from benchmarks.serving import sample_event
from hub.errors import InputError

ROOT = Path(__file__).parents[2]
PATIENCE = 120  # seconds that it may take to start


class Demo(NamedTuple):
    """A running demo."""

    url: str
    process: subprocess.Popen
    folder: Path

    def memory(self) -> float:
        """Return the memory of the process in MB; 0 on systems without /proc."""
        return resident(self.process.pid)

    def uploads(self) -> int:
        """Return the number of uploaded files that lie on the disk."""
        return sum(path.is_file() for path in self.folder.glob("uploads/run-*/uploads/**/*"))

    def log(self) -> str:
        """Return what the demo logged."""
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")


@contextmanager
def demo() -> Iterator[Demo]:
    """Run `python app.py` as long as the block lasts.

    Raises InputError where it does not start.
    """
    with socket.socket() as listener, tempfile.TemporaryDirectory() as name:
        listener.bind(("127.0.0.1", 0))
        port, folder = listener.getsockname()[1], Path(name)
        listener.close()
        environment = os.environ | {
            "GRADIO_SERVER_PORT": str(port),
            "GRADIO_TEMP_DIR": str(folder / "uploads"),
        }
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "app.py"], cwd=ROOT, env=environment, stdout=log, stderr=log
            )
        running = Demo(f"http://127.0.0.1:{port}", process, folder)
        try:
            _wait(running)
            yield running
        finally:
            process.terminate()
            process.wait()


def _wait(running: Demo) -> None:
    started = time.perf_counter()
    while True:
        try:
            httpx.get(f"{running.url}/healthz", timeout=PATIENCE).raise_for_status()
            return
        except httpx.HTTPError:
            if running.process.poll() is not None or time.perf_counter() - started > PATIENCE:
                raise InputError(f"app.py did not start: {running.log()[-300:]}") from None
            time.sleep(0.05)


def resident(process: int | str = "self") -> float:
    """Return the memory of a process in MB; 0 on systems without /proc."""
    status = Path(f"/proc/{process}/status")
    match = re.search(r"VmRSS:\s+(\d+) kB", status.read_text("ascii")) if status.is_file() else None
    return round(int(match[1]) / 1e3, 1) if match else 0.0


class Visitor:
    """One good visitor: `seconds` of each answered click, and how many `failed`."""

    def __init__(self, url: str) -> None:
        headers = {"X-Forwarded-For": "8.8.8.8"}  # from elsewhere than whoever else is there
        self.client = httpx.Client(base_url=f"{url}/gradio_api", headers=headers, timeout=PATIENCE)
        self.event, self.samples = sample_event(url)
        self.seconds: list[float] = []
        self.failed = 0

    def click(self) -> None:
        """Click on the next example."""
        number = len(self.seconds) + self.failed
        asked = {"index": number % self.samples, "token": f"click-{number}"}
        started = time.perf_counter()
        try:
            place = {"session_hash": "goodvisitor", "event_data": asked}
            answer = self.client.post("/run/predict", json=self.event | place)
            good = answer.status_code == 200 and asked["token"] in answer.json()["data"][1]
        except httpx.HTTPError:
            good = False
        if good:
            self.seconds.append(time.perf_counter() - started)
        else:
            self.failed += 1
