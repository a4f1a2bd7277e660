"""The temporary folder of a run: private, and gone with it."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from hub.demo.run_folder import PARENT, delete_old, keep, run_folder, swept
from hub.errors import InputError

RUN = """
from hub.demo.run_folder import run_folder
with run_folder() as folder:
    print(folder, flush=True)
    input()
"""


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    yield tmp_path
    tempfile.tempdir = None


def test_only_this_user_can_open_it_and_it_is_the_place_of_all_temporary_files(place):
    before = tempfile.gettempdir()
    with run_folder() as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        assert Path(tempfile.gettempdir()).parent == folder
        assert Path(os.environ["GRADIO_TEMP_DIR"]).parent == folder
        (folder / "uploads" / "film.png").write_bytes(b"x")
    assert list(place.iterdir()) == []
    assert (tempfile.gettempdir(), os.environ["GRADIO_TEMP_DIR"]) == (before, str(place))


def test_a_run_deletes_what_a_killed_one_left_and_nothing_of_one_that_lives(place):
    process = subprocess.Popen(
        [sys.executable, "-c", RUN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    other = Path(process.stdout.readline().strip())
    try:
        with run_folder():
            assert other.is_dir()
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert other.is_dir()
        with run_folder():
            assert not other.exists()
    finally:
        process.kill()
        process.communicate()


def test_a_run_deletes_nothing_that_a_link_leads_to(place):
    """Where the folder is shared, another user may have put it there."""
    own = place / "own"
    own.mkdir()
    for name in ("lock", "precious"):
        (own / name).touch()
    (place / "run-x").symlink_to(own)
    with run_folder():
        assert (own / "precious").exists()


def test_a_run_deletes_what_one_left_that_was_killed_while_it_deleted(place, monkeypatch):
    unlink = os.unlink

    def killed(path, **options):
        if Path(path).name == "film.png":
            raise KeyboardInterrupt
        unlink(path, **options)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt), run_folder() as folder:
        (folder / "uploads" / "film.png").write_bytes(b"x")
        patched.setattr(os, "unlink", killed)
    assert (folder / "uploads" / "film.png").exists()
    with run_folder():
        assert not folder.exists()


@pytest.mark.parametrize("jump", [-86_400, 0, 86_400])
def test_old_files_and_the_folders_that_they_leave_empty_are_deleted_whenever_the_clock_is_set(place, jump):
    old, new, seen = place / "a" / "old.png", place / "b" / "new.png", {}
    for path in (old, new):
        path.parent.mkdir()
        path.write_bytes(b"x")
        os.utime(path, (time.time() + jump, time.time() + jump))
    delete_old(place, 0.1, seen)
    assert old.exists() and new.exists()
    time.sleep(0.1)
    new.write_bytes(b"xx")
    delete_old(place, 0.1, seen)
    assert new.exists() and not old.exists()
    delete_old(place, 0.1, seen)
    time.sleep(0.1)
    delete_old(place, 0.1, seen)
    assert not old.parent.exists()


def test_a_run_that_is_long_looks_used_and_its_uploads_their_age(place):
    with run_folder() as folder:
        upload = folder / "uploads" / "film.png"
        for path in (upload, folder / "samples" / "example.png"):
            path.write_bytes(b"x")
        for path in (*folder.rglob("*"), folder):
            os.utime(path, (1, 1))
        keep(folder)
        assert {path for path in (*folder.rglob("*"), folder) if path.stat().st_mtime == 1} == {upload}


def test_the_folder_is_looked_through_as_long_as_the_app_runs(place):
    path = place / "film.png"
    path.write_bytes(b"x")
    looks = []
    with swept(place, 0.02, 0, lambda: looks.append(path.exists())):
        deadline = time.monotonic() + 10
        while not looks and time.monotonic() < deadline:
            time.sleep(0.01)
    assert looks[0] is False


def test_a_folder_that_cannot_be_looked_through_once_is_looked_through_again(place, monkeypatch):
    looks = []

    def vanished(folder, age, seen):
        looks.append(folder)
        raise FileNotFoundError(folder)

    monkeypatch.setattr("hub.demo.run_folder.delete_old", vanished)
    with swept(place, 0.02, 0):
        deadline = time.monotonic() + 10
        while len(looks) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
    assert len(looks) >= 2


@pytest.mark.skipif(getattr(os, "geteuid", lambda: 1)() != 0, reason="only root may give a link away")
def test_a_link_that_another_user_has_put_in_its_place_is_not_followed(place, monkeypatch):
    own, link = place / "own", place / f"{PARENT}-{os.getuid()}"
    own.mkdir()
    link.symlink_to(own)
    os.lchown(link, 12_345, 12_345)
    monkeypatch.delenv("GRADIO_TEMP_DIR")
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    with pytest.raises(InputError, match="another user"), run_folder():
        pass


@pytest.mark.parametrize("blocked", ["file", "missing disk"])
def test_a_place_that_cannot_be_written_to_is_one_sentence(place, monkeypatch, blocked):
    if blocked == "file":
        (place / "x").write_text("x")
    else:
        monkeypatch.setattr(
            tempfile, "mkdtemp", lambda **_: (_ for _ in ()).throw(OSError(28, "No space left on device"))
        )
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(place / "x"))
    with pytest.raises(InputError, match="Temporary files cannot be written"), run_folder():
        pass
