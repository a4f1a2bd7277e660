"""Many files, ZIP archives among them, to one result per picture."""

import csv
import io
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path, PurePosixPath

from PIL import Image

from hub.errors import InputError
from hub.inference.archive import File, unpack
from hub.inference.classifier import Classifier, Prediction
from hub.system import usable_cores

BATCH_SIZE = 32  # pictures in memory at a time, as small as the network takes them
THUMBNAIL = 96  # pixels, the longer side
FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Result:
    """What became of one picture: either a prediction and a small copy of the picture, or an error.

    `name` is the file as it was given, with a slash and the member's name where it is a ZIP; `error` is one
    sentence; `thumbnail` is grey or RGB, `THUMBNAIL` pixels on its longer side or less, of a radiograph
    without its borders. `file` is the place of the file among those given, from 0.
    """

    name: str
    prediction: Prediction | None = None
    error: str | None = None
    thumbnail: Image.Image | None = None
    file: int = 0


def classify_files(classifier: Classifier, files: Iterable[File]) -> Iterator[Result]:
    """Yield one result per image, in order; one that cannot be read is a result with an error.

    `files` are images and ZIPs, as paths or open binary files with a name. While the network sees
    `BATCH_SIZE` images, the next `BATCH_SIZE` are read, in as many threads as there are cores. However many
    files there are, memory holds no more images than these, and one encoded file per thread.
    """
    cores, stopped = usable_cores(), threading.Event()
    sources = ((place, *item) for place, file in enumerate(files) for item in unpack([file]))
    # One more thread shares out the work: an archive, or a list of open files, is read by one at a time.
    with ThreadPoolExecutor(cores + 1) as pool:
        read_batch = partial(_read_batch, classifier, sources, pool, cores, stopped)
        coming = pool.submit(read_batch)
        try:
            while batch := coming.result():
                coming = pool.submit(read_batch)
                yield from _predict(classifier, batch)
        finally:  # also where nobody wants the rest
            stopped.set()


def rate(done: int, start: float) -> str:
    """Return in words how many pictures a second were classified since `start`, of `time.perf_counter`."""
    return f"{done / max(time.perf_counter() - start, 1e-9):,.1f} pictures/s"


def to_csv(rows: Iterable[tuple[Result, dict | None]]) -> str:
    """Return results and their reports as a table for a spreadsheet: what the page says, one line per file.

    A report is what `hub.demo.handlers.report` gives, None for a file that could not be read. `status` and
    `reason` are the input check's (`input_check.Verdict`), "error" where there is no report. Text that a
    spreadsheet would take for a formula gets an apostrophe in front.
    """
    rows = list(rows)
    classes = list(dict.fromkeys(name for _, report in rows if report for name in report["probabilities"]))
    answer = ["label", "finding", "operating_point", "threshold"]
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(
        ["file", *answer, *(f"probability_{name}" for name in classes), "status", "reason", "message"]
    )
    for result, report in rows:
        if report is None:
            cells = [result.name, *(None for _ in answer + classes), "error", None, result.error]
        else:
            verdict, shares = report["verdict"], report["probabilities"]
            cells = [
                result.name,
                *(report[name] for name in answer),
                *(round(shares[name], 6) if name in shares else None for name in classes),
                *(verdict[name] for name in ("status", "reason", "sentence")),
            ]
        writer.writerow([_harmless(cell) if isinstance(cell, str) else cell for cell in cells])
    return table.getvalue()


def _read_batch(
    classifier: Classifier,
    sources: Iterator[tuple[int, str, str | Path | bytes | InputError]],
    pool: ThreadPoolExecutor,
    cores: int,
    stopped: threading.Event,
) -> list[tuple[Result, object]]:
    """Return what `_read` gives of the next `BATCH_SIZE` pictures, read in `cores` threads of the pool."""
    batch = []
    # As many as there are threads, and then as many again: what waits for its turn would fill the memory.
    while not stopped.is_set() and (few := list(islice(sources, min(cores, BATCH_SIZE - len(batch))))):
        batch += pool.map(partial(_read, classifier), few)
        few.clear()  # before others are unpacked
    return batch


def _predict(classifier: Classifier, batch: list[tuple[Result, object]]) -> Iterator[Result]:
    """Yield the results with their predictions, where there is a picture to predict."""
    inputs = [pixels for result, pixels in batch if result.error is None]
    predictions = iter(classifier.predict(inputs) if inputs else [])
    for result, _ in batch:
        yield result if result.error else replace(result, prediction=next(predictions))


def _read(
    classifier: Classifier, item: tuple[int, str, str | Path | bytes | InputError]
) -> tuple[Result, object]:
    """Return a result that still lacks its prediction, and what `predict` makes one of."""
    place, name, source = item
    if isinstance(source, InputError):
        return Result(name, error=str(source), file=place), None
    try:
        picture = classifier.open(source)
        pixels = classifier.squash(picture)
    except InputError as error:
        sentence = str(error)
        if sentence.startswith("The image "):  # bytes and pictures have no name of their own
            sentence = PurePosixPath(name).name + sentence.removeprefix("The image")
        return Result(name, error=sentence, file=place), None
    picture.thumbnail((THUMBNAIL, THUMBNAIL))
    return Result(name, thumbnail=picture, file=place), pixels


def _harmless(cell: str) -> str:
    """Return text that a spreadsheet shows and does not run, and that UTF-8 can hold."""
    text = cell.encode("utf-8", "backslashreplace").decode("utf-8")
    return f"'{text}" if text.startswith(FORMULA) else text
