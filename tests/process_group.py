"""A Python script in several processes, as torchrun starts them."""

import os
import subprocess
import sys
from pathlib import Path

from servers import free_port

ROOT = Path(__file__).parents[1]


def run_processes(count, *arguments, machines=1, **options):
    """Run `python *arguments` in so many processes, on as many machines in name; return what each printed.

    Exit codes, outputs and errors are lists, the main process first.
    """
    common = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "OMP_NUM_THREADS": "1"}
    each = count // machines
    processes = []
    for rank in range(count):
        own = {"RANK": rank, "WORLD_SIZE": count, "LOCAL_RANK": rank % each, "LOCAL_WORLD_SIZE": each}
        environment = os.environ | common | {name: str(number) for name, number in own.items()}
        processes.append(
            subprocess.Popen(
                [sys.executable, *map(str, arguments)],
                env=environment,
                cwd=ROOT,
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                **options,
            )
        )
    texts = [process.communicate() for process in processes]
    return [process.returncode for process in processes], *map(list, zip(*texts, strict=True))
