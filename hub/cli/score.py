"""Score an archive of radiographs into Parquet files."""

import argparse
import time
from argparse import _SubParsersAction
from collections import Counter
from importlib import import_module

from hub.errors import InputError
from hub.prevalence import EVEN
from hub.text import counted

LARGEST_SHARD = 1_000_000  # images, whose rows are in memory
DESCRIPTION = """\
Score an archive of radiographs, of millions if need be, into Parquet files.

  python -m hub score films scores
  python -m hub score films.zip more.zip scores --workers 8
  python -m hub score s3://bucket/films s3://bucket/scores --ray auto
  python -m hub score hf-vision/chest-xray-pneumonia scores

The images of SOURCE are listed once and divided into shards. One process for each core scores a shard after
the other, with one thread, and writes each into one file, whole or not at all. Give the same command again
after a stop, by Ctrl-C or a failure of the machine: it goes on with the shards that are missing. A file that
cannot be read, or that ends the process that reads it, costs its own row alone.
"""
EPILOG = """\
Each row has path, sha256 (of the file, the member or the encoded image), label, likelihood_ratio and
probability (of the second of two classes), verdict (fine, warned, refused or unchecked) and reason of the
input check, error (one sentence where the image could not be read), model and model_sha256 (of the network).
Files that are no images have no row and are counted. The exit code is 0 where all shards are written, even if
some files could not be read.
DuckDB, pandas, Polars, Spark and `datasets` read OUT/*.parquet as one table.
"""


def add_parser(commands: _SubParsersAction) -> None:
    """Add the command and its arguments, which are those of `run`."""
    parser = commands.add_parser(
        "score",
        help="score an archive of radiographs into Parquet files",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    add = parser.add_argument
    add(
        "sources",
        nargs="+",
        metavar="SOURCE",
        help="a folder of images, ZIPs and Parquet files at any depth, one of these files, a data set of the "
        "Hub, or an address that fsspec knows: s3:// and gs://, with s3fs or gcsfs installed, hf:// …",
    )
    add("out", metavar="OUT", help="a new folder for the scores, or that of the same job; likewise")
    add = parser.add_argument_group("The answers").add_argument
    add("--model", help="a model folder or Hub id (default: the bundled model)")
    add(
        "--precision",
        choices=("fp32", "int8"),
        help="default: int8 where it changes hardly a label of the test split, else fp32",
    )
    add(
        "--prevalence",
        type=float,
        default=EVEN,
        metavar="SHARE",
        help="how common the second of two classes is among the images; the probability is for it, label and "
        "likelihood ratio do not change (default: 0.5, even odds)",
    )
    add = parser.add_argument_group("The work").add_argument
    add("--image-column", metavar="NAME", help="of Parquet files, where it cannot be guessed")
    add(
        "--shard-size",
        type=int,
        default=1000,
        metavar="N",
        help="images in one file, and the most that a stop can cost each process (default: %(default)s; "
        "10,000 for an OUT on the Hub, where each file is a commit)",
    )
    add("--workers", type=int, metavar="N", help="processes (default: one for each core)")
    add(
        "--ray",
        metavar="ADDRESS",
        help="score on a Ray cluster, such as auto or HOST:6379, with one process for each core of all its "
        "nodes; needs `pip install 'chest-xray-hub[ray]'` here and there",
    )


def run(
    sources: list[str],
    out: str,
    model: str | None,
    precision: str | None,
    prevalence: float,
    image_column: str | None,
    shard_size: int,
    workers: int | None,
    ray: str | None,
) -> None:
    """Score the images of the sources under a progress bar, and print one line.

    Raises InputError where nothing can be scored, and for what ends the job; it can be begun again.
    """
    from tqdm.auto import tqdm

    from hub.scoring import job
    from hub.scoring.storage import open_output
    from hub.system import usable_cores

    if not 1 <= shard_size <= LARGEST_SHARD:
        raise InputError(f"Give a --shard-size from 1 to {LARGEST_SHARD:,}.")
    if workers is not None and workers < 1:
        raise InputError("Give --workers of 1 or more.")
    if ray:
        import_module("ray")  # where it is missing, say so before anything is listed
    place = open_output(out)
    begun = job.begin(place, job.make_job(sources, model, precision, prevalence, image_column), shard_size)
    if begun.done and begun.shards:
        print(f"Going on: {begun.done:,} of {counted(begun.plan.images, 'image')} are scored already.")
    counts, start = begun.counts, time.monotonic()
    cores = workers or (0 if ray else usable_cores())
    with tqdm(
        total=begun.plan.images, initial=begun.done, desc="Scoring", unit=" images", leave=False, disable=None
    ) as bar:
        for progress in job.run(place, begun, cores, ray):
            bar.update(progress.images)
            counts += Counter(progress.counts)
    job.check_complete(place, begun.plan)
    print(_line(counts, begun.plan.images - begun.done, time.monotonic() - start, begun.plan.job.omitted))
    print(f"{place.url} has {counted(begun.plan.shards, 'file')}.")


def _line(counts: Counter, done: int, seconds: float, omitted: int) -> str:
    """Return what came out, and how fast this run was."""
    from hub.scoring.shard import LEFT_OUT, REFUSED, UNANSWERED, UNREADABLE, WARNED

    no_images = counts[LEFT_OUT] + omitted
    kinds = [name for name in sorted(counts) if name not in UNANSWERED]
    parts = [f"{counts[name]:,} {name}" for name in [*kinds, WARNED, REFUSED, UNREADABLE] if counts[name]]
    speed = f" in {seconds:,.0f} s, {3600 * done / max(seconds, 1e-9):,.0f} an hour" if done else " already"
    rows = counts.total() - counts[LEFT_OUT]
    left = f"; left out {counted(no_images, 'file')} without an image" if no_images else ""
    return f"Scored {counted(rows, 'image')}{speed}: {', '.join(parts)}{left}."
