"""Every card that `publish` writes is sound, whatever the model and the data set are."""

import json
import re
import shlex
from itertools import pairwise

import datasets
import numpy as np
import pytest
from huggingface_hub import DatasetCard, ModelCard, SpaceCard
from PIL import Image
from safetensors.numpy import load_file

from hub.analysis.__main__ import COMMANDS
from hub.cli.main import build_parser
from hub.cli.train import parse_settings
from hub.data.splits import load_splits
from hub.evaluation import metrics
from hub.imaging import synthetic
from hub.models.card import card_text
from hub.models.folder import BUNDLED
from hub.publishing import space
from hub.publishing.dataset import write_dataset

COUNTED = "images?|patients|epochs|minutes|classes|labels|verdicts|errors|groups"
SIGNS = ("*cat*", "dog|wolf", "`owl` <b>")  # names of classes


def check(card):
    """Check what holds of every card, which the Hub's client has read."""
    prose = re.sub(r"```.*?```", "", card.text, flags=re.DOTALL)
    assert not re.findall(r"\b(?:None|nan|inf|undefined)\b", f"{card.data.to_yaml()}{prose}")
    assert not re.findall(rf"(?<![\d.,])\b1 (?:\w+ )?(?:{COUNTED.replace('images?', 'images')})\b", prose)
    assert not re.findall(r"(?<![\w.:/])/(?:home|tmp|root|work|srv|Users|private)\b", str(card))
    headings = {re.sub(r"\W+", "-", line.strip("# ").lower()) for line in re.findall("^#.*", prose, re.M)}
    assert set(re.findall(r"\]\(#([^)]*)\)", prose)) <= headings
    check_tables(prose)
    check_commands(card.text)


def check_tables(prose):
    """Check that each table is a block of its own, whose rows have as many cells as its first."""
    rows = ["", *re.sub(r"\\.", "", prose).splitlines(), ""]  # without escaped signs
    for above, below in pairwise(rows):
        if "|" in (above[:1], below[:1]):
            assert "" in (above, below) or above.count("|") == below.count("|"), (above, below)


def check_commands(text):
    """Check that each command of the card is one that this project accepts."""
    commands = re.findall(r"(?:`|^)(python (?:-m hub|train).*?)(?:`|$)", text, re.M)
    for words in (shlex.split(command) for command in commands if "…" not in command):
        if words[1] == "train.py":
            parse_settings("", words[2:])
        elif words[2] == "hub":
            build_parser("").parse_args(words[3:])
        else:
            assert words[3] in COMMANDS


# Models


def of_three_classes(record, config):
    """Figures of a model of three classes, one of them with no image in the test split."""
    scores = np.random.default_rng(0).dirichlet(np.ones(3), 12)
    classes, names = ["cat", "dog", "owl"], [f"unknown-{index}" for index in range(12)]
    config |= {"label_names": classes, "num_classes": 3, "radiograph": False, "operating_points": None}
    of = {"dataset": "pets", "date": "2026-01-01"}
    for split, labels in (("validation", np.arange(12) % 3), ("test", np.arange(12) % 2)):
        record[split] = metrics.measure(scores, labels, names, classes) | of | {"split": split}
    splits = record["training"]["splits"] | {"patients_known": False, "groups": "groups of copies"}
    record["training"] |= {"dataset": "pets", "weights": "none", "splits": splits}
    for name in ("others", "scope", "heatmaps", "finalists", "data_checks", "robustness_test", "calibration"):
        record.pop(name, None)


def of_too_many_classes_for_a_matrix(record, config):
    of_three_classes(record, config)
    for split in ("validation", "test"):
        record[split].pop("confusion")


def of_classes_that_look_like_markdown(record, config):
    of_three_classes(record, config)
    config["label_names"] = record["test"]["classes"] = record["validation"]["classes"] = [*SIGNS]


def of_classes_too_rare_for_an_interval(record, config):
    """No draw of the bootstrap has every class, so that there is no AUC in any."""
    of_three_classes(record, config)
    record["validation"]["auc"] |= {"low": None, "high": None}


def of_one_of_each(record, config):
    """One image, one patient, one epoch, and so on."""
    record["test"] |= {"n": 1, "patients": 1}
    record["training"]["history"] = record["training"]["history"][:1]
    record["training"]["splits"]["images"] = {"train": 1, "validation": 1, "test": 1}
    record["onnx"] |= {"test_labels_changed": 1, "test_verdicts_changed": 1, "calibration_images": 1}
    record["data_checks"]["copies"] |= {"groups": 1}
    record["heatmaps"] |= {"failures": 1}
    record["heatmaps"]["NORMAL"] |= {"heat_in_lungs": None, "without_heat": 1}


def of_drawn_images(record, config):
    for section in ("training", "test", "validation"):
        record[section]["dataset"] = "synthetic"


def of_images_drawn_from_others(record, config):
    of_drawn_images(record, config)
    record["training"]["drawn_from"] = "our_films"


def of_a_data_set_of_drawn_images(record, config):
    record["training"]["dataset"] = record["test"]["dataset"] = "someone/drawn"
    record["training"]["splits"] |= {"groups": "", "patients_known": False}
    record.pop("others")


def of_seconds(record, config):
    record["training"] |= {"seconds": 20, "weights": "none", "dataset": "my pictures"}
    record["test"]["dataset"] = "my pictures"


def without_thresholds(record, config):
    config["operating_points"] = None
    for split in ("test", "validation"):
        record[split] = {key: value for key, value in record[split].items() if "balanced" not in key}


def without_8_bits(record, config):
    record["onnx"]["int8_kept"] = False


def from_the_bundled_weights(record, config):
    record["training"]["weights"] = "the bundled model's"


def without_onnx(record, config):
    record.pop("onnx")


def as_it_is(record, config):
    pass


DRAWN = ("synthetic radiographs of no patient", "bootstrap over images", "10.1016/j.cell.2018.02.010")
MODELS = {
    as_it_is: ("the positive\nclass",),
    of_three_classes: ("macro", '"top_k": 1', "random weights", "cat, dog or owl"),
    of_too_many_classes_for_a_matrix: ("cat, dog or owl",),
    of_classes_that_look_like_markdown: (r"\*cat\*, dog\|wolf or \`owl\` \<b\>",),
    of_classes_too_rare_for_an_interval: ("| unknown |",),
    of_one_of_each: ("1 image of 1 patient", "1 epoch,", "changes 1 label\nand 1 verdict"),
    of_drawn_images: (*DRAWN, "--dataset synthetic"),
    of_images_drawn_from_others: (
        "radiographs are drawn from principal components of those of\n`our_films`",
    ),
    of_a_data_set_of_drawn_images: (*DRAWN, "--dataset someone/drawn"),
    of_seconds: ("less than a minute", "--dataset 'my pictures'"),
    without_thresholds: (),
    without_8_bits: ("which this folder lacks",),
    from_the_bundled_weights: ("kermany2018", "10.1016/j.cell.2018.02.010"),
    without_onnx: (),
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A function that writes the bundled model's record and configuration, changed to those of a kind."""
    monkeypatch.setattr(metrics, "RESAMPLES", 20)

    def write(kind):
        record, config = (
            json.loads((BUNDLED / f"{name}.json").read_text()) for name in ("metrics", "config")
        )
        kind(record, config)
        for name, content in (("metrics", record), ("config", config)):
            (tmp_path / f"{name}.json").write_text(json.dumps(content))
        return tmp_path

    return write


@pytest.mark.parametrize("repo", [None, "someone/model"])
@pytest.mark.parametrize("kind", MODELS, ids=lambda kind: kind.__name__)
def test_the_card_of_a_model_is_sound_and_says_what_kind_it_is(kind, repo, folder):
    card = ModelCard(card_text(folder(kind), repo, page=repo, tag="v1.0" if repo else None))
    check(card)
    said = MODELS[kind] if repo else [text for text in MODELS[kind] if "top_k" not in text]
    assert [text for text in said if text not in card.text] == []


def test_no_confusion_matrix_is_named_where_there_is_none(folder):
    assert "onfusion" not in card_text(folder(of_too_many_classes_for_a_matrix))


def test_metrics_of_three_classes_are_named_as_the_averages_that_they_are(folder):
    results = ModelCard(card_text(folder(of_three_classes), "someone/pets")).data.eval_results
    assert all("Macro" in result.metric_name for result in results if result.metric_type != "accuracy")
    assert {result.metric_type for result in results} == {"accuracy", "roc_auc", "f1"}


def test_figures_on_drawn_images_are_no_result_on_the_radiographs_of_children(folder):
    results = ModelCard(card_text(folder(of_drawn_images), "someone/model")).data.eval_results
    assert {result.dataset_type for result in results} == {"synthetic"}


# Data sets and Spaces


@pytest.fixture
def colours(tmp_path):
    """A folder of photographs of three classes, one of them twice."""
    random = np.random.default_rng(0)
    for index in range(30):
        path = tmp_path / "colours" / "train" / ("red", "green", "blue")[index % 3] / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (8, 8, 3), np.uint8)).save(path)
    (path.parent / "copy.png").write_bytes(path.read_bytes())
    return tmp_path / "colours"


@pytest.fixture
def dataset_card(tmp_path, monkeypatch):
    """A function that writes a data set and returns its card and the text of its other metadata."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr("hub.publishing.dataset.plot_samples", lambda *_: None)  # which takes seconds

    def write(source):
        folder = tmp_path / "published"
        folder.mkdir()
        splits = load_splits(source)
        if source == "synthetic":  # a few of them
            splits = datasets.DatasetDict({name: split.select(range(4)) for name, split in splits.items()})
        write_dataset(splits, folder, "someone/things", benchmark=True, tag="v1.0")
        card = DatasetCard.load(folder / "README.md")
        check(card)
        others = [(folder / name).read_text() for name in ("croissant.json", "eval.yaml")]
        return card, "\n".join(others)

    return write


def test_the_card_of_drawn_radiographs_credits_those_they_are_drawn_from_and_has_no_patients(dataset_card):
    card, others = dataset_card("synthetic")
    assert (card.data.license, "synthetic" in card.data.tags) == ("cc-by-4.0", True)
    assert "Synthetic" in card.data.pretty_name and "# Synthetic" in card.text
    assert "10.1016/j.cell.2018.02.010" in card.text and "kermany2018" in others
    for text in (card.text, others):
        assert not re.findall('(?i)patients|children|(?<![`/"])patient(?![`"])', text)
    assert "copies" not in card.text


def test_the_card_of_radiographs_drawn_from_others_credits_those(dataset_card, tmp_path, monkeypatch):
    bundled = load_file(synthetic.COMPONENTS)
    monkeypatch.setattr(synthetic, "COMPONENTS", tmp_path / "components.safetensors")
    synthetic.save_components(bundled, synthetic.COMPONENTS, "our_films")
    card, others = dataset_card("synthetic")
    assert card.data.license == "unknown" and "# Synthetic" in card.text and "`our_films`" in card.text
    assert not re.findall("(?i)kermany|cc-by", card.text + others)


def test_a_model_of_radiographs_drawn_from_others_does_not_credit_kermanys(folder):
    card = card_text(folder(of_images_drawn_from_others))
    assert "ermany" not in card.partition("## Licence and citation")[2]


def test_the_card_of_photographs_speaks_of_copies_and_not_of_patients(dataset_card, colours):
    card, others = dataset_card(colours)
    assert card.data.license == "unknown"
    assert "| groups of copies |" in card.text and "1; they were left in" in card.text
    for text in (card.text, others):
        assert not re.findall('(?i)patients|(?<![`/"])patient(?![`"])|X-ray|radiograph', text)
    assert "one against the rest" in others


def test_names_of_classes_mean_nothing_to_the_card_of_a_data_set(dataset_card, colours):
    for folder, name in zip(sorted((colours / "train").iterdir()), SIGNS, strict=True):
        folder.rename(folder.with_name(name))
    card, _ = dataset_card(colours)
    assert all(sign in card.text for sign in (r"| dog\|wolf |", r"| \*cat\* |", r"| \`owl\` \<b\> |"))


@pytest.mark.parametrize(("most", "row"), [(3, "| PNEUMONIA, virus |"), (2, "| PNEUMONIA |")])
def test_the_card_of_childrens_radiographs_is_sound_and_counts_as_finely_as_has_room(
    dataset_card, kaggle_folder, monkeypatch, most, row
):
    monkeypatch.setattr("hub.publishing.dataset_card.MOST_GROUPS", most)
    card, _ = dataset_card(kaggle_folder)
    assert "| patients |" in card.text and "bare patient numbers" in card.text
    assert row in card.text


@pytest.mark.parametrize("radiograph", [True, False])
def test_only_a_space_about_lungs_shows_lungs(radiograph):
    card = space._card("someone/model", radiograph)
    check(SpaceCard(str(card)))
    assert ("🫁" in str(card)) == radiograph and card.data.emoji
