"""Training in several processes, which torchrun or `accelerate launch` start.

The first process of all, the main one, prints, writes and keeps the output; the first of each machine reads
and decodes. Alone in a run, a process does it all, and nothing here does anything.
"""

import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from hub.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

Result = TypeVar("Result")
# What torchrun, Intel MPI, Open MPI and MVAPICH call each number; `accelerate launch` starts one of these.
COUNTS = ("WORLD_SIZE", "PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE")
RANKS = ("RANK", "PMI_RANK", "OMPI_COMM_WORLD_RANK", "MV2_COMM_WORLD_RANK")
LONGEST_WAIT = timedelta(days=2)  # of all processes for the one that reads and decodes


def process_count() -> int:
    """Return the number of processes of this run."""
    return _number(COUNTS, 1)


def process_rank() -> int:
    """Return the number of this process, from 0.

    Alone it is 0, whatever a program around it has left in the environment.
    """
    return _number(RANKS, 0) if process_count() > 1 else 0


def is_main() -> bool:
    """Return whether this process prints, writes and keeps the output."""
    return process_rank() == 0


def _number(names: tuple[str, ...], default: int) -> int:
    """Return the number in the first of these variables; InputError for no number."""
    name = next((name for name in names if name in os.environ), None)
    value = str(default) if name is None else os.environ[name]
    if not value.isdecimal():
        raise InputError(f"The variable {name} is {value!r}, and a launcher writes a number; unset it.")
    return int(value)


def own_part(batch: "Tensor") -> "Tensor":
    """Return this process's part of a batch, [B, ...]; all make up the whole."""
    return batch.tensor_split(process_count())[process_rank()]


def check_batch(size: int) -> None:
    """Raise InputError for a batch of fewer images than processes."""
    if size < process_count():
        raise InputError(
            f"A batch of {size} images is too few for {process_count()} processes; give a larger "
            "--batch-size, or start fewer processes."
        )


def silence_others() -> None:
    """Let every process but the main one show nothing.

    Until `join` they do not even say what is wrong, since it is the same for all of them.
    """
    if not is_main():
        os.environ["TQDM_DISABLE"] = "1"
        sys.stdout = sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115


def join() -> None:
    """Connect the processes: by nccl where there are GPUs, else by gloo.

    Raises InputError where no launcher has said how.
    """
    if process_count() == 1:
        return
    if not is_main():
        warnings.simplefilter("ignore")
    import torch
    from accelerate import PartialState

    try:
        state = PartialState(cpu=not torch.cuda.is_available(), timeout=LONGEST_WAIT)
    except ValueError as error:  # of an address, say, that is not in the environment
        raise _not_launched(f" ({str(error).splitlines()[0]})") from None
    if state.num_processes != process_count():
        raise _not_launched()
    sys.stderr = sys.__stderr__


def _not_launched(reason: str = "") -> InputError:
    return InputError(
        f"The environment says that this is one of {process_count()} processes, and they cannot be "
        f"connected{reason}; start them by torchrun, or unset WORLD_SIZE."
    )


def leave() -> None:
    """Disconnect the processes, each of which goes on, or ends, for itself."""
    if process_count() > 1:
        import torch

        torch.distributed.barrier()
        torch.distributed.destroy_process_group()


def lost_another(error: Exception) -> bool:
    """Return whether an error says no more than that another process has ended.

    That process tells its user why.
    """
    return process_count() > 1 and any(
        words in str(error)
        for words in ("Connection closed by peer", "Connection reset by peer", "Broken pipe")
    )


@contextmanager
def first_of_machine_first() -> Iterator[None]:
    """Let the first process of each machine leave before the others enter.

    What fails in one then fails in it alone.
    """
    if process_count() == 1:
        yield
        return
    from accelerate import PartialState

    with PartialState().local_main_process_first():
        yield


def from_main(work: Callable[[], Result]) -> Result:
    """Return in every process what `work` returns in the main one, its only caller."""
    if process_count() == 1:
        return work()
    import torch

    values = [work() if is_main() else None]
    torch.distributed.broadcast_object_list(values)
    return values[0]


def from_first_of_machine(work: Callable[[], Result]) -> Result:
    """Return what `work` returns in this machine's first process, its only caller.

    The result may name files of the machine.
    """
    if process_count() == 1:
        return work()
    import torch

    rank, local = process_rank(), int(os.environ["LOCAL_RANK"])
    values = [work() if local == 0 else None]
    firsts = [0] * process_count()
    torch.distributed.all_gather_object(firsts, rank - local)
    groups = {
        first: torch.distributed.new_group([r for r, theirs in enumerate(firsts) if theirs == first])
        for first in sorted({*firsts})
    }
    torch.distributed.broadcast_object_list(values, src=rank - local, group=groups[rank - local])
    for group in groups.values():
        if group is not torch.distributed.GroupMember.NON_GROUP_MEMBER:
            torch.distributed.destroy_process_group(group)
    return values[0]
