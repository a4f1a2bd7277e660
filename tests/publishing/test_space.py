"""A published Space answers alone, with the model that it names."""

import json
import os
import subprocess
import venv
from pathlib import Path

import gradio
import pytest
from gradio_client import Client, handle_file
from hub_server import Repo, contents, put_model, write
from huggingface_hub import SpaceCard
from servers import free_port, serving, wait_for

from hub.demo import handlers
from hub.inference.classifier import Classifier
from hub.models.folder import BUNDLED
from hub.publishing import space

ROOT = Path(__file__).parents[2]


def test_the_published_space_answers_alone_and_so_does_this_repo_with_a_model_of_the_hub(
    hub, run_here, start, radiograph, tmp_path, monkeypatch
):
    put_model(hub)
    code, _, err = run_here("publish", "space", "someone/demo", "--model", "someone/model")
    assert code == 0, err
    assert hub.commits("space", "someone/demo") == 1
    write(hub.files("space", "someone/demo"), tmp_path / "space")
    radiograph.save(tmp_path / "film.png")
    expected = Classifier.from_pretrained()(radiograph).label
    port = str(free_port())
    process = start("app.py", cwd=tmp_path / "space", PYTHONPATH="", HF_TOKEN="", GRADIO_SERVER_PORT=port)
    try:
        wait_for(f"http://127.0.0.1:{port}", process)
        client = Client(f"http://127.0.0.1:{port}", verbose=False)
        report = client.predict(handle_file(tmp_path / "film.png"), api_name="/classify")
        assert report["label"] == expected
    finally:
        process.kill()
        process.communicate()
    assert sum("/someone/model/resolve/" in request for request in hub.requests) > 0
    monkeypatch.setenv("MODEL", "someone/model")
    assert handlers.load_model()(radiograph).label == expected


def test_the_space_brings_the_wings_that_serve_and_nothing_more(tmp_path, monkeypatch):
    monkeypatch.setattr(space, "PAGE", tmp_path / "not built")
    space.write_space(tmp_path, "someone/model")
    names = set(contents(tmp_path))
    assert names >= {"app.py", "README.md", "requirements.txt", "LICENSE", "hub/__init__.py"}
    wings = {name.split("/")[1] for name in names if name.count("/") > 1}
    assert wings == {"imaging", "models", "inference", "explorer", "demo"}
    assert {"hub/demo/static/page.css", "hub/imaging/synthetic.safetensors"} <= names
    assert not any("__pycache__" in name for name in names)
    lines = (tmp_path / "requirements.txt").read_text().splitlines()
    assert set(lines) <= set((ROOT / "requirements.txt").read_text().splitlines())
    assert not any(
        line.startswith(("datasets", "scikit-learn", "streamlit", "torch", "timm")) for line in lines
    )


def test_the_space_says_in_a_file_which_model_it_shows_and_app_py_is_as_it_is_here(tmp_path):
    space.write_space(tmp_path, "someone/model")
    assert (tmp_path / "hub" / "demo" / "model.txt").read_text().strip() == "someone/model"
    assert (tmp_path / "app.py").read_bytes() == (ROOT / "app.py").read_bytes()


def test_the_block_of_the_space_says_what_it_shows_and_with_which_gradio(tmp_path):
    space.write_space(tmp_path, "someone/model")
    data = SpaceCard.load(tmp_path / "README.md").data
    assert (data.sdk, data.sdk_version, data.app_file) == ("gradio", gradio.__version__, "app.py")
    assert data.models == ["someone/model"]
    assert data.preload_from_hub == ["someone/model"]
    assert data.license == "apache-2.0"
    assert len(data.short_description) <= 60  # the Hub takes no more
    assert data.datasets == ["hf-vision/chest-xray-pneumonia"]
    (tmp_path / "other").mkdir()
    space.write_space(tmp_path / "other", "someone/cats", radiograph=False)
    assert "X-ray" not in (tmp_path / "other" / "README.md").read_text()


def test_a_space_for_a_model_that_is_not_on_the_hub_is_refused(hub, run_here):
    code, _, err = run_here("publish", "space", "someone/demo", "--model", "someone/nothing")
    assert code == 2
    assert "There is no model someone/nothing on the Hub" in err
    assert hub.repos == {}


def test_a_space_for_a_model_that_the_demo_cannot_show_is_refused(hub, run_here):
    files = {name: content for name, content in contents(BUNDLED).items() if not name.startswith("onnx/")}
    hub.repos["model", "someone/model"] = Repo(branches={"main": [{}, files]})
    code, _, err = run_here("publish", "space", "someone/demo", "--model", "someone/model")
    assert code == 2
    assert "someone/model has no onnx/model.onnx" in err
    code, _, err = run_here("publish", "space", "someone/demo", "--model", "no'name", "--dry-run", "x")
    assert code == 2
    assert "is named USER/NAME" in err
    assert ("space", "someone/demo") not in hub.repos


def test_a_dry_run_for_other_classes_does_not_ask_for_pneumonia(run_here, tmp_path):
    config = json.loads((BUNDLED / "config.json").read_text()) | {"radiograph": False}
    (tmp_path / "hands").mkdir()
    (tmp_path / "hands" / "config.json").write_text(json.dumps(config))
    command = ["publish", "space", "someone/demo", "--model", "someone/hands", "--dry-run", tmp_path / "dry"]
    code, _, err = run_here(*command, "--model-folder", tmp_path / "hands")
    assert (code, err) == (0, "")
    card = (tmp_path / "dry" / "README.md").read_text()
    assert "pneumonia" not in card.lower() and "X-ray" not in card


@pytest.mark.install
def test_the_published_space_needs_no_more_than_it_brings(hub, radiograph, tmp_path):
    put_model(hub)
    space.write_space(tmp_path / "space", "someone/model")
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    install = [python, "-m", "pip", "install", "-q", "-r", tmp_path / "space" / "requirements.txt"]
    subprocess.run(install, check=True)
    port = free_port()
    environment = {"PATH": os.environ["PATH"], "HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home")}
    environment |= {"HF_HUB_DISABLE_XET": "1", "GRADIO_SERVER_PORT": str(port)}
    url = f"http://127.0.0.1:{port}"
    with serving([python, "app.py"], url, cwd=tmp_path / "space", env=environment):
        radiograph.save(tmp_path / "film.png")
        client = Client(url, verbose=False)
        report = client.predict(handle_file(tmp_path / "film.png"), api_name="/classify")
        assert report["finding"] == "signs of pneumonia"


def test_a_dry_run_writes_what_would_be_uploaded_and_needs_no_network(run_here, tmp_path):
    command = ["publish", "space", "someone/demo", "--model", "someone/model", "--dry-run"]
    offline = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_TOKEN": ""}
    code, out, err = run_here(*command, tmp_path / "dry", **offline)
    assert (code, out.strip()) == (0, str(tmp_path / "dry")), err
    (tmp_path / "expected").mkdir()
    space.write_space(tmp_path / "expected", "someone/model")
    assert contents(tmp_path / "dry") == contents(tmp_path / "expected")
    code, _, err = run_here(*command, tmp_path / "dry", **offline)
    assert code == 2
    assert "is there already; give another --dry-run." in err


@pytest.mark.parametrize("kind", ["space", "page"])
def test_a_dry_run_into_the_model_that_is_shown_is_refused(run_here, tmp_path, kind):
    (tmp_path / "model").mkdir()
    shown = ("--model", "someone/model", "--model-folder", tmp_path / "model")
    code, _, err = run_here("publish", kind, "someone/demo", *shown, "--dry-run", tmp_path / "model" / "dry")
    assert code == 2 and "give another --dry-run" in err
    assert list((tmp_path / "model").iterdir()) == []
