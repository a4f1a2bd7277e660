"""`python -m hub evaluate`."""

import json
import shutil

import pytest
from PIL import Image

from hub.evaluation import shifts
from hub.evaluation.metrics import RESAMPLES
from hub.imaging.synthetic import sample_radiographs
from hub.models.digests import DIGESTS
from hub.models.folder import BUNDLED


def edit(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.fixture
def few_draws(monkeypatch):
    """Intervals of few draws: tests/evaluation is about how good they are."""
    monkeypatch.setattr("hub.evaluation.metrics.RESAMPLES", 200)


pytestmark = pytest.mark.usefixtures("few_draws")


@pytest.mark.slow
def test_evaluate_prints_saves_and_draws(run, tmp_path):
    model = tmp_path / "model"
    shutil.copytree(BUNDLED, model, ignore=shutil.ignore_patterns(DIGESTS))
    edit(model / "config.json", operating_points={"screening": 0.1, "balanced": 0.5})
    record = json.loads((model / "metrics.json").read_text())
    edit(model / "metrics.json", training=record["training"] | {"temperature": 0.8, "dataset": "synthetic"})
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
    for plot in ("roc", "precision_recall", "confusion", "reliability"):
        Image.open(tmp_path / "plots" / f"{plot}_validation.png").verify()
        Image.open(model / f"{plot}_validation.png").verify()
    assert "int8 changes " in out and metrics["int8"].keys() == {"labels_changed", "verdicts_changed"}
    assert json.loads((model / "metrics.json").read_text())["onnx"] == record["onnx"]  # of the test split
    card = (model / "README.md").read_text()
    assert "| screening | 0.100 |" in card
    assert f"| screening_sensitivity | {metrics['screening_sensitivity']['value']:.4f} |" in card


@pytest.mark.slow
def test_evaluate_counts_the_labels_of_the_test_split_that_8_bits_change(run, tmp_path):
    model = tmp_path / "model"
    shutil.copytree(BUNDLED, model, ignore=shutil.ignore_patterns(DIGESTS))
    record = json.loads((model / "metrics.json").read_text())
    edit(model / "metrics.json", training=record["training"] | {"dataset": "synthetic"})
    before = record["onnx"]
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


@pytest.mark.real_data
@pytest.mark.slow
def test_evaluate_reprints_the_numbers_of_the_card(run, shared, tmp_path, monkeypatch):
    monkeypatch.setattr("hub.evaluation.metrics.RESAMPLES", RESAMPLES)
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


def test_evaluate_refuses_classes_that_the_model_does_not_know(run, tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for index in range(20):
            Image.new("RGB", (32, 32), (index, 0, 0)).save(tmp_path / name / f"{index}.png")
    code, _, err = run("evaluate", BUNDLED, "--dataset", tmp_path)
    assert code == 2
    assert "they must agree" in err


@pytest.mark.parametrize(
    ("split", "name", "count"), [("all", "adults_test", 40), ("test", "adults_test_test", 8)]
)
def test_evaluate_keeps_figures_of_other_data_with_renamed_classes_beside_the_models_own(
    run, tmp_path, split, name, count
):
    images, labels = sample_radiographs(40)
    for index, (image, label) in enumerate(zip(images, labels, strict=True)):
        folder = tmp_path / "adults" / "test" / ("no_finding", "pneumonia")[label]
        folder.mkdir(parents=True, exist_ok=True)
        image.save(folder / f"{index}.png")
    model = tmp_path / "model"
    shutil.copytree(BUNDLED, model)
    source = tmp_path / "adults" / "test"  # whose name is that of a split
    command = ("evaluate", model, "--dataset", source, "--split", split, "--save", "--rename")
    code, _, err = run(*command, "no_finding=NORMAL", "pneumonia=PNEUMONIA")
    assert code == 0, err
    metrics, before = (json.loads((folder / "metrics.json").read_text()) for folder in (model, BUNDLED))
    assert metrics["others"].pop(name)["n"] == count
    assert metrics == before
    assert (model / "roc_test.png").read_bytes() == (BUNDLED / "roc_test.png").read_bytes()
    assert f"`{name}`" in (model / "README.md").read_text()
    code, _, err = run(*command, "healthy=NORMAL")
    assert (code, "OLD is one of no_finding, pneumonia" in err) == (2, True)


def test_evaluate_says_when_it_replaces_figures_of_more_or_fewer_images(run, tmp_path):
    images, labels = sample_radiographs(40)
    model = tmp_path / "model"
    shutil.copytree(BUNDLED, model)
    told = []
    for hospital, count in (("first", 40), ("second", 30), ("second", 30)):
        for index in range(count):
            folder = tmp_path / hospital / "films" / "test" / ("NORMAL", "PNEUMONIA")[labels[index]]
            folder.mkdir(parents=True, exist_ok=True)
            images[index].save(folder / f"{index}.png")
        source = tmp_path / hospital / "films" / "test"
        code, out, err = run("evaluate", model, "--dataset", source, "--split", "all", "--save")
        assert code == 0, err
        told.append("of 40 images, by those of 30" in out)
    assert told == [False, True, False]


@pytest.mark.slow
def test_evaluate_measures_under_every_corruption(run, tmp_path, monkeypatch):
    monkeypatch.setattr(shifts, "SHIFTS", {name: shifts.SHIFTS[name] for name in ("blur", "JPEG")})
    code, _, _ = run(
        "evaluate", BUNDLED, "--dataset", "synthetic", "--split", "validation", "--robustness",
        "--json", tmp_path / "metrics.json", "--plots", tmp_path,
    )  # fmt: skip
    assert code == 0
    rows = json.loads((tmp_path / "metrics.json").read_text())["robustness"]
    assert {view: len(strengths) for view, strengths in rows.items()} == {"blur": 3, "JPEG": 3}
    assert all(0 <= row["auc"] <= 1 for strengths in rows.values() for row in strengths)
    Image.open(tmp_path / "robustness_validation.png").verify()


@pytest.mark.slow
def test_evaluate_prints_and_keeps_what_was_left_out_of_the_data(run, kaggle_folder, tmp_path, write_noise):
    write_noise(kaggle_folder / "extra" / "film.png")
    write_noise(kaggle_folder / "test" / "NORMAL" / ".ipynb_checkpoints" / "film.png")
    (kaggle_folder / "test" / "NORMAL" / "notes.txt").write_text("seen twice")
    (kaggle_folder / "test").rename(kaggle_folder / "eval")
    code, out, _ = run("evaluate", BUNDLED, "--dataset", kaggle_folder, "--json", tmp_path / "metrics.json")
    assert code == 0
    notes = ["took eval as test", "left out the folder extra: 1 file", "left out 1 file: 1 `.txt`"]
    assert all(f"note: {note}\n" in out for note in notes)
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["notes"] == notes
    assert metrics["n"] == 30


def test_evaluate_takes_the_columns_of_a_table(run, tmp_path, write_noise):
    rows = ["film,outcome,state"]
    for index in range(40):
        write_noise(tmp_path / "films" / f"{index}.png")
        rows.append(f"{index}.png,{index},{('Normal', 'Pneumonia')[index % 2]}")
    (tmp_path / "films.csv").write_text("\n".join(rows))
    chosen = ("--image-column", "film", "--label-column", "state")
    code, out, _ = run("evaluate", BUNDLED, "--dataset", tmp_path / "films.csv", *chosen, "--split", "all")
    assert code == 0
    assert "took label from the column state" in out
    code, _, err = run("evaluate", BUNDLED, "--dataset", tmp_path / "films.csv")
    assert code == 2 and "--label-column" in err
