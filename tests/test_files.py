"""Files and folders are written whole or not at all."""

import hashlib
import json
import os
import shutil

import pytest

from hub.errors import InputError
from hub.files import new_folder, replace_file, sha256, write_json
from hub.models.folder import BUNDLED, read_config


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    path = tmp_path / "record.json"
    write_json(path, {"a": 1})
    with pytest.raises(RuntimeError), replace_file(path) as partial:
        partial.write_text("{")
        raise RuntimeError
    assert json.loads(path.read_text()) == {"a": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["record.json"]


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_the_umask_decides_who_may_read_a_file_even_if_it_was_written_for_its_owner_alone(
    tmp_path, umask, mode
):
    before = os.umask(umask)
    try:
        write_json(tmp_path / "record.json", {})
        with replace_file(tmp_path / "weights") as partial:
            partial.touch(mode=0o600)
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {mode}


def test_a_digest_is_that_of_the_contents(tmp_path):
    (tmp_path / "file").write_bytes(b"contents")
    assert sha256(tmp_path / "file") == hashlib.sha256(b"contents").hexdigest()


def test_a_folder_is_written_whole_or_not_at_all(tmp_path):
    with pytest.raises(RuntimeError), new_folder(tmp_path / "model") as folder:
        (folder / "config.json").write_text("{}")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_only_a_model_folder_is_replaced_and_only_when_asked(tmp_path):
    model = tmp_path / "model"
    shutil.copytree(BUNDLED, model)
    with pytest.raises(InputError, match="--overwrite"), new_folder(model):
        pass
    assert (model / "config.json").is_file()
    with new_folder(model, may_replace=read_config) as folder:
        (folder / "new").touch()
    assert [path.name for path in model.iterdir()] == ["new"]
    with (
        pytest.raises(InputError, match="not a model folder"),
        new_folder(model, may_replace=read_config),
    ):
        pass
    assert [path.name for path in tmp_path.rglob("*")] == ["model", "new"]


def test_an_output_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be made"), new_folder(tmp_path / "file" / "model"):
        pass


def test_a_full_disk_is_named_whatever_the_library_says(tmp_path, monkeypatch):
    full = shutil.disk_usage(tmp_path)._replace(free=4096)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: full)
    with pytest.raises(OSError, match="No space left"), replace_file(tmp_path / "weights"):
        raise RuntimeError("unexpected pos 576 vs 534")
    with pytest.raises(RuntimeError):
        monkeypatch.undo()
        with replace_file(tmp_path / "weights"):
            raise RuntimeError("a mistake")
