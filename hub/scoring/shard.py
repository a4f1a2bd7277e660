"""One shard of a job: its images in, a Parquet file of their scores out.

A shard is written whole or not at all, so a job that is stopped has lost the shards at which it was, and
those that are there need not be scored again.
"""

import hashlib
import io
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path, PurePosixPath

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hub.batching import batches
from hub.errors import InputError
from hub.files import sha256
from hub.inference.classifier import CHUNK_SIZE, Classifier, Prediction
from hub.models.folder import INPUT_CHECK
from hub.scoring.plan import Job, Plan, undamaged
from hub.scoring.reading import Contents, read_items
from hub.scoring.storage import Place, names_in, reachable, replace_at

SCHEMA = pa.schema(
    [
        ("path", pa.string()),
        ("sha256", pa.string()),  # of the file, the member of a ZIP or the encoded image of a row
        ("label", pa.string()),
        ("likelihood_ratio", pa.float64()),
        ("probability", pa.float64()),
        ("verdict", pa.string()),
        ("reason", pa.string()),
        ("error", pa.string()),
        ("model", pa.string()),
        ("model_sha256", pa.string()),
    ]
)
COUNTS = b"chest_xray_counts"  # metadata of a shard: how many rows of each kind
WARNED, REFUSED, UNREADABLE, LEFT_OUT = UNANSWERED = "not reliable", "refused", "unreadable", "left out"
Opened = tuple[dict, np.ndarray | None, str | None]  # a row, its pixels and its view


def shard_name(shard: int) -> str:
    """Return the name of the file of a shard, counted from 0."""
    return f"scores-{shard:06}.parquet"


def open_classifier(job: Job) -> Classifier:
    """Return the model of a job with one thread.

    Raises InputError where it cannot be loaded, and where it is not the model of the job.
    """
    classifier = Classifier.from_pretrained(
        job.model, precision=job.precision, prevalence=job.prevalence, threads=1
    )
    if sha256(classifier.file) != job.digest or job.input_check not in (check_digest(classifier), ""):
        raise InputError(
            f"{job.model} is another model than at the start of this job; give another folder for the scores."
        )
    return classifier


def check_digest(classifier: Classifier) -> str:
    """Return the SHA-256 of a model's input check; "none" without one."""
    file = classifier.folder / INPUT_CHECK
    return sha256(file) if file.is_file() else "none"


def score_shard(
    classifier: Classifier,
    plan: Plan,
    out: Place,
    shard: int,
    reading: Callable[[int | None], None] = lambda index: None,
    poisoned: Collection[int] = (),
) -> dict[str, int]:
    """Score a shard, write its file, and return how many rows are of each kind.

    `reading` is called with the index of each image before it is decoded, and with None while none is.
    Images of the indices `poisoned` are not decoded: they have ended the process before. Raises InputError
    where the source or `out` cannot be reached or is gone, and for a damaged model.
    """
    job, items = plan.job, plan.items(shard)
    contents = zip(range(len(items)), read_items(items, job.image_column), strict=True)
    rows, counts = [], Counter()
    for batch in batches(_open_each(classifier, contents, reading, poisoned), CHUNK_SIZE):
        for row in _rows(classifier, batch):
            counts[_kind(row)] += 1
            if row:
                rows.append(row | {"model": job.name, "model_sha256": job.digest})
    if counts[UNREADABLE]:
        _check_sources(job)
    write_shard(out, shard, rows, counts)
    return dict(counts)


def _check_sources(job: Job) -> None:
    """Raise InputError for a source on a disk that is gone.

    Its images would count as unreadable.
    """
    for source in job.sources:
        path = Path(source)
        if "://" not in source and not (path.is_file() or (path.is_dir() and any(path.iterdir()))):
            raise InputError(
                f"{source} is not there any more; give the same command again when it is: it goes on "
                "from here."
            )


def write_shard(out: Place, shard: int, rows: list[dict], counts: Counter) -> None:
    """Write the rows of a shard, with their counts in its metadata."""
    table = pa.Table.from_pylist(rows, SCHEMA).replace_schema_metadata({COUNTS: json.dumps(counts)})
    with replace_at(out / shard_name(shard)) as partial:
        pq.write_table(table, partial, compression="zstd")


def finished_shards(out: Place, plan: Plan) -> list[int]:
    """Return the shards that are written already."""
    names = names_in(out)
    return [shard for shard in range(plan.shards) if shard_name(shard) in names]


def read_counts(out: Place, shard: int) -> dict[str, int]:
    """Return how many rows of each kind a shard has; InputError for a damaged one."""
    place = out / shard_name(shard)
    with reachable(place.url):
        data = place.filesystem.cat_file(place.path)
    with undamaged(f"{place.url} is damaged; delete it, and give the same command again."):
        return json.loads(pq.read_schema(io.BytesIO(data)).metadata[COUNTS])


def _open_each(
    classifier: Classifier,
    contents: Iterable[tuple[int, Contents]],
    reading: Callable[[int | None], None],
    poisoned: Collection[int],
) -> Iterator[Opened | None]:
    """Open one image after the other.

    So few are in memory as they were in their files.
    """
    for index, content in contents:
        reading(index)
        opened = _open(classifier, content, index in poisoned)
        reading(None)
        yield opened


def _open(classifier: Classifier, content: Contents, poisoned: bool) -> Opened | None:
    """Return the beginning of a row, the pixels and the view; None for no image."""
    name, data = content
    if data is None:
        return None
    row = dict.fromkeys(SCHEMA.names) | {"path": name}
    if isinstance(data, InputError):
        return row | {"error": str(data)}, None, None
    row["sha256"], label = hashlib.sha256(data).hexdigest(), PurePosixPath(name).name
    if poisoned:
        return row | {"error": f"{label} ended the program that read it, twice; export it again."}, None, None
    try:
        image = classifier.open(data)
        return row, classifier.squash(image), image.info.get("view")
    except InputError as error:
        sentence = str(error)
        if sentence.startswith("The image "):  # encoded bytes have no name
            sentence = label + sentence.removeprefix("The image")
    except Exception as error:  # a mistake of ours costs one row of an archive, not the archive
        sentence = f"{label} cannot be read: {type(error).__name__} in the program; please report it."
    return row | {"error": sentence}, None, None


def _rows(classifier: Classifier, opened: list[Opened | None]) -> Iterator[dict | None]:
    images = [(pixels, view) for _, pixels, view in filter(None, opened) if pixels is not None]
    predictions = iter(classifier.predict(*zip(*images, strict=True)) if images else [])
    for each in opened:
        yield each and (each[0] if each[1] is None else each[0] | _scores(next(predictions)))


def _scores(prediction: Prediction) -> dict:
    """Return the columns of a prediction, the probability of the second of two.

    For more classes than two it is that of the label.
    """
    shares = prediction.probabilities
    positive = [*shares][1] if len(shares) == 2 else prediction.label
    return {
        "label": prediction.label,
        "likelihood_ratio": prediction.likelihood_ratio,
        "probability": shares.get(positive),
        "verdict": prediction.verdict.status,
        "reason": prediction.verdict.reason or None,
    }


def _kind(row: dict | None) -> str:
    if row is None:
        return LEFT_OUT
    if row["error"]:
        return UNREADABLE
    return {"refused": REFUSED, "warned": WARNED}.get(row["verdict"]) or _class_kind(row["label"])


def _class_kind(label: str) -> str:
    """Return the name of a class, in quotes where it would be that of another kind."""
    return json.dumps(label, ensure_ascii=False) if label in UNANSWERED or label[0] == '"' else label
