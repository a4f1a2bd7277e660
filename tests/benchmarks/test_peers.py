"""Every system that serves the model folder answers the same question."""

import pytest

from benchmarks import peers
from hub.models.folder import BUNDLED


@pytest.mark.parametrize("name", ["transformers pipeline", "timm eager", "Keras predict"])
def test_a_peer_gives_the_same_labels_from_the_same_bytes(name, encode_radiographs, request):
    if name.startswith("Keras"):
        request.getfixturevalue("tensorflow")
    images = encode_radiographs(8)
    expected = peers.hub_fp32(BUNDLED)(images)
    assert len(set(expected)) == 2
    assert peers.PEERS[name](BUNDLED)(images) == expected
