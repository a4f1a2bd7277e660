"""The tables of docs/model-selection, from its records."""

import json
import shutil
import statistics

import pytest

from hub.analysis import selection_tables
from hub.errors import InputError
from hub.models.folder import BUNDLED


@pytest.mark.parametrize("name", ["experiments.md", "finalists.md"])
def test_the_committed_tables_are_what_the_records_give(name, tmp_path):
    committed = selection_tables.FOLDER
    folder = shutil.copytree(committed, tmp_path / "model-selection")
    (folder / name).unlink()
    selection_tables.write_tables(folder)
    assert (folder / name).read_text() == (committed / name).read_text()


def test_every_model_that_was_measured_on_test_is_in_the_table():
    files = (selection_tables.FOLDER / "finalists").glob("*.json")
    measured = {file.stem for file in files if "test" in json.loads(file.read_text())}
    assert measured == selection_tables.FINALISTS.keys()


def test_the_finalists_have_their_figures_with_mean_and_deviation_over_seeds():
    measured = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 0.90, 0.92, 0.97)
    accuracies = dict(zip(selection_tables.FINALISTS, measured, strict=True))
    tests = {
        name: {metric: {"value": value} for metric in selection_tables.METRICS}
        for name, value in accuracies.items()
    }
    *_, earlier_mean, _, _, _, last, mean, deviation, _ = selection_tables.format_finalists(tests).split("\n")
    assert last.split(" | ")[1:3] == ["0.9700", "0.9700"]
    assert mean.split(" | ")[1] == "0.9300"
    assert earlier_mean.split(" | ")[1] == "0.6333"
    assert deviation.split(" | ")[1] == f"{statistics.stdev((0.90, 0.92, 0.97)):.4f}"


def test_seeds_in_the_model_card_have_the_figures_of_the_table():
    card = json.loads((BUNDLED / "metrics.json").read_text())["finalists"]
    table = (selection_tables.FOLDER / "finalists.md").read_text()
    for row in [*card["rows"], card["mean"], card["deviation"]]:
        figures = (f"{row[f'test_{metric}']:.4f}" for metric in selection_tables.METRICS)
        assert f" | {' | '.join(figures)} |" in table


def test_an_experiment_without_a_group_has_no_mean():
    lines = (selection_tables.FOLDER / selection_tables.EXPERIMENTS).read_text().splitlines()
    complete = next(json.loads(line) for line in lines if '"72a97bd"' in line)
    assert "| 0.9747 |" in selection_tables.format_experiments([complete])
    del complete["auc"]["series"]
    assert "| 0.9747 |" not in selection_tables.format_experiments([complete])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("experiments.jsonl", '{"recipe": "x", "auc": {}}'),
        ("experiments.jsonl", "[" * 100_000),
        ("finalists/swapped-seed0.json", '{"test": {"accuracy": {"value": "high"}}}'),
        ("finalists/swapped-seed0.json", None),
        ("calibration.json", '{"rows": [{"candidate": "none", "log_loss": "low"}], "choice": "none"}'),
        ("calibration.json", ""),
    ],
)
def test_a_record_of_something_else_is_named_and_no_table_changes(name, content, tmp_path):
    folder = shutil.copytree(selection_tables.FOLDER, tmp_path / "model-selection")
    for page in folder.glob("*.md"):
        page.write_text("older")
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_text(content)
    with pytest.raises(InputError, match=rf"{name} is not as its measurement writes it"):
        selection_tables.write_tables(folder)
    assert {page.read_text() for page in folder.glob("*.md")} == {"older"}


def test_an_installed_package_says_that_it_needs_a_clone(tmp_path, monkeypatch):
    monkeypatch.setattr(selection_tables, "FOLDER", tmp_path / "docs" / "model-selection")
    with pytest.raises(InputError, match="not part of an installed package; run this in a clone"):
        selection_tables.main([])
