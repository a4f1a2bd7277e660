"""A Hub on loopback, and processes that know no other: this one, or new ones."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hub_server import Hub, serve
from huggingface_hub import constants
from huggingface_hub.utils import _cache_assets

from hub.cli.main import main
from hub.errors import exit_code

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
def connect(hub, tmp_path, monkeypatch):
    """A function after which the client in this process has an empty cache and knows no other Hub.

    It takes what a process takes from its environment.
    """

    def connect(HF_TOKEN=hub.token, HF_ENDPOINT=hub.url, HF_HUB_OFFLINE=""):
        monkeypatch.setenv("HF_TOKEN", HF_TOKEN)
        for name, value in {
            "ENDPOINT": HF_ENDPOINT,
            "HUGGINGFACE_CO_URL_TEMPLATE": HF_ENDPOINT + "/{repo_id}/resolve/{revision}/{filename}",
            "HF_HUB_OFFLINE": bool(HF_HUB_OFFLINE),
            "HF_HUB_CACHE": str(tmp_path / "home" / "hub"),
            "HF_TOKEN_PATH": str(tmp_path / "home" / "token"),
            "HF_HUB_DISABLE_XET": True,
        }.items():
            monkeypatch.setattr(constants, name, value)
        monkeypatch.setattr(_cache_assets, "HF_ASSETS_CACHE", str(tmp_path / "home" / "assets"))

    return connect


@pytest.fixture
def run_here(connect, capsys):
    """Run `python -m hub` in this process, connected; return its exit code, output and errors."""

    def run(*arguments, **environment):
        connect(**environment)
        return main([*map(str, arguments)]), *capsys.readouterr()

    return run


@pytest.fixture
def call(connect, capsys):
    """Call a function as a command that prints what it returns, connected; return the same three."""

    def call(function, *arguments, **options):
        connect()
        code = exit_code("here", lambda: print(function(*arguments, **options)), lambda: "")
        return code, *capsys.readouterr()

    return call


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
