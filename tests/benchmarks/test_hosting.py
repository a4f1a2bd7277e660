"""What visitors cost, reckoned from measured clicks and bytes."""

import pytest

from benchmarks import hosting, records
from hub.errors import InputError


def test_a_server_costs_its_cores_and_browsers_cost_their_download():
    # Two cores answer 40 clicks a second: 8 visitors, 200 ms each.
    clicks = {"1": {"median": 50}, "8": {"median": 200}}
    record = {"serving": {"clicks": clicks, "machine": {"cores": 2}}}
    table = hosting.format_table(record, {"loaded": {"bytes": 7_000_000}})
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("|")][2:]
    assert [row[0] for row in rows] == ["1,000", "100,000", "10,000,000"]
    # 50 million films are 2.5 million seconds of a core; 250,000 in the busiest hour are 69 a second.
    assert rows[-1][1:] == ["694.4", "4", "117", "70,000", "0", "3,500"]
    assert rows[0][2:] == ["1", "29", "7", "0", "0"]


def test_without_figures_there_is_no_arithmetic(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "RECORD", tmp_path / "results.json")
    with pytest.raises(InputError, match=r"There is no results\.json yet"):
        hosting.main([])
