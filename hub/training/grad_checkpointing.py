"""Activations that are computed again for the gradient, in place of being kept.

The method is Chen et al. 2016, arXiv 1604.06174: of every block the input alone is kept.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

from hub.errors import InputError


def recompute_activations(model: nn.Module) -> None:
    """Let every block of a network compute its activations twice.

    Raises InputError for a network whose blocks timm cannot do that with.
    """
    try:
        model.set_grad_checkpointing()
    except (AttributeError, AssertionError):  # networks of one's own; those that timm says no of
        raise InputError("This network keeps its activations; leave out --grad-checkpointing.") from None


@contextmanager
def untracked_statistics(model: nn.Module) -> Iterator[None]:
    """Keep running figures of batch norm as they are, within a `with` block.

    Around the backward pass: what is computed again there has been counted before.
    """
    norms = [module for module in model.modules() if hasattr(module, "num_batches_tracked")]
    before = [(norm.momentum, norm.num_batches_tracked.clone()) for norm in norms]
    for norm in norms:
        norm.momentum = 0
    try:
        yield
    finally:
        for norm, (momentum, count) in zip(norms, before, strict=True):
            norm.momentum = momentum
            norm.num_batches_tracked.copy_(count)
