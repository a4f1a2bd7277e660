"""Sources: folders, Parquet and the Hub, and a sentence for what is no data set."""

import errno
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import ClassLabel, Dataset, Features, List, Value
from datasets.exceptions import DatasetGenerationError
from image_sets import features, names, names_in, radiographs, refusal, write_parquet

from hub.data.class_names import is_radiograph
from hub.data.image_files import encoded_images
from hub.data.splits import load_splits
from hub.errors import InputError

ROOT = Path(__file__).parents[2]


def test_lower_case_class_folders_become_the_classes_of_the_data_set(kaggle_folder):
    for split in ("train", "test"):
        for name in ("NORMAL", "PNEUMONIA"):
            (kaggle_folder / split / name).rename(kaggle_folder / split / name.capitalize())
    test = load_splits(kaggle_folder)["test"]
    assert test.features["label"].names == ["NORMAL", "PNEUMONIA"]
    for path, label in zip(encoded_images(test), test["label"], strict=True):
        assert ("person" in path) == (label == 1)


@pytest.mark.parametrize(("train", "test"), [("Train", "Test"), ("training", "testing"), ("TRAIN", "TEST")])
def test_split_folders_may_be_spelt_otherwise(kaggle_folder, train, test):
    (kaggle_folder / "train").rename(kaggle_folder / train)
    (kaggle_folder / "test").rename(kaggle_folder / test)
    splits = load_splits(kaggle_folder)
    assert splits["train"].features["label"].names == ["NORMAL", "PNEUMONIA"]
    assert names(splits["test"]) == names_in(kaggle_folder / test)


def test_hidden_files_and_what_is_no_image_are_ignored(kaggle_folder, write_noise):
    before = names(load_splits(kaggle_folder)["test"])
    test = kaggle_folder / "test"
    write_noise(test / "NORMAL" / ".hidden.jpeg")
    write_noise(test / "__MACOSX" / "NORMAL" / "IM-0900-0001.jpeg")
    write_noise(test / ".cache" / "IM-0900-0001.jpeg")
    write_noise(kaggle_folder / "__MACOSX" / "train" / "NORMAL" / "IM-0900-0001.jpeg")
    (test / "NORMAL" / "Thumbs.db").write_bytes(b"no image")
    (test / "NORMAL" / "folder.jpeg").mkdir()
    (test / "NORMAL" / "gone.jpeg").symlink_to("nowhere")
    assert names(load_splits(kaggle_folder)["test"]) == before


def test_only_the_two_classes_of_the_data_set_are_radiographs():
    assert is_radiograph(["NORMAL", "PNEUMONIA"])
    assert not is_radiograph(["cat", "dog"])


def test_columns_may_be_named_otherwise_and_labels_be_text(tmp_path):
    for split, count, seed in (("train", 48, 0), ("test", 16, 1)):
        columns = radiographs(count, seed)
        columns = {"img": columns["image"], "labels": [["cat", "dog"][label] for label in columns["label"]]}
        kinds = Features({"img": datasets.Image(), "labels": Value("string")})
        Dataset.from_dict(columns, kinds).to_parquet(tmp_path / "pets" / split / "0000.parquet")
    test = load_splits(tmp_path / "pets")["test"]
    assert test.features["label"].names == ["cat", "dog"]
    assert test["label"][:] == [0, 1] * 8


def test_a_path_that_is_not_there_is_refused():
    assert "There is no folder nowhere;" in refusal("nowhere")
    assert "There is no folder ../nowhere;" in refusal("../nowhere")
    assert "There is no folder /nowhere/at/all;" in refusal("/nowhere/at/all")


def test_a_zip_file_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "chest_xray.zip", "w"):
        pass
    assert "chest_xray.zip is a file" in refusal(tmp_path / "chest_xray.zip")


def test_the_folder_above_the_data_set_is_refused_and_the_right_one_named(kaggle_folder):
    assert f"give {kaggle_folder}," in refusal(kaggle_folder.parent)


def test_a_folder_of_several_parquet_data_sets_is_refused_and_one_named(tmp_path):
    for name in ("a", "b"):
        write_parquet(tmp_path / name, train=radiographs(16), test=radiographs(8, seed=1))
    assert f"such as {tmp_path / 'a'}." in refusal(tmp_path)


def test_one_class_is_refused(kaggle_folder):
    for split in ("train", "test"):
        shutil.rmtree(kaggle_folder / split / "NORMAL")
    assert "one class, PNEUMONIA" in refusal(kaggle_folder)


def test_a_folder_of_images_without_classes_is_refused(kaggle_folder):
    assert "has no class" in refusal(kaggle_folder / "train" / "NORMAL")


def test_an_empty_class_is_refused_by_name(kaggle_folder):
    (kaggle_folder / "train" / "TUBERCULOSIS").mkdir()
    (kaggle_folder / "test" / "TUBERCULOSIS").mkdir()
    assert f"{kaggle_folder / 'train' / 'TUBERCULOSIS'} has no images" in refusal(kaggle_folder)


def test_a_class_that_is_missing_from_a_split_is_refused_by_name(kaggle_folder):
    shutil.rmtree(kaggle_folder / "test" / "NORMAL")
    assert f"{kaggle_folder / 'test' / 'NORMAL'} has no images" in refusal(kaggle_folder)


def test_a_folder_with_a_test_but_no_train_split_is_refused(kaggle_folder):
    (kaggle_folder / "train").rename(kaggle_folder / "val")
    assert "none for train" in refusal(kaggle_folder)


def test_parquet_without_an_image_column_is_refused(tmp_path):
    Dataset.from_dict({"text": ["a", "b"], "label": [0, 1]}).to_parquet(tmp_path / "train.parquet")
    assert "has the columns text, label" in refusal(tmp_path)


def test_parquet_with_several_labels_an_image_is_refused(tmp_path):
    columns = {"image": radiographs(2)["image"], "label": [[0], [0, 1]]}
    folder = write_parquet(tmp_path / "parquet", List(ClassLabel(names=["a", "b"])), train=columns)
    assert "one `label`" in refusal(folder)


@pytest.mark.parametrize("data", [b"", b"PAR1 and nothing more"])
def test_a_corrupt_parquet_file_is_refused(data, tmp_path):
    (tmp_path / "train.parquet").write_bytes(data)
    assert "cannot be read as Parquet" in refusal(tmp_path)
    assert "cannot be read as Parquet" in refusal(tmp_path / "train.parquet")


def test_parquet_without_a_train_file_is_refused(tmp_path):
    assert "no train*.parquet" in refusal(write_parquet(tmp_path / "parquet", test=radiographs(8)))


@pytest.mark.parametrize(
    ("label", "theirs"),
    [
        (ClassLabel(names=["PNEUMONIA", "NORMAL"]), [0, 1] * 8),
        (Value("string"), ["PNEUMONIA", "TUBERCULOSIS"] * 8),
        (Value("string"), ["PNEUMONIA"] * 16),
    ],
    ids=["another order", "others", "fewer"],
)
def test_splits_of_different_classes_are_refused(label, theirs, tmp_path):
    folder = write_parquet(tmp_path / "parquet", train=radiographs(16))
    test = radiographs(16, seed=1) | {"label": theirs}
    Dataset.from_dict(test, features(label)).to_parquet(folder / "test.parquet")
    assert "but train has NORMAL, PNEUMONIA" in refusal(folder)


@pytest.mark.parametrize(
    ("column", "value"),
    [("label", None), ("label", -1), ("image", None), ("patient", None), ("patient", "nan")],
)
def test_rows_with_a_gap_are_refused(column, value, tmp_path):
    test = radiographs(16, seed=1) | {"patient": ["a"] * 16}
    test[column][5] = value
    train = radiographs(16) | {"patient": ["b"] * 16}
    others = {"patient": Value("string")}
    sentence = refusal(write_parquet(tmp_path / "parquet", others=others, train=train, test=test))
    assert "The test split" in sentence and f"rows without {column}" in sentence


def test_an_image_of_neither_bytes_nor_a_path_is_a_gap(tmp_path):
    columns = radiographs(16)
    columns["image"][5] = {"bytes": None, "path": None}
    pq.write_table(pa.table(columns), tmp_path / "train.parquet")
    assert "rows without image" in refusal(tmp_path)


def test_images_that_parquet_only_points_to_are_refused_when_they_are_not_there(tmp_path):
    columns = {"image": ["nowhere/1.png", "nowhere/2.png"] * 8, "label": ["a", "b"] * 8}
    Dataset.from_dict(columns).to_parquet(tmp_path / "train.parquet")
    assert "There is no file nowhere/1.png" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("cause", "raised"),
    [(OSError(errno.ENOSPC, "No space left on device"), OSError), (ValueError("no Parquet"), InputError)],
)
@pytest.mark.parametrize("source", ["some/images", "train.parquet"])
def test_a_full_disk_is_not_blamed_on_the_data(source, cause, raised, tmp_path, monkeypatch):
    def load(*_, **options):
        raise DatasetGenerationError("An error occurred while generating the dataset") from cause

    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.parquet").touch()
    monkeypatch.setattr(datasets, "load_dataset", load)
    with pytest.raises(raised) as refused:
        load_splits(source)
    assert isinstance(refused.value, InputError) == (raised is InputError)
    if raised is OSError:
        assert refused.value.filename == str(datasets.config.HF_DATASETS_CACHE), "and not on the output"


def test_a_hub_id_without_network_is_refused_with_a_way_out(tmp_path):
    # Offline by decree, in a process of its own: real attempts are repeated for half a minute.
    script = (
        "from hub.data.splits import load_splits\n"
        "from hub.errors import InputError\n"
        "try: load_splits('some/images')\n"
        "except InputError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    sentence = done.stdout.strip()
    assert sentence.startswith("The dataset some/images cannot be fetched; check the network"), done.stderr
    assert "--dataset DIR" in sentence and "--dataset synthetic" in sentence
    assert sentence.endswith(".") and "\n" not in sentence
