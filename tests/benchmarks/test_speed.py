"""The comparisons of speed: what they print, and that every peer answers the same question."""

import argparse
import importlib.util
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import timm
from safetensors.torch import save_file

import benchmarks.__main__ as everything
from benchmarks import (
    coursework,
    growth,
    inference,
    machine,
    peers,
    records,
    report,
    scale,
    serving,
    training,
    training_peers,
)
from hub.errors import InputError
from hub.imaging.synthetic import sample_radiographs
from hub.models.folder import BUNDLED
from hub.training.recipes import RECIPES

ROOT = Path(__file__).parents[2]


def encoded(picture):
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def films(tmp_path):
    """A folder of 32 synthetic films."""
    (tmp_path / "films").mkdir()
    for number, picture in enumerate(sample_radiographs(32)[0]):
        (tmp_path / "films" / f"{number:02}.png").write_bytes(encoded(picture))
    return tmp_path / "films"


@pytest.mark.parametrize("name", ["transformers pipeline", "timm eager", "Keras predict"])
def test_a_peer_gives_the_same_labels_from_the_same_bytes(name):
    if name.startswith("Keras") and not importlib.util.find_spec("tensorflow"):
        pytest.skip("TensorFlow is not installed; benchmarks/requirements.txt brings it")
    pictures = [encoded(picture) for picture in sample_radiographs(8)[0]]
    expected = peers.hub_fp32(BUNDLED)(pictures)
    assert len(set(expected)) == 2
    assert peers.PEERS[name](BUNDLED)(pictures) == expected


def test_peers_take_turns_in_processes_of_their_own(films):
    pictures = [path.read_bytes() for path in inference.find_films(films)]
    (row,) = inference.compare(["this project, fp32"], BUNDLED, pictures, turns=3)
    assert row["labels_as_first"] == 32
    assert list(row["milliseconds"]) == list(row["megabytes"]) == ["1", "32"]
    for low, median, high in row["milliseconds"].values():
        assert 0 < low <= median <= high
    assert row["start_seconds"] > 0 and 50 < row["megabytes"]["1"] <= row["megabytes"]["32"]


def test_a_peer_that_stops_ends_the_comparison(tmp_path, capfd):
    with pytest.raises(InputError, match="this project, fp32 stopped; what it says above is why"):
        inference.compare(["this project, fp32"], tmp_path, [b"a film"], turns=3)
    assert "is not a model folder" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("module", "arguments", "sentence"),
    [
        ("inference", [], "There are no films to classify; give --films DIR."),
        ("inference", ["--films", "hub", "--count", "40"], "hub holds 6 pictures; --count asks for 40."),
        ("inference", ["--films", "hub", "--turns", "1"], "Give --count 32 or more, and --turns 3 or more."),
        ("serving", ["--visitors", "0"], "Give --visitors, --clicks and --starts of 1 or more."),
        ("scale", [], "There are no films to read; give --films DIR."),
        (
            "training",
            ["--dataset", "hub"],
            "There is nothing to learn from; give --dataset DIR and --weights FILE.safetensors.",
        ),
        ("training", ["--dataset", "hub", "--weights", "w", "--epochs", "0"], "Give --epochs of 1 or more."),
        ("growth", ["--only", "batch"], "There are no films to classify; give --films DIR."),
        (
            "growth",
            ["--only", "training"],
            "There is nothing to learn from; give --dataset DIR and --weights FILE.safetensors.",
        ),
        (
            "__main__",
            ["--xray", "DIR"],
            "All comparisons need --mnist; give it, or the name of one that does not.",
        ),
    ],
)
def test_what_cannot_be_measured_is_one_sentence(module, arguments, sentence, tmp_path):
    if "hub" in arguments and "40" in arguments:
        (tmp_path / "hub").mkdir()
        for number in range(6):
            (tmp_path / "hub" / f"{number}.png").touch()
    command = [sys.executable, "-m", f"benchmarks.{module}", *arguments]
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)})
    assert run.returncode == 2
    assert run.stderr.strip().endswith(sentence)
    assert "Traceback" not in run.stderr


def row(name, one, many):
    """What `compare` returns of a peer that takes so many milliseconds for a film."""
    spread = {"1": [one - 1, one, one + 1], "32": [many, many, many]}
    return {
        "who": name,
        "start_seconds": 1.5,
        "megabytes": {"1": 900, "32": 1200},
        "labels_as_first": 32,
        "milliseconds": spread,
    }


def test_the_table_has_times_ratios_to_the_pipeline_and_the_share_of_the_peak():
    rows = [row("this project, fp32", 10, 5), row("transformers pipeline", 45, 50)]
    about = {"cpu": "A processor", "cores": 2, "python": "3.11", "torch": "2.15", "peak": 100e9}
    table = inference.format_table({"rows": rows, "machine": about}).splitlines()
    assert table[2] == "| this project, fp32 | 10.0 (9.0 to 11.0) | 4.5 | 30 % | 200 | 10.0 | 1.5 | 1,200 |"
    assert table[3] == "| transformers pipeline | 45.0 (44.0 to 46.0) | 1.0 | 7 % | 20 | 1.0 | 1.5 | 1,200 |"
    assert "A processor, 2 cores" in table[-1] and "100 billion multiply-adds" in table[-1]


def test_figures_of_other_comparisons_stay_in_the_record(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "RECORD", tmp_path / "results.json")
    records.save("inference", {"rows": []})
    records.save("serving", {"clicks": 1})
    assert json.loads((tmp_path / "results.json").read_text()) == {
        "inference": {"rows": []},
        "serving": {"clicks": 1},
    }


def test_visitors_click_as_the_page_does(gradio_url):
    found = serving.summarize(serving.visit(gradio_url, 2, 2))
    assert found["clicks"] == 4
    assert 0 < found["median"] <= found["percentile_99"]


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_the_steps_of_an_answer_add_up_to_it(films, precision):
    steps = inference.profile(BUNDLED, films, precision)
    whole = steps.pop("all")
    assert sum(steps.values()) == pytest.approx(whole, abs=0.05)
    assert steps["the network with heatmap and statistics"] > 0 and steps["reading"] > 0


def test_a_large_jpeg_is_answered_like_the_whole_of_it(films):
    found = scale.compare(inference.find_films(films)[:4], side=2000)
    assert found["films"] == 4
    assert found["labels_changed"] == 0
    assert found["milliseconds"]["reduced"] > 0


def learned(seconds, aucs, views_aucs):
    """What `training` keeps of one who learned."""
    epochs = [{"seconds": second, "auc": auc} for second, auc in zip(seconds, aucs, strict=True)]
    for epoch, auc in zip(epochs[-len(views_aucs) :], views_aucs, strict=True):
        epoch["views_auc"] = auc
    return {"epochs": epochs, "megabytes": 2500}


def test_the_share_of_the_time_is_until_the_first_epoch_that_is_as_good():
    rows = {
        "Keras fit": learned([100, 200], [0.98, 0.985], [0.9]),
        "transformers Trainer": learned([90, 180], [0.98, 0.999], [0.96]),
        "train.py": learned([20, 40, 60], [0.97, 0.99, 0.995], [0.92, 0.94, 0.95]),
    }
    about = {"cpu": "A processor", "cores": 2, "torch": "2.15"}
    table = training.format_table({"rows": rows, "machine": about}).splitlines()
    assert table[2] == "| Keras fit | 2 | 200 | 0.9850 | 40 (0.20) | 0.9000 | 20 (0.10) | 2.5 |"
    assert table[3] == "| transformers Trainer | 2 | 180 | 0.9990 | never | 0.9600 | never | 2.5 |"
    assert table[4] == "| `train.py` | 3 | 60 | 0.9950 |  | 0.9500 |  | 2.5 |"


def test_nothing_is_said_of_a_recipe_that_did_not_learn():
    about = {"cpu": "A processor", "cores": 2, "torch": "2.15"}
    record = {"rows": {"Keras fit": learned([100], [0.98], [0.9])}, "machine": about}
    assert "| Keras fit | 1 | 100 | 0.9800 |  | 0.9000 |  | 2.5 |" in training.format_table(record)


def test_figures_of_two_machines_are_not_mixed(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "RECORD", tmp_path / "results.json")
    assert records.load_here("training") == {}
    records.save("training", {"machine": machine.describe()})
    assert records.load_here("training") == {"machine": machine.describe()}
    records.save("training", {"machine": machine.describe() | {"cpu": "another"}})
    with pytest.raises(InputError, match="figures of another machine"):
        records.load_here("training")


@pytest.mark.parametrize("name", training_peers.PEERS)
def test_who_learns_answers_after_every_epoch(name, tmp_path):
    if name.startswith("Keras") and not importlib.util.find_spec("tensorflow"):
        pytest.skip("TensorFlow is not installed; benchmarks/requirements.txt brings it")
    films = np.random.default_rng(0).integers(0, 255, (8, 64, 64, 1), np.uint8)
    labels = np.arange(8) % 2
    arrays = {f"{split}_images": films for split in training_peers.SPLITS}
    np.savez(
        tmp_path / "films.npz", **arrays, **{f"{split}_labels": labels for split in training_peers.SPLITS}
    )
    network = timm.create_model("mobilenetv2_100")
    save_file(network.state_dict(), tmp_path / "weights.safetensors")
    command = [sys.executable, "-m", "benchmarks.training_peers", name, "--epochs", "2"]
    for option, file in (
        ("arrays", "films.npz"),
        ("weights", "weights.safetensors"),
        ("result", "found.npz"),
    ):
        command += [f"--{option}", str(tmp_path / file)]
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True)
    with np.load(tmp_path / "found.npz") as found:
        ours = name == training_peers.OURS
        epochs = RECIPES["xray"].epochs if ours else 2
        assert found["answers"].shape == (epochs, 8, 2)
        assert found["views"].shape == (epochs if ours else 1, 8, 2)
        assert found["views"].sum(2) == pytest.approx(1, abs=1e-5)
        assert 0 < found["seconds"][0] < found["seconds"][1]


def test_growth_is_measured_in_processes_of_their_own(films, tmp_path):
    film = str(inference.find_films(films)[0])
    found = growth.measure(part="files", film=film, count=3)
    assert found["seconds"] > 0 and found["megabytes"] > 50
    with pytest.raises(InputError, match="ended with 1; what it says above is why"):
        growth.measure(part="files", count=3)


def test_growth_is_told_by_its_ends():
    curve = {
        "0.05": {"milliseconds": 8.1, "megabytes": 200},
        "50.00": {"milliseconds": 400.4, "megabytes": 1100},
    }
    about = {"cpu": "A processor", "cores": 2, "torch": "2.15"}
    table = growth.format_record({"pixels": {"this project, fp32": curve}, "machine": about}).splitlines()
    assert table[2].endswith("| this project, fp32 | 0.05 | 8 ms | 200 | 50.00 | 400 ms | 1,100 |")
    assert "A processor, 2 cores" in table[-1]


def test_all_comparisons_are_run_with_the_same_images():
    names = ("xray", "mnist", "cifar10", "weights")
    options = argparse.Namespace(save=True, **{name: name[0] for name in names})
    found = everything.commands(options)
    assert found["training"] == ["--dataset", "x", "--weights", "w", "--save"]
    assert found["inference"] == ["--films", "x/test", "--save"]
    assert list(found)[-1] == "report"
    assert found["coursework"][-3:] == ["--weights", "w", "--save"]


def test_the_committed_report_is_what_the_records_give():
    committed = (json.loads(path.read_text()) for path in (records.RECORD, coursework.RECORD))
    assert report.REPORT.read_text() == report.format_report(*committed)


def test_the_images_of_the_report_lie_beside_it():
    images = re.findall(r"!\[[^]]*\]\(([^)]+)\)", report.REPORT.read_text())
    assert images
    for image in images:
        assert (report.REPORT.parent / image).is_file()


def test_the_front_page_quotes_the_latency_the_speed_ups_and_a_click():
    rows = [row("this project, fp32", 8.26, 7), row("transformers pipeline", 33, 42)]
    record = {"inference": {"rows": rows}, "serving": {"clicks": {"1": {"median": 17.2}}}}
    assert report.front_page_figures(record) == {
        "latency": "8.3 ms",
        "speedup_single": "4.0 times",
        "speedup_batch": "6.0 times",
        "click": "17 ms",
    }
