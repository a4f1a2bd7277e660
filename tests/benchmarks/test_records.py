"""The file in which comparisons keep their figures."""

import json
import threading

import pytest

from benchmarks import machine, records
from hub.errors import InputError


def test_figures_of_other_comparisons_stay_in_the_record(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "RECORD", tmp_path / "results.json")
    records.save("inference", {"rows": []})
    records.save("serving", {"clicks": 1})
    assert json.loads((tmp_path / "results.json").read_text()) == {
        "inference": {"rows": []},
        "serving": {"clicks": 1},
    }


@pytest.mark.parametrize("content", ["", "[1]", "{", "[" * 100_000])
def test_a_record_that_cannot_be_added_to_is_known_before_anything_is_measured(tmp_path, content):
    path = tmp_path / "results.json"
    records.check(True, path)
    assert not path.exists()
    path.write_text(content)
    with pytest.raises(InputError, match=r"results\.json is damaged"):
        records.check(True, path)
    records.check(False, path)
    assert path.read_text() == content


def test_figures_of_two_machines_are_not_mixed(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "RECORD", tmp_path / "results.json")
    assert records.load_here("training") == {}
    records.save("training", {"machine": machine.describe()})
    assert records.load_here("training") == {"machine": machine.describe()}
    records.save("training", {"machine": machine.describe() | {"cpu": "another"}})
    with pytest.raises(InputError, match="figures of another machine"):
        records.load_here("training")


def test_comparisons_that_end_at_once_lose_no_figures(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "RECORD", tmp_path / "results.json")
    older, others = records.older, []

    def end_another_meanwhile(path):
        found = older(path)
        if not others:
            others.append(threading.Thread(target=records.save, args=("serving", {"clicks": 1})))
            others[0].start()
            others[0].join(0.2)  # it waits
        return found

    monkeypatch.setattr(records, "older", end_another_meanwhile)
    records.save("inference", {"rows": []})
    others[0].join()
    assert older(records.RECORD).keys() == {"inference", "serving"}
