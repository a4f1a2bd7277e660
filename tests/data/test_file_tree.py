"""Trees of files: clutter, links, and images by their content."""

import os
import shutil
from pathlib import Path

import pytest
from image_sets import names, names_in, refusal
from pydicom.data import get_testdata_file

from hub.data.decode_cache import decode
from hub.data.file_tree import read_tree
from hub.data.splits import load_splits, load_with_notes
from hub.errors import InputError

CLUTTER = [
    ".ipynb_checkpoints", "@eaDir", "@EADIR", "__MACOSX", ".Trash-1000", "lost+found", "$RECYCLE.BIN",
    "System Volume Information", ".git", "#recycle", ".cache",
    "~snapshot", "_vti_cnf", "TheVolumeSettingsFolder",
]  # fmt: skip


@pytest.mark.parametrize("name", CLUTTER)
def test_what_systems_leave_is_skipped_at_any_depth(kaggle_folder, write_noise, name):
    before = load_splits(kaggle_folder)
    for place in (
        "", "train", "test", "train/NORMAL", "test/PNEUMONIA", "train/NORMAL/.ipynb_checkpoints",
    ):  # fmt: skip
        write_noise(kaggle_folder / place / name / "NORMAL" / "deep" / "x-checkpoint.jpeg")
        write_noise(kaggle_folder / place / name / "x.jpeg")
    splits, notes = load_with_notes(kaggle_folder)
    assert {split: names(rows) for split, rows in splits.items()} == {
        split: names(rows) for split, rows in before.items()
    }
    assert notes == []


def test_hidden_and_system_files_need_no_mention(kaggle_folder, write_noise):
    for name in ("Thumbs.db", "ehthumbs.db", "Desktop.ini", "DICOMDIR", ".DS_Store", "Icon\r"):
        (kaggle_folder / "train" / "NORMAL" / name).write_bytes(b"no image")
    write_noise(kaggle_folder / "train" / "NORMAL" / "._film.jpeg")
    splits, notes = load_with_notes(kaggle_folder)
    assert len(splits["train"]) + len(splits["validation"]) == 120
    assert notes == []


def test_a_link_to_a_folder_elsewhere_is_followed(kaggle_folder, tmp_path, write_noise):
    for number in range(10):
        write_noise(tmp_path / "elsewhere" / "deep" / f"IM-{number + 50:04}-0001.jpeg")
    (kaggle_folder / "train" / "NORMAL" / "site_b").symlink_to(tmp_path / "elsewhere")
    splits, notes = load_with_notes(kaggle_folder)
    assert len(splits["train"]) + len(splits["validation"]) == 130
    assert notes == []


@pytest.mark.parametrize("target", ["../PNEUMONIA", "site_b", "../../test/NORMAL"])
def test_what_a_link_reaches_a_second_time_counts_once_where_it_lies(
    kaggle_folder, tmp_path, write_noise, target
):
    write_noise(tmp_path / "elsewhere" / "IM-0050-0001.jpeg")
    (kaggle_folder / "train" / "NORMAL" / "site_b").symlink_to(tmp_path / "elsewhere")
    (kaggle_folder / "train" / "NORMAL" / "again").symlink_to(target)
    splits, notes = load_with_notes(kaggle_folder)
    assert len(splits["train"]) + len(splits["validation"]) == 121
    assert names(splits["test"]) == names_in(kaggle_folder / "test")
    (note,) = notes
    assert "left out 1 link" in note


def test_a_file_that_is_linked_to_twice_counts_once(kaggle_folder, tmp_path, write_noise):
    write_noise(tmp_path / "elsewhere" / "IM-0050-0001.jpeg")
    write_noise(kaggle_folder / "train" / "NORMAL" / "IM-0051-0001.jpeg")
    for name in ("IM-0052-0001.jpeg", "IM-0053-0001.jpeg"):
        (kaggle_folder / "train" / "NORMAL" / name).symlink_to(tmp_path / "elsewhere" / "IM-0050-0001.jpeg")
    (kaggle_folder / "train" / "NORMAL" / "IM-0054-0001.jpeg").symlink_to("IM-0051-0001.jpeg")
    splits, notes = load_with_notes(kaggle_folder)
    assert len(splits["train"]) + len(splits["validation"]) == 122
    assert any("left out 2 links" in note for note in notes)


def test_copies_that_share_their_place_on_the_disk_are_files_of_their_own(kaggle_folder):
    folder = kaggle_folder / "train" / "NORMAL"
    os.link(folder / "IM-0001-0001.jpeg", folder / "IM-0050-0001.jpeg")
    splits = load_splits(kaggle_folder)
    assert len(splits["train"]) + len(splits["validation"]) == 121


@pytest.mark.parametrize("target", ["..", ".", "../..", "/", "loop"])
def test_a_link_that_leads_back_is_refused(kaggle_folder, target):
    (kaggle_folder / "train" / "NORMAL" / "loop").symlink_to(target)
    assert f"{kaggle_folder / 'train' / 'NORMAL' / 'loop'} leads back" in refusal(kaggle_folder)


def test_a_loop_through_a_folder_elsewhere_is_refused(kaggle_folder, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "back").symlink_to(kaggle_folder / "train")
    (kaggle_folder / "train" / "NORMAL" / "site_b").symlink_to(tmp_path / "elsewhere")
    assert "leads back" in refusal(kaggle_folder)


def test_broken_links_are_named(kaggle_folder):
    for name in ("gone.jpeg", "unmounted"):
        (kaggle_folder / "train" / "NORMAL" / name).symlink_to("nowhere")
    _, (note,) = load_with_notes(kaggle_folder)
    assert note.startswith("left out 2 broken links") and "train/NORMAL/gone.jpeg" in note


def test_a_data_set_may_be_links_throughout(kaggle_folder, tmp_path):
    pool = tmp_path / "pool"
    kaggle_folder.rename(pool)
    for path in sorted(pool.rglob("*.jpeg")):
        link = kaggle_folder / path.relative_to(pool)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(path)
    splits, notes = load_with_notes(kaggle_folder)
    assert [len(splits["train"]) + len(splits["validation"]), len(splits["test"])] == [120, 30]
    assert notes == []


@pytest.mark.parametrize("suffix", [".jfif", ".JFIF", "", ".film", ".png", ".txt"])
def test_an_image_is_one_by_its_content(kaggle_folder, suffix):
    folder = kaggle_folder / "train" / "NORMAL"
    for path in sorted(folder.iterdir())[:6]:
        path.rename(path.with_suffix(suffix))
    splits, notes = load_with_notes(kaggle_folder)
    assert len(splits["train"]) + len(splits["validation"]) == 120
    assert notes == []


def test_dicom_is_an_image_with_any_suffix(kaggle_folder):
    film = get_testdata_file("dicomdirtests/77654033/CR2/6247")
    for name in ("IM-0050-0001.dcm", "IM-0051-0001"):
        shutil.copy(film, kaggle_folder / "train" / "NORMAL" / name)
    splits, notes = load_with_notes(kaggle_folder)
    assert len(splits["train"]) + len(splits["validation"]) == 122
    assert notes == []


@pytest.mark.parametrize("content", [b"", b"no image", b"PK\x03\x04"])
def test_other_content_under_the_suffix_of_an_image_is_a_damaged_image(kaggle_folder, content):
    path = kaggle_folder / "test" / "NORMAL" / "IM-0101-0001.jpeg"
    path.write_bytes(content)
    test = load_splits(kaggle_folder)["test"]
    assert len(test) == 30
    with pytest.raises(InputError, match=str(path)):
        decode(test, 32, 1, radiograph=True)


def test_what_is_left_out_is_counted_by_suffix(kaggle_folder):
    for number in range(4):
        (kaggle_folder / "train" / "NORMAL" / f"{number}.csv").write_text("a,b")
    (kaggle_folder / "test" / "PNEUMONIA" / "notes.txt").write_text("seen twice")
    (kaggle_folder / "README.txt").write_text("films")
    _, notes = load_with_notes(kaggle_folder)
    assert notes == ["left out 6 files: 4 `.csv`, 2 `.txt`"]


def test_pipes_and_devices_are_no_images_and_stop_nothing(kaggle_folder):
    folder = kaggle_folder / "train" / "NORMAL"
    os.mkfifo(folder / "pipe.png")
    (folder / "zero.png").symlink_to("/dev/zero")
    _, notes = load_with_notes(kaggle_folder)
    assert notes == ["left out 2 special files, such as train/NORMAL/pipe.png"]
    assert "is a pipe or a device" in refusal(folder / "pipe.png")


def test_a_name_that_is_not_utf8_is_refused(kaggle_folder):
    Path(os.fsdecode(os.fsencode(kaggle_folder / "train" / "NORMAL") + b"/\xfc.jpeg")).write_bytes(b"")
    assert r"train/NORMAL/\xfc.jpeg is not in UTF-8" in refusal(kaggle_folder)
    other = kaggle_folder.rename(os.fsdecode(os.fsencode(kaggle_folder) + b"\xe9"))
    assert r"chest_xray\xe9 is not in UTF-8" in refusal(other)


def test_a_folder_that_may_not_be_read_is_refused(kaggle_folder, monkeypatch):
    scandir = os.scandir

    def refuse(path):
        if str(path).endswith("NORMAL"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(InputError, match=r"NORMAL cannot be read \(Permission denied\)"):
        read_tree(kaggle_folder)


def test_a_file_is_opened_once_and_with_the_suffix_of_an_image_not_at_all(tmp_path, monkeypatch):
    for number in range(200):
        (tmp_path / f"{number}{'.film' if number % 2 else '.jpg'}").write_bytes(b"\xff\xd8\xff\xe0")
    opened, open_file = [], Path.open

    def record(path, *options):
        opened.append(path.name)
        return open_file(path, *options)

    monkeypatch.setattr(Path, "open", record)
    assert len(read_tree(tmp_path).images) == 200
    assert sorted(opened) == sorted(f"{number}.film" for number in range(1, 200, 2))
