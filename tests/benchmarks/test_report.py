"""benchmarks/README.md, and what the front page quotes."""

import json
import re

import pytest

from benchmarks import records, report
from hub.errors import InputError


def test_the_committed_report_is_what_the_records_give():
    committed = (json.loads(path.read_text()) for path in report.paths())
    assert report.REPORT.read_text() == report.format_report(*committed)


def test_the_images_of_the_report_lie_beside_it():
    images = re.findall(r"!\[[^]]*\]\(([^)]+)\)", report.REPORT.read_text())
    assert images
    for image in images:
        assert (report.REPORT.parent / image).is_file()


def test_the_report_is_written_whole_from_both_records(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(report, "REPORT", tmp_path / "README.md")
    (tmp_path / "README.md").write_text("an older report")
    report.main([])
    committed = (json.loads(path.read_text()) for path in report.paths())
    assert (tmp_path / "README.md").read_text() == report.format_report(*committed)


def test_without_figures_there_is_no_report(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "RECORD", tmp_path / "results.json")
    with pytest.raises(InputError, match=r"There is no results\.json yet"):
        report.main([])


def test_records_of_something_else_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "RECORD", tmp_path / "results.json")
    (tmp_path / "results.json").write_text('{"inference": {"rows": 3}}')
    with pytest.raises(InputError, match=r"results\.json or .* lacks figures"):
        report.main([])


def row(name, single, batched):
    """A row of results.json of a system that takes so many milliseconds per image."""
    return {"who": name, "milliseconds": {"1": [single] * 3, "32": [batched] * 3}}


def test_the_front_page_quotes_the_latency_the_speed_ups_and_a_click():
    rows = [row("this project, fp32", 8.26, 7), row("transformers pipeline", 33, 42)]
    record = {"inference": {"rows": rows}, "serving": {"clicks": {"1": {"median": 17.2}}}}
    assert report.front_page_figures(record) == {
        "latency": "8.3 ms",
        "speedup_single": "4.0 times",
        "speedup_batch": "6.0 times",
        "click": "17 ms",
    }
