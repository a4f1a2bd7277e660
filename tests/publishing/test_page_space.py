"""The page as a static Space: one commit, everything from its own origin."""

import json

import pytest
from hub_server import contents, put_model, write
from huggingface_hub import SpaceCard
from npm import write_npm

from hub.models.folder import BUNDLED


@pytest.fixture
def npm(tmp_path, monkeypatch):
    """An npm that installs packages of nothing."""
    monkeypatch.setenv("PATH", write_npm(tmp_path / "bin"))


def test_a_dry_run_writes_what_would_be_uploaded_and_asks_nobody(hub, run_here, npm, tmp_path):
    target = tmp_path / "space"
    arguments = ("someone/page", "--model", "someone/model", "--model-folder", BUNDLED, "--dry-run", target)
    code, out, err = run_here("publish", "page", *arguments)
    assert (code, out.strip()) == (0, str(target)), err
    assert hub.requests == []
    data = SpaceCard.load(target / "README.md").data
    assert (data.sdk, data.app_file, data.models) == ("static", "index.html", ["someone/model"])
    assert data.custom_headers["cross-origin-embedder-policy"] == "require-corp"
    assert data.custom_headers["cross-origin-opener-policy"] == "same-origin"
    assert len(data.short_description) <= 60  # the Hub takes no more
    page = json.loads((target / "page.json").read_text())
    assert page["model"]["address"] == "https://huggingface.co/someone/model"
    listed = json.loads((target / "files.json").read_text())["files"]
    assert {*listed, "files.json", "service_worker.js", "README.md"} == set(contents(target))


def test_the_model_on_the_hub_becomes_a_static_space_in_one_commit(hub, run_here, npm, tmp_path):
    put_model(hub)
    arguments = ("someone/page", "--model", "someone/model")
    code, out, err = run_here("publish", "page", *arguments)
    assert code == 0, err
    assert out.strip().startswith(f"{hub.url}/spaces/someone/page/commit/")
    assert hub.commits("space", "someone/page") == 1
    write(hub.files("space", "someone/page"), tmp_path / "space")
    assert [*(tmp_path / "space").glob("answer-*.onnx.gz")]
    assert SpaceCard.load(tmp_path / "space" / "README.md").data.sdk == "static"


def test_without_npm_nothing_is_made(run_here, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    arguments = ("someone/page", "--model", "someone/model", "--model-folder", BUNDLED, "--dry-run")
    code, _, err = run_here("publish", "page", *arguments, tmp_path / "x")
    assert code == 2
    assert "needs npm" in err
    assert not (tmp_path / "x").exists()


def test_the_card_of_a_model_links_to_its_page(run_here, tmp_path):
    arguments = (BUNDLED, "someone/model", "--page", "someone/page", "--dry-run", tmp_path / "model")
    code, _, err = run_here("publish", "model", *arguments)
    assert code == 0, err
    assert "https://huggingface.co/spaces/someone/page" in (tmp_path / "model" / "README.md").read_text()
    assert (tmp_path / "model" / "onnx" / "answer.onnx").is_file()
