"""Batches of any items."""

import pytest

from hub.batching import batches


@pytest.mark.parametrize("description", [None, "Counting"])
def test_batches_hold_all_items_in_order_and_the_last_may_be_shorter(description):
    assert list(batches(range(7), 3, description)) == [[0, 1, 2], [3, 4, 5], [6]]
    assert list(batches([], 3, description)) == []


def test_a_redirected_log_has_no_bar(capsys):
    assert list(batches(range(7), 3, "Counting"))
    assert capsys.readouterr() == ("", "")


def test_no_item_is_taken_before_its_batch_is_asked_for():
    taken = []
    first = next(batches((taken.append(n) or n for n in range(9)), 2))
    assert first == taken == [0, 1]
