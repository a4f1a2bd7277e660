"""Send bad input by every way in; each file gets an answer or one sentence.

  python -m benchmarks.reliability.bad_input [--cases 20000] [--every 5] [--fuzz 600] [--no-bombs]

Every case is read; every fifth also goes through Classifier, the command line and HTTP. Bombs go through all
of them, one at a time. After each bad request over HTTP a good one has to be answered. Then hypothesis looks
for bytes that a reader fails on, for so many seconds.
"""

import argparse
import contextlib
import io
import json
import math
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import httpx

from benchmarks.machine import watched
from benchmarks.reliability import corpus
from benchmarks.serving import demo
from hub.errors import InputError, run_command
from hub.imaging.read import read_here, read_image
from hub.imaging.synthetic import sample_radiographs
from hub.imaging.unreadable import UnreadableError
from hub.inference.archive import unpack
from hub.inference.classifier import Classifier

LIMIT = 2  # seconds for one file
PATIENCE = 120  # seconds after which a request counts as lost


def main(arguments: list[str] | None = None) -> None:
    """Measure, and print the figures as JSON."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.reliability.bad_input",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--cases", type=int, default=20_000, help="files that are damaged (default: %(default)s)")
    add(
        "--every",
        type=int,
        default=5,
        help="which of them go through every way in (default: each %(default)sth)",
    )
    add("--fuzz", type=int, default=600, metavar="SECONDS", help="of hypothesis (default: %(default)s)")
    add("--no-bombs", dest="bombs", action="store_false", help="leave out what is slow on purpose")
    options = parser.parse_args(arguments)
    if min(options.cases, options.every) < 1 or options.fuzz < 0:
        raise InputError("Give --cases and --every of 1 or more, and --fuzz of 0 or more.")
    print(json.dumps(measure(options.cases, options.every, options.fuzz, options.bombs), indent=2))


def measure(cases: int = 20_000, every: int = 5, fuzz: int = 600, bombs: bool = True) -> dict:
    """Return the figures of each way in, and of fuzzing.

    They are "reader", "classifier", "command line", "http" and "fuzzing". Each of the first four has `cases`,
    `answers`, `sentences`, `unexpected` (all else, of which `first_unexpected` are at most ten; over HTTP
    also a good request after a bad one that failed), `over_limit` (files that took more than two seconds),
    `longest_seconds` and `slowest`, the file that did, and `megabytes` above idle, of the `heaviest`.
    """
    figures = {}
    classifier = Classifier.from_pretrained()
    with tempfile.TemporaryDirectory() as folder, demo() as (url, _, server):
        good = Path(folder, "good.png")
        sample_radiographs(1)[0][0].save(good)
        for path in (good,):  # libraries are imported before memory is measured
            classifier(path)
        ways = {
            "reader": (os.getpid(), 1, _read),
            "classifier": (os.getpid(), every, partial(_classify, classifier)),
            "command line": (os.getpid(), every, partial(_command_line, Path(folder))),
            "http": (server.pid, every, partial(_post, url, good)),
        }
        for name, (pid, step, way) in ways.items():
            print(f"{name} …", file=sys.stderr, flush=True)
            figures[name] = through(way, pid, corpus_files(cases, step, bombs))
    figures["fuzzing"] = fuzz_readers(fuzz)
    return figures


def corpus_files(cases: int, step: int, bombs: bool) -> Iterator[tuple[str, str, bytes]]:
    """Yield every `step`th damaged file, then the bombs, as the corpus does."""
    yield from (case for number, case in enumerate(corpus.cases(cases)) if number % step == 0)
    if bombs:
        yield from corpus.bombs()


def through(way: Callable[[str, bytes], str], pid: int, files: Iterator[tuple[str, str, bytes]]) -> dict:
    """Return the figures of one way in.

    `way` returns "answer" or "sentence", or raises.
    """
    counts, unexpected, over = {"answer": 0, "sentence": 0}, [], 0
    longest, slowest, most, heaviest = 0.0, "", 0, ""
    for what, name, data in files:
        idle = _megabytes(pid)
        with watched(partial(_megabytes, pid)) as peak:
            start = time.perf_counter()
            try:
                counts[way(name, data)] += 1
            except Exception as error:  # whatever it is, it is what is looked for
                unexpected.append(f"{what}: {type(error).__name__}: {str(error)[:200]}")
            seconds = time.perf_counter() - start
        over += seconds > LIMIT
        if seconds > longest:
            longest, slowest = seconds, what
        if (above := peak() - idle) > most:
            most, heaviest = above, what
    return {
        "cases": counts["answer"] + counts["sentence"] + len(unexpected),
        "answers": counts["answer"],
        "sentences": counts["sentence"],
        "unexpected": len(unexpected),
        "first_unexpected": unexpected[:10],
        "over_limit": over,
        "longest_seconds": round(longest, 2),
        "slowest": slowest,
        "megabytes": most,
        "heaviest": heaviest,
    }


def _read(name: str, data: bytes) -> str:
    if name.endswith(".zip") or data[:4] == b"PK\3\4":
        stream = io.BytesIO(data)
        return "answer" if any([_is_read(contents) for _, contents in unpack(stream)]) else "sentence"
    return "answer" if _is_read(data) else "sentence"


def _is_read(contents: object) -> bool:
    try:
        return isinstance(contents, bytes) and bool(read_image(contents).size)
    except InputError as error:
        check_sentence(str(error))
        return False


def _classify(classifier: Classifier, _: str, data: bytes) -> str:
    try:
        classifier(data)
    except InputError as error:
        check_sentence(str(error))
        return "sentence"
    return "answer"


def _command_line(folder: Path, name: str, data: bytes) -> str:
    """Classify a file in this process, by its own name where the system takes it."""
    from hub.cli.main import main as command_line

    path = folder / name.replace("/", "_")
    path.write_bytes(data)
    output, errors = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2))
    try:
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
            code = command_line(["classify", "--", str(path)])
    finally:
        path.unlink()
    if code not in (0, 2):
        raise AssertionError(f"exit code {code}")
    return "sentence" if code else "answer"


def _post(url: str, good: Path, name: str, data: bytes) -> str:
    """Upload and classify a file, then a good one, which has to be answered."""
    with httpx.Client(base_url=f"{url}/gradio_api", timeout=PATIENCE) as client:
        said = _ask(client, name, data)
        if _ask(client, good.name, good.read_bytes()) != "answer":
            raise AssertionError("the good request after it was refused")
    return said


def _ask(client: httpx.Client, name: str, data: bytes) -> str:
    uploaded = client.post("/upload", files={"files": (name, data)})
    if uploaded.status_code != 200:
        check_sentence(_message(uploaded))
        return "sentence"
    file = {"path": uploaded.json()[0], "meta": {"_type": "gradio.FileData"}}
    answer = client.post("/run/classify", json={"data": [file]})
    if answer.status_code == 200:
        return "answer"
    check_sentence(_message(answer))
    return "sentence"


def _message(answer: httpx.Response) -> str:
    try:
        said = answer.json()
    except ValueError:
        return answer.text
    return str(said.get("error") or said.get("detail") or said) if isinstance(said, dict) else str(said)


def check_sentence(text: str) -> None:
    """Raise AssertionError for what is not one line of words for a user."""
    if not text or "Traceback" in text or "\n" in text.strip() or len(text) > 600:
        raise AssertionError(f"no sentence: {text[:100]!r}")


def fuzz_readers(seconds: float, most: float = math.inf) -> dict:
    """Return how many files hypothesis made in so many seconds, and what failed.

    They are `most` at most, and decoded in this process, but for those whose decoders crash: DICOM is read up
    to its pixels.
    """
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import strategies as st

    films = [data for kind, data in corpus.films().items() if not kind.endswith(("zip", "dcm"))]
    edits = st.lists(st.tuples(st.integers(0, 100_000), st.binary(max_size=6), st.integers(0, 8)), max_size=8)
    end, count, longest = time.monotonic() + seconds, 0, 0.0

    def done() -> bool:
        return time.monotonic() > end or count >= most

    @settings(
        max_examples=500, deadline=None, database=None, phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.sampled_from(films), edits)
    def check(film: bytes, edits: list[tuple[int, bytes, int]]) -> None:
        nonlocal count, longest
        if done():
            return
        for place, put, dropped in edits:
            place %= len(film) or 1
            film = film[:place] + put + film[place + dropped :]
        start = time.perf_counter()
        with contextlib.suppress(InputError, UnreadableError):
            read_here(film, "film", None)
        count, longest = count + 1, max(longest, time.perf_counter() - start)

    unexpected = []
    while not done() and len(unexpected) < 10:
        try:
            check()
        except Exception as error:  # as in through
            unexpected.append(f"{type(error).__name__}: {str(error)[:200]}")
    return {
        "cases": count,
        "unexpected": len(unexpected),
        "first_unexpected": unexpected,
        "longest_seconds": round(longest, 2),
    }


def _megabytes(pid: int) -> int:
    """Return the resident memory of a process and of all that it started."""
    total = 0
    with contextlib.suppress(OSError, ValueError):  # it may have ended
        total = (
            int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20
        )
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text("ascii").split():
                total += _megabytes(int(child))
    return total


if __name__ == "__main__":
    run_command("python -m benchmarks.reliability.bad_input", main)
