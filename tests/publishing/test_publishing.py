"""What is published can be used: real clients in new processes with empty caches, and a Hub on loopback."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import venv
from pathlib import Path

import datasets
import gradio
import pytest
from gradio_client import Client, handle_file
from hub_server import Hub, Repo, serve
from huggingface_hub import DatasetCard, SpaceCard
from PIL import Image
from pydicom.data import get_testdata_file
from servers import free_port, serving, wait_for

from hub.data.splits import load_splits
from hub.data.stored import stored_images
from hub.errors import InputError
from hub.inference.classifier import Classifier
from hub.models.folder import BUNDLED
from hub.publishing import model, space
from hub.publishing.dataset import write_dataset

ROOT = Path(__file__).parents[2]


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
        )

    return start


@pytest.fixture
def run(start):
    """Run such a process to its end; return its exit code, output and errors."""

    def run(*command, **environment):
        process = start(*command, **environment)
        out, err = process.communicate(timeout=300)
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


def contents(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def write(files, folder):
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def put_model(hub):
    """Have the bundled model on the Hub as someone/model."""
    hub.repos["model", "someone/model"] = Repo(branches={"main": [{}, contents(BUNDLED)]})


def uploads(hub):
    return [request for request in hub.requests if request.startswith("PUT /lfs/")]


# A data set


CONSUME_DATASET = """
import sys
from datasets import load_dataset
from hub.data.splits import load_splits
from hub.data.stored import digests_of

expected = load_splits(sys.argv[1])
for found in (load_dataset("someone/films"), load_splits("someone/films")):
    assert list(found) == ["train", "validation", "test"]
    for name, split in expected.items():
        assert found[name].features == split.features
        assert digests_of(found[name]) == digests_of(split)
        for column in ("label", "patient", "subtype"):
            assert list(found[name][column]) == list(split[column])
assert found["train"][0]["image"].size == (48, 40)
"""


def test_a_published_data_set_loads_without_options_and_has_the_same_splits(hub, run, kaggle_folder):
    """Image by image, also with a validation split so small that a stranger's would join train."""
    code, out, err = run("-m", "hub", "publish", "dataset", kaggle_folder, "someone/films")
    assert code == 0, err
    assert out.strip().startswith(f"{hub.url}/datasets/someone/films/commit/")
    assert hub.commits("dataset", "someone/films") == 1
    code, _, err = run("-c", CONSUME_DATASET, kaggle_folder, HF_TOKEN="")
    assert code == 0, err


def test_shards_have_about_the_size_asked_for_and_hold_the_files_as_they_were(
    kaggle_folder, tmp_path, monkeypatch
):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr("hub.publishing.dataset.ROWS", 10)
    splits, folder = load_splits(kaggle_folder), tmp_path / "published"
    folder.mkdir()
    write_dataset(splits, folder, "someone/films", shard_bytes=50_000)
    names = sorted(path.name for path in (folder / "data").glob("train*"))
    assert len(names) > 2
    assert names[1] == f"train-00001-of-{len(names):05}.parquet"
    sizes = [(folder / "data" / name).stat().st_size for name in names]
    assert all(50_000 < size < 100_000 for size in sizes[:-1]), "ten rows more, 28 kB, at most"
    assert sizes[-1] < 100_000
    for name, split in load_splits(folder).items():
        files = [Path(path).read_bytes() for path in stored_images(splits[name])]
        assert list(stored_images(split)) == files


def test_the_card_of_the_childrens_films_says_whose_they_are_what_is_in_them_and_what_to_beware_of(
    kaggle_folder, tmp_path
):
    for name in ("first", "again"):
        (tmp_path / name).mkdir()
        write_dataset(load_splits(kaggle_folder), tmp_path / name, "someone/films")
    assert contents(tmp_path / "first") == contents(tmp_path / "again"), "so a second upload sends nothing"
    card = DatasetCard.load(tmp_path / "first" / "README.md")
    assert card.data.license == "cc-by-4.0"
    assert card.data.size_categories == ["n<1K"]
    splits = {split["name"]: split["num_examples"] for split in card.data.dataset_info["splits"]}
    assert splits["train"] + splits["validation"] == 120
    assert splits["test"] == 30
    assert "| PNEUMONIA, virus |" in card.text
    assert "Every image has 48 x 40 pixels" in card.text
    for sentence in ("Kermany", "Children of one hospital", "16 images", "normal films of `test` differ"):
        assert sentence in card.text
    Image.open(tmp_path / "first" / "samples.png").verify()


@pytest.mark.parametrize("source", ["synthetic", "pictures"])
def test_the_card_of_other_pictures_claims_nothing_of_that(source, tmp_path, write_noise, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    if source == "pictures":
        for index in range(40):
            write_noise(tmp_path / source / ("NORMAL", "PNEUMONIA")[index % 2] / f"{index}.png")
        source = tmp_path / source
    (tmp_path / "published").mkdir()
    splits = load_splits(source)
    write_dataset(splits, tmp_path / "published", "someone/pictures")
    card = DatasetCard.load(tmp_path / "published" / "README.md")
    assert card.data.license == "unknown"
    assert ("no patient" in card.text) == (source == "synthetic")
    for word in ("Kermany", "hospital", "children", "CC BY", "official"):
        assert word.lower() not in str(card).lower()
    for name, split in load_splits(tmp_path / "published").items():
        assert list(split["patient"]) == list(splits[name]["patient"]), "groups of copies stay together"


def test_an_image_that_cannot_be_read_is_named_before_anything_is_uploaded(kaggle_folder, tmp_path):
    broken = next((kaggle_folder / "test" / "NORMAL").iterdir())
    broken.write_bytes(broken.read_bytes()[:200])
    with pytest.raises(InputError, match=broken.name):
        write_dataset(load_splits(kaggle_folder), tmp_path, "someone/films")


def test_dicom_whose_header_names_the_patient_is_not_published(kaggle_folder, tmp_path):
    film = Path(get_testdata_file("dicomdirtests/77654033/CR2/6247"))
    shutil.copy(film, next((kaggle_folder / "train" / "NORMAL").iterdir()))
    splits = load_splits(kaggle_folder)
    with pytest.raises(InputError, match="DICOM, whose header names the patient; make PNG files"):
        write_dataset(splits, tmp_path / "published", "someone/films")


# A model


CONSUME_MODEL = """
import os
import re
import sys
from pathlib import Path

import numpy as np
import timm
from huggingface_hub import ModelCard
from transformers import TimmWrapperImageProcessor

from hub import Classifier
from hub.models.folder import BUNDLED

os.chdir(sys.argv[1])
card = ModelCard.load("someone/model")
assert {result.metric_type for result in card.data.eval_results} >= {"accuracy", "auc"}
found = {}
for code in re.findall(r"```python\\n(.*?)```", card.text, re.DOTALL):
    exec(code.replace('\\npipeline(', '\\nprobabilities = pipeline('), names := {})
    answer = names["probabilities"]
    if isinstance(answer, list):
        answer = [{row["label"]: row["score"] for row in answer}[name] for name in ("NORMAL", "PNEUMONIA")]
    found[code] = np.asarray(answer.detach() if hasattr(answer, "detach") else answer).reshape(-1)
    if "processor" in names:
        assert isinstance(names["processor"], TimmWrapperImageProcessor)
assert len(found) == 4
model = timm.create_model(f"local-dir:{BUNDLED}", pretrained=True).eval()
transform = timm.data.create_transform(**timm.data.resolve_data_config(model=model))
image = names["Image"].open("film.jpeg").convert("RGB")
expected = model(transform(image)[None]).softmax(1)[0].tolist()
for code, probabilities in found.items():
    assert np.abs(probabilities - expected).max() < 1e-4, code
here, there = Classifier.from_pretrained(), Classifier.from_pretrained("someone/model")
assert here("film.jpeg").probabilities == there("film.jpeg").probabilities
"""


def test_every_reader_gives_the_same_answer_by_the_code_of_the_card(hub, run, film, tmp_path):
    code, _, err = run("-m", "hub", "publish", "model", BUNDLED, "someone/model")
    assert code == 0, err
    assert hub.commits("model", "someone/model") == 1
    published = hub.files("model", "someone/model")
    assert "model_type" not in json.loads(published["config.json"])
    assert set(published) == {p.relative_to(BUNDLED).as_posix() for p in BUNDLED.rglob("*") if p.is_file()}
    film.resize((640, 480)).save(tmp_path / "film.jpeg")
    code, _, err = run("-c", CONSUME_MODEL, tmp_path, HF_TOKEN="")
    assert code == 0, err


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_of_the_networks_on_the_hub_only_the_one_that_answers_is_fetched(hub, run, precision):
    put_model(hub)
    code, out, err = run(
        "-c",
        "from hub import Classifier\n"
        f"found = Classifier.from_pretrained('someone/model', precision={precision!r})\n"
        "print(found.precision, *(file.name for file in (found.folder / 'onnx').iterdir()))",
    )
    assert code == 0, err
    assert out.split() == [precision, {"fp32": "model.onnx", "int8": "model_int8.onnx"}[precision]]


def test_a_folder_that_is_not_a_model_folder_is_not_published(tmp_path):
    with pytest.raises(InputError, match="is not a model folder"):
        model.copy_package(ROOT / "tests", tmp_path / "copy", "someone/model")
    for name in ("config.json", "model.safetensors"):
        shutil.copy(BUNDLED / name, tmp_path)
    with pytest.raises(InputError, match=r"has no metrics\.json"):
        model.copy_package(tmp_path, tmp_path / "copy", "someone/model")
    assert not (tmp_path / "copy").exists()


def test_training_ends_with_the_model_on_the_hub(hub, run, kaggle_folder, tmp_path):
    output = tmp_path / "model"
    command = ["train.py", "--dataset", kaggle_folder, "--output", output, "--weights", "none", "--epochs", 1]
    command += ["--size", 32, "--batch-size", 16, "--architecture", "mobilenetv2_050", "--push-to"]
    code, _, err = run(*command, "nobody/tiny")
    assert code == 2
    assert "The Hub knows no nobody" in err
    assert not output.exists(), "nobody waits for training and is refused then"
    code, out, err = run(*command, "someone/tiny", OMP_NUM_THREADS="1")  # threads wait for busy neighbours
    assert code == 0, err
    assert f"{hub.url}/someone/tiny/commit/" in out
    published = hub.files("model", "someone/tiny")
    assert published["model.safetensors"] == (output / "model.safetensors").read_bytes()
    assert b'"hf-hub:someone/tiny"' in published["README.md"]


PUSH = """
import sys
import train
options = train.parse_arguments(sys.argv[1:])
train.run_command("train.py", lambda: train.push(options))
"""


def test_a_trained_model_that_cannot_be_put_on_the_hub_is_kept_and_the_command_for_it_said(hub, run):
    hub.faults.append(lambda method, path: "cut" if "/commit/" in path else None)
    code, _, err = run("-c", PUSH, "--output", BUNDLED, "--push-to", "someone/model")
    assert code == 2
    sentence = "is complete but not on the Hub; `python -m hub publish model "
    assert f"{BUNDLED} {sentence}{BUNDLED} someone/model` puts it there" in err
    assert "Traceback" not in err


# The demo


def test_the_published_space_answers_alone_and_so_does_this_repo_with_a_model_of_the_hub(
    hub, run, start, film, tmp_path
):
    put_model(hub)
    code, _, err = run("-m", "hub", "publish", "space", "someone/demo", "--model", "someone/model")
    assert code == 0, err
    assert hub.commits("space", "someone/demo") == 1
    write(hub.files("space", "someone/demo"), tmp_path / "space")
    film.save(tmp_path / "film.png")
    alone = {"PYTHONPATH": ""}, tmp_path / "space"
    processes = []
    for environment, folder in (alone, ({"MODEL": "someone/model"}, ROOT)):
        port, home = str(free_port()), str(tmp_path / f"home{len(processes)}")
        environment |= {"HF_TOKEN": "", "GRADIO_SERVER_PORT": port, "HF_HOME": home}
        processes.append((port, start("app.py", cwd=folder, **environment)))
    expected = Classifier.from_pretrained()(film).label
    try:
        for port, process in processes:
            wait_for(f"http://127.0.0.1:{port}", process)
            client = Client(f"http://127.0.0.1:{port}", verbose=False)
            report = client.predict(handle_file(tmp_path / "film.png"), api_name="/classify")
            assert report["label"] == expected
    finally:
        for _, process in processes:
            process.kill()
            process.communicate()
    assert sum("/someone/model/resolve/" in request for request in hub.requests) > 0


def test_the_space_brings_the_wings_that_serve_and_nothing_more(tmp_path):
    space.write_space(tmp_path, "someone/model")
    names = set(contents(tmp_path))
    assert names >= {"app.py", "README.md", "requirements.txt", "LICENSE", "hub/__init__.py"}
    wings = {name.split("/")[1] for name in names if name.count("/") > 1}
    assert wings == {"imaging", "models", "inference", "explorer", "demo"}
    assert {"hub/demo/static/page.css", "hub/imaging/synthetic.safetensors"} <= names
    assert not any("__pycache__" in name for name in names)
    lines = (tmp_path / "requirements.txt").read_text().splitlines()
    assert set(lines) <= set((ROOT / "requirements.txt").read_text().splitlines())
    assert not any(line.startswith(("datasets", "scikit-learn", "streamlit")) for line in lines)


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


def test_a_space_for_a_model_that_is_not_on_the_hub_is_refused(hub, run):
    code, _, err = run("-m", "hub", "publish", "space", "someone/demo", "--model", "someone/nothing")
    assert code == 2
    assert "There is no model someone/nothing on the Hub" in err
    assert hub.repos == {}


def test_a_space_for_a_model_that_the_demo_cannot_show_is_refused(hub, run):
    files = {name: content for name, content in contents(BUNDLED).items() if not name.startswith("onnx/")}
    hub.repos["model", "someone/model"] = Repo(branches={"main": [{}, files]})
    code, _, err = run("-m", "hub", "publish", "space", "someone/demo", "--model", "someone/model")
    assert code == 2
    assert "someone/model has no onnx/model.onnx or no label_names" in err
    code, _, err = run(
        "-m", "hub", "publish", "space", "someone/demo", "--model", "no'name", "--dry-run", "x"
    )
    assert code == 2
    assert "is named USER/NAME" in err
    assert ("space", "someone/demo") not in hub.repos


@pytest.mark.install
def test_the_published_space_needs_no_more_than_it_brings(hub, film, tmp_path):
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
        film.save(tmp_path / "film.png")
        client = Client(url, verbose=False)
        report = client.predict(handle_file(tmp_path / "film.png"), api_name="/classify")
        assert report["finding"] == "signs of pneumonia"


# Nothing uploaded


def test_a_dry_run_writes_what_would_be_uploaded_and_needs_no_network(run, tmp_path):
    command = ["-m", "hub", "publish", "space", "someone/demo", "--model", "someone/model", "--dry-run"]
    offline = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_TOKEN": ""}
    code, out, err = run(*command, tmp_path / "dry", **offline)
    assert (code, out.strip()) == (0, str(tmp_path / "dry")), err
    (tmp_path / "expected").mkdir()
    space.write_space(tmp_path / "expected", "someone/model")
    assert contents(tmp_path / "dry") == contents(tmp_path / "expected")
    code, _, err = run(*command, tmp_path / "dry", **offline)
    assert code == 2
    assert "is there already; give another --dry-run." in err


# Who may write what


@pytest.mark.parametrize(
    ("repo", "environment", "sentence"),
    [
        ("someone/films", {"HF_TOKEN": ""}, "There is no Hub token; log in with `hf auth login`"),
        ("someone/films", {"HF_TOKEN": "hf_wrong"}, "The Hub does not accept the token; log in again"),
        ("nobody/films", {}, "The Hub knows no nobody that someone, who is logged in, may write to"),
        ("films", {}, "A repo on the Hub is named USER/NAME"),
        ("someone/films", {"HF_ENDPOINT": "http://127.0.0.1:9"}, "The connection to the Hub failed"),
        ("someone/films", {"HF_HUB_OFFLINE": "1"}, "HF_HUB_OFFLINE is set"),
    ],
)
def test_who_cannot_publish_reads_why_before_anything_is_done(hub, run, repo, environment, sentence):
    code, out, err = run("-m", "hub", "publish", "dataset", "synthetic", repo, **environment)
    assert (code, out) == (2, "")
    assert sentence in err
    assert len(err.strip().splitlines()) == 1
    assert hub.repos == {}


def test_a_refusal_on_the_way_is_one_sentence(hub, run, folder):
    hub.faults.append(lambda method, path: 403 if path == "/api/repos/create" else None)
    code, _, err = run("-c", UPLOAD, folder)
    assert code == 2
    assert "The token may not write to someone/files" in err
    hub.faults[:] = [lambda method, path: 400 if path == "/api/validate-yaml" else None]
    code, _, err = run("-c", UPLOAD, folder)
    assert code == 2
    assert "refuses the upload to someone/files, which is as it was" in err
    assert "Traceback" not in err
    hub.faults[:] = [lambda method, path: 400 if "/commit/" in path else None]
    code, _, err = run("-c", UPLOAD, folder)
    assert code == 2
    assert "The Hub refuses the upload to someone/files, which is as it was" in err
    assert "Traceback" not in err
    assert hub.files("dataset", "someone/files") == {}


# One commit, whatever happens


UPLOAD = """
import sys
from pathlib import Path
from hub.errors import run_command
from hub.publish import upload
run_command("upload", lambda: print(upload(Path(sys.argv[1]), "someone/files", "dataset")))
"""


def test_an_upload_is_one_commit_and_the_next_one_sends_only_what_is_new(hub, run, folder):
    assert run("-c", UPLOAD, folder)[0] == 0
    assert hub.files("dataset", "someone/files") == contents(folder)
    (folder / "data" / "a.parquet").rename(folder / "data" / "c.parquet")
    (folder / "data" / "b.parquet").write_bytes(b"new" * 9_000)
    assert run("-c", UPLOAD, folder)[0] == 0
    assert hub.files("dataset", "someone/files") == contents(folder), "what is gone here is gone there"
    assert hub.commits("dataset", "someone/files") == 2
    assert len(uploads(hub)) == 3
    assert run("-c", UPLOAD, folder)[0] == 0
    assert hub.commits("dataset", "someone/files") == 2, "nothing new, no commit"


def test_a_rate_limit_is_waited_for_and_said(hub, run, folder):
    left = {"/api/repos/create": 1, "/api/datasets/someone/files/commit/main": 2}

    def limit(method, path):
        left[path] = left.get(path, 0) - 1
        return 429 if left[path] >= 0 else None

    hub.faults.append(limit)
    code, _, err = run("-c", UPLOAD, folder)
    assert code == 0, err
    assert err.count("The Hub takes no more requests; trying again in") == 3
    assert hub.commits("dataset", "someone/files") == 1
    assert len(uploads(hub)) == 2


def test_a_connection_cut_at_the_commit_changes_nothing_and_the_next_try_sends_no_file_again(
    hub, run, folder
):
    hub.faults.append(lambda method, path: "cut" if "/commit/" in path else None)
    code, _, err = run("-c", UPLOAD, folder)
    assert code == 2
    assert "someone/files is as it was; check the network and give the same command again" in err
    assert "Traceback" not in err
    assert hub.files("dataset", "someone/files") == {}
    hub.faults.clear()
    assert run("-c", UPLOAD, folder)[0] == 0
    assert hub.files("dataset", "someone/files") == contents(folder)
    assert len(uploads(hub)) == 2


@pytest.mark.parametrize("fault", ["cut", "killed"])
def test_an_upload_that_ends_in_the_middle_changes_nothing_and_the_next_try_goes_on(
    hub, start, run, folder, fault
):
    seen, reached, go_on = [], threading.Event(), threading.Event()

    def second(method, path):
        """One file arrives; the connection of the other is cut again and again, or hangs."""
        if method != "PUT" or path in seen[:1]:
            return None
        seen.append(path)
        if len(seen) == 1:
            return None
        reached.set()
        return "cut" if fault == "cut" else go_on.wait(30) and "cut"

    hub.faults.append(second)
    process = start("-c", UPLOAD, folder)
    assert reached.wait(60)
    while not hub.blobs:
        time.sleep(0.05)
    if fault == "killed":
        process.kill()
    _, err = process.communicate(timeout=60)
    go_on.set()
    assert process.returncode == (2 if fault == "cut" else -signal.SIGKILL)
    assert ("check the network and give the same command again" in err) == (fault == "cut")
    assert hub.files("dataset", "someone/files") == {}
    hub.faults.clear(), hub.requests.clear()
    assert run("-c", UPLOAD, folder)[0] == 0
    assert hub.files("dataset", "someone/files") == contents(folder)
    assert len(uploads(hub)) == 1, "the file that had arrived is not sent again"


def test_a_cut_connection_is_tried_again(hub, run, folder):
    cuts = iter(["cut"])
    hub.faults.append(lambda method, path: next(cuts, None) if method == "PUT" else None)
    code, _, err = run("-c", UPLOAD, folder)
    assert code == 0, err
    assert hub.files("dataset", "someone/files") == contents(folder)


def test_a_private_repo_a_branch_and_a_pull_request(hub, run, folder):
    upload = UPLOAD.replace('"dataset")', '"dataset", **eval(sys.argv[2]))')
    assert run("-c", upload, folder, "dict(private=True, revision='next')")[0] == 0
    repo = hub.repos["dataset", "someone/files"]
    assert repo.private
    assert hub.files("dataset", "someone/files", "next") == contents(folder)
    code, out, _ = run("-c", upload, folder, "dict(create_pr=True)")
    assert out.strip() == f"{hub.url}/datasets/someone/files/discussions/2"
    assert hub.files("dataset", "someone/files", "refs/pr/2") == contents(folder)
    assert hub.files("dataset", "someone/files") == {}
    repo.private = False
    code, _, err = run("-c", upload, folder, "dict(private=True)")
    assert code == 2
    assert "is there already and public" in err
    assert hub.files("dataset", "someone/files") == {}, "what is to be private never becomes public"
