"""The shards of a job on all cores of a machine, in processes that may die.

An image that ends its process twice, or takes too long twice, is poisoned: its row says so, and the shard is
scored without it.
"""

import json
import os
import select
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import NamedTuple

from hub.errors import InputError

ROOT = Path(__file__).parents[2]  # the folder that holds hub, a checkout or site-packages
PATIENCE = 300  # seconds without a sign of life; decoding any image takes less
MOST_DEATHS = 2  # of processes at one image, before it is poisoned
MOST_OTHER_DEATHS = 4  # at no image in particular, before the job ends
NOWHERE = -1  # the index of no image


class Progress(NamedTuple):
    """So many more images were begun, or a `shard` was written and has these counts."""

    images: int = 0
    shard: int | None = None
    counts: dict[str, int] | None = None


def score_locally(out: str, shards: list[int], workers: int) -> Iterator[Progress]:
    """Score shards of the job in `out`, in processes of one thread each.

    Raises InputError for what ends the job. All processes are gone when this ends, in whichever way.
    """
    waiting, events = SimpleQueue(), SimpleQueue()
    for shard in shards:
        waiting.put(shard)
    teams = [Supervised(out, events.put) for _ in range(min(workers, len(shards)))]
    threads = [threading.Thread(target=_work, args=(team, waiting, events), daemon=True) for team in teams]
    try:
        for thread in threads:
            thread.start()
        left = len(shards)
        while left:
            event = events.get()
            if isinstance(event, BaseException):
                raise event
            left -= event.shard is not None
            yield event
    finally:
        for team in teams:
            team.stop()


def _work(team: "Supervised", waiting: SimpleQueue, events: SimpleQueue) -> None:
    try:
        while True:
            shard = waiting.get_nowait()
            events.put(Progress(shard=shard, counts=team.score(shard)))
    except Empty:
        team.stop()
    except BaseException as error:
        events.put(error)


class Supervised:
    """A process that scores shards, started again whenever it dies."""

    def __init__(self, out: str, notify: Callable[[Progress], object] = lambda progress: None):
        """Keep the address of the output; `notify` is told of each image begun."""
        self.out, self.notify = out, notify
        self.process: subprocess.Popen | None = None
        self.stopped = threading.Event()

    def score(self, shard: int) -> dict[str, int]:
        """Score a shard and return its counts.

        Raises InputError for what ends the job.
        """
        deaths, poisoned, seen = Counter(), [], NOWHERE
        while True:
            place, answer = NOWHERE, None
            for line in self._ask(shard, poisoned):
                if line[0] == "{":
                    answer = json.loads(line)
                    break
                place = NOWHERE if line == "-" else int(line)
                if place > seen:
                    self.notify(Progress(images=place - seen))
                    seen = place
            if answer:
                return _counts(answer)
            if self.stopped.is_set():
                raise InputError("The job was stopped; give the same command again: it goes on from here.")
            self._end()
            if place in poisoned:  # it is not decoded any more, so it was not the image
                place = NOWHERE
            deaths[place] += 1
            if place != NOWHERE and deaths[place] == MOST_DEATHS:
                poisoned.append(place)
            elif place == NOWHERE and deaths[place] == MOST_OTHER_DEATHS:
                raise InputError(
                    f"The process that scores shard {shard} ended {MOST_OTHER_DEATHS} times at no image in "
                    "particular; look for too little memory, and give the same command again with fewer "
                    "--workers."
                )

    def stop(self) -> None:
        """End the process, and start no other."""
        self.stopped.set()
        self._end()

    def _ask(self, shard: int, poisoned: list[int]) -> Iterator[str]:
        """Yield the lines of the process, until it dies or gives no sign of life."""
        if self.process is None:
            self.process = _start()
            self._tell(self.out)
        self._tell([shard, poisoned])
        return _lines(self.process)

    def _tell(self, what: object) -> None:
        with suppress(BrokenPipeError):  # reading from it tells that it is dead
            self.process.stdin.write(json.dumps(what).encode() + b"\n")

    def _end(self) -> None:
        if process := self.process:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                with suppress(OSError):
                    stream.close()
        self.process = None


def _counts(answer: dict) -> dict[str, int]:
    if "sentence" in answer:
        raise InputError(answer["sentence"])
    return answer["counts"]


def _start() -> subprocess.Popen:
    # Libraries that count the cores themselves would start a thread for each, in each process.
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return subprocess.Popen(
        [sys.executable, "-m", "hub.scoring.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
        cwd=ROOT,
        env=os.environ | single,
        start_new_session=True,  # Ctrl-C is for the job, which ends its processes
    )


def _lines(process: subprocess.Popen) -> Iterator[str]:
    rest = b""
    with suppress(OSError, ValueError):  # it was ended while this waited
        while select.select([process.stdout], [], [], PATIENCE)[0]:
            part = process.stdout.read(1 << 16)
            if not part:
                return
            *lines, rest = (rest + part).split(b"\n")
            yield from (line.decode() for line in lines)
