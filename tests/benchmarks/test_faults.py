"""`benchmarks.reliability.faults`: its figures, in a small form."""

import pytest

from benchmarks.reliability import faults
from hub.errors import InputError


def test_a_fault_is_counted_by_what_held_and_by_what_broke(monkeypatch):
    figures = faults.measure(3, ["checkpoint-flipped"])
    assert figures == {"checkpoint-flipped": {"tries": 3, "held": 3, "broken": []}}
    monkeypatch.setitem(faults.FAULTS, "two-runs", lambda bench, tries: [None, "both wrote"])
    with pytest.raises(InputError, match="Not everything held"):
        faults.main(["--only", "two-runs"])


def test_a_fault_that_needs_root_is_skipped_with_the_reason(monkeypatch, capsys):
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    faults.main(["--only", "read-only"])
    assert "0     0  only root may mount" in capsys.readouterr().out


def test_no_tries_are_refused():
    with pytest.raises(InputError, match="Give --tries of 1 or more"):
        faults.main(["--tries", "0"])
