"""SHA256SUMS: which damage is found, and which commands keep the list in step."""

import os
import shutil
import subprocess

import pytest

from hub.demo import handlers
from hub.errors import InputError
from hub.inference.classifier import Classifier
from hub.models import digests
from hub.models.factory import create_model, load_network
from hub.models.filters import load_filters
from hub.models.folder import BUNDLED, FILTERS, INPUT_CHECK, METRICS, NETWORKS, WEIGHTS


@pytest.fixture
def copy(tmp_path):
    """A copy of the bundled folder."""
    return shutil.copytree(BUNDLED, tmp_path / "model")


def flip(path, place=0.5):
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 1
    path.write_bytes(content)


def test_the_bundled_files_are_those_listed_and_all_but_the_card_are():
    digests.check_digests(BUNDLED)
    names = {path.relative_to(BUNDLED).as_posix() for path in BUNDLED.rglob("*") if path.is_file()}
    assert {*digests.read_digests(BUNDLED)} == names - {"README.md", "SHA256SUMS"}
    assert subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=BUNDLED).returncode == 0


@pytest.mark.parametrize(
    ("name", "read"),
    [
        (METRICS, Classifier),
        (INPUT_CHECK, Classifier),
        (NETWORKS["int8"], Classifier),
        (NETWORKS["fp32"], lambda folder: Classifier(folder, precision="fp32")),
        (WEIGHTS, load_network),
        (WEIGHTS, lambda folder: create_model("mobilenetv2_100", 2, str(folder), True, 224)),
        (FILTERS, load_filters),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_one_bit_is_enough_for_a_file_to_be_refused(copy, name, read):
    flip(copy / name)
    with pytest.raises(InputError, match=f"{name} is not the file that SHA256SUMS lists; get "):
        read(copy)


def test_a_list_that_is_no_file_is_damaged(copy):
    (copy / digests.DIGESTS).unlink()
    os.mkfifo(copy / digests.DIGESTS)
    with pytest.raises(InputError, match="is damaged"):
        digests.read_digests(copy)


def test_files_of_any_name_may_lie_in_a_folder(copy):
    names = ["lat\udce9.txt", "two\nlines", "a\u2028b", "\N{LUNGS} and spaces "]
    for name in names:
        (copy / name).write_text("a note")
    with digests.edited_model(copy) as partial:
        (partial / METRICS).write_text("{}")
    assert all((copy / name).is_file() for name in names)
    assert {*names} & {*digests.read_digests(copy)} == {*names[2:]}
    digests.check_digests(copy)


def test_the_apps_refuse_a_folder_for_a_file_that_they_read_later(copy, monkeypatch):
    monkeypatch.setenv("MODEL", str(copy))
    assert handlers.load_model().folder == copy
    flip(copy / WEIGHTS)
    with pytest.raises(InputError, match=f"{WEIGHTS} is not the file"):
        handlers.load_model()


def test_a_file_that_is_listed_and_lost_is_named_rather_than_done_without(copy):
    (copy / INPUT_CHECK).unlink()
    with pytest.raises(InputError, match=f"has no {INPUT_CHECK}, which its SHA256SUMS lists"):
        Classifier(copy)
    assert Classifier(copy, check=False).check is None


@pytest.mark.parametrize("written", [b"x", b"\xff\xff", b"a" * 64, b"\n" * 1_000_001], ids=len)
def test_a_damaged_list_is_one_sentence(copy, written):
    (copy / "SHA256SUMS").write_bytes(written)
    with pytest.raises(InputError, match="SHA256SUMS is damaged; get the model again"):
        Classifier(copy)


def test_a_folder_without_a_list_is_taken_as_it_is(copy):
    (copy / "SHA256SUMS").unlink()
    assert Classifier(copy).check


def test_what_a_command_changes_is_listed_anew_and_what_was_damaged_stays_so(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    for name in ("config.json", "metrics.json", "old.png"):
        (folder / name).write_text(name)
    digests.write_digests(folder)
    flip(folder / "metrics.json")
    with digests.edited_model(folder) as copy:
        (copy / "config.json").write_text("changed")
        (copy / "old.png").unlink()
        (copy / "new.png").write_text("new")
    digests.check_digests(folder, ["config.json", "new.png", "old.png"])
    assert "old.png" not in digests.read_digests(folder)
    with pytest.raises(InputError, match=r"metrics\.json is not the file"):
        digests.check_digests(folder)


def test_a_command_that_fails_leaves_the_folder_and_its_list_as_they_were(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    digests.write_digests(folder)
    with pytest.raises(OSError, match="full"), digests.edited_model(folder) as copy:
        (copy / "config.json").write_text("changed")
        raise OSError("full")
    digests.check_digests(folder)
    assert (folder / "config.json").read_text() == "{}"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
