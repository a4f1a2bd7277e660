"""Measure one good visitor of the demo beside slow and hostile clients.

  python -m benchmarks.reliability.hostile_clients [--seconds 60] [--clients 20]

So many clients of each kind at once: those that send the head or the body of a request a byte a second, take
no answer, say nothing, cut an upload off, send too much, too many files, noise, deep JSON, or odd events.
A client that is dropped or refused comes again at once. The visitor clicks on an example every 0.2 s.
"""

import argparse
import asyncio
import json
import os
import random
import statistics
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from benchmarks.reliability.demo import Demo, Visitor, demo
from hub.errors import InputError, run_command

PAUSE = 0.2  # seconds between two clicks
UPLOAD = "POST /gradio_api/upload HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=q\r\n"
PART = '--q\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'


def main(arguments: list[str] | None = None) -> None:
    """Measure, and print the figures as JSON.

    Raises InputError for numbers below 1, or a demo that does not start.
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.reliability.hostile_clients",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seconds", type=float, default=60, help="default: %(default)s")
    parser.add_argument("--clients", type=int, default=20, help="of each kind (default: %(default)s)")
    options = parser.parse_args(arguments)
    if min(options.seconds, options.clients) < 1:
        raise InputError("Give --seconds and --clients of 1 or more.")
    print(json.dumps(measure(options.seconds, options.clients), indent=2))


def measure(seconds: float = 60, clients: int = 20, quick: bool = False) -> dict:
    """Return latencies in ms, memory in MB, and how often clients were ended."""
    if quick:
        seconds, clients = 15, 5
    with demo() as running:
        visitor = Visitor(running.url)
        for _ in range(10):
            visitor.click()
        alone = list(visitor.seconds)
        visitor.seconds.clear()
        memory = running.memory()
        ended = attack(running, visitor, seconds, clients)
        crowded = list(visitor.seconds)
        visitor.click()
        log = running.log()
        return {
            "seconds": seconds,
            "clients_of_each_kind": clients,
            "visitor_alone_median_ms": _milliseconds(statistics.median(alone)),
            "visitor_clicks": len(crowded),
            "visitor_clicks_failed": visitor.failed,
            "visitor_median_ms": _milliseconds(statistics.median(crowded)),
            "visitor_percentile_99_ms": _milliseconds(statistics.quantiles(crowded, n=100)[98]),
            "ended_by_the_server": dict(ended),
            "memory_before_mb": memory,
            "memory_after_mb": running.memory(),
            "uploads_left": running.uploads(),
            "tracebacks_in_the_log": log.count("Traceback"),
            "mistakes_in_the_log": log.count('"places"'),
        }


def attack(running: Demo, visitor: Visitor, seconds: float, clients: int) -> Counter:
    """Let all come for so many seconds; return how often each kind was ended.

    They are a process of their own, so that the visitor has not to wait for them on this side.
    """
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        hostile = pool.submit(_attack_for, running.url, seconds, clients)
        while not hostile.done():
            visitor.click()
            time.sleep(PAUSE)
        return hostile.result()


def _attack_for(url: str, seconds: float, clients: int) -> Counter:
    ended = Counter()
    asyncio.run(_attack(url, seconds, clients, ended))
    return ended


async def _attack(url: str, seconds: float, clients: int, ended: Counter) -> None:
    host, port = url.removeprefix("http://").split(":")
    end = time.monotonic() + seconds

    async def again(name: str) -> None:
        while time.monotonic() < end:  # `wait_for` may lose the word that it is to stop
            try:
                reader, writer = await asyncio.open_connection(host, int(port))
            except OSError:
                await asyncio.sleep(0.1)
                continue
            try:
                await KINDS[name](reader, writer)
            except OSError:
                pass
            finally:
                writer.transport.abort()
            ended[name] += 1
            await asyncio.sleep(0.5)

    tasks = [asyncio.create_task(again(name)) for name in KINDS for _ in range(clients)]
    await asyncio.sleep(seconds)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, text: str) -> None:
    """Send a byte a second until the server has enough."""
    ending = asyncio.create_task(reader.read(1))
    for letter in text:
        writer.write(letter.encode())
        await writer.drain()
        if (await asyncio.wait([ending], timeout=1))[0]:
            return
    await ending


async def _send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes) -> None:
    """Send a whole request and read its answer."""
    writer.write(data)
    await writer.drain()
    await asyncio.wait_for(reader.read(2000), 60)


async def slow_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send the head of a request a byte a second."""
    await _drip(reader, writer, UPLOAD * 100)


async def slow_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send an upload a byte a second."""
    writer.write(f"{UPLOAD}Content-Length: 90000000\r\n\r\n{PART}".encode())
    await _drip(reader, writer, "x" * 10_000)


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Connect and say nothing."""
    await reader.read(1)


async def not_reading(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Ask for the page again and again, and take none of it."""
    reader._limit = 1  # what comes stays in the socket
    with_page = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    while not writer.transport.is_closing():
        writer.write(with_page)
        await asyncio.wait_for(writer.drain(), 60)
        await asyncio.sleep(0.5)


async def cutting_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Begin an upload and leave."""
    writer.write(f"{UPLOAD}Content-Length: 90000000\r\n\r\n{PART}".encode() + os.urandom(50_000))
    await writer.drain()
    await asyncio.sleep(0.2)


async def too_large(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say that 100 GB will come."""
    await _send(reader, writer, f"{UPLOAD}Content-Length: 100000000000\r\n\r\n".encode())


async def many_files(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send 900 files at once."""
    body = f"{PART}x\r\n".encode() * 900 + b"--q--\r\n"
    await _send(reader, writer, f"{UPLOAD}Content-Length: {len(body)}\r\n\r\n".encode() + body)


async def noise(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send bytes that are no request."""
    await _send(reader, writer, os.urandom(200) + b"\r\n\r\n")


async def deep_json(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send brackets within brackets."""
    await _send(reader, writer, _json("run/classify", b"[" * 200_000 + b"]" * 200_000))


async def odd_events(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send an event that there is not, or odd values to one that there is."""
    odd = random.choice([-1, 10**6, "x", None, 3, 5, 8])
    body = {"fn_index": odd, "data": [{"path": "/etc/passwd"}], "session_hash": "odd", "event_data": [odd]}
    await _send(reader, writer, _json("run/predict", json.dumps(body).encode()))


def _json(route: str, body: bytes) -> bytes:
    head = f"POST /gradio_api/{route} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


ALL = (
    slow_head, slow_body, silent, not_reading, cutting_off,
    too_large, many_files, noise, deep_json, odd_events,
)  # fmt: skip
KINDS = {kind.__name__: kind for kind in ALL}


def _milliseconds(seconds: float) -> float:
    return round(1000 * seconds, 1)


if __name__ == "__main__":
    run_command("python -m benchmarks.reliability.hostile_clients", main)
