"""Score an archive on a Ray cluster of three nodes on this machine, while its parts are killed.

  python tests/ray_cluster.py FILMS.zip OUT

Kills a process that scores, an actor, a node and the driver, one after the other, and gives the command
again. Prints JSON: how many shards were `finished` before the driver was killed, which of them were written
`again`, and how often each path has a row. A test runs it where ray is installed.
"""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
from ray.cluster_utils import Cluster

ROOT = Path(__file__).parents[1]
MARK = "CHEST_XRAY_CLUSTER"  # in the environment of every process of this cluster
PATIENCE = 600  # seconds for a step
NODE = {"num_cpus": 1, "object_store_memory": 100_000_000}
# A busy machine is not to be taken for a dead node; one that is dead refuses to answer, at once.
HEAD = {"include_dashboard": False, "_system_config": {"health_check_timeout_ms": 60_000}}


def main(films: str, out: Path) -> None:
    """Run the job twice, and print what is there at the end."""
    os.environ[MARK] = uuid.uuid4().hex
    cluster = Cluster(initialize_head=True, head_node_args=NODE | HEAD)
    try:
        nodes = [cluster.add_node(**NODE) for _ in range(2)]
        command = [sys.executable, "-m", "hub", "score", films, str(out)]
        command += ["--shard-size", "20", "--ray", cluster.address]
        driver = subprocess.Popen(command, cwd=ROOT, stdout=sys.stderr)
        wait_for(out, 2, driver)
        kill("hub.scoring.worker")
        wait_for(out, 4, driver)
        kill("ray::MapWorker")
        wait_for(out, 6, driver)
        cluster.remove_node(nodes.pop(), allow_graceful=False)
        wait_for(out, 9, driver)
        driver.kill()
        driver.wait()
        time.sleep(5)  # the actors of a driver that is gone end
        finished = written(out)
        subprocess.run(command, cwd=ROOT, check=True, stdout=sys.stderr)
        now = written(out)
        paths = Counter(path for name in now for path in pq.read_table(out / name)["path"].to_pylist())
        again = [name for name, time_ in finished.items() if now[name] != time_]
        print(json.dumps({"finished": len(finished), "again": again, "rows": Counter(paths.values())}))
    finally:
        cluster.shutdown()


def written(out: Path) -> dict[str, int]:
    """Return the shards of an output and when each was written."""
    return {path.name: path.stat().st_mtime_ns for path in out.glob("scores-*.parquet")}


def wait_for(out: Path, shards: int, driver: subprocess.Popen) -> None:
    """Return once so many shards are written."""
    deadline = time.monotonic() + PATIENCE
    while len(written(out)) < shards:
        assert driver.poll() is None, "the driver ended too early"
        assert time.monotonic() < deadline, f"there were no {shards} shards in time"
        time.sleep(0.02)
    print(f"{len(written(out))} shards", file=sys.stderr, flush=True)


def kill(name: str) -> None:
    """Kill one process of this cluster whose command line has this name."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            ours = f"{MARK}={os.environ[MARK]}".encode() in (process / "environ").read_bytes()
            if ours and name.encode() in (process / "cmdline").read_bytes():
                os.kill(int(process.name), signal.SIGKILL)
                print(f"killed {name}", file=sys.stderr, flush=True)
                return
        except OSError:
            continue  # it is gone, or another user's
    print(f"there is no {name} at the moment", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
