"""`python -m benchmarks reliability`: its parts, their figures and the page of them."""

import importlib
import inspect

import pytest

from benchmarks import machine, reliability
from benchmarks.reliability import hostile_clients, load

SECTION = {"figures": {"cases": 20_000, "by": {"longest_s": 1.5}, "bad": []}, "quick": False}
OWN = ("hostile_clients", "load", "page")


@pytest.mark.parametrize("name", OWN)
def test_a_part_is_a_module_with_a_help_text_and_a_small_form(name, capsys):
    module = importlib.import_module(f"benchmarks.reliability.{name}")
    with pytest.raises(SystemExit) as exit:
        module.main(["--help"])
    assert exit.value.code == 0 and f"python -m benchmarks.reliability.{name}" in capsys.readouterr().out
    assert "quick" in inspect.signature(module.measure).parameters


def test_figures_are_kept_by_part_and_the_page_has_all_of_them(tmp_path, monkeypatch):
    monkeypatch.setattr(reliability, "RECORD", tmp_path / "reliability.json")
    monkeypatch.setattr(reliability, "PAGE", tmp_path / "reliability.md")
    section = SECTION | {"machine": machine.describe()}
    reliability.save("load", section | {"quick": True})
    reliability.save("bad_input", section)
    page = (tmp_path / "reliability.md").read_text()
    assert "| by: longest s | 1.5 |" in page and "20,000" in page and "| bad | none |" in page
    assert page.index("## Bad input") < page.index("## Load")
    assert "reliability load --quick --save" in page and machine.describe()["cpu"] in page


def test_a_part_that_does_not_exist_is_said_to_be_none(capsys):
    with pytest.raises(SystemExit) as exit:
        reliability.main(["nothing"])
    assert exit.value.code == 2 and "there is no part nothing" in capsys.readouterr().err


def test_a_percentile_is_of_all_requests():
    assert load.quantile({10: 98, 50: 1, 900: 1}, 0.99) == 50
    assert load.quantile({10: 1}, 0.5) == 10


@pytest.mark.parametrize(
    ("module", "arguments"),
    [(hostile_clients, ["--clients", "0"]), (load, ["--visitors", "0"]), (load, ["--minutes", "0"])],
)
def test_numbers_that_measure_nothing_are_refused(module, arguments):
    with pytest.raises(ValueError, match=r"^Give --"):
        module.main(arguments)
