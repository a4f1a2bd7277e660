"""The model card repeats the record, shows files of its folder, and is what the Hub's client takes."""

import json
import re
import shutil

import pytest
from huggingface_hub import ModelCard, metadata_load
from huggingface_hub.repocard_data import model_index_to_eval_results

from hub.models.card import card_text, write_card
from hub.models.folder import ANSWER, BUNDLED


@pytest.fixture
def folder(tmp_path):
    """What a card is written from, of the bundled model."""
    for name in ("config.json", "metrics.json"):
        shutil.copy(BUNDLED / name, tmp_path)
    return tmp_path


@pytest.fixture
def record(folder):
    """A function that changes entries of metrics.json, such as training__dataset."""

    def change(**entries):
        metrics = json.loads((folder / "metrics.json").read_text())
        for place, value in entries.items():
            section, _, key = place.partition("__")
            metrics.setdefault(section, {})[key] = value
        (folder / "metrics.json").write_text(json.dumps(metrics))

    return change


def data_of(folder, repo_id=None):
    """Return the metadata of a card, as the Hub's client reads it."""
    return ModelCard(card_text(folder, repo_id)).data


def test_the_card_repeats_the_measured_numbers():
    metrics = json.loads((BUNDLED / "metrics.json").read_text())["test"]
    card = ModelCard.load(BUNDLED / "README.md")
    for name in ("accuracy", "sensitivity", "specificity", "auc", "brier", "ece"):
        assert f"| {name} | {metrics[name]['value']:.4f} |" in card.text
    results = {(r.dataset_split, r.metric_name.split(",")[0]): r for r in card.data.eval_results}
    accuracy = results["test", "Accuracy"]
    assert (accuracy.metric_type, accuracy.metric_value) == (
        "accuracy",
        round(metrics["accuracy"]["value"], 4),
    )
    assert f"{metrics['accuracy']['low']:.4f} to {metrics['accuracy']['high']:.4f}" in accuracy.metric_name
    assert metrics["n"] == 624


def test_the_card_is_what_is_written_from_the_record(folder):
    (folder / ANSWER).parent.mkdir(exist_ok=True)
    shutil.copy(BUNDLED / ANSWER, folder / ANSWER)
    write_card(folder)
    assert (folder / "README.md").read_text() == (BUNDLED / "README.md").read_text()


def test_the_card_shows_only_images_that_are_there():
    text = (BUNDLED / "README.md").read_text()
    images = re.findall(r"!\[[^]]*\]\(([^)]*)\)", text)
    assert len(images) >= 6
    assert [name for name in images if not (BUNDLED / name).is_file()] == []


@pytest.mark.parametrize("file", ["README.md", "metrics.json"])
def test_the_bundled_model_names_no_path(file):
    assert re.findall(r"\.\./|/home|/tmp|shared/", (BUNDLED / file).read_text()) == []


def test_a_card_of_local_data_names_neither_path_nor_a_data_set_that_is_not_on_the_hub(
    folder, record, tmp_path, monkeypatch
):
    (tmp_path / "data" / "mine").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    command = f"python train.py --dataset data/mine --weights {tmp_path}/secret/a.safetensors --output runs/a"
    record(training__dataset="data/mine", training__command=command, test__dataset=str(tmp_path / "mine"))
    text = card_text(folder)
    assert str(tmp_path) not in text and "data/mine" not in text
    assert "python train.py --dataset mine --weights a.safetensors\n" in text
    assert data_of(folder).datasets is None


def test_what_is_told_stands_in_the_card_and_in_its_commands(folder, record):
    record(
        card__dataset_id="someone/films",
        card__license="mit",
        card__base_model="google/mobilenet_v2_1.0_224",
        training__dataset="films",
        test__dataset="films",
        validation__dataset="films",
        training__command="python train.py --dataset films --weights films --seed 1",
    )
    data = data_of(folder)
    assert (data.license, data.datasets) == ("mit", ["someone/films"])
    assert (data.base_model, data.base_model_relation) == ("google/mobilenet_v2_1.0_224", "finetune")
    assert {result.dataset_type for result in data.eval_results} == {"someone/films"}
    text = card_text(folder)
    assert "python train.py --dataset someone/films --weights films --seed 1\n" in text
    assert "`python -m hub evaluate FOLDER --dataset someone/films`" in text


def test_figures_of_other_data_are_no_results_on_the_data_that_it_was_trained_on(folder, record):
    record(card__dataset_id="someone/films", test__dataset="adults")
    types = {result.dataset_split: result.dataset_type for result in data_of(folder).eval_results}
    assert types == {"validation": "someone/films", "test": "chest-xray-pneumonia"}


def test_weights_of_timm_are_named_without_being_told(folder, record):
    record(training__base_model="timm/mobilenetv2_100.ra_in1k")
    record(card__base_model="")
    assert data_of(folder).base_model == "timm/mobilenetv2_100.ra_in1k"


def test_a_card_of_a_repo_has_what_the_page_of_the_hub_shows_and_its_client_reads_it_back(folder):
    (folder / "README.md").write_text(card_text(folder, "someone/model"))
    data = metadata_load(folder / "README.md")
    assert data["pipeline_tag"] == "image-classification"
    assert data["metrics"] == ["accuracy", "roc_auc", "f1", "recall", "specificity"]
    address = "https://huggingface.co/someone/model/resolve/main/"
    assert [row["src"].startswith(f"{address}examples/") for row in data["widget"]] == [True, True]
    assert data["thumbnail"].startswith(address)
    name, results = model_index_to_eval_results(data["model-index"])
    assert name and {result.dataset_split for result in results} == {"validation", "test"}
    assert "widget" not in data_of(folder), "a local folder has no address"


def test_every_example_of_a_tagged_model_loads_the_tag(folder):
    text = card_text(folder, "someone/model", tag="v1.0")
    blocks = re.findall(r"```\w+\n(.*?)```", text, re.DOTALL)
    loading = [line for block in blocks for line in block.splitlines() if "someone/model" in line]
    assert len(loading) >= 8
    assert [line for line in loading if "v1.0" not in line] == []
    assert "v1.0" not in card_text(folder, "someone/model")
