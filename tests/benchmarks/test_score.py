"""Films an hour against processes."""

import pytest

from benchmarks import score


def test_films_are_repeated_and_scored_with_each_number_of_processes(radiograph_folder, tmp_path, capsys):
    paths = sorted(radiograph_folder.iterdir())[:2]
    archive = score.repeat(paths, 5, tmp_path / "archive")
    files = sorted(archive.rglob("*.png"))
    assert len(files) == 5 and files[0].read_bytes() == files[2].read_bytes() == paths[0].read_bytes()
    row = score.measure(archive, tmp_path, 1)
    assert row["workers"] == 1 and row["cpu_seconds"] > 0
    assert len(list((tmp_path / "scores-1").glob("*.parquet"))) == 1


def test_the_price_is_that_of_the_time_of_all_cores():
    rows = [
        {"workers": 1, "seconds": 360, "cpu_seconds": 350},
        {"workers": 2, "seconds": 200, "cpu_seconds": 390},
    ]
    record = {"files": 100_000, "bytes": 8000, "euros_per_core_hour": 0.05, "rows": rows}
    assert score.films_an_hour(record, rows[0]) == 1_000_000
    assert score.euros_a_million(record, rows[0]) == pytest.approx(0.05)
    assert score.euros_a_million(record, rows[1]) == pytest.approx(0.05 * 400 / 360)
    machine = {"machine": {"cpu": "CPU", "cores": 2, "torch": "2"}}
    smaller = record | machine | {"files": 1_000, "rows": rows[:1]}
    text = score.format_record({"100000": record | machine, "1000": smaller})
    assert "| 2 | 200 | 1,800,000 | 1.80 | 3.90 | 0.06 |" in text
    assert text.index("1,000 files") < text.index("100,000 files")


def test_no_file_gets_more_links_than_a_disk_allows(radiograph_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(score, "MOST_LINKS", 2)
    archive = score.repeat(sorted(radiograph_folder.iterdir())[:1], 5, tmp_path / "archive")
    files = sorted(archive.rglob("*.png"))
    assert len(files) == 5 and max(file.stat().st_nlink for file in files) <= 3  # with the copy itself
