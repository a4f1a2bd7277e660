"""What was measured beyond one machine, printed."""

import json

import pytest

from benchmarks import records, scale
from hub.errors import InputError


def test_the_saved_figures_of_processes_archives_and_visitors_are_printed(capsys):
    scale.main([])
    printed, record = capsys.readouterr().out, json.loads(records.RECORD.read_text())
    assert all(f"{archive['files']:,} files" in printed for archive in record["score"].values())
    for command in ("distributed", "memory", "growth", "score", "serving"):
        assert f"python -m benchmarks {command}" in printed


def test_without_figures_there_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "RECORD", tmp_path / "results.json")
    with pytest.raises(InputError, match=r"There is no results\.json yet"):
        scale.main([])
