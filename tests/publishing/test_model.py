"""A published model can be used: real clients with empty caches."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import numpy as np
import pytest
import timm
import yaml
from hub_server import Repo, contents, fetched, oid_of, put_model
from huggingface_hub import ModelCard, parse_eval_result_entries
from PIL import Image
from transformers import AutoImageProcessor, AutoModelForImageClassification

from hub.cli.train import parse_settings, push
from hub.errors import InputError
from hub.files import edited_folder
from hub.inference.classifier import Classifier
from hub.inference.decision import report
from hub.models.card_metadata import EXAMPLES
from hub.models.folder import BUNDLED
from hub.publishing import model
from hub.publishing.benchmark import TASKS, write_results
from hub.version import NAME, VERSION

ROOT = Path(__file__).parents[2]


def answers_by(card):
    """Return the probabilities by each example in a card, by its code."""
    found = {}
    for code in re.findall(r"```python\n(.*?)```", card.text, re.DOTALL):
        exec(code.replace("\npipeline(", "\nprobabilities = pipeline("), names := {})
        if "prediction" in names:
            assert names["prediction"].label in ("NORMAL", "PNEUMONIA")
            continue
        answer = names["probabilities"]
        if isinstance(answer, list):
            scores = {row["label"]: row["score"] for row in answer}
            answer = [scores[name] for name in ("NORMAL", "PNEUMONIA")]
        found[code] = np.asarray(answer.detach() if hasattr(answer, "detach") else answer).reshape(-1)
    return found


def test_every_reader_gives_the_same_answer_by_the_code_of_the_card(
    hub, connect, run_here, radiograph, classifier, tmp_path, monkeypatch
):
    code, _, err = run_here("publish", "model", BUNDLED, "someone/model", "--tag", "v1.0")
    assert code == 0, err
    assert hub.commits("model", "someone/model") == 1
    published = hub.files("model", "someone/model")
    assert "model_type" not in json.loads(published["config.json"])
    assert set(published) >= {p.relative_to(BUNDLED).as_posix() for p in BUNDLED.rglob("*") if p.is_file()}
    assert set(published) >= {"handler.py", "requirements.txt", "pyproject.toml", "hub/__init__.py"}

    connect(HF_TOKEN="")
    monkeypatch.chdir(tmp_path)
    image = radiograph.resize((640, 480)).convert("RGB")
    image.save("image.jpeg")
    image = Image.open("image.jpeg").convert("RGB")
    card = ModelCard.load("someone/model")
    assert {result.metric_type for result in card.data.eval_results} >= {"accuracy", "roc_auc"}
    model = timm.create_model(f"local-dir:{BUNDLED}", pretrained=True).eval()
    transform = timm.data.create_transform(**timm.data.resolve_data_config(model=model))

    def expected(image):
        return model(transform(image)[None]).softmax(1).detach().numpy()

    found = answers_by(card)
    assert len(found) == 4
    for code, probabilities in found.items():
        assert np.abs(probabilities - expected(image)[0]).max() < 1e-4, code
    there = Classifier.from_pretrained("someone/model")
    assert there("image.jpeg").probabilities == classifier("image.jpeg").probabilities
    # Of other sizes too, by the processor that transformers takes from the Hub.
    processor = AutoImageProcessor.from_pretrained("someone/model")
    network = AutoModelForImageClassification.from_pretrained("someone/model").eval()
    for size in ((224, 224), (300, 500), (1500, 900)):
        pixels = processor(image.resize(size), return_tensors="pt")
        answer = network(**pixels).logits.softmax(1).detach().numpy()
        assert np.abs(answer - expected(image.resize(size))).max() < 1e-3, size


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A dry run of the bundled model."""
    folder = tmp_path_factory.mktemp("published") / "model"
    model.copy_folder(BUNDLED, folder, "someone/model", dataset_id="someone/films")
    return folder


def test_a_model_that_another_command_replaces_meanwhile_is_never_published_by_halves(tmp_path, monkeypatch):
    folder = shutil.copytree(BUNDLED, tmp_path / "model")
    copy_file = shutil.copy2

    def copy_and_replace(file, to):
        monkeypatch.setattr(shutil, "copy2", copy_file)
        copy_file(file, to)
        with edited_folder(folder) as partial:
            (partial / "config.json").touch()

    monkeypatch.setattr(shutil, "copy2", copy_and_replace)
    with pytest.raises(InputError, match="give the same command again"):
        model.copy_folder(folder, tmp_path / "copy", "someone/model")


# What the toolkit of Inference Endpoints does with a model repo, in a process where torch cannot be imported.
ENDPOINT = """
import base64, importlib.util, json, sys
from pathlib import Path
from PIL import Image
for name in ("torch", "timm", "transformers"):
    sys.modules[name] = None
folder, film = sys.argv[1:]
spec = importlib.util.spec_from_file_location("handler.EndpointHandler", Path(folder) / "handler.py")
sys.path.insert(0, folder)
handler = sys.modules["handler.EndpointHandler"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(handler)
endpoint = handler.EndpointHandler(folder)
image = Path(film).read_bytes()
text = base64.b64encode(image).decode()
refusals = []
for inputs, parameters in (
    ("https://example.org/a.png", None), ("@", None), (None, None), (image[:60], None),
    (Image.new("RGB", (300, 300), "red"), None), (image, {"size": 3}), (image, {"prevalence": "often"}),
    (image, {"top_k": 0}), (image, {"operating_point": "best"}), (image, [1]),
):
    try:
        refusals.append(endpoint({"inputs": inputs, "parameters": parameters}))
    except ValueError as error:
        refusals.append(str(error))
print(json.dumps({
    "code": handler.Classifier.__module__ and sys.modules["hub"].__file__,
    "lists": [endpoint({"inputs": x}) for x in (image, Image.open(film), text, "data:;base64," + text)],
    "first": endpoint({"inputs": text, "parameters": {"top_k": 1, "function_to_apply": "softmax"}}),
    "report": endpoint({"inputs": text, "parameters": {"operating_point": "screening", "prevalence": 0.1}}),
    "query": endpoint({"inputs": image, "parameters": {"prevalence": "0.1"}}),
    "refusals": refusals,
}))
"""


def test_an_endpoint_answers_as_the_hub_does_and_with_parameters_reports_and_needs_no_torch(
    published, radiograph, tmp_path, classifier
):
    radiograph.save(tmp_path / "film.png")
    command = [sys.executable, "-c", ENDPOINT, published, tmp_path / "film.png"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    answer = json.loads(done.stdout)
    assert Path(answer["code"]).is_relative_to(published), "the code of the repo, and no other"
    prediction = classifier(tmp_path / "film.png")
    scores = sorted(prediction.probabilities.items(), key=lambda item: -item[1])
    rows = [{"label": label, "score": score} for label, score in scores]
    assert answer["lists"] == [rows] * 4
    assert answer["first"] == rows[:1]
    assert answer["report"] == report(classifier, prediction, "screening", 0.1)
    assert answer["query"]["prevalence"] == 0.1
    assert all(isinstance(refusal, str) and refusal.endswith(".") for refusal in answer["refusals"])


def test_the_repo_brings_the_code_of_the_classifier_for_pip(published):
    project = tomllib.loads((published / "pyproject.toml").read_text())["project"]
    ours = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert (project["name"], project["version"]) == (ours["name"], VERSION)
    assert sorted(project["dependencies"]) == sorted(ours["dependencies"])
    assert (published / "requirements.txt").read_text().split("\n")[:-1] == sorted(ours["dependencies"])
    wings = {path.name for path in (published / "hub").iterdir() if path.is_dir()}
    assert wings == {"imaging", "models", "inference"}
    assert not [path for path in published.rglob("*") if path.suffix in (".bin", ".pt", ".pkl", ".pyc")]


def test_results_stand_where_the_leaderboard_of_the_data_set_reads_them(published):
    (file,) = (published / ".eval_results").iterdir()
    entries = {entry.task_id: entry for entry in parse_eval_result_entries(yaml.safe_load(file.read_text()))}
    test = json.loads((BUNDLED / "metrics.json").read_text())["test"]
    assert {task: entry.value for task, entry in entries.items()} == {
        task: round(test[key]["value"], 4) for key, task in TASKS.items()
    }
    assert {entry.dataset_id for entry in entries.values()} == {"someone/films"}
    assert all(entry.source_url and entry.notes for entry in entries.values())


def test_results_on_other_data_than_it_learned_from_are_on_no_leaderboard(tmp_path):
    record = json.loads((BUNDLED / "metrics.json").read_text())
    record["card"], record["test"]["dataset"] = {"dataset_id": "someone/films"}, "adults"
    (tmp_path / "metrics.json").write_text(json.dumps(record))
    write_results(tmp_path, "someone/model")
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.json"]


def test_the_widget_and_the_preview_show_images_that_are_in_the_repo(published, exact_classifier):
    data = ModelCard.load(published / "README.md").data
    for address in (data.thumbnail, *(row["src"] for row in data.widget)):
        Image.open(published / address.partition("/resolve/main/")[2]).verify()
    labels = [exact_classifier(published / file).label for file, _, _ in EXAMPLES]
    assert labels == ["NORMAL", "PNEUMONIA"]


# Loading from the Hub


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_of_a_model_on_the_hub_only_what_serving_reads_is_fetched(hub, connect, precision):
    put_model(hub)
    connect()
    assert Classifier.from_pretrained("someone/model", precision=precision).precision == precision
    network = {"fp32": "onnx/model.onnx", "int8": "onnx/model_int8.onnx"}[precision]
    assert fetched(hub) == ["SHA256SUMS", "config.json", "metrics.json", network, "scope.safetensors"]
    agents = [a for a, asked in zip(hub.agents, hub.requests, strict=True) if "/someone/model" in asked]
    assert agents and all(agent.startswith(f"{NAME}/{VERSION}") for agent in agents)


def test_a_revision_stays_and_the_cache_answers_without_network(hub, run, tmp_path):
    put_model(hub)
    commit = oid_of(hub.files("model", "someone/model"))
    load = "from hub import Classifier\nprint(Classifier.from_pretrained('someone/model'{}).folder)"
    pinned = load.format(f", revision='{commit}'")
    code, out, err = run("-c", pinned)
    assert code == 0, err
    assert Path(out.strip()).name == commit
    assert (tmp_path / "home" / "hub") in Path(out.strip()).parents, "HF_HOME"
    hub.repos["model", "someone/model"].branches["main"].append({"config.json": b"{}"})
    assert run("-c", pinned)[1] == out, "what comes later changes nothing"
    hub.requests.clear()
    code, offline, err = run("-c", pinned, HF_HUB_OFFLINE="1")
    assert (code, offline, hub.requests) == (0, out, []), err


@pytest.mark.parametrize(
    ("arguments", "environment", "sentence", "cause"),
    [
        (["someone/model", "nope"], {}, "has no revision nope", "RevisionNotFoundError"),
        (["someone/nothing"], {}, "There is no model someone/nothing", "RepositoryNotFoundError"),
        (["someone/secret"], {"HF_TOKEN": ""}, "log in if it is private", "RepositoryNotFoundError"),
        (["someone/model"], {"HF_HUB_OFFLINE": "1"}, "nor in the cache", "LocalEntryNotFoundError"),
        (["no/such/folder"], {}, "There is no model no/such/folder", "HFValidationError"),
        (["someone/model"], {"HF_TOKEN": "hf_tökén"}, "cannot be fetched", "UnicodeEncodeError"),
    ],
)
def test_what_cannot_be_loaded_is_said_and_the_cause_is_what_users_of_the_hub_know(
    hub, connect, arguments, environment, sentence, cause
):
    put_model(hub)
    hub.repos["model", "someone/secret"] = Repo(private=True)
    connect(**environment)
    with pytest.raises(InputError, match=sentence) as refused:
        Classifier.from_pretrained(*arguments)
    assert type(refused.value.__cause__).__name__ == cause


@pytest.mark.parametrize("pinned", [True, False])
def test_a_cached_model_is_loaded_at_once_while_the_hub_does_not_answer(hub, connect, tmp_path, pinned):
    put_model(hub)
    connect()
    commit = Classifier.from_pretrained("someone/model").folder.name
    for listing in tmp_path.glob("home/hub/models--*/trees"):
        shutil.rmtree(listing)  # as earlier versions of huggingface_hub leave a cache
    hub.requests.clear()
    hub.faults.append(lambda method, path: 503)
    there = Classifier.from_pretrained("someone/model", revision=commit if pinned else None)
    assert (there.folder.name, len(hub.requests)) == (commit, 0 if pinned else 1)


def test_a_model_whose_connection_is_cut_is_said_to_be_so(hub, connect):
    put_model(hub)
    connect()
    hub.faults.append(lambda method, path: "cut")
    with pytest.raises(InputError, match="check the network"):
        Classifier.from_pretrained("someone/model")


def test_a_private_model_is_loaded_with_the_token_of_the_environment(hub, connect):
    hub.repos["model", "someone/secret"] = Repo(private=True, branches={"main": [contents(BUNDLED)]})
    connect()
    assert Classifier.from_pretrained("someone/secret").classes == ["NORMAL", "PNEUMONIA"]


def test_a_classifier_saves_its_folder_and_pushes_it_as_one_commit(
    hub, connect, tmp_path, radiograph, classifier
):
    connect()
    classifier.save_pretrained(tmp_path / "saved")
    address = classifier.push_to_hub("someone/model", private=True)
    assert contents(tmp_path / "saved") == contents(BUNDLED) == hub.files("model", "someone/model")
    assert hub.repos["model", "someone/model"].private
    assert hub.commits("model", "someone/model") == 1
    assert address.startswith(f"{hub.url}/someone/model/commit/")
    again = Classifier.from_pretrained(tmp_path / "saved")
    assert again(radiograph).probabilities == classifier(radiograph).probabilities


def test_a_folder_that_is_not_a_model_folder_is_not_published(tmp_path):
    with pytest.raises(InputError, match="is not a model folder"):
        model.copy_folder(ROOT / "tests", tmp_path / "copy", "someone/model")
    for name in ("config.json", "model.safetensors"):
        shutil.copy(BUNDLED / name, tmp_path)
    with pytest.raises(InputError, match=r"has no metrics\.json"):
        model.copy_folder(tmp_path, tmp_path / "copy", "someone/model")
    assert not (tmp_path / "copy").exists()


# train.py from end to end; intervals of few draws and ranges of few images, which are tested elsewhere.
TRAIN = """
import train
from hub.cli.train import parse_settings, run_training
from hub.evaluation import metrics
from hub.export import onnx
metrics.RESAMPLES, onnx.CALIBRATION_IMAGES = 50, 12
run_training(train.main, parse_settings(train.__doc__))
"""


@pytest.mark.slow
def test_training_ends_with_the_model_on_the_hub(hub, run, kaggle_folder, tmp_path):
    output = tmp_path / "model"
    command = ["train.py", "--dataset", kaggle_folder, "--output", output, "--weights", "none", "--epochs", 1]
    command += ["--size", 32, "--batch-size", 16, "--architecture", "mobilenetv2_050", "--push-to"]
    code, _, err = run(*command, "nobody/tiny")
    assert code == 2
    assert "The Hub knows no nobody" in err
    assert not output.exists(), "nobody waits for training and is refused then"
    code, out, err = run("-c", TRAIN, *command[1:], "someone/tiny", OMP_NUM_THREADS="1")  # busy neighbours
    assert code == 0, err
    assert f"{hub.url}/someone/tiny/commit/" in out
    published = hub.files("model", "someone/tiny")
    assert published["model.safetensors"] == (output / "model.safetensors").read_bytes()
    assert b'"hf-hub:someone/tiny"' in published["README.md"]
    # A digest of its paths stays on this machine: they could be guessed from it.
    assert "command_digest" in json.loads((output / "metrics.json").read_text())["training"]
    assert "command_digest" not in json.loads(published["metrics.json"])["training"]


def test_a_trained_model_that_cannot_be_put_on_the_hub_is_kept_and_the_command_for_it_said(
    hub, call, monkeypatch
):
    monkeypatch.setattr(time, "sleep", lambda seconds: None)  # the client waits longer before each attempt
    hub.faults.append(lambda method, path: "cut" if "/commit/" in path else None)
    settings = parse_settings("", ["--output", str(BUNDLED), "--push-to", "someone/model"])
    code, _, err = call(push, settings)
    assert code == 2
    sentence = "is complete but not on the Hub; `python -m hub publish model "
    assert f"{BUNDLED} {sentence}{BUNDLED} someone/model` puts it there" in err
    assert "Traceback" not in err
