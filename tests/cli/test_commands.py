"""`python -m hub`, as people and scripts call it."""

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from hub.cli.main import main
from hub.evaluation import shifts
from hub.imaging.synthetic import sample_radiographs
from hub.inference import input_check
from hub.inference.classifier import Classifier, Prediction
from hub.models.folder import BUNDLED

ROOT = Path(__file__).parents[2]


def edit(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


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
    assert all(name in done.stdout for name in ("evaluate", "classify", "scope", "fit-synthetic"))


def test_classify_prints_a_line_per_file(run, film, tmp_path):
    for name in ("a.png", "b.jpeg"):
        film.save(tmp_path / name)
    code, out, _ = run("classify", tmp_path / "a.png", tmp_path / "b.jpeg")
    assert code == 0
    assert len(out.splitlines()) == 2
    assert out.startswith(f"{tmp_path / 'a.png'}: ")


def test_classify_answers_in_the_precision_that_is_asked_for(run, film, tmp_path):
    film.save(tmp_path / "a.png")
    for precision in ("fp32", "int8"):
        code, out, _ = run("classify", tmp_path / "a.png", "--json", "--precision", precision)
        expected = Classifier.from_pretrained(precision=precision)(film).probabilities
        assert (code, json.loads(out)["probabilities"]) == (0, expected)


def test_classify_json_says_everything_about_each_file_and_a_bad_one_does_not_stop_the_rest(
    run, film, tmp_path
):
    film.save(tmp_path / "good.png")
    (tmp_path / "bad.png").write_bytes(b"not a picture")
    files = [tmp_path / "missing.png", tmp_path / "bad.png", tmp_path / "good.png"]
    code, out, _ = run("classify", "--json", *files)
    assert code == 2
    missing, bad, good = map(json.loads, out.splitlines())
    keys = {"file", "label", "probabilities", "warnings", "verdict", "error"}
    assert all(row.keys() == keys for row in (missing, bad, good))
    assert (missing["label"], bad["label"]) == (None, None)
    assert (missing["verdict"], bad["verdict"]) == (None, None)
    assert good["verdict"].keys() == {"status", "reason", "sentence"}
    assert "There is no file" in missing["error"]
    assert "bad.png is not an image" in bad["error"]
    assert good["error"] is None
    assert good["label"] in good["probabilities"]
    assert sum(good["probabilities"].values()) == pytest.approx(1)


def test_classify_reads_the_films_of_a_zip(run, film, tmp_path):
    film.save(tmp_path / "film.png")
    with zipfile.ZipFile(tmp_path / "films.zip", "w") as archive:
        archive.write(tmp_path / "film.png", "ward/film.png")
        archive.writestr("ward/letter.txt", "not a film")
    code, out, err = run("classify", tmp_path / "film.png", tmp_path / "films.zip")
    alone, zipped, letter = out.splitlines()
    assert zipped == alone.replace("film.png", "films.zip/ward/film.png")
    assert letter.startswith(f"{tmp_path / 'films.zip'}/ward/letter.txt: letter.txt is not an image")
    assert (code, err) == (2, "")


@pytest.mark.parametrize("reason", ["blank", "blurred"])
def test_a_film_that_the_input_check_refuses_has_its_answer_and_does_not_fail(
    run, film, tmp_path, monkeypatch, reason
):
    verdict = input_check.verdict(reason)
    label, probabilities = (None, {}) if verdict.status == "refused" else ("NORMAL", {"NORMAL": 1.0})
    answer = Prediction(label, probabilities, {}, verdict)
    monkeypatch.setattr(Classifier, "predict", lambda self, pictures: [answer] * len(pictures))
    film.save(tmp_path / "film.png")
    code, out, _ = run("classify", tmp_path / "film.png", "--json")
    assert (code, json.loads(out)["label"], json.loads(out)["error"]) == (0, label, None)
    assert json.loads(out)["verdict"] == {
        "status": verdict.status,
        "reason": reason,
        "sentence": verdict.sentence,
    }
    code, out, _ = run("classify", tmp_path / "film.png")
    said = verdict.sentence if label is None else f"NORMAL 1.000 ({verdict.sentence})"
    assert (code, out) == (0, f"{tmp_path / 'film.png'}: {said}\n")


def test_evaluate_prints_saves_and_draws(run, tmp_path):
    model = tmp_path / "model"
    shutil.copytree(BUNDLED, model)
    edit(model / "config.json", operating_points={"screening": 0.1, "balanced": 0.5})
    record = json.loads((model / "metrics.json").read_text())
    edit(model / "metrics.json", training=record["training"] | {"temperature": 0.8})
    code, out, _ = run(
        "evaluate", model, "--dataset", "synthetic", "--split", "validation", "--save",
        "--json", tmp_path / "metrics.json", "--plots", tmp_path / "plots",
    )  # fmt: skip
    assert code == 0
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    for name in (
        "accuracy", "sensitivity", "specificity", "auc", "balanced_accuracy", "f1", "brier", "ece",
        "screening_sensitivity", "screening_specificity", "balanced_sensitivity", "balanced_specificity",
    ):  # fmt: skip
        value, low, high = (metrics[name][key] for key in ("value", "low", "high"))
        assert low <= value <= high
        assert f"{value:.4f}" in out
    assert metrics["n"] == sum(map(sum, metrics["confusion"])) == 64
    assert (metrics["dataset"], metrics["split"]) == ("synthetic", "validation")
    for picture in ("roc", "precision_recall", "confusion", "reliability"):
        Image.open(tmp_path / "plots" / f"{picture}_validation.png").verify()
        Image.open(model / f"{picture}_validation.png").verify()
    assert "int8 changes " in out and metrics["int8"].keys() == {"labels_changed", "verdicts_changed"}
    assert json.loads((model / "metrics.json").read_text())["onnx"] == record["onnx"]  # of the test split
    card = (model / "README.md").read_text()
    assert "| screening | 0.100 |" in card
    assert f"| screening_sensitivity | {metrics['screening_sensitivity']['value']:.4f} |" in card


def test_evaluate_counts_the_labels_of_the_test_split_that_8_bits_change(run, tmp_path):
    model = tmp_path / "model"
    shutil.copytree(BUNDLED, model)
    before = json.loads((model / "metrics.json").read_text())["onnx"]
    code, out, _ = run("evaluate", model, "--dataset", "synthetic", "--save")
    assert code == 0
    section = json.loads((model / "metrics.json").read_text())["onnx"]
    counts = section["test_labels_changed"], section["test_verdicts_changed"]
    assert "int8 changes {} labels and {} verdicts".format(*counts) in out
    assert section == before | dict(
        zip(("test_labels_changed", "test_verdicts_changed"), counts, strict=True)
    )
    (model / "onnx" / "model_int8.onnx").unlink()
    code, out, _ = run("evaluate", model, "--dataset", "synthetic")
    assert code == 0 and "int8" not in out


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
        (["scope", ROOT / "tests", "--dataset", "synthetic"], "not a model folder"),
        (["scope", BUNDLED, "--dataset", "nowhere"], "There is no folder nowhere"),
        (["scope", BUNDLED, "--dataset", "synthetic", "--foreign", ROOT / ".ci"], "has no images"),
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


def test_evaluate_takes_every_image_and_renamed_classes_of_data_that_nobody_trained_on(run, tmp_path):
    pictures, labels = sample_radiographs(40)
    for index, (picture, label) in enumerate(zip(pictures, labels, strict=True)):
        folder = tmp_path / "adults" / ("no_finding", "pneumonia")[label]
        folder.mkdir(parents=True, exist_ok=True)
        picture.save(folder / f"{index}.png")
    model = tmp_path / "model"
    shutil.copytree(BUNDLED, model)
    command = ("evaluate", model, "--dataset", tmp_path / "adults", "--split", "all", "--save", "--rename")
    code, _, err = run(*command, "no_finding=NORMAL", "pneumonia=PNEUMONIA")
    assert code == 0, err
    metrics = json.loads((model / "metrics.json").read_text())
    assert metrics["others"]["adults"]["n"] == 40
    assert metrics["test"] == json.loads((BUNDLED / "metrics.json").read_text())["test"]
    assert "### External test set: `adults`" in (model / "README.md").read_text()
    code, _, err = run(*command, "healthy=NORMAL")
    assert (code, "OLD is one of no_finding, pneumonia" in err) == (2, True)


def test_evaluate_measures_under_every_corruption(run, tmp_path, monkeypatch):
    monkeypatch.setattr(shifts, "VIEWS", {name: shifts.VIEWS[name] for name in ("blur", "JPEG")})
    code, _, _ = run(
        "evaluate", BUNDLED, "--dataset", "synthetic", "--split", "validation", "--robustness",
        "--json", tmp_path / "metrics.json", "--plots", tmp_path,
    )  # fmt: skip
    assert code == 0
    rows = json.loads((tmp_path / "metrics.json").read_text())["robustness"]
    assert {view: len(strengths) for view, strengths in rows.items()} == {"blur": 3, "JPEG": 3}
    assert all(0 <= row["auc"] <= 1 for strengths in rows.values() for row in strengths)
    Image.open(tmp_path / "robustness_validation.png").verify()


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
