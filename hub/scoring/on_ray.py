"""The shards of a job on a Ray cluster, by Ray Data."""

import logging
import socket
from collections.abc import Iterator

from hub.errors import InputError
from hub.scoring.plan import Plan
from hub.scoring.pool import Progress, Supervised
from hub.scoring.shard import read_counts, shard_name
from hub.scoring.storage import open_output

SECONDS = 10.0  # that the head of a cluster may take to answer


def score_on_ray(out: str, shards: list[int], address: str, workers: int) -> Iterator[Progress]:
    """Score shards of the job whose plan is in `out`, on the cluster at an address.

    There are so many processes, by default one for each core of all nodes. What a node or a process that
    fails was at is done again by another. Raises InputError where there is no such cluster, and for what
    ends the job.
    """
    import ray

    try:
        _reach(address)
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, OverflowError, ValueError, RuntimeError) as error:  # ConnectionError is an OSError
        said = " ".join(str(error).split())[:200]
        raise InputError(
            f"There is no Ray cluster at {address} ({said}); begin one by `ray start`."
        ) from None
    try:
        yield from _score(ray.data, out, shards, workers or int(ray.cluster_resources().get("CPU", 1)))
    finally:
        ray.shutdown()


def _reach(address: str) -> None:
    """Raise OSError where nothing listens at HOST:PORT; Ray would wait for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=SECONDS).close()


def _score(data: object, out: str, shards: list[int], workers: int) -> Iterator[Progress]:
    data.DataContext.get_current().enable_progress_bars = False  # there is one of the command
    rows = data.from_items([{"shard": shard} for shard in shards], override_num_blocks=len(shards))
    pool = data.ActorPoolStrategy(min_size=1, max_size=min(workers, len(shards)))
    scored = rows.map(Scorer, fn_constructor_args=(out,), compute=pool, num_cpus=1)
    plan = Plan(open_output(out))
    for row in scored.iter_rows():
        if row["sentence"]:
            raise InputError(row["sentence"])
        counts = {name: count for name, count in row["counts"].items() if count}
        yield Progress(plan.count(row["shard"]), row["shard"], counts)


class Scorer:
    """An actor with one process that scores, which may die while the actor lives."""

    def __init__(self, out: str):
        """Keep the output of the job."""
        self.out, self.team = open_output(out), Supervised(out)

    def __call__(self, row: dict) -> dict:
        """Score a shard unless it is written, as by an actor that failed just then."""
        shard = row["shard"]
        self.out.filesystem.invalidate_cache(self.out.path)
        if self.out.filesystem.exists((self.out / shard_name(shard)).path):
            return {"shard": shard, "counts": read_counts(self.out, shard), "sentence": ""}
        try:
            return {"shard": shard, "counts": self.team.score(shard), "sentence": ""}
        except InputError as error:
            return {"shard": shard, "counts": {"": 0}, "sentence": str(error)}
