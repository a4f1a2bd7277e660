"""ZIP archives: every member is read, or refused in one sentence."""

import gzip
import io
import os
import random
import shutil
import subprocess
import tarfile
import tracemalloc
import zipfile

import numpy as np
import pytest
from PIL import Image
from uploads import RADIOGRAPH, Brightness, archive, checked, png

from hub.errors import InputError
from hub.inference.archive import MAX_NAME, unpack
from hub.inference.batch import Result, classify_files, expected

ZIP = b"PK\x05\x06" + bytes(18)  # an empty one


class Unseekable(io.RawIOBase):
    """A file that can only be written from its start to its end, as a pipe."""

    def __init__(self, file):
        self.file = file

    def writable(self):
        return True

    def write(self, data):
        return self.file.write(data)


def only(path):
    """Return the one sentence of a ZIP that is refused as a whole."""
    ((name, error),) = unpack(path)
    assert isinstance(error, InputError) and name == str(path)
    return checked(str(error), path.name)


def test_a_image_in_a_zip_is_refused_by_its_name(tmp_path):
    path = archive(tmp_path / "films.zip", [("a/bad.png", b"no"), ("a/tiny.png", png(RADIOGRAPH[:20, :20]))])
    bad, tiny = classify_files(Brightness(), [path])
    assert checked(bad.error, "bad.png").startswith("bad.png is not an image")
    assert checked(tiny.error, "tiny.png").startswith("tiny.png is only 20 x 20")


@pytest.mark.parametrize(
    "name",
    [
        "__MACOSX/._a.png", "__macosx/a.png", ".DS_Store", "films/.hidden.png", ".git/x.png",
        "films/Thumbs.db", "thumbs.db", "EHTHUMBS.DB", "films/Desktop.ini", "Icon\r", "films/Icon\r",
        "DICOMDIR", "dicomdir", "AUTORUN.INF", "@eaDir/a.png/SYNOPHOTO_THUMB_M.jpg", "a/@EADIR/b.png",
        ".ipynb_checkpoints/a-checkpoint.png", "lost+found/a.png", ".Trash-1000/files/a.png",
        "#recycle/a.png", "$RECYCLE.BIN/a.png", "films\\@eaDir\\a.png", "films\\Thumbs.db", "films\\",
    ],
    ids=repr,
)  # fmt: skip
def test_what_systems_put_into_zips_is_neither_a_film_nor_counted(name, tmp_path):
    members = [("films/", b""), (name, png()), ("films/a.png", png())]
    (result,) = classify_files(Brightness(), [archive(tmp_path / "films.zip", members)])
    assert result.name.endswith("films.zip/films/a.png") and result.prediction


def test_files_that_are_no_films_are_counted_in_one_line(tmp_path):
    members = [
        ("metadata.csv", b"a.png,NORMAL"), ("ward/a.png", png()), ("LICENSE.txt", b"MIT"),
        ("ward/README", b"of 2019"), ("labels.CSV", b""), ("report.docx", ZIP), ("notes\\b.txt", b"P"),
    ]  # fmt: skip
    path = archive(tmp_path / "films.zip", members)
    film, note = classify_files(Brightness(), [path])
    assert film.name == f"{path}/ward/a.png" and film.prediction
    assert note == Result(
        str(path), note="left out 6 files: 2 `.csv`, 2 `.txt`, 1 without a suffix, 1 `.docx`"
    )


def test_a_film_is_known_by_its_contents_and_a_damaged_one_by_its_name(tmp_path):
    jpeg = io.BytesIO()
    Image.fromarray(RADIOGRAPH).save(jpeg, "JPEG")
    members = [
        ("a.jfif", jpeg.getvalue()),
        ("IM0001", png()),
        ("b.txt", png()),
        ("c.DCM", b"no"),
        ("d.png", b""),
    ]
    results = list(classify_files(Brightness(), [archive(tmp_path / "films.zip", members)]))
    assert [result.prediction is not None for result in results] == [True] * 3 + [False] * 2
    assert "c.DCM is" in checked(results[3].error, "c.DCM")
    assert "d.png is empty" in checked(results[4].error, "d.png")


def test_of_what_is_no_film_only_the_first_bytes_are_unpacked(tmp_path):
    movie = b"\0\0\0\x20ftypmp42" + os.urandom(30_000_000)
    path = archive(tmp_path / "films.zip", [("movie.mp4", movie), ("a.png", png())])
    tracemalloc.start()
    film, note = classify_files(Brightness(), [path])
    assert tracemalloc.get_traced_memory()[1] < 3_000_000
    tracemalloc.stop()
    assert film.prediction and note.note == "left out 1 file: 1 `.mp4`"


def test_of_a_name_without_end_only_the_beginning_is_kept(tmp_path):
    films = archive(
        tmp_path / "films.zip",
        [("a" * 60_000 + ".png", png()), ("b" * 60_000 + ".png", b""), ("c." + "c" * 60_000, b"")],
    )
    film, broken, note = classify_files(Brightness(), [films])
    assert film.prediction and broken.error and note.note
    assert max(len(text) for text in (film.name, broken.name, broken.error, note.note)) < 2 * MAX_NAME


def test_a_zip_without_films_is_one_sentence_that_says_what_it_holds(tmp_path):
    assert "holds no pictures" in only(archive(tmp_path / "films.zip", []))
    assert "holds no pictures" in only(archive(tmp_path / "films.zip", [("films/", b"")]))
    sentence = only(archive(tmp_path / "films.zip", [("metadata.csv", b"a"), ("a/LICENSE.txt", b"b")]))
    assert "holds no pictures" in sentence and "2 files: 1 `.csv`, 1 `.txt`" in sentence


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


def test_a_stream_that_cannot_be_read_does_not_stop_the_rest(tmp_path):
    film = png(RADIOGRAPH)
    closed = io.BytesIO(film)
    closed.close()
    with gzip.open(io.BytesIO(gzip.compress(film)[:-30])) as cut:
        *refused, read = classify_files(Brightness(), [cut, closed, io.BytesIO(film)])
    assert all(checked(result.error, "image").startswith("image cannot be read") for result in refused)
    assert read.error is None


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
    (result,) = classify_files(Brightness(), [archive(tmp_path / "films.zip", [("inner.zip", ZIP)])])
    assert "inner.zip is a ZIP inside a ZIP" in checked(result.error, "inner.zip")


@pytest.mark.parametrize("packer", ["tar", "gzip", "bzip2", "xz", "7-Zip", "RAR"])
def test_another_archive_is_refused_by_what_packed_it(packer, tmp_path):
    path = tmp_path / "films.archive"
    if packer in ("7-Zip", "RAR"):
        path.write_bytes({"7-Zip": b"7z\xbc\xaf\x27\x1c", "RAR": b"Rar!\x1a\7\1\0"}[packer] + bytes(100))
    else:
        mode = {"tar": "w", "gzip": "w:gz", "bzip2": "w:bz2", "xz": "w:xz"}[packer]
        with tarfile.open(path, mode) as tar:
            tar.addfile(tarfile.TarInfo("a.png"), io.BytesIO())
    assert f"is packed by {packer}; unpack it" in only(path)
    with path.open("rb") as stream:
        ((_, error),) = unpack(stream)
    assert f"is packed by {packer}" in str(error)
    (nested,) = classify_files(
        Brightness(), [archive(tmp_path / "outer.zip", [("films.tar", path.read_bytes())])]
    )
    assert f"films.tar is packed by {packer}" in checked(nested.error, "films.tar")


def test_a_zip_of_an_unusual_kind_is_read(tmp_path):
    path = archive(tmp_path / "films.zip", [("a.png", png())])
    plain = path.read_bytes()
    with zipfile.ZipFile(tmp_path / "comment.zip", "w") as file:
        file.writestr("a.png", png())
        file.comment = b"PK" * 30_000
    with (
        zipfile.ZipFile(tmp_path / "zip64.zip", "w") as file,
        file.open("a.png", "w", force_zip64=True) as member,
    ):
        member.write(png())
    with (tmp_path / "streamed.zip").open("wb") as raw, zipfile.ZipFile(Unseekable(raw), "w") as file:
        file.writestr("a.png", png())  # its size follows the data, as macOS writes it
    (tmp_path / "unpacks_itself.exe").write_bytes(b"MZ" + bytes(5000) + plain)
    (tmp_path / "trailing.zip").write_bytes(plain + bytes(100))
    for name in (
        "films.zip",
        "comment.zip",
        "zip64.zip",
        "streamed.zip",
        "unpacks_itself.exe",
        "trailing.zip",
    ):
        (result,) = classify_files(Brightness(), [tmp_path / name])
        assert result.name == f"{tmp_path / name}/a.png" and result.prediction, name


@pytest.mark.skipif(not shutil.which("zip"), reason="the program zip is not on this machine")
def test_the_parts_of_a_split_zip_are_refused_by_what_they_are(tmp_path):
    (tmp_path / "film.png").write_bytes(png(np.random.default_rng(0).integers(0, 256, (400, 400), np.uint8)))
    subprocess.run(["zip", "-q", "-s", "64k", "films.zip", "film.png"], cwd=tmp_path, check=True)
    for name in ("films.z01", "films.zip"):
        results = list(classify_files(Brightness(), [tmp_path / name]))
        assert results and all("split" in result.error for result in results), name


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


def test_members_that_overlap_are_refused_before_any_is_unpacked(tmp_path):
    path = archive(tmp_path / "films.zip", [(f"{index}.png", png()) for index in range(3)])
    data = bytearray(path.read_bytes())
    table = data.index(b"PK\1\2")
    for _ in range(3):  # every entry leads to the first member
        data[table + 42 : table + 46] = bytes(4)
        table = data.find(b"PK\1\2", table + 4)
    path.write_bytes(data)
    assert "overlap" in only(path)


def test_a_table_of_contents_of_millions_is_not_read(tmp_path):
    path = archive(tmp_path / "films.zip", [("a.png", png())])
    data = path.read_bytes()
    start, end = data.index(b"PK\1\2"), data.index(b"PK\5\6")
    table = data[start:end] * 60_000
    size = len(table).to_bytes(4, "little")
    path.write_bytes(data[:start] + table + data[end : end + 12] + size + data[end + 16 :])
    assert "more than 2,000 files" in only(path)
    assert expected([str(path)]) == 1


def test_far_more_pixels_than_radiographs_have_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("hub.inference.archive.FREE_PIXELS", 1_000_000)
    wall = png(np.zeros((900, 1000), np.uint8))
    path = archive(tmp_path / "films.zip", [(f"{index}.png", wall) for index in range(9)])
    *films, last = classify_files(Brightness(), [path])
    assert films and all(film.prediction for film in films) and len(films) < 9
    assert "far more pixels than radiographs" in checked(last.error, "films.zip")


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


def test_a_member_that_would_be_far_beyond_the_end_is_damaged(tmp_path):
    path, member = tmp_path / "films.zip", io.BytesIO()
    Image.new("L", (48, 40)).save(member, "PNG")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("film.png", member.getvalue())
        archive.filelist[0].header_offset = 2**64 - 1
    for file in (path, io.BytesIO(path.read_bytes())):
        [(_, contents)] = unpack(file)
        assert isinstance(contents, InputError) and "damaged" in str(contents)


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
