"""ZIP archives: every member is read, or refused in one sentence."""

import os
import random
import tracemalloc
import zipfile

import pytest
from uploads import RADIOGRAPH, Brightness, archive, checked, png

from hub.errors import InputError
from hub.inference.archive import unpack
from hub.inference.batch import classify_files


def only(path):
    """Return the one sentence of a ZIP that is refused as a whole."""
    ((name, error),) = unpack([path])
    assert isinstance(error, InputError) and name == str(path)
    return checked(str(error), path.name)


def test_a_image_in_a_zip_is_refused_by_its_name(tmp_path):
    path = archive(tmp_path / "films.zip", [("a/bad.png", b"no"), ("a/tiny.png", png(RADIOGRAPH[:20, :20]))])
    bad, tiny = classify_files(Brightness(), [path])
    assert checked(bad.error, "bad.png").startswith("bad.png is not an image")
    assert checked(tiny.error, "tiny.png").startswith("tiny.png is only 20 x 20")


def test_what_systems_put_into_zips_is_left_out(tmp_path):
    clutter = [
        "__MACOSX/._a.png",
        ".DS_Store",
        "films/.hidden.png",
        "films/Thumbs.db",
        "DICOMDIR",
        ".git/x.png",
    ]
    members = [("films/", b""), *((name, b"clutter") for name in clutter), ("films/a.png", png())]
    (result,) = classify_files(Brightness(), [archive(tmp_path / "films.zip", members)])
    assert result.name.endswith("films.zip/films/a.png") and result.error is None


def test_an_empty_zip_is_refused(tmp_path):
    assert "holds no files" in only(archive(tmp_path / "films.zip", []))
    assert "holds no files" in only(archive(tmp_path / "films.zip", [("films/", b"")]))


def test_a_damaged_zip_is_refused(tmp_path):
    path = archive(tmp_path / "films.zip", [("a.png", png())])
    path.write_bytes(path.read_bytes()[:-30])
    assert "damaged or cut short" in only(path)


def test_a_damaged_member_does_not_stop_the_rest(tmp_path):
    path = archive(tmp_path / "films.zip", [("a.png", png()), ("b.png", png())], zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    data[200] ^= 255
    path.write_bytes(data)
    first, second = classify_files(Brightness(), [path])
    assert "a.png is damaged or cut short in the ZIP" in checked(first.error, "a.png")
    assert second.error is None


def test_a_zip_with_a_password_is_refused_once(tmp_path):
    path = archive(tmp_path / "films.zip", [("a.png", png()), ("b.png", png())])
    data = path.read_bytes()
    # Bit 0 of the flags, in the central directory and before each member.
    for start, place in ((b"PK\1\2", 8), (b"PK\3\4", 6)):
        position = data.find(start)
        while position >= 0:
            data = (
                data[: position + place] + bytes([data[position + place] | 1]) + data[position + place + 1 :]
            )
            position = data.find(start, position + 4)
    path.write_bytes(data)
    assert "protected by a password" in only(path)


def test_a_zip_in_a_zip_is_not_opened(tmp_path):
    inner = archive(tmp_path / "inner.zip", [("a.png", png())]).read_bytes()
    (result,) = classify_files(Brightness(), [archive(tmp_path / "films.zip", [("inner.zip", inner)])])
    assert "inner.zip is a ZIP inside a ZIP" in checked(result.error, "inner.zip")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_member_that_unpacks_without_a_limit_is_not_unpacked(method, tmp_path):
    (result,) = classify_files(Brightness(), [archive(tmp_path / "films.zip", [("a.png", png())], method)])
    assert "a.png is packed in an unusual way" in checked(result.error, "a.png")


def test_too_many_files_are_refused(tmp_path):
    path = archive(tmp_path / "films.zip", [(f"{index}.png", b"") for index in range(2001)])
    assert "more than 2,000 files" in only(path)


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path):
    path = archive(tmp_path / "films.zip", [(f"{index}.png", bytes(30_000_000)) for index in range(5)])
    assert path.stat().st_size < 200_000
    assert "far more than radiographs do" in only(path)


def test_a_large_member_is_refused_and_the_rest_read(tmp_path, monkeypatch):
    monkeypatch.setattr("hub.inference.archive.MAX_BYTES", 20_000)
    path = archive(tmp_path / "films.zip", [("wall.png", os.urandom(20_001)), ("a.png", png())])
    wall, radiograph = classify_files(Brightness(), [path])
    assert "wall.png has more than" in checked(wall.error, "wall.png")
    assert radiograph.error is None


def test_a_member_that_is_larger_than_it_says_is_damaged(tmp_path):
    path = archive(tmp_path / "films.zip", [("a.png", bytes(50_000_000))])
    data = path.read_bytes()
    path.write_bytes(data.replace((50_000_000).to_bytes(4, "little"), (1000).to_bytes(4, "little")))
    tracemalloc.start()
    (result,) = classify_files(Brightness(), [path])
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()
    assert "damaged or cut short in the ZIP" in result.error


@pytest.mark.parametrize(
    "name",
    ["../../etc/film.png", "/etc/film.png", "C:\\films\\film.png", "..\\film.png", "a//./film.png"],
)
def test_a_name_that_points_elsewhere_is_shown_and_never_followed(name, tmp_path, monkeypatch):
    (tmp_path / "inside").mkdir()
    monkeypatch.chdir(tmp_path / "inside")
    path = archive(tmp_path / "films.zip", [(name, png())])
    (result,) = classify_files(Brightness(), [path])
    assert result.name == f"{path}/{name}" and result.error is None
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["films.zip", "inside"]


def test_a_name_stays_on_its_line(tmp_path):
    (result,) = classify_files(Brightness(), [archive(tmp_path / "z", [("a\n\x1b[2J\u202egnp.png", b"bad")])])
    assert result.name.endswith("/a\ufffd\ufffd[2J\ufffdgnp.png")
    assert result.error.isprintable()


def test_names_in_any_encoding_survive(tmp_path):
    names = ["Röntgen.png", "胸部.png"]
    path = archive(tmp_path / "films.zip", [(name, png()) for name in names])
    assert [result.name.split("/")[-1] for result in classify_files(Brightness(), [path])] == names
    for written, shown in (("ü.png".encode(), "ü.png"), (b"\x81.png", "ü.png"), (b"\xff\xfe.png", None)):
        stand_in = b"x" * (len(written) - 4) + b".png"
        data = archive(tmp_path / "z", [(stand_in.decode(), png())]).read_bytes().replace(stand_in, written)
        (tmp_path / "z").write_bytes(data)
        (result,) = classify_files(Brightness(), [tmp_path / "z"])
        assert result.error is None and shown in (None, result.name.split("/")[-1])


def test_a_fuzzed_zip_is_read_or_refused_and_never_anything_else(tmp_path):
    whole = archive(
        tmp_path / "films.zip", [("a.png", png(RADIOGRAPH[:40, :40])), ("b/c.png", png())]
    ).read_bytes()
    dice, read, refused = random.Random(0), 0, 0
    for _ in range(400):
        data = bytearray(whole)
        for _ in range(dice.choice([1, 2, 16])):
            near = dice.choice([60, len(data)])  # most that can go wrong is at the two ends
            place = dice.randrange(near)
            data[dice.choice([place, -1 - place])] = dice.choice([0, 255, dice.randrange(256)])
        (tmp_path / "films.zip").write_bytes(data[: dice.choice([len(data), dice.randrange(4, len(data))])])
        for result in classify_files(Brightness(), [tmp_path / "films.zip"]):
            read += result.error is None
            refused += result.error is not None
            assert (result.error is None) == (result.prediction is not None) == (result.thumbnail is not None)
    assert read > 10 and refused > 10
