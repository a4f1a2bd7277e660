"""The model card repeats the record and shows files of its folder."""

import json
import re
import shutil

from huggingface_hub import ModelCard

from hub.models.card import write_card
from hub.models.folder import BUNDLED


def test_the_card_repeats_the_measured_numbers():
    metrics = json.loads((BUNDLED / "metrics.json").read_text())["test"]
    card = ModelCard.load(BUNDLED / "README.md")
    for name in ("accuracy", "sensitivity", "specificity", "auc", "brier", "ece"):
        assert f"| {name} | {metrics[name]['value']:.4f} |" in card.text
    results = {(r.dataset_split, r.metric_type): r.metric_value for r in card.data.eval_results}
    assert results["test", "accuracy"] == round(metrics["accuracy"]["value"], 4)
    assert metrics["n"] == 624


def test_the_card_is_what_is_written_from_the_record(tmp_path):
    for name in ("config.json", "metrics.json"):
        shutil.copy(BUNDLED / name, tmp_path)
    write_card(tmp_path)
    assert (tmp_path / "README.md").read_text() == (BUNDLED / "README.md").read_text()


def test_the_card_shows_only_images_that_are_there_and_no_path_of_ours():
    text = (BUNDLED / "README.md").read_text()
    images = re.findall(r"!\[[^]]*\]\(([^)]*)\)", text)
    assert len(images) >= 6
    assert [name for name in images if not (BUNDLED / name).is_file()] == []
    names = {result.dataset_name for result in ModelCard.load(BUNDLED / "README.md").data.eval_results}
    assert names == {"chest_xray"}
