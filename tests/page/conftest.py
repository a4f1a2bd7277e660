"""The page without its packages: what they hold is of no interest here, and npm would need a network."""

import sys

import pytest

NPM = """#!{python}
import json, pathlib, sys
assert sys.argv[1:3] == ["ci", "--ignore-scripts"], sys.argv
for source in json.loads(pathlib.Path("package.json").read_text())["vendor"].values():
    path = pathlib.Path("node_modules", source)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"contents of {{source}}")
"""


@pytest.fixture
def install_npm(tmp_path, monkeypatch):
    """A function that puts a program of this text before all others as npm."""

    def install(program):
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        (folder / "npm").write_text(program)
        (folder / "npm").chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    monkeypatch.setattr("huggingface_hub.utils._cache_assets.HF_ASSETS_CACHE", str(tmp_path / "assets"))
    return install


@pytest.fixture
def npm(install_npm):
    """An npm that installs empty packages."""
    install_npm(NPM.format(python=sys.executable))
