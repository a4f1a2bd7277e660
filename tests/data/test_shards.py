"""Parquet, Arrow, WebDataset and folders of `save_to_disk`."""

import json
import os

import datasets
import pyarrow.ipc
import pyarrow.parquet
import pytest
from datasets import ClassLabel, Dataset, DatasetDict
from image_sets import features, radiographs, refusal, write_parquet, write_tar

from hub.data.splits import load_splits, load_with_notes


def dataset(count, seed=0):
    return Dataset.from_dict(radiographs(count, seed), features())


def sizes(splits):
    return {name: len(rows) for name, rows in splits.items()}


def test_a_folder_of_save_to_disk_is_read(tmp_path):
    DatasetDict(train=dataset(48), dev=dataset(8, 1), test=dataset(16, 2), extra=dataset(4)).save_to_disk(
        tmp_path / "all"
    )
    splits, notes = load_with_notes(tmp_path / "all")
    assert sizes(splits) == {"train": 48, "validation": 8, "test": 16}
    assert {"took dev as validation", "left out the split extra: 4 images"} <= set(notes)
    dataset(48).save_to_disk(tmp_path / "one")
    assert sizes(load_splits(tmp_path / "one")) == {"train": 36, "validation": 6, "test": 6}


def test_folders_of_save_to_disk_may_be_the_splits(tmp_path):
    dataset(48).save_to_disk(tmp_path / "train")
    dataset(16, 1).save_to_disk(tmp_path / "test")
    assert sizes(load_splits(tmp_path)) == {"train": 42, "validation": 6, "test": 16}


def test_a_folder_of_parquet_may_have_any_name_but_one_that_means_an_archive(tmp_path):
    source = write_parquet(tmp_path / "films", train=radiographs(48))
    for name in ("films [1]", "*", "what?", "100%20", "a#b", "{a,b}"):
        source = source.rename(tmp_path / name)
        assert sum(sizes(load_splits(source)).values()) == 48
    assert "rename it" in refusal(source.rename(tmp_path / "a::b"))


@pytest.mark.parametrize("damage", ["arrow", "state", "no state"])
def test_a_damaged_folder_of_save_to_disk_is_refused(damage, tmp_path):
    DatasetDict(train=dataset(16)).save_to_disk(tmp_path)
    if damage == "arrow":
        next((tmp_path / "train").glob("*.arrow")).write_bytes(b"no data")
    elif damage == "state":
        (tmp_path / "train" / "state.json").write_text("[]")
    else:
        (tmp_path / "train" / "state.json").unlink()
    assert "save it again" in refusal(tmp_path)


def test_webdataset_shards_are_read(tmp_path):
    for number in range(2):
        write_tar(tmp_path / f"train-{number}.tar", 24, cls=lambda index: str(index % 2).encode())
    write_tar(tmp_path / "test-0.tar", 8, cls=lambda index: str(index % 2).encode())
    splits, notes = load_with_notes(tmp_path)
    assert sum(sizes(splits).values()) == 56 and len(splits["test"]) == 8
    assert splits["test"].features["label"].names == ["0", "1"]
    assert splits["test"]["patient"][:2] == ["person0_virus", "person1_virus"]
    assert notes == ["took image from the column jpg, label from the column cls"]


def test_labels_of_a_webdataset_may_be_in_json(tmp_path):
    write_tar(
        tmp_path / "films.tar",
        48,
        json=lambda index: json.dumps({"label": ["cat", "dog"][index % 2], "patient": str(index)}).encode(),
    )
    for source in (tmp_path, tmp_path / "films.tar"):
        test = load_splits(source)["test"]
        assert test.features["label"].names == ["cat", "dog"]
        assert not any(patient.startswith("unknown") for patient in test["patient"])


def test_an_archive_of_images_is_no_webdataset(tmp_path):
    write_tar(tmp_path / "films.tar", 8)
    assert "unpack it" in refusal(tmp_path)
    (tmp_path / "films.tar").write_bytes(b"damaged")
    assert "unpack it" in refusal(tmp_path)


def test_the_archive_of_a_folder_beside_it_is_left_out(kaggle_folder):
    write_tar(kaggle_folder / "chest_xray.tar", 8)
    splits, notes = load_with_notes(kaggle_folder)
    assert sum(sizes(splits).values()) == 150
    assert notes == ["left out 1 file: 1 `.tar`"]


def test_a_folder_of_arrow_files_is_read(tmp_path):
    for split, count in (("train", 48), ("test", 16)):
        table = dataset(count).with_format("arrow")[:]
        with pyarrow.ipc.new_stream(str(tmp_path / f"films-{split}.arrow"), table.schema) as stream:
            stream.write_table(table)
    assert sizes(load_splits(tmp_path)) == {"train": 42, "validation": 6, "test": 16}


@pytest.mark.parametrize("stream_to", [None, lambda radiograph: 32], ids=["loaded", "streamed"])
def test_a_file_in_place_of_another_is_read_even_if_its_time_is_the_same(tmp_path, stream_to):
    columns = radiographs(48)
    folder = write_parquet(tmp_path / "films", train=columns)
    path = folder / "train-00000-of-00001.parquet"
    before = load_with_notes(folder, stream_to=stream_to)[0]["test"]["label"][:]
    time = path.stat().st_mtime_ns
    swapped = columns | {"label": [1 - label for label in columns["label"]]}
    write_parquet(tmp_path / "others", train=swapped).joinpath(path.name).replace(path)
    os.utime(path, ns=(time, time))
    after = load_with_notes(folder, stream_to=stream_to)[0]["test"]["label"][:]
    assert after == [1 - label for label in before]


@pytest.mark.parametrize("clutter", [".ipynb_checkpoints", ".cache", "@eaDir"])
def test_parquet_among_clutter_is_skipped(clutter, tmp_path):
    folder = write_parquet(tmp_path / "films", train=radiographs(48), test=radiographs(16, 1))
    write_parquet(folder / clutter, train=radiographs(48), test=radiographs(16, 1))
    write_parquet(folder / clutter / "test", test=radiographs(16, 1))
    splits, notes = load_with_notes(folder)
    assert sizes(splits) == {"train": 42, "validation": 6, "test": 16}
    assert notes == []


@pytest.mark.parametrize(
    "columns", [[1], {"label": {"names": 5, "_type": "ClassLabel"}}, {"label": {"_type": "os.system"}}]
)
def test_parquet_whose_columns_are_said_to_be_nonsense_is_refused(columns, tmp_path):
    said = {"huggingface": json.dumps({"info": {"features": columns}})}
    table = pyarrow.table({"image": [b"film"], "label": [0]}).replace_schema_metadata(said)
    pyarrow.parquet.write_table(table, tmp_path / "train.parquet")
    assert "cannot be read as Parquet" in refusal(tmp_path)


@pytest.mark.parametrize(("one", "other"), [("val", "validation"), ("Train", "train"), ("eval", "test")])
def test_parquet_of_two_names_for_one_split_is_refused(one, other, tmp_path):
    parts = {
        "train": radiographs(48),
        "test": radiographs(16, 1),
        one: radiographs(8, 2),
        other: radiographs(8, 3),
    }
    sentence = refusal(write_parquet(tmp_path / "films", **parts))
    assert f"{one} and {other}, which both mean" in sentence


def test_parquet_without_a_word_for_a_split_is_train(tmp_path):
    folder = write_parquet(tmp_path / "films", part=radiographs(48))
    assert sizes(load_splits(folder)) == {"train": 36, "validation": 6, "test": 6}


def test_parquet_of_no_split_beside_train_is_named(tmp_path):
    folder = write_parquet(tmp_path / "films", train=radiographs(48), extra=radiographs(8))
    _, notes = load_with_notes(folder)
    assert "left out 1 file: 1 `.parquet`" in notes


def test_parquet_beside_class_folders_is_refused(kaggle_folder):
    write_parquet(kaggle_folder / "data", train=radiographs(16))
    assert "folders of images and data/train-00000-of-00001.parquet" in refusal(kaggle_folder)


def test_splits_of_the_hub_whose_names_mean_one_are_refused(tmp_path):
    DatasetDict(train=dataset(16), val=dataset(8), validation=dataset(8)).save_to_disk(tmp_path)
    assert "val and validation, which both mean validation" in refusal(tmp_path)


def test_several_labels_an_image_cannot_be_chosen(tmp_path):
    columns = {"image": radiographs(4)["image"], "label": [[0], [0, 1]] * 2}
    folder = write_parquet(tmp_path / "films", datasets.List(ClassLabel(names=["a", "b"])), train=columns)
    assert "one `label`" in refusal(folder)
