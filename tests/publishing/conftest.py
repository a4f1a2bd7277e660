"""A Hub on loopback, and processes that know no other."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hub_server import Hub, serve

ROOT = Path(__file__).parents[2]
PATIENCE = 600  # seconds for one that trains, where others work beside it


@pytest.fixture
def hub():
    """A Hub on loopback with nothing on it."""
    hub = Hub()
    server = serve(hub)
    hub.url = f"http://127.0.0.1:{server.server_port}"
    yield hub
    server.shutdown()


@pytest.fixture
def start(hub, tmp_path):
    """A function that starts a process with an empty cache that knows no other Hub than this one."""

    def start(*command, cwd=ROOT, **environment):
        settings = {"HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1", "HF_TOKEN": hub.token}
        settings |= {"HF_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT)}
        clean = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
        return subprocess.Popen(
            [sys.executable, *map(str, command)],
            cwd=cwd,
            env=clean | settings | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    return start


@pytest.fixture
def run(start):
    """Run such a process to its end; return its exit code, output and errors."""

    def run(*command, **environment):
        process = start(*command, **environment)
        try:
            out, err = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # it, and what it started
            raise
        return process.returncode, out, err

    return run


@pytest.fixture
def folder(tmp_path):
    """A folder of three files, two of them big enough for LFS."""
    folder = tmp_path / "folder"
    (folder / "data").mkdir(parents=True)
    (folder / "README.md").write_text("---\nlicense: mit\n---\n")
    for name in ("a", "b"):
        (folder / "data" / f"{name}.parquet").write_bytes(name.encode() * 20_000)
    return folder
