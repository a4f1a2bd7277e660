"""The comparison of runs that differ in the seed, and the rule that chooses one."""

import json
import shutil
from pathlib import Path

import pytest

from hub.analysis import seeds, selection_tables
from hub.analysis.__main__ import main
from hub.errors import InputError
from hub.models.folder import BUNDLED


@pytest.fixture
def write_run(tmp_path):
    """A function that writes a run with these figures and returns its folder."""
    metrics = json.loads((BUNDLED / "metrics.json").read_text())

    def write(seed, shifted_auc, test_accuracy):
        folder = tmp_path / f"seed{seed}"
        shutil.copytree(BUNDLED, folder)
        metrics["training"]["seed"] = seed
        metrics["shifted_validation"] = {"images": 4, "auc": shifted_auc}
        metrics["test"]["accuracy"]["value"] = test_accuracy
        (folder / "metrics.json").write_text(json.dumps(metrics))
        return folder

    return write


def test_the_rule_takes_the_run_with_the_best_shifted_views_and_not_the_best_on_test(write_run, capsys):
    runs = [str(write_run(0, 0.97, 0.99)), str(write_run(1, 0.98, 0.95))]
    seeds.main([*runs, "--save", runs[1]])
    assert f"the rule chooses {runs[1]}" in capsys.readouterr().out
    table = json.loads(Path(runs[1], "metrics.json").read_text())["finalists"]
    assert [row["chosen"] for row in table["rows"]] == [False, True]
    assert table["mean"]["test_accuracy"] == pytest.approx(0.97)
    assert table["deviation"]["test_accuracy"] == pytest.approx(0.02828, abs=1e-4)
    assert "| 1 (this model) |" in Path(runs[1], "README.md").read_text()


def test_a_run_that_the_rule_does_not_choose_is_not_saved(write_run):
    runs = [str(write_run(0, 0.97, 0.99)), str(write_run(1, 0.98, 0.95))]
    with pytest.raises(InputError, match="is not the rule's choice"):
        seeds.main([*runs, "--save", runs[0]])


def test_the_card_says_what_else_was_measured_on_test(write_run, tmp_path):
    run = write_run(0, 0.9, 0.9)
    metrics = json.loads((run / "metrics.json").read_text())
    metrics["test"]["accuracy"]["value"], metrics["test"]["auc"]["value"] = 0.5, 0.6
    earlier = tmp_path / "weak.json"
    earlier.write_text(json.dumps(metrics))
    seeds.main([str(run), "--earlier", str(earlier), "--save", str(run)])
    card = (run / "README.md").read_text()
    assert "weak (accuracy 0.5000, AUC 0.6000)." in card
    assert "That makes 2 in all." in card


@pytest.mark.parametrize(
    "content",
    [
        None,
        "nonsense",
        "[]",
        "{}",
        *(
            f'{{"training": {training}, "validation": {{}}, "shifted_validation": {{}}, "test": {{}}}}'
            for training in ("{}", "[]", '{"seed": 0, "seconds": 60}')
        ),
        *(
            f'{{"training": {{"seed": 0, "seconds": 60}}, "validation": {{"auc": {{"value": 0.9}}}}, '
            f'"shifted_validation": {{"auc": {auc}}}}}'
            for auc in ('"0.9"', "NaN", "[0.9]", "null")
        ),
        "[" * 100_000,
    ],
)
def test_a_run_without_figures_is_refused_in_one_sentence(tmp_path, content, capsys):
    run = tmp_path / "run"
    run.mkdir()
    if content is not None:
        (run / "metrics.json").write_text(content)
    with pytest.raises(SystemExit) as exit:
        main(["seeds", str(run)])
    errors = capsys.readouterr().err
    assert exit.value.code == 2
    assert errors.startswith("python -m hub.analysis seeds: ") and errors.count("\n") == 1


def test_what_was_never_measured_on_test_is_not_listed_as_if_it_had_been():
    unmeasured = selection_tables.FOLDER / "finalists" / "third-untouched-seed1.json"
    with pytest.raises(InputError, match="was never measured on test"):
        seeds.main([str(BUNDLED), "--earlier", str(unmeasured)])


def test_a_run_counts_once(write_run):
    run = write_run(0, 0.97, 0.99)
    with pytest.raises(InputError, match="given twice"):
        seeds.main([str(run), f"{run}/"])
