"""`export.formats`: what is published beside ONNX is what was compared with it."""

import json
import shutil

import pytest

from hub.errors import InputError
from hub.export.formats import verify_formats
from hub.files import sha256
from hub.models.folder import BUNDLED


@pytest.fixture
def folder(tmp_path):
    """A model folder with a file of OpenVINO, and its section in metrics.json."""
    (tmp_path / "onnx").mkdir()
    (tmp_path / "openvino").mkdir()
    shutil.copy(BUNDLED / "onnx" / "model.onnx", tmp_path / "onnx")
    (tmp_path / "openvino" / "model.xml").write_text("<net/>")
    section = {"made_from": sha256(tmp_path / "onnx" / "model.onnx")}
    section["sha256"] = {"model.xml": sha256(tmp_path / "openvino" / "model.xml")}
    (tmp_path / "metrics.json").write_text(json.dumps({"formats": {"openvino": section}}))
    return tmp_path


def test_a_format_that_was_compared_passes_and_so_does_a_folder_without_any(folder):
    verify_formats(folder)
    verify_formats(BUNDLED)


@pytest.mark.parametrize("change", ["onnx/model.onnx", "openvino/model.xml", "gone", "unmeasured"])
def test_a_format_of_another_network_is_refused(folder, change):
    if change == "gone":
        shutil.rmtree(folder / "openvino")
    elif change == "unmeasured":
        (folder / "metrics.json").write_text("{}")
    else:
        (folder / change).write_bytes(b"other")
    with pytest.raises(InputError, match="--format openvino again"):
        verify_formats(folder)
