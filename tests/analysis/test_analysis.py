"""The commands behind the figures of the model card."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from hub.analysis import heatmaps, recipe_search, seeds, shortcuts
from hub.data.splits import load_splits
from hub.errors import InputError
from hub.inference.classifier import Prediction
from hub.models.folder import BUNDLED

ROOT = Path(__file__).parents[2]


def test_the_rule_takes_the_run_with_the_best_shifted_views_and_not_the_best_on_test(
    tmp_path, monkeypatch, capsys
):
    record = json.loads((BUNDLED / "metrics.json").read_text())
    for seed, (shifted, test) in enumerate(((0.97, 0.99), (0.98, 0.95))):
        run = tmp_path / f"seed{seed}"
        shutil.copytree(BUNDLED, run)
        record["training"]["seed"] = seed
        record["shifted_validation"] = {"images": 4, "auc": shifted}
        record["test"]["accuracy"]["value"] = test
        (run / "metrics.json").write_text(json.dumps(record))
    runs = [str(tmp_path / f"seed{seed}") for seed in (0, 1)]
    monkeypatch.setattr(sys, "argv", ["finalists", *runs, "--save", runs[1]])
    seeds.main()
    assert f"the rule chooses {runs[1]}" in capsys.readouterr().out
    table = json.loads((tmp_path / "seed1" / "metrics.json").read_text())["finalists"]
    assert [row["chosen"] for row in table["rows"]] == [False, True]
    assert table["mean"]["test_accuracy"] == pytest.approx(0.97)
    assert table["deviation"]["test_accuracy"] == pytest.approx(0.02828, abs=1e-4)
    assert "| 1 (this model) |" in (tmp_path / "seed1" / "README.md").read_text()
    monkeypatch.setattr(sys, "argv", ["finalists", *runs, "--save", runs[0]])
    with pytest.raises(InputError, match="is not the rule's choice"):
        seeds.main()


def test_the_card_says_what_else_was_measured_on_test(tmp_path, monkeypatch, capsys):
    record = json.loads((BUNDLED / "metrics.json").read_text())
    run = tmp_path / "seed0"
    shutil.copytree(BUNDLED, run)
    record["training"]["seed"] = 0
    (run / "metrics.json").write_text(json.dumps(record | {"shifted_validation": {"images": 4, "auc": 0.9}}))
    record["test"]["accuracy"]["value"], record["test"]["auc"]["value"] = 0.5, 0.6
    earlier = tmp_path / "weak.json"
    earlier.write_text(json.dumps(record))
    monkeypatch.setattr(sys, "argv", ["finalists", str(run), "--earlier", str(earlier), "--save", str(run)])
    seeds.main()
    card = (run / "README.md").read_text()
    assert "weak (accuracy 0.5000, AUC 0.6000)." in card
    assert "That makes 2 in all." in card


@pytest.mark.parametrize("content", [None, "nonsense", "[]", "{}"])
def test_a_run_without_figures_is_refused_in_one_sentence(tmp_path, content):
    run = tmp_path / "run"
    run.mkdir()
    if content is not None:
        (run / "metrics.json").write_text(content)
    command = [sys.executable, "-m", "hub.analysis.seeds", str(run)]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert ended.returncode == 2
    assert ended.stderr.startswith("python -m hub.analysis.seeds: ") and ended.stderr.count("\n") == 1


def test_what_was_never_measured_on_test_is_not_listed_as_if_it_had_been():
    other = ROOT / "benchmarks" / "finalists" / "third-untouched-seed1.json"
    command = [sys.executable, "-m", "hub.analysis.seeds", str(BUNDLED), "--earlier", str(other)]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert ended.returncode == 2
    assert "was never measured on test" in ended.stderr and ended.stderr.count("\n") == 1


def prediction(evidence):
    """One whose heatmap for pneumonia is `evidence`, a 2 x 2 list of log odds."""
    positive = np.array(evidence, dtype=np.float32)
    odds = 1 / (1 + np.exp(-positive.mean()))
    maps = {"NORMAL": np.zeros((2, 2), dtype=np.float32), "PNEUMONIA": positive}
    return Prediction("PNEUMONIA", {"NORMAL": 1 - odds, "PNEUMONIA": odds}, maps)


def test_heat_is_shared_out_between_the_lungs_and_the_rest():
    left_half = [(0, 0, 112, 224)]
    assert heatmaps.heat_in_boxes(prediction([[4, -4], [4, -4]]), left_half) > 0.8
    assert heatmaps.heat_in_boxes(prediction([[2, 2], [2, 2]]), left_half) == pytest.approx(0.5)
    assert heatmaps.heat_in_boxes(prediction([[-4, 4], [-4, 4]]), left_half) < 0.2
    assert np.isnan(heatmaps.heat_in_boxes(prediction([[-1, -2], [-3, -4]]), left_half))


def test_there_are_boxes_around_the_lungs_of_25_test_films_of_each_class(shared):
    boxes = heatmaps.read_boxes()
    test = shared / "data" / "chest_xray" / "test"
    found = {
        label: sum((test / label / name).is_file() for name in boxes) for label in ("NORMAL", "PNEUMONIA")
    }
    assert found == {"NORMAL": 25, "PNEUMONIA": 25}
    for (x0, y0, x1, y1), (x2, y2, x3, y3) in boxes.values():
        assert 0 <= x0 < x1 <= x2 < x3 <= 224
        assert min(y0, y2) >= 0 and max(y1, y3) <= 224


def test_copies_are_counted_within_and_across_splits(kaggle_folder):
    splits = load_splits(kaggle_folder)
    assert shortcuts.count_copies(splits) == {"groups": 0, "across_splits": 0}
    first = sorted((kaggle_folder / "train" / "NORMAL").iterdir())[0]
    for split, name in (("train", "IM-0900-0001.jpeg"), ("test", "IM-0901-0001.jpeg")):
        shutil.copy(first, kaggle_folder / split / "NORMAL" / name)
    assert shortcuts.count_copies(load_splits(kaggle_folder)) == {"groups": 1, "across_splits": 1}


def test_the_border_probe_does_not_see_the_inside():
    images = np.random.default_rng(0).integers(0, 256, (2, 1, 224, 224), dtype=np.uint8)
    border = shortcuts._border(images)
    images[..., 12:-12, 12:-12] = 0
    assert np.array_equal(border, shortcuts._border(images))
    images[..., :12, :] = 0
    assert not np.array_equal(border, shortcuts._border(images))


def test_experiments_leave_out_a_series_a_cluster_and_low_numbers():
    patients = ["IM-0200", "NORMAL2-IM-0400", "NORMAL2-IM-0500", "person7_virus", "person900_bacteria"]
    labels, clusters = torch.tensor([0, 0, 0, 1, 1]), torch.tensor([1, 0, 1, 0, 0])
    series, cluster, low = recipe_search.held_out(patients, labels, clusters)
    assert series.tolist() == [True, False, False, False, False]
    assert cluster.tolist() == [False, True, False, False, False]
    assert low.tolist() == [False, False, False, True, False]


def test_the_table_of_experiments_is_what_the_lines_say(tmp_path, monkeypatch):
    committed = recipe_search.TABLE
    copy = tmp_path / "experiments.jsonl"
    shutil.copy(committed, copy)
    monkeypatch.setattr(recipe_search, "TABLE", copy)
    recipe_search.write_table()
    assert copy.with_suffix(".md").read_text() == committed.with_suffix(".md").read_text()
