"""How deep greys are stretched: what is measured, and what the rule chooses."""

import json

import pytest

from hub.analysis import deep_greys
from hub.analysis.selection_tables import records_folder
from hub.errors import InputError
from hub.imaging import greys


def row(percentiles, widening, whole, marker):
    differences = {key: [0.01, marker, 0.9] for key in deep_greys.KINDS} | {"whole": [0.01, whole, 0.9]}
    return {"percentiles": list(percentiles), "widening": widening, "differences": differences}


def test_the_rule_chooses_the_narrowest_cut_that_markers_do_not_move():
    rows = [
        row((0, 100), 0, 0.01, 0.9),
        row((2, 98), 0.1, 0.02, 0.05),
        row((1, 99), 0, 0.08, 0.10),
        row((1, 99), 0.25, 0.04, 0.15),
        row((1, 99), 0.5, 0.03, 0.16),
    ]
    assert deep_greys.choose(rows) == {"percentiles": [1, 99], "widening": 0.25}
    with pytest.raises(InputError, match="--images"):
        deep_greys.choose(rows[:1])


def test_radiographs_are_stretched_as_the_record_chooses():
    record = json.loads((records_folder() / deep_greys.RECORD).read_text())
    assert record["choice"] == deep_greys.choose(record["rows"])
    assert record["choice"] == {"percentiles": list(greys.PERCENTILES), "widening": greys.WIDENING}


def test_the_figures_are_printed_and_recorded(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(deep_greys, "records_folder", lambda: tmp_path)
    monkeypatch.setattr(deep_greys, "PERCENTILES", ((1, 99),))
    deep_greys.main(["--dataset", "synthetic", "--images", "6"])
    record = json.loads((tmp_path / deep_greys.RECORD).read_text())
    assert record["images"] == 6 and len(record["rows"]) == 1 + len(deep_greys.WIDENINGS)
    lowest_and_highest, *others = (row["differences"] for row in record["rows"])
    for name in deep_greys.BRIGHT:
        assert max(values[name][2] for values in others) < lowest_and_highest[name][2], name
    assert "1 to 99" in capsys.readouterr().out


def test_more_radiographs_than_there_are_cannot_be_drawn():
    with pytest.raises(InputError, match="--images 100000"):
        deep_greys.main(["--dataset", "synthetic", "--images", "100000"])
