"""The comparison of ways to serve one model folder."""

import pytest

from benchmarks import inference
from hub.errors import InputError
from hub.models.folder import BUNDLED


def test_peers_take_turns_in_their_own_processes(radiograph_folder):
    images = [path.read_bytes() for path in inference.find_images(radiograph_folder)]
    (row,) = inference.compare(["this project, fp32"], BUNDLED, images, turns=3)
    assert row["labels_as_first"] == 32
    assert list(row["milliseconds"]) == list(row["megabytes"]) == ["1", "32"]
    for low, median, high in row["milliseconds"].values():
        assert 0 < low <= median <= high
    assert row["start_seconds"] > 0 and 0 < row["megabytes"]["1"] <= row["megabytes"]["32"]


def test_a_peer_that_stops_ends_the_comparison(tmp_path, capfd):
    with pytest.raises(InputError, match="this project, fp32 stopped; what it says above is why"):
        inference.compare(["this project, fp32"], tmp_path, [b"an image"], turns=3)
    assert "is not a model folder" in capfd.readouterr().err


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_the_profile_has_the_time_of_each_step(radiograph_folder, precision):
    steps = inference.profile(BUNDLED, radiograph_folder, precision)
    measured = ("reading", "normalizing", "the network with heatmap and statistics", "all")
    assert list(steps) == [*measured[:3], "the input check and the rest", "all"]
    assert all(steps[name] > 0 for name in measured)


def row(name, one, many):
    """What `compare` returns of a peer that takes so many milliseconds for a radiograph."""
    spread = {"1": [one - 1, one, one + 1], "32": [many, many, many]}
    return {
        "who": name,
        "start_seconds": 1.5,
        "megabytes": {"1": 900, "32": 1200},
        "labels_as_first": 32,
        "milliseconds": spread,
    }


def test_the_table_has_latency_speed_up_over_the_pipeline_and_utilization():
    rows = [row("this project, fp32", 10, 5), row("transformers pipeline", 45, 50)]
    about = {"cpu": "A processor", "cores": 2, "python": "3.11", "torch": "2.15", "peak": 100e9}
    table = inference.format_table({"rows": rows, "machine": about}).splitlines()
    assert table[2] == "| this project, fp32 | 10.0 (9.0 to 11.0) | 4.5 | 30 % | 200 | 10.0 | 1.5 | 1,200 |"
    assert table[3] == "| transformers pipeline | 45.0 (44.0 to 46.0) | 1.0 | 7 % | 20 | 1.0 | 1.5 | 1,200 |"
    assert "A processor, 2 cores" in table[-1] and "100 billion multiply-adds" in table[-1]


def test_without_the_pipeline_there_is_no_speed_up():
    about = {"cpu": "A processor", "cores": 2, "python": "3.11", "torch": "2.15", "peak": 100e9}
    table = inference.format_table({"rows": [row("this project, fp32", 10, 5)], "machine": about})
    assert "| this project, fp32 | 10.0 (9.0 to 11.0) |  | 30 % | 200 |  | 1.5 | 1,200 |" in table
