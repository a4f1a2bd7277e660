"""The bundled network, and an input for it."""

import pytest
import torch

from hub.models import factory
from hub.models.folder import BUNDLED


@pytest.fixture(scope="module")
def model():
    """The network of the bundled model."""
    return factory.load_network(BUNDLED)


@pytest.fixture(scope="module")
def pixels():
    """Noise in the place of one normalised image."""
    return torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
