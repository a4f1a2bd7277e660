"""Several processes train as one does, on their parts of the same batches."""

import errno
import os

import pytest
import torch
from accelerate import PartialState
from process_group import run_processes
from share_training import share

from hub.errors import InputError
from hub.training import distributed, loop
from hub.training.synced_batch_norm import SyncedBatchNorm

SCRIPT = "tests/share_training.py"
SUMMED = ("of weight", "of bias")  # over the processes, as gradients are


@pytest.fixture
def alone(tmp_path, monkeypatch):
    """A function: what this process computes, and of going on with the training of another folder."""
    monkeypatch.setattr(loop, "augment", loop.augment)  # which is as before, afterwards

    def run(name, other=None):
        (tmp_path / name).mkdir()
        return share(tmp_path / name, other)

    return run


def together(count, folder, other, machines=1):
    """What each of so many processes saved of the same."""
    folder.mkdir()
    codes, _, errors = run_processes(count, SCRIPT, folder, other, machines=machines)
    assert codes == [0] * count, errors
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(count)]


def figures(result, name):
    return [row[name] for row in result["history"]]


def check_like_one(results, one):
    for name, whole in one["norm"].items():
        parts = [result["norm"][name] for result in results]
        if name in ("output", "of images"):
            parts = [torch.cat(parts)]
        elif name in SUMMED:
            parts = [torch.stack(parts).sum(0)]
        for part in parts:
            torch.testing.assert_close(part, whole)
    for result in results:
        assert result["weights"].keys() == one["weights"].keys()
        assert figures(result, "loss")[0] == pytest.approx(figures(one, "loss")[0], abs=1e-4)
        for name in ("loss", "validation_loss", "validation_auc"):
            assert figures(result, name) == figures(results[0], name)
        assert figures(result, "validation_auc")[0] == pytest.approx(
            figures(one, "validation_auc")[0], abs=0.005
        )
        for name, tensor in result["weights"].items():
            assert torch.equal(tensor, results[0]["weights"][name])


def test_two_processes_learn_what_one_learns_and_go_on_from_its_checkpoint(alone, tmp_path):
    """Their batch norms agree to the last digits, losses to rounding; each has lots of its own."""
    one, two = alone("one"), together(2, tmp_path / "two", tmp_path / "one")
    check_like_one(two, one)
    assert [result["first of machine"] for result in two] == [0, 0]
    assert not torch.equal(two[0]["lots"], two[1]["lots"])
    again = two[0]["resumed"]
    assert [row["epoch"] for row in again["history"]] == [1, 2]
    assert figures(again, "loss")[0] == figures(one, "loss")[0]
    assert figures(again, "loss")[1] == pytest.approx(figures(one, "loss")[1], abs=0.05)


@pytest.mark.slow
def test_four_processes_of_two_machines_learn_what_one_learns_and_one_goes_on_from_theirs(alone, tmp_path):
    one, four = alone("one"), together(4, tmp_path / "four", tmp_path / "four", machines=2)
    check_like_one(four, one)
    assert [result["first of machine"] for result in four] == [0, 0, 2, 2]
    again = alone("again", tmp_path / "four")
    assert figures(again["resumed"], "loss")[0] == figures(four[0], "loss")[0]
    for name, tensor in four[0]["resumed"]["weights"].items():
        torch.testing.assert_close(tensor, four[0]["weights"][name])  # gradients are summed in other pieces


def test_alone_a_process_is_the_main_one_and_does_all():
    assert (distributed.process_count(), distributed.is_main()) == (1, True)
    assert distributed.from_main(lambda: 7) == distributed.from_first_of_machine(lambda: 7) == 7
    batch = torch.arange(5)
    assert torch.equal(distributed.own_part(batch), batch)
    assert not distributed.lost_another(OSError(errno.EPIPE, os.strerror(errno.EPIPE)))


def test_a_batch_of_fewer_images_than_processes_is_refused(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "8")
    with pytest.raises(InputError, match="7 images is too few for 8 processes"):
        distributed.check_batch(7)
    distributed.check_batch(8)


def test_in_evaluation_a_synced_batch_norm_is_the_one_that_it_was_made_from():
    norm = torch.nn.BatchNorm2d(3)
    norm.running_mean.uniform_(), norm.running_var.uniform_(1, 2)
    norm.eval()
    x = torch.randn(2, 3, 4, 4)
    synced = SyncedBatchNorm(norm)
    assert torch.equal(synced(x), norm(x))
    assert synced.state_dict().keys() == norm.state_dict().keys()


def test_alone_a_process_does_all_whatever_else_is_in_its_environment(monkeypatch):
    monkeypatch.setenv("RANK", "3")
    assert distributed.is_main()


@pytest.mark.parametrize("name", ["WORLD_SIZE", "PMI_SIZE"])
@pytest.mark.parametrize("value", ["", "auto", "-1"])
def test_a_count_of_processes_that_is_no_number_is_refused(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match=f"The variable {name} is {value!r}"):
        distributed.process_count()


def test_processes_that_no_launcher_has_started_are_refused(monkeypatch):
    monkeypatch.setattr(os, "environ", {"WORLD_SIZE": "2"})  # accelerate writes into it
    monkeypatch.setattr(PartialState, "_shared_state", {})
    with pytest.raises(InputError, match="one of 2 processes, and they cannot be connected"):
        distributed.join()
