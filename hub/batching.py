"""Batches of any items, under a progress bar."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

from hub.progress import progress

Item = TypeVar("Item")


def batches(
    items: Iterable[Item],
    size: int,
    description: str | None = None,
    unit: str = "images",
    total: int | None = None,
) -> Iterator[list[Item]]:
    """Yield lists of `size` items, the last of which may be shorter.

    With a `description`, a progress bar counts the items until they are done, `total` of them where they have
    no length.
    """
    bar = {"desc": description, "total": total, "unit": f" {unit}", "leave": False}
    iterator = iter(items if description is None else progress(items, **bar))
    while batch := list(islice(iterator, size)):
        yield batch
