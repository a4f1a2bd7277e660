"""Predictions for many files, ZIP archives and folders, and their CSV table."""

import csv
import io
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import PurePosixPath

from PIL import Image

from hub.errors import InputError
from hub.inference.archive import Contents, File, Note, count_members, unpack
from hub.inference.classifier import Classifier, Prediction
from hub.inference.decision import FINDINGS
from hub.system import usable_cores

BATCH_SIZE = 32  # images in memory at a time, at the size of the network's input
COUNTED = 100  # files whose tables of contents are read before the first answer
THUMBNAIL = 96  # pixels, the longer side
FORMULA = ("=", "+", "-", "@", "\t", "\r")
REPORTED = ("label", "finding", "likelihood_ratio", "prevalence", "operating_point", "threshold")
# What `kind` returns, as headlines of the CSV table; "label" has that of the class.
HEADLINES = {
    "signs": "Signs of pneumonia",
    "flagged": "Flagged for a second look",
    "uncertain": "Too close to call",
    "no_sign": "No sign of pneumonia",
    "label": None,
    "not_reliable": "Not reliable for this X-ray",
    "refused": "No answer",
    "unreadable": "No answer",
    "left_out": "Left out",
}


@dataclass(frozen=True)
class Result:
    """Prediction or error for one file, or what a ZIP or folder held besides.

    `name` is the name of the file, followed by a slash and the member's name in a ZIP. A prediction comes
    with a `thumbnail`, grey or RGB, whose longer side has at most `THUMBNAIL` pixels; that of a radiograph
    has no borders. `picture` is the same as a JPEG for a screen, where `classify_files` was asked for one.
    `error` is one sentence, `note` one without a full stop. `file` is the index of the file among all, from
    0.
    """

    name: str
    prediction: Prediction | None = None
    error: str | None = None
    note: str | None = None
    thumbnail: Image.Image | None = None
    file: int = 0
    picture: bytes | None = field(default=None, repr=False)


def classify_files(
    classifier: Classifier, files: Iterable[File], folders: bool = False, side: int = 0
) -> Iterator[Result]:
    """Yield one result per image, in order.

    The result of an image that cannot be read has an error in place of a prediction. `files` are images and
    ZIPs, as paths or files open in binary mode. With `folders` they may be folders too, whose images are
    classified at any depth; paths that a visitor of a page can choose must not. Files of a ZIP or folder that
    are no images are counted in one result with a note. While the network classifies `BATCH_SIZE` images, the
    next `BATCH_SIZE` are read, in one thread per core. However many files there are, memory holds no more
    images than these, and one encoded file per thread. With `side`, results have a `picture` of at most so
    many pixels on its longer side, some 20 kB at 512.
    """
    cores, stopped = usable_cores(), threading.Event()
    sources = ((index, *item) for index, file in enumerate(files) for item in unpack(file, folders))
    # One more thread hands out the work: only one may read in an archive or in a list of open files.
    with ThreadPoolExecutor(cores + 1) as pool:
        read = partial(_read, classifier, side)
        read_batch = partial(_read_batch, read, sources, pool, cores, stopped)
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


def expected(files: Iterable[str]) -> int:
    """Return about how many images are in files, by ZIPs' tables of contents.

    A file that is given again is not read again, and of more than `COUNTED` each other one counts as one: a
    table may take a third of a second.
    """
    given = Counter(files)
    return sum(
        times * (count_members(file) if number < COUNTED else 1)
        for number, (file, times) in enumerate(given.items())
    )


def kind(result: Result, report: dict | None) -> str:
    """Return what kind of answer a result and its report are.

    It is a key of `HEADLINES`. "label" is the answer of a model that has classes alone. A film that the input
    check warns of is "not_reliable", whatever the network says.
    """
    if report is None:
        return "left_out" if result.note else "unreadable"
    if report["label"] is None:
        return "refused"
    if report["verdict"]["status"] == "warned":
        return "not_reliable"
    return FINDINGS.get(report["finding"], "label")


def to_csv(rows: Iterable[tuple[Result, dict | None]]) -> str:
    """Return results and their reports as CSV, one row per result.

    A report is what `decision.report` returns, None for an error or a note. `answer` is one of `HEADLINES`,
    or the class. `label` and `finding` are left empty where the input check warns of the film. `status` and
    `reason` are those of the `Verdict`; without a report, `status` is "error" or "left out". Text that a
    spreadsheet would take for a formula gets an apostrophe in front.
    """
    rows = list(rows)
    classes = list(dict.fromkeys(name for _, report in rows if report for name in report["probabilities"]))
    table = io.StringIO()
    writer = csv.writer(table)
    probabilities = [f"probability_{name}" for name in classes]
    writer.writerow(["file", "answer", *REPORTED, *probabilities, "status", "reason", "message"])
    for result, report in rows:
        answer = kind(result, report)
        if report is None:
            status, message = ("left out", result.note) if result.note else ("error", result.error)
            cells = [*(None for _ in [*REPORTED, *classes]), status, None, message]
        else:
            hidden = ("label", "finding") if answer == "not_reliable" else ()
            verdict, shares = report["verdict"], report["probabilities"]
            cells = [
                *(None if name in hidden else report[name] for name in REPORTED),
                *(shares.get(name) for name in classes),
                *(verdict[name] for name in ("status", "reason", "sentence")),
            ]
        headline = HEADLINES[answer] or report["label"]
        writer.writerow([_cell(cell) for cell in [result.name, headline, *cells]])
    return table.getvalue()


def _read_batch(
    read: Callable[[tuple[int, str, Contents]], tuple[Result, object]],
    sources: Iterator[tuple[int, str, Contents]],
    pool: ThreadPoolExecutor,
    cores: int,
    stopped: threading.Event,
) -> list[tuple[Result, object]]:
    """Return `read` of the next `BATCH_SIZE` images, in `cores` threads of the pool."""
    batch = []
    # A few at a time, one per thread: encoded files that wait for a thread would fill the memory.
    while not stopped.is_set() and (few := list(islice(sources, min(cores, BATCH_SIZE - len(batch))))):
        batch += pool.map(read, few)
        few.clear()  # before the next ones are unpacked
    return batch


def _predict(classifier: Classifier, batch: list[tuple[Result, object]]) -> Iterator[Result]:
    """Yield the results, those of images with their prediction."""
    images = [(pixels, result.thumbnail.info.get("view")) for result, pixels in batch if pixels is not None]
    predictions = iter(classifier.predict(*zip(*images, strict=True)) if images else [])
    for result, pixels in batch:
        yield result if pixels is None else replace(result, prediction=next(predictions))


def _read(classifier: Classifier, side: int, item: tuple[int, str, Contents]) -> tuple[Result, object]:
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
    picture = _picture(image, side) if side else None
    image.thumbnail((THUMBNAIL, THUMBNAIL))
    return Result(name, thumbnail=image, file=index, picture=picture), pixels


def _picture(image: Image.Image, side: int) -> bytes:
    """Make the image no larger than `side`, and return it as a JPEG."""
    image.thumbnail((side, side))
    buffer = io.BytesIO()
    (image if image.mode == "L" else image.convert("RGB")).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def _cell(cell: str | float | None) -> str | float | None:
    """Return the cell so that no spreadsheet runs it as a formula.

    Numbers have six digits. Characters that UTF-8 cannot encode are escaped.
    """
    if not isinstance(cell, str):
        return float(f"{cell:.6g}") if isinstance(cell, float) else cell
    text = cell.encode("utf-8", "backslashreplace").decode("utf-8")
    return f"'{text}" if text.startswith(FORMULA) else text
