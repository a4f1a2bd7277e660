"""Which radiographs the search of recipes leaves out of training."""

import subprocess

import pytest
import torch

from hub.analysis import recipe_search, selection_tables
from hub.errors import InputError


def test_experiments_leave_out_a_series_a_cluster_and_low_numbers():
    patients = ["IM-0200", "NORMAL2-IM-0400", "NORMAL2-IM-0500", "person7_virus", "person900_bacteria"]
    labels, clusters = torch.tensor([0, 0, 0, 1, 1]), torch.tensor([1, 0, 1, 0, 0])
    series, cluster, low = recipe_search.held_out(patients, labels, clusters)
    assert series.tolist() == [True, False, False, False, False]
    assert cluster.tolist() == [False, True, False, False, False]
    assert low.tolist() == [False, False, False, True, False]


@pytest.mark.parametrize(
    "patients",
    [
        ["Ann", "Ben", "Cleo", "Dan"],  # no numbers
        ["person1_virus", "person2_virus", "person3_virus", "person4_virus"],  # no series
        ["IM-0200", "IM-0201", "person900_virus", "person901_virus"],  # no low number
        ["IM-0200", "IM-0201", "person7_virus", "person8_virus"],  # too few
    ],
)
def test_radiographs_without_these_groups_are_refused_before_anything_is_trained(patients):
    with pytest.raises(InputError, match=r"^DIR (lacks the groups|has too few)"):
        recipe_search.check_groups(patients, torch.tensor([0, 0, 1, 1]), "DIR")


def test_a_row_is_added_to_the_record_whole(tmp_path):
    record = tmp_path / "experiments.jsonl"
    record.write_text('{"recipe": "older"}\n')
    recipe_search.append_row(record, {"recipe": "new"})
    assert record.read_text() == '{"recipe": "older"}\n{"recipe": "new"}\n'
    assert list(tmp_path.iterdir()) == [record]


def test_an_unknown_recipe_is_refused():
    with pytest.raises(InputError, match="There is no recipe 'another'; choose among as train"):
        recipe_search.main(["another", "--dataset", "DIR", "--weights", "FILE"])


def test_outside_a_clone_it_says_so_before_anything_is_trained(tmp_path, monkeypatch):
    monkeypatch.setattr(selection_tables, "FOLDER", tmp_path)
    with pytest.raises(InputError, match="run this in a clone"):
        recipe_search.main(["--dataset", "DIR", "--weights", "FILE"])


def test_without_git_it_says_so_before_anything_is_trained(monkeypatch):
    def check_output(command, **keywords):
        raise subprocess.CalledProcessError(128, command)

    monkeypatch.setattr(subprocess, "check_output", check_output)
    with pytest.raises(InputError, match="git has no commit to name"):
        recipe_search.main(["--dataset", "DIR", "--weights", "FILE"])
