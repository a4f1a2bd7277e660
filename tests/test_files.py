"""Files and folders are written whole or not at all."""

import errno
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from hub.errors import InputError, disk_sentence
from hub.files import (
    beside,
    check_outside,
    check_writable,
    check_writable_folder,
    edited_folder,
    is_sealed,
    lock,
    new_folder,
    refuse_links_out,
    replace_file,
    replace_folder,
    seal,
    sha256,
    write_json,
)
from hub.models.folder import BUNDLED, read_config


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    path = tmp_path / "record.json"
    write_json(path, {"a": 1})
    with pytest.raises(RuntimeError), replace_file(path) as partial:
        partial.write_text("{")
        raise RuntimeError
    assert json.loads(path.read_text()) == {"a": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["record.json"]


ROOT = Path(__file__).parents[1]
REPLACE = """
import os, pathlib, shutil, signal, sys
from hub import files
from hub.files import new_folder
def die(*arguments, **options):
    os.kill(os.getpid(), signal.SIGKILL)
{patch}
with new_folder(pathlib.Path(sys.argv[1]), may_replace=lambda path: None) as folder:
    (folder / "new").touch()
    {inside}
"""
# Where a process that replaces a folder is killed: the code that does it, and what is at the folder then.
MOMENTS = {
    "in the block": ("", "die()", "older"),
    "before the names are exchanged": ("files.exchange_names = die", "", "older"),
    "after the names are exchanged": (
        "exchange = files.exchange_names\n"
        "files.exchange_names = lambda *names: exchange(*names) and die()", "", "new",
    ),
    "between two renames": (
        "files.exchange_names = lambda *names: False\n"
        "rename = pathlib.Path.rename; pathlib.Path.rename = lambda *names: (rename(*names), die())", "", None
    ),
}  # fmt: skip


def hold(path):
    """Start a process that has locked a path, and waits to be ended."""
    code = "with lock(pathlib.Path(sys.argv[1])): print(flush=True); sys.stdin.read()"
    code = f"import sys, pathlib; from hub.files import lock\n{code}"
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    process = subprocess.Popen([sys.executable, "-c", code, str(path)], cwd=ROOT, **streams)
    process.stdout.readline()
    return process


def test_a_pipe_is_written_and_stays_one(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE, text=True) as reader:
        write_json(pipe, {"a": 1})
        assert json.loads(reader.communicate(timeout=30)[0]) == {"a": 1}
    assert pipe.is_fifo() and list(tmp_path.iterdir()) == [pipe]


def test_a_folder_is_written_by_one_process_at_a_time_and_its_lock_dies_with_it(tmp_path):
    other = hold(tmp_path / "model")
    with pytest.raises(InputError, match="Another process is writing"), new_folder(tmp_path / "model"):
        pass
    other.kill()
    other.communicate()
    with new_folder(tmp_path / "model") as folder, lock(tmp_path / "model"):
        (folder / "new").touch()
    assert [path.name for path in tmp_path.rglob("*")] == ["model", "new"]


def test_a_file_that_another_process_writes_is_waited_for(tmp_path):
    other = hold(tmp_path / "record.json")
    with pytest.raises(InputError, match="Another process"), lock(tmp_path / "record.json"):
        pass
    other.stdin.close()  # which ends it while the next line waits
    write_json(tmp_path / "record.json", {})
    other.wait()
    assert [path.name for path in tmp_path.iterdir()] == ["record.json"]


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="this system has no /proc")
def test_where_no_file_can_be_made_nobody_is_waited_for():
    with pytest.raises(PermissionError, match=r"/proc/record\.json"):
        write_json(Path("/proc/record.json"), {})
    with pytest.raises(InputError, match="/proc/model cannot be made"), new_folder(Path("/proc/model")):
        pass


def test_asking_whether_a_file_can_be_written_leaves_nothing(tmp_path):
    (tmp_path / "older.json").write_text("{}")
    for name in ("older.json", "new.json"):
        check_writable(tmp_path / name)
    for folder in (tmp_path, tmp_path / "plots" / "of" / "today"):
        check_writable_folder(folder)
    check_writable(Path("/dev/stdout"))
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"older.json": "{}"}


@pytest.mark.parametrize("name", ["", "nowhere/new.json", "file/new.json", "m" * 256, "/proc/new.json"])
def test_where_no_file_can_be_written_is_known_before(tmp_path, name):
    (tmp_path / "file").touch()
    with pytest.raises((InputError, OSError)) as refused:
        check_writable(tmp_path / name)
    assert isinstance(refused.value, InputError) or disk_sentence(refused.value)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("name", ["file", "file/plots", "link", "/proc/plots", "m" * 256])
def test_where_no_files_can_be_written_into_a_folder_is_known_before(tmp_path, name):
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("nowhere")
    with pytest.raises((InputError, OSError)) as refused:
        check_writable_folder(tmp_path / name)
    assert isinstance(refused.value, InputError) or disk_sentence(refused.value)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_ctrl_c_while_a_lock_is_let_go_leaves_no_lock(tmp_path, monkeypatch, moment):
    arrived, delete = [], Path.unlink

    def unlink(path, missing_ok):
        arrived.append(path)
        if moment == "after" or len(arrived) > 1:
            delete(path, missing_ok)
        if len(arrived) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(Path, "unlink", unlink)
    with pytest.raises(KeyboardInterrupt), lock(tmp_path / "model"), lock(tmp_path / "model"):
        pass
    assert list(tmp_path.iterdir()) == []
    with lock(tmp_path / "model"):
        assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_process_that_is_killed_while_it_replaces_a_folder_loses_nothing(tmp_path, moment):
    patch, inside, left = MOMENTS[moment]
    model = tmp_path / "model"
    model.mkdir()
    (model / "older").touch()
    code = REPLACE.format(patch=patch, inside=inside)
    assert subprocess.run([sys.executable, "-c", code, str(model)], cwd=ROOT).returncode == -9
    if left:
        assert [path.name for path in model.iterdir()] == [left]
    with pytest.raises(InputError, match="is there already"), new_folder(model):
        pass
    with edited_folder(model) as folder:
        assert [path.name for path in folder.iterdir()] == [left or "older"]
    assert [path.name for path in tmp_path.rglob("*")] == ["model", left or "older"]


def test_what_is_put_in_place_of_a_new_folder_meanwhile_stays(tmp_path):
    with pytest.raises(InputError, match="meanwhile; move it away"), new_folder(tmp_path / "model") as folder:
        (folder / "new").touch()
        (tmp_path / "model").mkdir()
        (tmp_path / "model" / "other").touch()
    assert [path.name for path in tmp_path.rglob("*")] == ["model", "other"]


def test_an_edited_folder_is_as_it_was_where_the_edit_fails(tmp_path):
    shutil.copytree(BUNDLED, tmp_path / "model")
    with pytest.raises(RuntimeError), edited_folder(tmp_path / "model") as folder:
        shutil.rmtree(folder / "onnx")
        write_json(folder / "metrics.json", {})
        raise RuntimeError
    for path in (path for path in BUNDLED.rglob("*") if path.is_file()):
        assert (tmp_path / "model" / path.relative_to(BUNDLED)).read_bytes() == path.read_bytes()


def test_a_seal_tells_any_damage(tmp_path):
    path, chance = tmp_path / "file", random.Random(0)
    path.write_bytes(chance.randbytes(5000))
    assert not is_sealed(path) and not is_sealed(tmp_path / "nowhere")
    seal(path)
    assert is_sealed(path)
    whole = path.read_bytes()
    for _ in range(50):
        damaged = bytearray(whole)
        damaged[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        assert not is_sealed(path)
    for length in (0, 20, 31, 32, len(whole) - 1):
        path.write_bytes(whole[:length])
        assert not is_sealed(path)


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


def test_the_disk_keeps_what_is_written_before_it_gets_its_name(tmp_path, monkeypatch):
    kept = {}

    def keep(descriptor):
        kept[os.fstat(descriptor).st_ino] = os.pread(descriptor, 100, 0)

    monkeypatch.setattr(os, "fsync", keep)
    file, folder = tmp_path / "file.txt", tmp_path / "folder"
    with replace_file(file) as partial:
        partial.write_text("file")
    with replace_folder(folder) as partial:
        (partial / "inner").mkdir()
        (partial / "one.txt").write_text("one")
        (partial / "inner" / "two.txt").write_text("two")
        (partial / "link.txt").symlink_to("one.txt")
    paths = file, folder / "one.txt", folder / "inner" / "two.txt"
    assert [kept.get(path.stat().st_ino) for path in paths] == [b"file", b"one", b"two"]


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


@pytest.mark.parametrize("name", ["file/model", "loop", "loop/model"])
def test_an_output_that_cannot_be_made_is_refused(tmp_path, name):
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(InputError, match="cannot be made"), new_folder(tmp_path / name):
        pass


@pytest.mark.parametrize("name", ["m" * 255, "肺" * 85, "m" * 201])
def test_a_name_may_be_as_long_as_the_disk_takes(tmp_path, name):
    for content in ({}, {"a": 1}):
        write_json(tmp_path / name, content)
    assert json.loads((tmp_path / name).read_text()) == {"a": 1}
    (tmp_path / name).unlink()
    for _ in range(2):
        with new_folder(tmp_path / name, may_replace=lambda path: None) as folder:
            (folder / "new").touch()
    assert [path.name for path in tmp_path.rglob("*")] == [name, "new"]


def test_long_names_that_begin_alike_have_files_of_their_own_beside_them(tmp_path):
    assert beside(tmp_path / ("m" * 254 + "a"), "lock") != beside(tmp_path / ("m" * 254 + "b"), "lock")
    assert beside(tmp_path / ("肺" * 85), "lock").name.isprintable()
    assert beside(tmp_path / "model", "lock") == tmp_path / ".model.lock"


@pytest.mark.parametrize("name", ["link", "pipe", "zero"])
def test_a_folder_with_what_cannot_be_copied_is_refused_and_stays(tmp_path, name):
    model = tmp_path / "model"
    (model / "onnx").mkdir(parents=True)
    (model / "onnx" / "link").symlink_to("nowhere" if name == "link" else tmp_path / name)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    with (
        pytest.raises(InputError, match="onnx/link is a pipe, a device or a broken link"),
        edited_folder(model),
    ):
        pass
    assert [path.name for path in model.rglob("*")] == ["onnx", "link"]


def test_the_copy_of_a_folder_that_may_only_be_read_may_be_changed(tmp_path):
    file = tmp_path / "model" / "onnx" / "model.onnx"
    file.parent.mkdir(parents=True)
    file.touch()
    for path in (file, file.parent, tmp_path / "model"):
        path.chmod(path.stat().st_mode & ~0o222)
    with edited_folder(tmp_path / "model") as copy:
        assert all(path.stat().st_mode & 0o200 for path in (copy, *copy.rglob("*")))


def test_a_folder_that_links_to_itself_is_refused_and_other_links_are_followed(tmp_path):
    model = tmp_path / "model"
    for place in (model / "onnx", tmp_path / "elsewhere"):
        place.mkdir(parents=True)
        (place / "file").write_text(place.name)
    (model / "more").symlink_to(tmp_path / "elsewhere")
    with edited_folder(model) as copy:
        assert (copy / "more" / "file").read_text() == "elsewhere"
    for target in (model, "/", model / "onnx"):
        (model / "link").symlink_to(target)
        with pytest.raises(InputError, match="link leads back"), edited_folder(model):
            pass
        (model / "link").unlink()


def test_links_out_of_a_folder_are_found_and_those_of_the_cache_of_the_hub_are_none(tmp_path):
    snapshot, blobs = tmp_path / "models--a--b" / "snapshots" / "1", tmp_path / "models--a--b" / "blobs"
    for place in (snapshot, blobs):
        place.mkdir(parents=True)
    for path in (blobs / "f00", snapshot / "config.json", tmp_path / "key"):
        path.touch()
    (snapshot / "weights").symlink_to("../../blobs/f00")
    (snapshot / "again").symlink_to("config.json")
    refuse_links_out(snapshot)
    (snapshot / "notes").symlink_to(tmp_path / "key")
    with pytest.raises(InputError, match="notes is a link that leads out"):
        refuse_links_out(snapshot)


def test_a_full_disk_is_named_whatever_the_library_says(tmp_path, monkeypatch):
    full = shutil.disk_usage(tmp_path)._replace(free=4096)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: full)
    with pytest.raises(OSError, match="No space left"), replace_file(tmp_path / "weights"):
        raise RuntimeError("unexpected pos 576 vs 534")
    with pytest.raises(OSError, match="No space left"), new_folder(tmp_path / "model"):
        raise RuntimeError("unexpected pos 576 vs 534")
    with pytest.raises(RuntimeError):
        monkeypatch.undo()
        with replace_file(tmp_path / "weights"):
            raise RuntimeError("a mistake")
    with pytest.raises(OSError, match=r"No space left.*weights"), replace_file(tmp_path / "weights"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(OSError, match="File too large"), replace_file(tmp_path / "weights"):
        raise RuntimeError("I/O error: File too large (os error 27)")


def test_a_full_temporary_folder_is_not_blamed_on_what_is_written(tmp_path, monkeypatch):
    usage, temporary = shutil.disk_usage(tmp_path), Path(tempfile.gettempdir())
    left = {temporary: 0, tmp_path: 10**9}
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=left[path]))
    for named in (temporary, tmp_path / "model"):
        with pytest.raises(OSError, match="No space left") as refused, new_folder(tmp_path / "model"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        assert refused.value.filename == str(named)
        left[tmp_path] = 0


def test_a_command_that_changes_the_folder_it_runs_in_goes_on_in_the_new_one(tmp_path, monkeypatch):
    (tmp_path / "model").mkdir()
    monkeypatch.chdir(tmp_path / "model")
    with edited_folder(Path()) as folder:
        (folder / "new").touch()
    assert [path.name for path in Path().iterdir()] == ["new"] and Path.cwd() == tmp_path / "model"


def test_a_path_in_a_folder_that_is_read_is_told_from_one_beside_it(tmp_path):
    (tmp_path / "films").mkdir()
    (tmp_path / "link").symlink_to("films")
    for inside in ("films", "films/out", "link/out", "films/../link"):
        with pytest.raises(InputError, match="give another --output"):
            check_outside(tmp_path / inside, tmp_path / "films", "--output")
    check_outside(tmp_path / "films2", tmp_path / "films", "--output")
    check_outside(tmp_path / "nowhere" / "a", tmp_path / "nowhere", "--output")


def test_what_is_written_never_takes_the_place_of_a_file_that_is_read(tmp_path):
    table = tmp_path / "films.csv"
    table.touch()
    (tmp_path / "link.csv").symlink_to(table)
    for written in ("films.csv", "link.csv"):
        with pytest.raises(InputError, match="give another --json"):
            check_outside(tmp_path / written, table, "--json")
    check_outside(tmp_path / "films.json", table, "--json")
