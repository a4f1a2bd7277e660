"""The measurement of a model's input check."""

import shutil

import pytest

from hub.analysis import input_check
from hub.errors import InputError
from hub.models.digests import DIGESTS
from hub.models.folder import BUNDLED


def test_latency_is_measured_with_the_check_and_without(radiograph):
    times = input_check.milliseconds(BUNDLED, radiograph, rounds=2)
    assert times.keys() == {"with", "without"}
    assert min(times.values()) > 0


def test_a_model_without_a_check_is_refused(tmp_path):
    folder = shutil.copytree(BUNDLED, tmp_path / "model")
    for name in ("scope.safetensors", DIGESTS):
        (folder / name).unlink()
    with pytest.raises(InputError, match=r"has no scope\.safetensors; python -m hub scope makes it"):
        input_check.main([str(folder), "--dataset", "DIR"])
