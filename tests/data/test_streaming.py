"""Data sets that are streamed: the same splits and pixels, and none of the original files on the disk."""

import io
import json

import datasets
import numpy as np
import pytest
from image_sets import radiographs, write_parquet, write_tar
from PIL import Image

from hub.data.decode_cache import decode
from hub.data.image_files import encoded_images
from hub.data.splits import load_with_notes
from hub.errors import InputError

SIZE = 96


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    return tmp_path / "cache"


def stream(source, **columns):
    return load_with_notes(source, stream_to=lambda radiograph: SIZE, **columns)


def check_same(source, channels=1, radiograph=True):
    """Check that a source has the same splits, pixels and notes when it is streamed; return the splits."""
    (streamed, notes), (loaded, expected) = stream(source), load_with_notes(source)
    assert notes == expected
    assert list(streamed) == list(loaded)
    for name, split in loaded.items():
        assert streamed[name].features["label"] == split.features["label"]
        for column in ("label", "patient", "subtype"):
            assert streamed[name][column][:] == split[column][:]
        ours, theirs = (decode(rows, SIZE, channels, radiograph)[0] for rows in (streamed[name], split))
        assert ours.equal(theirs)
    return streamed


def films(count, seed=0):
    return radiographs(count, seed) | {"patient": [f"{seed} {index}" for index in range(count)]}


def write_films(folder, **splits):
    return write_parquet(folder, others={"patient": datasets.Value("string")}, **splits)


def test_parquet_streamed_has_the_same_splits_and_pixels_and_leaves_no_original_on_the_disk(tmp_path, cache):
    originals = films(48)
    source = write_films(tmp_path / "films", train=originals, dev=films(16, 1), test=films(16, 2))
    stream(source)
    kept = b"".join(file.read_bytes() for file in cache.rglob("*") if file.is_file())
    assert not any(image["bytes"] in kept for image in originals["image"])
    splits = check_same(source)
    assert {Image.open(io.BytesIO(image)).size for image in encoded_images(splits["train"])} == {(SIZE, SIZE)}


def test_a_webdataset_is_streamed(tmp_path):
    source = tmp_path / "tars"
    source.mkdir()
    for number in range(2):
        write_tar(source / f"train-{number}.tar", 24, cls=lambda index: str(index % 2).encode())
    write_tar(source / "test-0.tar", 8, cls=lambda index: str(index % 2).encode())
    check_same(source, radiograph=False)


def test_labels_in_json_are_read_before_the_images_so_that_radiographs_are_known(tmp_path):
    def describe(index):
        return json.dumps({"label": ["Normal", "Pneumonia"][index % 2], "patient": str(index)}).encode()

    write_tar(tmp_path / "films.tar", 48, json=describe)
    sizes = []
    load_with_notes(tmp_path / "films.tar", stream_to=lambda radiograph: sizes.append(radiograph) or SIZE)
    assert sizes == [True]
    check_same(tmp_path / "films.tar")


def test_colours_stay_colours(tmp_path):
    images, labels = [], []
    for index in range(40):
        pixels = np.random.default_rng(index).integers(0, 256, (40, 30, 3), np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG")
        images.append({"bytes": buffer.getvalue(), "path": f"person{index}_virus_1.png"})
        labels.append(index % 2)
    kinds = datasets.ClassLabel(names=["cat", "dog"])
    source = write_parquet(tmp_path / "pets", kinds, train={"image": images, "label": labels})
    check_same(source, channels=3, radiograph=False)


def test_what_was_streamed_is_read_again_only_where_the_source_is_another(tmp_path, monkeypatch):
    source = write_films(tmp_path / "films", train=films(48), test=films(16, 1))
    stream(source)
    reads = []
    real = datasets.IterableDataset.__iter__
    monkeypatch.setattr(datasets.IterableDataset, "__iter__", lambda self: reads.append(self) or real(self))
    again = stream(source)[0]
    assert reads == [] and len(again["test"]) == 16
    others = write_films(tmp_path / "others", train=films(48, 5), test=films(16, 6))
    (others / "test-00000-of-00001.parquet").replace(source / "test-00000-of-00001.parquet")
    assert stream(source)[0]["test"]["patient"][:2] == ["6 0", "6 1"]
    assert len(reads) == 1


def test_an_image_that_cannot_be_read_is_named_and_the_rest_is_not_kept(tmp_path):
    damaged = films(16)
    damaged["image"][5] = {"bytes": b"no image", "path": None}
    source = write_films(tmp_path / "films", train=damaged)
    for _ in range(2):
        with pytest.raises(InputError, match=r"Image 5 of the data set: .*\.$"):
            stream(source)


def test_what_cannot_be_streamed_is_refused_in_a_sentence(kaggle_folder, tmp_path):
    (tmp_path / "films.zip").write_bytes(b"PK")
    (tmp_path / "films.tar").write_bytes(b"damaged")
    for source in (kaggle_folder, tmp_path / "films.zip", tmp_path / "films.tar", "no such folder"):
        with pytest.raises(InputError) as caught:
            stream(source)
        assert str(caught.value).endswith(".") and "\n" not in str(caught.value)
