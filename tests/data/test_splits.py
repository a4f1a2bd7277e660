"""Splits: who is in which, what they share, and a sentence for data that cannot be used."""

import io
import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import datasets
import numpy as np
import pytest
import torch
from datasets import ClassLabel, Dataset, DatasetDict, Features, List, Value
from PIL import Image

from hub.data.decode_cache import cache_folder, decode
from hub.data.leakage import format_report, leak_report
from hub.data.patients import parse_name, patient_number
from hub.data.sources import is_radiograph
from hub.data.splits import load_splits, small_data
from hub.data.stored import digests_of, stored_images
from hub.errors import InputError
from hub.imaging.synthetic import sample_radiographs

ROOT = Path(__file__).parents[2]
NOTHING_SHARED = {"train/validation": 0, "train/test": 0, "validation/test": 0}


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    """What is read from Parquet is cached in a folder of the test's own."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))


def names(split):
    """The file names of a split that was read from folders."""
    return sorted(Path(path).name for path in stored_images(split))


def names_in(folder):
    return sorted(path.name for path in folder.rglob("*.jpeg"))


def numbers(split):
    return {patient_number(patient) for patient in split["patient"]}


def share(split, column):
    """How much of the split each value of the column is."""
    return {value: count / len(split) for value, count in Counter(split[column]).items()}


def jpeg(picture, **options):
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", **options)
    return buffer.getvalue()


def films(count, seed=0):
    """Synthetic films as Parquet stores them, and their labels."""
    pictures, labels = sample_radiographs(count, seed)
    return {"image": [{"bytes": jpeg(p, quality=95), "path": None} for p in pictures], "label": labels}


def features(label=None, **others):
    label = label or ClassLabel(names=["NORMAL", "PNEUMONIA"])
    return Features({"image": datasets.Image(), "label": label, **others})


def write_parquet(folder, label=None, others=None, **splits):
    """Write `{"image": ..., "label": ...}` per split as a Hub data set is laid out; return the folder."""
    folder.mkdir(parents=True)
    for split, columns in splits.items():
        kinds = features(label, **{n: kind for n, kind in (others or {}).items() if n in columns})
        Dataset.from_dict(columns, kinds).to_parquet(folder / f"{split}-00000-of-00001.parquet")
    return folder


def refusal(source):
    """The one sentence with which the source is refused."""
    with pytest.raises(InputError) as caught:
        load_splits(source)
    sentence = str(caught.value)
    assert sentence.endswith(".") and ". " not in sentence and "\n" not in sentence
    return sentence


# Folders as Kaggle has them


def test_a_given_test_split_is_never_moved(kaggle_folder):
    splits = load_splits(kaggle_folder)
    assert names(splits["test"]) == names_in(kaggle_folder / "test")
    assert sorted(names(splits["train"]) + names(splits["validation"])) == names_in(kaggle_folder / "train")


def test_validation_is_one_eighth_of_train(kaggle_folder):
    splits = load_splits(kaggle_folder)
    assert 120 / 8 - 3 <= len(splits["validation"]) <= 120 / 8 + 3


def test_no_patient_number_is_in_both_train_and_validation(kaggle_folder):
    for seed in range(5):
        splits = load_splits(kaggle_folder, seed)
        assert not numbers(splits["train"]) & numbers(splits["validation"])
        assert leak_report(splits)["shared_numbers"]["train/validation"] == 0


def test_classes_and_subtypes_have_the_same_shares_in_train_and_validation(kaggle_folder):
    splits = load_splits(kaggle_folder)
    for column in ("label", "subtype"):
        train, validation = share(splits["train"], column), share(splits["validation"], column)
        assert validation == pytest.approx(train, abs=0.06)


def test_byte_identical_images_are_in_one_split_whoever_they_are_said_to_be_of(kaggle_folder):
    folder = kaggle_folder / "train" / "NORMAL"
    for number in range(1, 13):
        shutil.copy(folder / f"IM-{number:04}-0001.jpeg", folder / f"IM-{number + 12:04}-0001.jpeg")
    for seed in range(3):
        splits = load_splits(kaggle_folder, seed)
        assert not set(digests_of(splits["train"])) & set(digests_of(splits["validation"]))
        report = leak_report(splits)
        assert report["identical_groups"] == 12
        assert report["shared_images"] == NOTHING_SHARED


def test_the_same_seed_gives_the_same_split_and_another_seed_another(kaggle_folder):
    first, again, other = (names(load_splits(kaggle_folder, seed)["validation"]) for seed in (0, 0, 1))
    assert first == again != other


def test_the_official_validation_folder_of_16_joins_train(kaggle_folder, write_noise):
    for index in range(8):
        write_noise(kaggle_folder / "val" / "NORMAL" / f"NORMAL2-IM-{200 + index}-0001.jpeg")
        write_noise(kaggle_folder / "val" / "PNEUMONIA" / f"person{300 + index}_bacteria_1.jpeg")
    splits = load_splits(kaggle_folder)
    assert 136 / 8 - 3 <= len(splits["validation"]) <= 136 / 8 + 3
    given = set(names_in(kaggle_folder / "val"))
    assert given & set(names(splits["train"]))
    assert len(splits["train"]) + len(splits["validation"]) == 136
    assert names(splits["test"]) == names_in(kaggle_folder / "test")


def test_a_validation_split_of_100_is_used_as_it_is(kaggle_folder, write_noise):
    for index in range(50):
        write_noise(kaggle_folder / "val" / "NORMAL" / f"NORMAL2-IM-{200 + index}-0001.jpeg")
        write_noise(kaggle_folder / "val" / "PNEUMONIA" / f"person{300 + index}_bacteria_1.jpeg")
    splits = load_splits(kaggle_folder)
    for split, folder in (("train", "train"), ("validation", "val"), ("test", "test")):
        assert names(splits[split]) == names_in(kaggle_folder / folder)


def test_a_folder_without_splits_is_split_by_patient(kaggle_folder):
    splits = load_splits(kaggle_folder / "train")
    assert set(splits) == {"train", "validation", "test"}
    assert sum(map(len, splits.values())) == 120
    assert 120 / 8 - 3 <= len(splits["test"]) <= 120 / 8 + 3
    assert 105 / 8 - 3 <= len(splits["validation"]) <= 105 / 8 + 3
    assert leak_report(splits)["shared_numbers"] == NOTHING_SHARED


def test_lower_case_class_folders_become_the_classes_of_the_data_set(kaggle_folder):
    for split in ("train", "test"):
        for name in ("NORMAL", "PNEUMONIA"):
            (kaggle_folder / split / name).rename(kaggle_folder / split / name.capitalize())
    test = load_splits(kaggle_folder)["test"]
    assert test.features["label"].names == ["NORMAL", "PNEUMONIA"]
    for path, label in zip(stored_images(test), test["label"], strict=True):
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


def test_columns_are_image_label_patient_and_subtype(kaggle_folder):
    for split in load_splits(kaggle_folder).values():
        assert split.features == features(patient=Value("string"), subtype=Value("string"))
    test = load_splits(kaggle_folder)["test"]
    files = [Path(path).name for path in stored_images(test)]
    rows = dict(zip(files, test.remove_columns("image"), strict=True))
    assert rows["person101_virus_106.jpeg"] == {"label": 1, "patient": "person101_virus", "subtype": "virus"}
    assert rows["IM-0101-0002.jpeg"] == {"label": 0, "patient": "IM-0101", "subtype": "none"}
    assert test[0]["image"].size == (48, 40)


@pytest.mark.parametrize(
    ("name", "patient", "number"),
    [
        ("person1000_bacteria_2931.jpeg", "person1000_bacteria", "person1000"),
        ("person1_virus_6.jpeg", "person1_virus", "person1"),
        ("IM-0115-0001.jpeg", "IM-0115", "IM-0115"),
        ("NORMAL2-IM-0115-0001-0002.jpeg", "NORMAL2-IM-0115", "IM-0115"),
    ],
)
def test_a_file_name_tells_the_patient(name, patient, number):
    assert parse_name(name)[0] == patient
    assert patient_number(patient) == number


@pytest.mark.parametrize("name", ["", "scan.jpeg", "person_1.jpeg", "person1.jpeg", "00000001_000.png"])
def test_other_file_names_tell_no_patient(name):
    assert parse_name(name) is None


def test_only_the_two_classes_of_the_data_set_are_radiographs():
    assert is_radiograph(["NORMAL", "PNEUMONIA"])
    assert not is_radiograph(["cat", "dog"])


# Parquet, as on the Hub


def test_parquet_with_file_names_knows_the_patients(kaggle_folder, tmp_path):
    for split, numbers_of_rows in (("train", 120), ("test", 30)):
        paths = sorted(map(str, (kaggle_folder / split).rglob("*.jpeg")))
        columns = {"image": paths, "label": ["PNEUMONIA" in path for path in paths]}
        assert len(paths) == numbers_of_rows
        Dataset.from_dict(columns, features()).to_parquet(tmp_path / "parquet" / f"{split}.parquet")
    splits, expected = load_splits(tmp_path / "parquet"), load_splits(kaggle_folder)
    for name, split in splits.items():
        assert sorted(split["patient"]) == sorted(expected[name]["patient"])
    assert leak_report(splits)["patients_known"]


def test_near_duplicates_stand_for_patients_where_names_are_missing(tmp_path):
    train, test = films(40), films(16, seed=1)
    original = Image.open(io.BytesIO(train["image"][3]["bytes"]))
    test["image"][0] = {"bytes": jpeg(original, quality=50), "path": None}
    splits = load_splits(write_parquet(tmp_path / "films", train=train, test=test))
    report = leak_report(splits)
    assert not report["patients_known"]
    assert sum(report["patients"].values()) == 56, "55 films, one of them in two splits"
    assert report["shared_patients"]["train/test"] + report["shared_patients"]["validation/test"] == 1
    assert report["shared_images"] == NOTHING_SHARED
    assert "patients are unknown" in format_report(report)


def test_near_duplicates_are_kept_out_of_validation(tmp_path):
    train = films(24)
    copies = [
        {"bytes": jpeg(Image.open(io.BytesIO(image["bytes"])), quality=50), "path": None}
        for image in train["image"]
    ]
    train = {"image": train["image"] + copies, "label": train["label"] * 2}
    report = leak_report(load_splits(write_parquet(tmp_path / "films", train=train, test=films(16, seed=1))))
    assert report["shared_patients"]["train/validation"] == 0
    assert report["patients"]["train"] + report["patients"]["validation"] == 24


def test_one_parquet_file_is_split_in_three(tmp_path):
    folder = write_parquet(tmp_path / "films", train=films(48))
    splits = load_splits(folder / "train-00000-of-00001.parquet")
    assert [len(splits[split]) for split in ("train", "validation", "test")] == [36, 6, 6]


def test_given_patients_are_taken_at_their_word_and_may_be_numbers(tmp_path):
    train = films(48) | {"patient": [index // 3 for index in range(48)]}
    test = films(16, seed=1) | {"patient": list(range(100, 116))}
    others = {"patient": Value("int64")}
    splits = load_splits(write_parquet(tmp_path / "films", others=others, train=train, test=test))
    assert splits["test"]["patient"][:2] == ["100", "101"]
    assert leak_report(splits)["shared_patients"] == NOTHING_SHARED
    assert splits["test"]["subtype"][:] == ["none"] * 16


def test_columns_may_be_named_otherwise_and_labels_be_text(tmp_path):
    for split, count, seed in (("train", 48, 0), ("test", 16, 1)):
        columns = films(count, seed)
        columns = {"img": columns["image"], "labels": [["cat", "dog"][label] for label in columns["label"]]}
        kinds = Features({"img": datasets.Image(), "labels": Value("string")})
        Dataset.from_dict(columns, kinds).to_parquet(tmp_path / "pets" / split / "0000.parquet")
    test = load_splits(tmp_path / "pets")["test"]
    assert test.features["label"].names == ["cat", "dog"]
    assert test["label"][:] == [0, 1] * 8


# Synthetic


def test_synthetic_films_are_grey_and_of_both_classes_and_no_two_are_the_same():
    splits, other = load_splits("synthetic"), load_splits("synthetic", seed=1)
    assert [len(splits[split]) for split in ("train", "validation", "test")] == [320, 64, 64]
    for split in splits.values():
        assert split.features == features(patient=Value("string"), subtype=Value("string"))
        assert set(split["label"]) == {0, 1}
        assert {(image.mode, image.size) for image in split[:64]["image"]} == {("L", (224, 224))}
    report = leak_report(splits)
    assert report["shared_images"] == report["shared_patients"] == NOTHING_SHARED
    seen = [digest for given in (splits, other) for split in given.values() for digest in digests_of(split)]
    assert len(set(seen)) == 2 * 448


def test_the_same_seed_draws_the_same_synthetic_films_whatever_their_number():
    two, labels = sample_radiographs(2, seed=5)
    assert labels == [0, 1]
    assert two == sample_radiographs(4, seed=5)[0][:2]
    assert two != sample_radiographs(2, seed=6)[0]


# What the splits share


def test_the_leak_report_counts_a_leak_of_each_kind():
    def split(*rows):
        images = [{"bytes": data, "path": None} for data, _ in rows]
        columns = {"image": images, "label": [0] * len(rows), "patient": [patient for _, patient in rows]}
        return Dataset.from_dict(columns, features(patient=Value("string")))

    splits = DatasetDict(
        train=split((b"1", "person1_virus"), (b"2", "person2_virus"), (b"2", "IM-0003"), (b"3", "IM-0004")),
        validation=split((b"4", "person1_bacteria"), (b"3", "NORMAL2-IM-0005")),
        test=split((b"3", "person2_virus"), (b"5", "IM-0005"), (b"6", "person1_virus")),
    )
    report = leak_report(splits)
    assert report == {
        "images": {"train": 4, "validation": 2, "test": 3},
        "patients": {"train": 4, "validation": 2, "test": 3},
        "patients_known": True,
        "identical_groups": 2,
        "shared_patients": {"train/validation": 0, "train/test": 2, "validation/test": 0},
        "shared_numbers": {"train/validation": 1, "train/test": 2, "validation/test": 2},
        "shared_images": {"train/validation": 1, "train/test": 1, "validation/test": 1},
    }
    assert "shared patients: train/validation 0, train/test 2, validation/test 0" in format_report(report)


# Refusals


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
        write_parquet(tmp_path / name, train=films(16), test=films(8, seed=1))
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


def test_too_few_images_to_hold_some_back_are_refused(tmp_path, write_noise):
    def write(start, stop):
        for index in range(start, stop):
            write_noise(tmp_path / "cat" / f"{index}.png")
            write_noise(tmp_path / "dog" / f"{index}.png")

    write(0, 5)
    assert "at least 10 per class" in refusal(tmp_path)
    write(5, 10)
    assert len(load_splits(tmp_path)["train"]) == 12


def test_of_pictures_that_are_no_radiographs_a_fifth_is_held_back(tmp_path, write_noise):
    for index in range(50):
        write_noise(tmp_path / "train" / "cat" / f"{index}.png")
        write_noise(tmp_path / "train" / "dog" / f"{index}.png")
    for name in ("cat", "dog"):
        write_noise(tmp_path / "test" / name / "1.png")
    splits = load_splits(tmp_path)
    assert {name: len(split) for name, split in splits.items()} == {"train": 80, "validation": 20, "test": 2}


def test_of_many_pictures_five_thousand_are_held_back(monkeypatch, tmp_path, write_noise):
    monkeypatch.setattr("hub.data.splits.MAX_HELD_OUT", 10)
    for index in range(50):
        write_noise(tmp_path / "train" / "cat" / f"{index}.png")
        write_noise(tmp_path / "train" / "dog" / f"{index}.png")
    for name in ("cat", "dog"):
        write_noise(tmp_path / "test" / name / "1.png")
    assert len(load_splits(tmp_path)["validation"]) == 10


def test_small_data_is_drawn_from_train_and_validation_and_leaves_test_alone():
    splits = load_splits("synthetic")
    with pytest.raises(InputError, match="class of under 195 images"):
        small_data(splits)
    many = DatasetDict(splits | {"train": datasets.concatenate_datasets([splits["train"]] * 2)})
    small = small_data(many)
    assert {name: Counter(split["label"]) for name, split in small.items()} == {
        "train": {0: 195, 1: 195}, "validation": {0: 8, 1: 8}, "test": Counter(splits["test"]["label"])
    }  # fmt: skip
    assert set(small["validation"]["patient"]) <= set(splits["validation"]["patient"])
    assert small["train"]["patient"] == small_data(many)["train"]["patient"]


def test_too_few_patients_to_hold_some_back_are_refused(tmp_path, write_noise):
    for index in range(20):
        write_noise(tmp_path / "NORMAL" / f"IM-{index % 2:04}-{index:04}.jpeg")
        write_noise(tmp_path / "PNEUMONIA" / f"person{index % 2}_virus_{index}.jpeg")
    assert "too few patients" in refusal(tmp_path)


def test_parquet_without_an_image_column_is_refused(tmp_path):
    Dataset.from_dict({"text": ["a", "b"], "label": [0, 1]}).to_parquet(tmp_path / "train.parquet")
    assert "has the columns text, label" in refusal(tmp_path)


def test_parquet_with_several_labels_an_image_is_refused(tmp_path):
    columns = {"image": films(2)["image"], "label": [[0], [0, 1]]}
    folder = write_parquet(tmp_path / "films", List(ClassLabel(names=["a", "b"])), train=columns)
    assert "one `label`" in refusal(folder)


@pytest.mark.parametrize("data", [b"", b"PAR1 and nothing more"])
def test_a_corrupt_parquet_file_is_refused(data, tmp_path):
    (tmp_path / "train.parquet").write_bytes(data)
    assert "cannot be read as Parquet" in refusal(tmp_path)
    assert "cannot be read as Parquet" in refusal(tmp_path / "train.parquet")


def test_parquet_without_a_train_file_is_refused(tmp_path):
    assert "no train*.parquet" in refusal(write_parquet(tmp_path / "films", test=films(8)))


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
    folder = write_parquet(tmp_path / "films", train=films(16))
    test = films(16, seed=1) | {"label": theirs}
    Dataset.from_dict(test, features(label)).to_parquet(folder / "test.parquet")
    assert "but train has NORMAL, PNEUMONIA" in refusal(folder)


def test_a_class_without_a_row_in_test_is_refused_by_name(tmp_path):
    test = films(16, seed=1) | {"label": [0] * 16}
    assert "no PNEUMONIA" in refusal(write_parquet(tmp_path / "films", train=films(16), test=test))


@pytest.mark.parametrize(
    ("column", "value"), [("label", None), ("label", -1), ("image", None), ("patient", None)]
)
def test_rows_with_a_gap_are_refused(column, value, tmp_path):
    test = films(16, seed=1) | {"patient": ["a"] * 16}
    test[column][5] = value
    train = films(16) | {"patient": ["b"] * 16}
    others = {"patient": Value("string")}
    sentence = refusal(write_parquet(tmp_path / "films", others=others, train=train, test=test))
    assert "The test split" in sentence and f"rows without {column}" in sentence


def test_images_that_parquet_only_points_to_are_refused_when_they_are_not_there(tmp_path):
    columns = {"image": ["nowhere/1.png", "nowhere/2.png"] * 8, "label": ["a", "b"] * 8}
    Dataset.from_dict(columns).to_parquet(tmp_path / "train.parquet")
    assert "There is no file nowhere/1.png" in refusal(tmp_path)


def test_a_hub_id_without_network_is_refused_with_a_way_out(tmp_path):
    # Offline by decree, in a process of its own: real attempts are repeated for half a minute.
    script = (
        "from hub.data.splits import load_splits\n"
        "from hub.errors import InputError\n"
        "try: load_splits('some/films')\n"
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
    assert sentence.startswith("The dataset some/films cannot be fetched; check the network"), done.stderr
    assert "--dataset DIR" in sentence and "--dataset synthetic" in sentence
    assert sentence.endswith(".") and "\n" not in sentence


def test_an_unreadable_file_is_named_when_it_is_decoded(kaggle_folder):
    path = kaggle_folder / "test" / "NORMAL" / "IM-0101-0001.jpeg"
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(InputError, match=str(path)):
        decode(load_splits(kaggle_folder)["test"], 32, 1, radiograph=True)


def test_an_unreadable_image_in_parquet_is_numbered_when_it_is_decoded(tmp_path):
    test = films(16, seed=1)
    test["image"][5] = {"bytes": b"", "path": None}
    cats = ClassLabel(names=["cat", "dog"])
    splits = load_splits(write_parquet(tmp_path / "pets", cats, train=films(16), test=test))
    with pytest.raises(InputError, match="Image 5 of the data set"):
        decode(splits["test"], 32, 3, radiograph=False)


def test_decoded_images_and_labels_keep_their_order(kaggle_folder):
    test = load_splits(kaggle_folder)["test"]
    images, labels = decode(test, 40, 1, radiograph=True)
    assert images.shape == (30, 1, 40, 40)
    assert labels.tolist() == test["label"][:]
    expected = Image.open(list(stored_images(test))[7]).resize((40, 40), Image.Resampling.BICUBIC)
    assert images[7, 0].tolist() == np.asarray(expected).tolist()


# Decoded once


def cached():
    return sorted(cache_folder().iterdir())


def test_what_was_decoded_once_is_read_from_the_cache(kaggle_folder):
    test = load_splits(kaggle_folder)["test"]
    images, labels = decode(test, 40, 1, radiograph=True)
    again, labels_again = decode(test, 40, 1, radiograph=True)
    assert torch.equal(images, again) and torch.equal(labels, labels_again)
    (path,) = cached()
    np.save(path, np.full_like(np.load(path), 7))
    assert (decode(test, 40, 1, radiograph=True)[0] == 7).all()


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
    path = Path(next(stored_images(second)))
    Image.new("L", (40, 40), 9).save(path)
    assert (decode(second, 40, 1, radiograph=True)[0][0] == 9).all()


@pytest.mark.parametrize("damage", ["cut short", "too long", "empty", "another shape", "no array"])
def test_a_damaged_cache_file_is_made_again(kaggle_folder, damage):
    test = load_splits(kaggle_folder)["test"]
    images, _ = decode(test, 40, 1, radiograph=True)
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
        }[damage]
    )
    assert torch.equal(decode(test, 40, 1, radiograph=True)[0], images)
    assert [file.read_bytes() for file in cached()] == [content]


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


def test_decoded_films_are_for_their_owner_alone(kaggle_folder):
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


# The real films


def test_the_real_films_are_split_without_a_patient_in_two_splits(shared):
    splits = load_splits(shared / "data" / "chest_xray")
    report = leak_report(splits)
    assert report["images"] == {"train": 4564, "validation": 652, "test": 624}
    assert report["patients_known"]
    assert report["shared_patients"] == NOTHING_SHARED
    assert report["shared_images"] == NOTHING_SHARED
    assert report["identical_groups"] == 30
    # The official split lets bare numbers stand in train and test; train and validation share none.
    assert report["shared_numbers"]["train/validation"] == 0
    assert report["shared_numbers"]["train/test"] + report["shared_numbers"]["validation/test"] == 264
    train, validation = share(splits["train"], "subtype"), share(splits["validation"], "subtype")
    assert validation == pytest.approx(train, abs=0.01)


def test_one_film_with_an_odd_name_does_not_loosen_the_split_of_the_others(kaggle_folder):
    odd = next((kaggle_folder / "train" / "PNEUMONIA").iterdir())
    odd.rename(odd.with_name("scan.jpeg"))
    splits = load_splits(kaggle_folder)
    report = leak_report(splits)
    assert not report["patients_known"]
    assert (
        sum(patient.startswith("unknown-") for split in splits.values() for patient in split["patient"]) == 1
    )
    assert report["shared_numbers"]["train/validation"] == 0
