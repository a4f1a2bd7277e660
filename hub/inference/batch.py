"""Predictions for many files, ZIP archives and folders, and their CSV table."""

import csv
import io
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import PurePosixPath

from PIL import Image

from hub.errors import InputError
from hub.inference.archive import Contents, File, Note, unpack
from hub.inference.classifier import Classifier, Prediction
from hub.system import usable_cores

BATCH_SIZE = 32  # images in memory at a time, at the size of the network's input
THUMBNAIL = 96  # pixels, the longer side
FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Result:
    """Prediction or error for one file, or what a ZIP or folder held besides.

    `name` is the name of the file, followed by a slash and the member's name in a ZIP. A prediction comes
    with a `thumbnail`, grey or RGB, whose longer side has at most `THUMBNAIL` pixels; that of a radiograph
    has no borders. `error` is one sentence, `note` one without a full stop. `file` is the index of the file
    among all, from 0.
    """

    name: str
    prediction: Prediction | None = None
    error: str | None = None
    note: str | None = None
    thumbnail: Image.Image | None = None
    file: int = 0


def classify_files(classifier: Classifier, files: Iterable[File], folders: bool = False) -> Iterator[Result]:
    """Yield one result per image, in order.

    The result of an image that cannot be read has an error in place of a prediction. `files` are images and
    ZIPs, as paths or files open in binary mode. With `folders` they may be folders too, whose images are
    classified at any depth; paths that a visitor of a page can choose must not. Files of a ZIP or folder that
    are no images are counted in one result with a note. While the network classifies `BATCH_SIZE` images, the
    next `BATCH_SIZE` are read, in one thread per core. However many files there are, memory holds no more
    images than these, and one encoded file per thread.
    """
    cores, stopped = usable_cores(), threading.Event()
    sources = ((index, *item) for index, file in enumerate(files) for item in unpack(file, folders))
    # One more thread hands out the work: only one may read in an archive or in a list of open files.
    with ThreadPoolExecutor(cores + 1) as pool:
        read_batch = partial(_read_batch, classifier, sources, pool, cores, stopped)
        following = pool.submit(read_batch)
        try:
            while batch := following.result():
                following = pool.submit(read_batch)
                yield from _predict(classifier, batch)
        finally:  # also where the caller takes only the first results
            stopped.set()


def rate(done: int, start: float) -> str:
    """Return the throughput since `start`, a time of `time.perf_counter`, as text."""
    return f"{done / max(time.perf_counter() - start, 1e-9):,.1f} pictures/s"


def to_csv(rows: Iterable[tuple[Result, dict | None]]) -> str:
    """Return results and their reports as CSV, one row per result.

    A report is what `decision.report` returns, None for an error or a note. `status` and `reason` are those
    of the `Verdict`; without a report, `status` is "error" or "left out". Text that a spreadsheet would take
    for a formula gets an apostrophe in front.
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
            status, message = ("left out", result.note) if result.note else ("error", result.error)
            cells = [result.name, *(None for _ in answer + classes), status, None, message]
        else:
            verdict, shares = report["verdict"], report["probabilities"]
            cells = [
                result.name,
                *(round(cell, 6) if isinstance(cell := report[name], float) else cell for name in answer),
                *(round(shares[name], 6) if name in shares else None for name in classes),
                *(verdict[name] for name in ("status", "reason", "sentence")),
            ]
        writer.writerow([_harmless(cell) if isinstance(cell, str) else cell for cell in cells])
    return table.getvalue()


def _read_batch(
    classifier: Classifier,
    sources: Iterator[tuple[int, str, Contents]],
    pool: ThreadPoolExecutor,
    cores: int,
    stopped: threading.Event,
) -> list[tuple[Result, object]]:
    """Return `_read` of the next `BATCH_SIZE` images, in `cores` threads of the pool."""
    batch = []
    # A few at a time, one per thread: encoded files that wait for a thread would fill the memory.
    while not stopped.is_set() and (few := list(islice(sources, min(cores, BATCH_SIZE - len(batch))))):
        batch += pool.map(partial(_read, classifier), few)
        few.clear()  # before the next ones are unpacked
    return batch


def _predict(classifier: Classifier, batch: list[tuple[Result, object]]) -> Iterator[Result]:
    """Yield the results, those of images with their prediction."""
    images = [(pixels, result.thumbnail.info.get("view")) for result, pixels in batch if pixels is not None]
    predictions = iter(classifier.predict(*zip(*images, strict=True)) if images else [])
    for result, pixels in batch:
        yield result if pixels is None else replace(result, prediction=next(predictions))


def _read(classifier: Classifier, item: tuple[int, str, Contents]) -> tuple[Result, object]:
    """Return a result without its prediction, and the pixels for `predict`.

    They are None for an error or a note.
    """
    index, name, source = item
    if isinstance(source, Note):
        return Result(name, note=source.sentence, file=index), None
    if isinstance(source, InputError):
        return Result(name, error=str(source), file=index), None
    try:
        image = classifier.open(source)
        pixels = classifier.squash(image)
    except InputError as error:
        sentence = str(error)
        if sentence.startswith("The image "):  # encoded bytes have no name
            sentence = PurePosixPath(name).name + sentence.removeprefix("The image")
        return Result(name, error=sentence, file=index), None
    image.thumbnail((THUMBNAIL, THUMBNAIL))
    return Result(name, thumbnail=image, file=index), pixels


def _harmless(cell: str) -> str:
    """Return the text so that a spreadsheet does not run it as a formula.

    Characters that UTF-8 cannot encode are escaped.
    """
    text = cell.encode("utf-8", "backslashreplace").decode("utf-8")
    return f"'{text}" if text.startswith(FORMULA) else text
