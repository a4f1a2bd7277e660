"""The page without its packages: what they hold is of no interest here, and npm would need a network."""

import sys

import pytest

from hub.models.folder import BUNDLED
from hub.page.build import build

NPM = """#!{python}
import json, pathlib, sys
assert sys.argv[1:3] == ["ci", "--ignore-scripts"], sys.argv
for source in json.loads(pathlib.Path("package.json").read_text())["vendor"].values():
    path = pathlib.Path("node_modules", source)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"contents of {{source}}")
"""


def put_npm(folder, program, monkeypatch):
    """Put a program of this text before all others as npm, and the packages into a cache of their own."""
    (folder / "bin").mkdir(exist_ok=True)
    (folder / "bin" / "npm").write_text(program)
    (folder / "bin" / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder / 'bin'}:/usr/bin:/bin")
    monkeypatch.setattr("huggingface_hub.utils._cache_assets.HF_ASSETS_CACHE", str(folder / "assets"))


@pytest.fixture
def install_npm(tmp_path, monkeypatch):
    """A function that installs a program as npm."""
    return lambda program: put_npm(tmp_path, program, monkeypatch)


@pytest.fixture
def npm(install_npm):
    """An npm that installs packages of nothing."""
    install_npm(NPM.format(python=sys.executable))


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The page of the bundled model, with packages of nothing."""
    folder = tmp_path_factory.mktemp("page")
    with pytest.MonkeyPatch.context() as monkeypatch:
        put_npm(folder, NPM.format(python=sys.executable), monkeypatch)
        return build(BUNDLED, folder / "page", "https://huggingface.co/someone/model")
