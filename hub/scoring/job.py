"""Score an archive: begin or go on with a job, and say what came out."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from hub.errors import InputError
from hub.files import lock
from hub.inference.classifier import Classifier
from hub.models.folder import BUNDLED
from hub.scoring.plan import PLAN, Job, Plan, write_plan
from hub.scoring.pool import Progress, score_locally
from hub.scoring.shard import check_digest, finished_shards, read_counts
from hub.scoring.storage import Place, names_in, open_source
from hub.text import counted

READERS = 16  # shards whose counts are read at a time


@dataclass(frozen=True)
class Begun:
    """A job whose plan is written.

    `shards` are those still to be scored, of `plan.shards`; `counts` are those of the others, by kind of row,
    and `done` is how many images these list.
    """

    plan: Plan
    shards: list[int]
    counts: Counter
    done: int


def make_job(
    sources: list[str],
    model: str | None = None,
    precision: str | None = None,
    prevalence: float = 0.5,
    image_column: str | None = None,
) -> Job:
    """Return a job for sources that are there and a model that can be loaded.

    Raises InputError where `open_source` and `Classifier.from_pretrained` do, and for a source that is given
    twice.
    """
    places = [open_source(source) for source in sources]
    _check_apart([place.url for place in places])
    classifier = Classifier.from_pretrained(model or BUNDLED, precision=precision, prevalence=prevalence)
    local = model is None or Path(model).is_dir()
    return Job(
        sources=tuple(place.url for place in places),
        model=str(classifier.folder.resolve()) if local else model,
        name="bundled" if model is None else str(Path(model)) if local else model,
        precision=classifier.precision,
        digest=classifier.digest,
        input_check=check_digest(classifier),
        prevalence=prevalence,
        image_column=image_column,
    )


def _check_apart(addresses: list[str]) -> None:
    """Raise InputError for a source that is given twice."""
    counts = Counter(map(PurePosixPath, addresses))
    for address in addresses:
        path = PurePosixPath(address)
        if counts[path] > 1 or any(folder in counts for folder in path.parents):
            raise InputError(f"{address} is given twice, alone or by a folder around it; give it once.")


def begin(out: Place, job: Job, shard_size: int) -> Begun:
    """Write the plan of a job, or read the one of the same job that was stopped.

    Raises InputError where the folder has the scores of another job, or files of anything else, and where
    another process scores into it.
    """
    with _for_one_process(out):  # two jobs that begin at once would each write a plan
        names = names_in(out)
        if PLAN not in names:
            if any(not name.startswith(".") for name in names):
                raise InputError(f"{out.url} holds other files; give another folder for the scores.")
            write_plan(out, job, shard_size)
    plan = Plan(out)
    before = plan.job.same()
    if different := [name for name, value in job.same().items() if before[name] not in (value, "")]:
        raise InputError(
            f"{out.url} holds the scores of another job, with another {different[0].replace('_', ' ')}; give "
            "another folder for the scores, or the options of that job to go on with it."
        )
    finished = finished_shards(out, plan)
    with ThreadPoolExecutor(READERS) as pool:
        counts = sum(map(Counter, pool.map(partial(read_counts, out), finished)), Counter())
    left = sorted(set(range(plan.shards)) - set(finished))
    return Begun(plan, left, counts, sum(map(plan.count, finished)))


def run(out: Place, begun: Begun, workers: int, ray: str | None = None) -> Iterator[Progress]:
    """Score the shards that are left, on this machine or on a Ray cluster.

    Raises InputError for what ends the job, and where another process scores into the same folder of a disk.
    """
    with _for_one_process(out):
        if not begun.shards:
            return
        if ray:
            from hub.scoring.on_ray import score_on_ray

            yield from score_on_ray(out.url, begun.shards, ray, workers)
        else:
            yield from score_locally(out.url, begun.shards, workers)


def check_complete(out: Place, plan: Plan) -> None:
    """Raise InputError where files of the scores were deleted meanwhile."""
    if missing := plan.shards - len(finished_shards(out, plan)):
        raise InputError(
            f"{missing:,} of the {counted(plan.shards, 'file')} of {out.url} were deleted meanwhile; give "
            f"the same command again, or another folder for the scores if {PLAN} is not there any more."
        )


@contextmanager
def _for_one_process(out: Place) -> Iterator[None]:
    """Lock the folder of the scores where it is on a disk; a store has no locks."""
    path = Path(out.path)
    if not out.is_local or not path.name:  # nothing is written into "/", which holds other files
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with lock(path):
        yield
