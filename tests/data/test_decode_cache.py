"""Decoding: order, errors that name the image, and what is kept for the next run."""

import io
import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import datasets
import numpy as np
import pytest
import torch
from datasets import ClassLabel, Dataset, Features
from image_sets import radiographs, write_dicom, write_parquet
from PIL import Image
from pydicom.data import get_testdata_file

from hub.data import decode_cache
from hub.data.decode_cache import are_grey, cache_folder, decode
from hub.data.image_files import encoded_images, sha256_digests
from hub.data.image_headers import is_grey
from hub.data.splits import load_splits
from hub.errors import InputError
from hub.imaging.read import read_image


def stored(image):
    """A data set of one image, a path or bytes."""
    image = str(image) if isinstance(image, Path) else image
    return Dataset.from_dict({"image": [image]}, Features({"image": datasets.Image()}))


def cached():
    return sorted(cache_folder().iterdir())


def test_an_unreadable_file_is_named_when_it_is_decoded(kaggle_folder):
    path = kaggle_folder / "test" / "NORMAL" / "IM-0101-0001.jpeg"
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(InputError, match=str(path)):
        decode(load_splits(kaggle_folder)["test"], 32, 1, radiograph=True)


def test_an_unreadable_image_in_parquet_is_numbered_when_it_is_decoded(tmp_path):
    test = radiographs(16, seed=1)
    test["image"][5] = {"bytes": b"", "path": None}
    cats = ClassLabel(names=["cat", "dog"])
    splits = load_splits(write_parquet(tmp_path / "pets", cats, train=radiographs(16), test=test))
    with pytest.raises(InputError, match="Image 5 of the data set"):
        decode(splits["test"], 32, 3, radiograph=False)


def test_decoded_images_and_labels_keep_their_order(kaggle_folder):
    test = load_splits(kaggle_folder)["test"]
    images, labels = decode(test, 40, 1, radiograph=True)
    assert images.shape == (30, 1, 40, 40)
    assert labels.tolist() == test["label"][:]
    expected = Image.open(list(encoded_images(test))[7]).resize((40, 40), Image.Resampling.BICUBIC)
    assert images[7, 0].tolist() == np.asarray(expected).tolist()


def test_what_was_decoded_once_is_read_from_the_cache(kaggle_folder, monkeypatch):
    test = load_splits(kaggle_folder)["test"]
    images, labels = decode(test, 40, 1, radiograph=True)
    monkeypatch.setattr(decode_cache, "read_pixels", None)
    again, labels_again = decode(test, 40, 1, radiograph=True)
    assert torch.equal(images, again) and torch.equal(labels, labels_again)
    assert np.load(*cached()).tolist() == images.tolist()


def test_the_cache_knows_images_by_content_and_by_how_they_are_read(kaggle_folder, tmp_path):
    moved = shutil.copytree(kaggle_folder, tmp_path / "moved")
    first, second = (load_splits(folder)["test"] for folder in (kaggle_folder, moved))
    decode(first, 40, 1, radiograph=True)
    decode(second, 40, 1, radiograph=True)
    assert len(cached()) == 1
    for size, channels, radiograph, crop in ((41, 1, 1, 0), (40, 3, 1, 0), (40, 1, 0, 0), (40, 1, 1, 1)):
        images, _ = decode(first, size, channels, bool(radiograph), bool(crop))
        assert images.shape == (30, channels, size, size)
    decode(first.select(range(29, -1, -1)), 40, 1, radiograph=True)
    assert len(cached()) == 6
    path = Path(next(encoded_images(second)))
    Image.new("L", (40, 40), 9).save(path)
    assert (decode(second, 40, 1, radiograph=True)[0][0] == 9).all()


def test_an_image_that_is_changed_before_it_is_decoded_is_refused_and_leaves_nothing_in_the_cache(
    kaggle_folder,
):
    test = load_splits(kaggle_folder)["test"]
    digests, path = sha256_digests(test), kaggle_folder / "test" / "NORMAL" / "IM-0101-0001.jpeg"
    Image.new("L", (40, 40), 9).save(path)
    with pytest.raises(InputError, match=f"{path}.*was changed"):
        decode(test, 40, 1, radiograph=True, digests=digests)
    assert cached() == []
    assert (decode(test, 40, 1, radiograph=True)[0][0] == 9).all()


@pytest.mark.parametrize(
    "damage", ["cut short", "too long", "empty", "another shape", "no array", "zeros in the pixels"]
)
def test_a_damaged_cache_file_is_made_again(kaggle_folder, damage):
    test = load_splits(kaggle_folder)["test"]
    images = decode(test, 40, 1, radiograph=True)[0].clone()  # no longer mapped from the file
    (path,) = cached()
    content, other = path.read_bytes(), io.BytesIO()
    np.save(other, np.zeros((30, 1, 20, 80), np.uint8))
    path.write_bytes(
        {
            "cut short": content[:-1],
            "too long": content + b"0",
            "empty": b"",
            "another shape": other.getvalue(),
            "no array": b"PK" + content[2:],
            "zeros in the pixels": content[:20_000] + bytes(1000) + content[21_000:],
        }[damage]
    )
    assert torch.equal(decode(test, 40, 1, radiograph=True)[0], images)
    assert [file.read_bytes() for file in cached()] == [content]


def test_a_cache_file_with_any_damage_is_made_again(kaggle_folder):
    test = load_splits(kaggle_folder)["test"]
    images = decode(test, 40, 1, radiograph=True)[0].clone()  # no longer mapped from the file
    (path,) = cached()
    content, random = path.read_bytes(), np.random.default_rng(0)
    for place in (*random.integers(0, 128, 20), *random.integers(0, len(content), 20)):
        damaged = bytearray(content)
        damaged[place] ^= 1 << random.integers(8)
        path.write_bytes(damaged)
        assert torch.equal(decode(test, 40, 1, radiograph=True)[0], images)
        assert path.read_bytes() == content


def test_dicom_in_class_folders_is_decoded(kaggle_folder):
    film = kaggle_folder / "test" / "NORMAL" / "IM-0100-0001.dcm"
    write_dicom(film, np.random.default_rng(0).integers(0, 256, (48, 64), np.uint8))
    test = load_splits(kaggle_folder)["test"]
    images, _ = decode(test, 40, 1, radiograph=True)
    (index,) = (i for i, path in enumerate(encoded_images(test)) if path.endswith(".dcm"))
    expected = read_image(film).resize((40, 40), Image.Resampling.BICUBIC)
    assert images[index, 0].tolist() == np.asarray(expected).tolist()


@pytest.mark.parametrize(
    ("mode", "suffix", "grey"),
    [("L", ".png", True), ("1", ".png", True), ("LA", ".png", True), ("I;16", ".png", True),
     ("F", ".tif", True), ("RGB", ".jpeg", False), ("P", ".png", False), ("CMYK", ".jpeg", False)],
)  # fmt: skip
def test_grey_is_known_by_the_header(mode, suffix, grey, tmp_path):
    Image.new(mode, (40, 40)).save(tmp_path / f"image{suffix}")
    assert are_grey(stored(tmp_path / f"image{suffix}")) == grey


def test_dicom_of_greys_is_grey():
    assert are_grey(stored(get_testdata_file("dicomdirtests/77654033/CR2/6247")))
    assert not are_grey(stored(get_testdata_file("examples_rgb_color.dcm")))


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_damaged_headers_are_not_grey_and_stop_nothing(radiograph):
    random = np.random.default_rng(0)
    for kind in ("PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF", "PPM", "JPEG2000"):
        buffer = io.BytesIO()
        radiograph.save(buffer, kind)
        for _ in range(150):
            damaged = bytearray(buffer.getvalue()[: random.integers(1, len(buffer.getvalue()))])
            for place in random.integers(0, min(len(damaged), 200), 8):
                damaged[place] = random.integers(256)
            assert is_grey(bytes(damaged)) in (True, False)


def test_changing_decoded_images_changes_no_cache(kaggle_folder):
    test = load_splits(kaggle_folder)["test"]
    decode(test, 40, 1, radiograph=True)
    images, _ = decode(test, 40, 1, radiograph=True)
    kept = images.clone()
    images += 1
    assert torch.equal(decode(test, 40, 1, radiograph=True)[0], kept)


def test_a_cache_that_cannot_be_written_stops_nothing(kaggle_folder, tmp_path, monkeypatch, capsys):
    test = load_splits(kaggle_folder)["test"]
    images, _ = decode(test, 40, 1, radiograph=True)
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "file")
    capsys.readouterr()
    assert torch.equal(decode(test, 40, 1, radiograph=True)[0], images)
    told = [line for line in capsys.readouterr().err.splitlines() if "not kept" in line]
    assert len(told) == 1 and str(tmp_path / "file") in told[0]


def test_decoded_radiographs_are_for_their_owner_alone(kaggle_folder):
    decode(load_splits(kaggle_folder)["test"], 40, 1, radiograph=True)
    assert cache_folder().stat().st_mode & 0o777 == 0o700
    assert [path.stat().st_mode & 0o777 for path in cached()] == [0o600]


def test_runs_that_decode_the_same_images_at_once_leave_one_file(kaggle_folder):
    test = load_splits(kaggle_folder)["test"]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: decode(test, 40, 1, True)[0], range(4)))
    assert all(torch.equal(images, found[0]) for images in found)
    assert len(cached()) == 1


def test_what_nobody_used_for_a_month_is_dropped_from_the_cache(kaggle_folder):
    splits = load_splits(kaggle_folder)
    decode(splits["test"], 40, 1, radiograph=True)
    (used,) = cached()
    for path in (used, used.with_name("killed.partial"), used.with_name("old.npy")):
        path.touch()
        os.utime(path, (time.time() - 31 * 24 * 3600,) * 2)
    decode(splits["test"], 40, 1, radiograph=True)
    decode(splits["validation"], 40, 1, radiograph=True)
    assert len(cached()) == 2 and used in cached()
