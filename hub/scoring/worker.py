"""A process that scores shards of a job, one after the other, with one thread.

`python -m hub.scoring.worker` is not a command for users: `pool` runs it. It reads lines of
JSON from standard input: the address of the output first, and then a shard and its poisoned images at a time;
when that is closed it ends, whatever it is at.
It writes lines to standard output: the index of the image that it is about to decode, "-" while it decodes
none, and an object at the end of a shard: its counts, or the sentence on what ends the job.
"""

import json
import os
import select
import sys
import threading
from typing import TextIO

from hub.errors import InputError, disk_sentence


def main() -> None:
    """Score the shards that standard input names, until it ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a library prints must not be taken for an answer
    threading.Thread(target=_end_with_input, daemon=True).start()
    try:
        _serve(answers)
    except InputError as error:
        _answer(answers, {"sentence": str(error)})
    except (KeyboardInterrupt, BrokenPipeError):
        os._exit(1)  # whoever started this is gone, or says so itself
    except OSError as error:
        if (sentence := disk_sentence(error)) is None:
            raise
        _answer(answers, {"sentence": sentence})


def _end_with_input() -> None:
    """End the process once nobody can write to its standard input any more.

    Whoever started it was killed, and it may hang in a read for ever.
    """
    hang_up = select.poll()
    hang_up.register(0, 0)  # for no event but that one
    hang_up.poll()
    os._exit(1)


def _serve(answers: TextIO) -> None:
    from hub.scoring.plan import Plan
    from hub.scoring.shard import open_classifier, score_shard
    from hub.scoring.storage import open_output

    out = open_output(json.loads(sys.stdin.readline()))
    plan = Plan(out)
    classifier = open_classifier(plan.job)

    def reading(index: int | None) -> None:
        answers.write("-\n" if index is None else f"{index}\n")

    for line in sys.stdin:
        shard, poisoned = json.loads(line)
        _answer(answers, {"counts": score_shard(classifier, plan, out, shard, reading, poisoned)})


def _answer(answers: TextIO, answer: dict) -> None:
    answers.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
