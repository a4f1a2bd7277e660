"""`benchmarks.architectures`: which networks are on the Pareto front, and what a folder lacks."""

import json
import shutil

import pytest

from benchmarks import architectures
from hub.errors import InputError
from hub.models.folder import BUNDLED


def test_a_network_is_on_the_front_where_no_other_is_faster_and_better():
    figures = [(1.0, 0.95), (2.0, 0.94), (3.0, 0.99), (3.5, 0.97)]
    rows = [{"milliseconds": time, "shifted_auc": auc} for time, auc in figures]
    assert architectures.on_front(rows) == [True, False, True, False]


def test_the_row_of_a_folder_is_what_its_files_say():
    row = architectures.measure(BUNDLED)
    assert (row["architecture"], row["side"], row["start"]) == ("mobilenetv2_100", 224, "ImageNet")
    assert row["parameters"] == 2_226_434
    assert row["heatmap"] and row["precision"] == "int8"
    assert row["milliseconds"] > 0
    assert "| `mobilenetv2_100` | 224 | 2.2 |" in architectures.format_table([row | {"on_front": True}])


def test_a_folder_that_was_not_trained_on_radiographs_is_refused(tmp_path):
    folder = shutil.copytree(BUNDLED, tmp_path / "model", ignore=shutil.ignore_patterns("*.onnx"))
    metrics = json.loads((folder / "metrics.json").read_text())
    del metrics["shifted_validation"]
    (folder / "metrics.json").write_text(json.dumps(metrics))
    with pytest.raises(InputError, match="give a run of train"):
        architectures.main([str(folder)])
