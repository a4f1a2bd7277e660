"""Plain fine-tunes and train.py's recipe, on the same arrays."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import timm
from safetensors.torch import save_file

from benchmarks import training_peers
from hub.training.recipes import RECIPES

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.parametrize("name", training_peers.PEERS)
def test_each_system_classifies_after_every_epoch(name, tmp_path, request):
    if name.startswith("Keras"):
        request.getfixturevalue("tensorflow")
    images = np.random.default_rng(0).integers(0, 255, (8, 64, 64, 1), np.uint8)
    arrays = {f"{split}_images": images for split in training_peers.SPLITS}
    labels = {f"{split}_labels": np.arange(8) % 2 for split in training_peers.SPLITS}
    np.savez(tmp_path / "arrays.npz", **arrays, **labels)
    save_file(timm.create_model("mobilenetv2_100").state_dict(), tmp_path / "weights.safetensors")
    command = [sys.executable, "-m", "benchmarks.training_peers", name, "--epochs", "2"]
    for option, file in (
        ("arrays", "arrays.npz"),
        ("weights", "weights.safetensors"),
        ("result", "result.npz"),
    ):
        command += [f"--{option}", str(tmp_path / file)]
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True)
    with np.load(tmp_path / "result.npz") as result:
        ours = name == training_peers.OURS
        epochs = RECIPES["xray"].epochs if ours else 2
        assert result["answers"].shape == (epochs, 8, 2)
        assert result["views"].shape == (epochs if ours else 1, 8, 2)
        assert result["views"].sum(2) == pytest.approx(1, abs=1e-5)
        assert 0 < result["seconds"][0] < result["seconds"][1]
