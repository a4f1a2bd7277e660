"""The comparisons of speed: what they print, and that every peer answers the same question."""

import importlib.util
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import inference, machine, peers, serving
from hub.errors import InputError
from hub.files import BUNDLED
from hub.synthetic import sample_radiographs

ROOT = Path(__file__).parents[1]


def encoded(picture):
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def films(tmp_path):
    """A folder of 32 synthetic films."""
    (tmp_path / "films").mkdir()
    for number, picture in enumerate(sample_radiographs(32)[0]):
        (tmp_path / "films" / f"{number}.png").write_bytes(encoded(picture))
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
    (row,) = inference.compare(["this project, fp32"], BUNDLED, films, count=32, turns=3)
    assert row["labels_as_first"] == 32
    assert list(row["milliseconds"]) == ["1", "32"]
    for low, median, high in row["milliseconds"].values():
        assert 0 < low <= median <= high
    assert row["start_seconds"] > 0 and row["megabytes"] > 50


def test_a_peer_that_stops_ends_the_comparison(films, tmp_path, capfd):
    with pytest.raises(InputError, match="this project, fp32 stopped; what it says above is why"):
        inference.compare(["this project, fp32"], tmp_path, films, count=32, turns=3)
    assert "is not a model folder" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("module", "arguments", "sentence"),
    [
        ("inference", [], "There are no films to classify; give --films DIR."),
        ("inference", ["--films", "hub", "--count", "40"], "hub holds 6 pictures; --count asks for 40."),
        ("inference", ["--films", "hub", "--turns", "1"], "Give --count 32 or more, and --turns 3 or more."),
        ("serving", ["--visitors", "0"], "Give --visitors, --clicks and --starts of 1 or more."),
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
        "megabytes": 1200,
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
    monkeypatch.setattr(machine, "RECORD", tmp_path / "results.json")
    machine.save("inference", {"rows": []})
    machine.save("serving", {"clicks": 1})
    assert json.loads((tmp_path / "results.json").read_text()) == {
        "inference": {"rows": []},
        "serving": {"clicks": 1},
    }


def test_visitors_click_through_the_demos_own_queue(gradio_url):
    found = serving.summarize(serving.visit(gradio_url, 2, 2))
    assert found["clicks"] == 4
    assert 0 < found["median"] <= found["percentile_99"]


def test_the_readme_shows_what_the_comparisons_wrote():
    record, readme = json.loads(machine.RECORD.read_text()), (ROOT / "README.md").read_text()
    assert inference.format_table(record["inference"]) in readme
    assert serving.format_record(record["serving"]) in readme
    assert "benchmarks/inference.png" in readme
