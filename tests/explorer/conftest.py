"""The bundled network, and an input for it.

Pytest loads this file before it has set how many threads torch may use, which torch reads once.
"""

import pytest

from hub.models.folder import BUNDLED


@pytest.fixture(scope="module")
def model():
    """The network of the bundled model."""
    from hub.models import factory

    return factory.load_network(BUNDLED)


@pytest.fixture(scope="module")
def pixels():
    """Noise in the place of one normalised image."""
    import torch

    return torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
