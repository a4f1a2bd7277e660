"""A model folder of an older version gets today's card and files, and the same figures."""

import json
import shutil
import subprocess
import sys

import pytest

from hub.errors import InputError
from hub.models.digests import check_digests
from hub.models.folder import BUNDLED
from hub.models.folder_refresh import refresh


@pytest.fixture
def older(tmp_path):
    """The bundled model as an older version wrote it, with paths of a disk."""
    folder = tmp_path / "model"
    shutil.copytree(BUNDLED, folder)
    metrics = json.loads((folder / "metrics.json").read_text())
    metrics["training"]["dataset"] = metrics["test"]["dataset"] = "/home/someone/films"
    metrics.pop("card", None)
    (folder / "metrics.json").write_text(json.dumps(metrics))
    (folder / "preprocessor_config.json").write_text("{}")
    (folder / "SHA256SUMS").unlink()
    return folder


def test_the_command_changes_no_figure_and_takes_paths_out(older):
    before = json.loads((older / "metrics.json").read_text())
    command = [sys.executable, "-m", "hub", "card", older, "--license", "mit", "--dataset-id", "a/films"]
    subprocess.run(command, check=True, capture_output=True)
    after = json.loads((older / "metrics.json").read_text())
    assert after.pop("card") == {"dataset_id": "a/films", "license": "mit"}
    assert after["test"]["dataset"] == after["training"]["dataset"] == "films"
    for metrics in (before, after):
        metrics["training"]["dataset"] = metrics["test"]["dataset"] = ""
    assert before == after
    assert json.loads((older / "preprocessor_config.json").read_text()) == json.loads(
        (BUNDLED / "preprocessor_config.json").read_text()
    )
    check_digests(older)
    assert "license: mit" in (older / "README.md").read_text()


def test_what_was_told_before_stays(older):
    refresh(older, dataset_id="a/films")
    refresh(older, license="mit")
    assert json.loads((older / "metrics.json").read_text())["card"] == {
        "dataset_id": "a/films",
        "license": "mit",
    }


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({"dataset_id": "films"}, "is named USER/NAME"),
        ({"base_model": "a/b/c"}, "is named USER/NAME"),
        ({"license": "CC BY 4.0"}, "names licences like apache-2.0"),
    ],
)
def test_a_name_that_the_hub_cannot_have_is_refused_before_anything_is_written(older, told, sentence):
    with pytest.raises(InputError, match=sentence):
        refresh(older, **told)
    assert (older / "preprocessor_config.json").read_text() == "{}"
