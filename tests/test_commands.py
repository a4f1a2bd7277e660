"""`python -m hub`, as people and scripts call it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from hub.__main__ import main
from hub.package import BUNDLED

ROOT = Path(__file__).parents[1]


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the command in this process; return its exit code, output and errors."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["hub", *map(str, arguments)])
        code = main()
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def test_the_module_runs_and_its_help_names_the_commands():
    done = subprocess.run([sys.executable, "-m", "hub", "--help"], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0
    assert all(name in done.stdout for name in ("evaluate", "classify", "fit-synthetic"))


def test_classify_prints_a_line_per_file(run, film, tmp_path):
    for name in ("a.png", "b.jpeg"):
        film.save(tmp_path / name)
    code, out, _ = run("classify", tmp_path / "a.png", tmp_path / "b.jpeg")
    assert code == 0
    assert len(out.splitlines()) == 2
    assert out.startswith(f"{tmp_path / 'a.png'}: ")


def test_classify_json_says_everything_about_each_file_and_a_bad_one_does_not_stop_the_rest(
    run, film, tmp_path
):
    film.save(tmp_path / "good.png")
    (tmp_path / "bad.png").write_bytes(b"not a picture")
    files = [tmp_path / "missing.png", tmp_path / "bad.png", tmp_path / "good.png"]
    code, out, _ = run("classify", "--json", *files)
    assert code == 2
    missing, bad, good = map(json.loads, out.splitlines())
    assert all(
        row.keys() == {"file", "label", "probabilities", "warnings", "error"} for row in (missing, bad, good)
    )
    assert (missing["label"], bad["label"]) == (None, None)
    assert "There is no file" in missing["error"]
    assert "bad.png is not an image" in bad["error"]
    assert good["error"] is None
    assert good["label"] in good["probabilities"]
    assert sum(good["probabilities"].values()) == pytest.approx(1)


def test_evaluate_prints_saves_and_draws(run, tmp_path):
    code, out, _ = run(
        "evaluate", BUNDLED, "--dataset", "synthetic", "--split", "validation",
        "--json", tmp_path / "metrics.json", "--plots", tmp_path / "plots",
    )  # fmt: skip
    assert code == 0
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    for name in ("accuracy", "sensitivity", "specificity", "auc", "balanced_accuracy", "f1", "brier", "ece"):
        value, low, high = (metrics[name][key] for key in ("value", "low", "high"))
        assert low <= value <= high
        assert f"{value:.4f}" in out
    assert metrics["n"] == sum(map(sum, metrics["confusion"])) == 64
    assert (metrics["dataset"], metrics["split"]) == ("synthetic", "validation")
    for picture in ("roc_validation.png", "confusion_validation.png"):
        Image.open(tmp_path / "plots" / picture).verify()


def test_evaluate_reprints_the_numbers_of_the_card(run, shared, tmp_path):
    code, _, _ = run(
        "evaluate", BUNDLED, "--dataset", shared / "data" / "chest_xray", "--json", tmp_path / "metrics.json"
    )
    assert code == 0
    measured = json.loads((tmp_path / "metrics.json").read_text())
    recorded = json.loads((BUNDLED / "metrics.json").read_text())["test"]
    assert measured["confusion"] == recorded["confusion"]
    for name in ("accuracy", "auc", "brier", "ece"):
        for key in ("value", "low", "high"):
            assert measured[name][key] == pytest.approx(recorded[name][key], abs=1e-4)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["evaluate", ROOT / "tests", "--dataset", "synthetic"], "not a model folder"),
        (["evaluate", BUNDLED, "--dataset", "nowhere"], "There is no folder nowhere"),
        (["evaluate", "some/id", "--dataset", "synthetic", "--save"], "--save writes into a model folder"),
        (
            ["evaluate", BUNDLED, "--dataset", "synthetic", "--json", "no/folder.json"],
            "There is no folder no ",
        ),
        (["classify", "x.png", "--model", "no/such/model"], "check the name"),
        (["fit-synthetic", "--dataset", "nowhere"], "There is no folder nowhere"),
    ],
)
def test_bad_arguments_are_one_sentence_and_exit_code_2(run, arguments, sentence):
    code, out, err = run(*arguments)
    assert code == 2
    assert sentence in err
    assert len(err.strip().splitlines()) == 1
    assert out == ""


def test_evaluate_refuses_classes_that_the_model_does_not_know(run, tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for index in range(20):
            Image.new("RGB", (32, 32), (index, 0, 0)).save(tmp_path / name / f"{index}.png")
    code, _, err = run("evaluate", BUNDLED, "--dataset", tmp_path)
    assert code == 2
    assert "they must agree" in err


def test_evaluate_measures_on_the_split_that_the_model_was_not_trained_on(run, tmp_path):
    """Another seed than training's would put training films into validation."""
    model = tmp_path / "model"
    shutil.copytree(BUNDLED, model)
    metrics = json.loads((model / "metrics.json").read_text())
    metrics["training"]["seed"] = 5
    (model / "metrics.json").write_text(json.dumps(metrics))

    def brier(*options):
        command = ("evaluate", model, "--dataset", "synthetic", "--split", "validation")
        assert run(*command, "--json", tmp_path / "metrics.json", *options)[0] == 0
        return json.loads((tmp_path / "metrics.json").read_text())["brier"]

    assert brier() == brier("--seed", 5) != brier("--seed", 0)


def test_output_that_nobody_reads_any_more_ends_quietly(film, tmp_path):
    film.save(tmp_path / "film.png")
    files = " ".join([str(tmp_path / "film.png")] * 40)
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m hub classify {files} | head -1"],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""
