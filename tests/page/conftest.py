"""The page without its packages: what they hold is of no interest here, and npm would need a network."""

import pytest
from npm import write_npm

from hub.models.folder import BUNDLED
from hub.page.build import build


def put_npm(folder, monkeypatch, program=""):
    """Put a program before all others as npm, and the packages into a cache of their own."""
    monkeypatch.setenv("PATH", write_npm(folder / "bin", program))
    monkeypatch.setattr("huggingface_hub.utils._cache_assets.HF_ASSETS_CACHE", str(folder / "assets"))


@pytest.fixture
def install_npm(tmp_path, monkeypatch):
    """A function that installs a program as npm."""
    return lambda program="": put_npm(tmp_path, monkeypatch, program)


@pytest.fixture(name="npm")
def npm_of_nothing(install_npm):
    """An npm that installs packages of nothing."""
    install_npm()


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The page of the bundled model, with packages of nothing."""
    folder = tmp_path_factory.mktemp("page")
    with pytest.MonkeyPatch.context() as monkeypatch:
        put_npm(folder, monkeypatch)
        return build(BUNDLED, folder / "page", "https://huggingface.co/someone/model")
