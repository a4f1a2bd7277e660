"""Splits: who is in which, and what is too little to be split."""

import io
import shutil
from collections import Counter
from pathlib import Path

import datasets
import pytest
from datasets import Dataset, DatasetDict, Value
from image_sets import NOTHING_SHARED, features, jpeg, names, names_in, radiographs, refusal, write_parquet
from PIL import Image

from hub.data.image_files import encoded_images, sha256_digests
from hub.data.leakage import leak_report
from hub.data.patients import patient_number
from hub.data.splits import is_official, load_splits, load_with_notes, small_data
from hub.errors import InputError


def numbers(split):
    return {patient_number(patient) for patient in split["patient"]}


def share(split, column):
    """How much of the split each value of the column is."""
    return {value: count / len(split) for value, count in Counter(split[column]).items()}


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
        assert not set(sha256_digests(splits["train"])) & set(sha256_digests(splits["validation"]))
        report = leak_report(splits)
        assert report["identical_groups"] == 12
        assert report["shared_images"] == NOTHING_SHARED


def test_the_same_seed_gives_the_same_split_and_another_seed_another(kaggle_folder):
    first, again, other = (names(load_splits(kaggle_folder, seed)["validation"]) for seed in (0, 0, 1))
    assert first == again != other


def write_validation(folder, write_noise, each):
    """Write so many validation images of each class, named as Kermany et al. named theirs."""
    for index in range(each):
        write_noise(folder / "val" / "NORMAL" / f"NORMAL2-IM-{200 + index}-0001.jpeg")
        write_noise(folder / "val" / "PNEUMONIA" / f"person{300 + index}_bacteria_1.jpeg")


def test_the_official_validation_folder_of_16_joins_train_and_the_report_says_so(kaggle_folder, write_noise):
    write_validation(kaggle_folder, write_noise, 8)
    splits, notes = load_with_notes(kaggle_folder)
    assert any("16 images of the official validation folder" in note for note in notes)
    assert 136 / 8 - 3 <= len(splits["validation"]) <= 136 / 8 + 3
    given = set(names_in(kaggle_folder / "val"))
    assert given & set(names(splits["train"]))
    assert len(splits["train"]) + len(splits["validation"]) == 136
    assert names(splits["test"]) == names_in(kaggle_folder / "test")


@pytest.mark.parametrize("each", [1, 7, 9, 50])
def test_any_other_validation_split_is_used_as_it_is(each, kaggle_folder, write_noise):
    write_validation(kaggle_folder, write_noise, each)
    splits, notes = load_with_notes(kaggle_folder)
    for split, folder in (("train", "train"), ("validation", "val"), ("test", "test")):
        assert names(splits[split]) == names_in(kaggle_folder / folder)
    assert [f"only {2 * each} images" in note for note in notes] == [True] * (each < 50)


def test_16_validation_images_that_are_not_the_official_ones_stay(kaggle_folder, write_noise):
    write_validation(kaggle_folder, write_noise, 8)
    odd = next((kaggle_folder / "val" / "NORMAL").iterdir())
    odd.rename(odd.with_name("scan.jpeg"))
    assert len(load_splits(kaggle_folder)["validation"]) == 16


def test_16_validation_images_of_parquet_stay(tmp_path):
    parts = {"train": radiographs(48), "validation": radiographs(16, 1), "test": radiographs(16, 2)}
    assert len(load_splits(write_parquet(tmp_path / "plain", **parts))["validation"]) == 16
    named = [f"NORMAL2-IM-{n}-0001.jpeg" if n % 2 == 0 else f"person{n}_virus_1.jpeg" for n in range(16)]
    for image, name in zip(parts["validation"]["image"], named, strict=True):
        image["path"] = name
    for part in parts.values():
        part["patient"] = [f"patient {n}" for n in range(len(part["label"]))]
    folder = write_parquet(tmp_path / "patients", others={"patient": Value("string")}, **parts)
    assert len(load_splits(folder)["validation"]) == 16


@pytest.mark.parametrize(("train", "joined"), [(5216, True), (5214, False)])
def test_the_official_images_are_known_by_their_counts_where_they_have_no_names(train, joined):
    def rows(count):
        images = [{"bytes": bytes([index % 256]), "path": None} for index in range(count)]
        return Dataset.from_dict({"image": images, "label": [0, 1] * (count // 2)}, features())

    assert is_official({"train": rows(train), "validation": rows(16)}) == joined


def test_a_folder_without_splits_is_split_by_patient(kaggle_folder):
    splits = load_splits(kaggle_folder / "train")
    assert set(splits) == {"train", "validation", "test"}
    assert sum(map(len, splits.values())) == 120
    assert 120 / 8 - 3 <= len(splits["test"]) <= 120 / 8 + 3
    assert 105 / 8 - 3 <= len(splits["validation"]) <= 105 / 8 + 3
    assert leak_report(splits)["shared_numbers"] == NOTHING_SHARED


def test_columns_are_image_label_patient_and_subtype(kaggle_folder):
    for split in load_splits(kaggle_folder).values():
        assert split.features == features(patient=Value("string"), subtype=Value("string"))
    test = load_splits(kaggle_folder)["test"]
    files = [Path(path).name for path in encoded_images(test)]
    rows = dict(zip(files, test.remove_columns("image"), strict=True))
    assert rows["person101_virus_106.jpeg"] == {"label": 1, "patient": "person101_virus", "subtype": "virus"}
    assert rows["IM-0101-0002.jpeg"] == {"label": 0, "patient": "IM-0101", "subtype": "none"}
    assert test[0]["image"].size == (48, 40)


def test_near_duplicates_are_kept_out_of_validation(tmp_path):
    train = radiographs(24)
    copies = [
        {"bytes": jpeg(Image.open(io.BytesIO(image["bytes"])), quality=50), "path": None}
        for image in train["image"]
    ]
    train = {"image": train["image"] + copies, "label": train["label"] * 2}
    folder = write_parquet(tmp_path / "parquet", train=train, test=radiographs(16, seed=1))
    report = leak_report(load_splits(folder))
    assert report["shared_patients"]["train/validation"] == 0
    assert report["patients"]["train"] + report["patients"]["validation"] == 24


def test_one_parquet_file_is_split_in_three(tmp_path):
    folder = write_parquet(tmp_path / "parquet", train=radiographs(48))
    splits = load_splits(folder / "train-00000-of-00001.parquet")
    assert [len(splits[split]) for split in ("train", "validation", "test")] == [36, 6, 6]


def test_given_patients_are_taken_at_their_word_and_may_be_numbers(tmp_path):
    train = radiographs(48) | {"patient": [index // 3 for index in range(48)]}
    test = radiographs(16, seed=1) | {"patient": list(range(100, 116))}
    others = {"patient": Value("int64")}
    splits = load_splits(write_parquet(tmp_path / "parquet", others=others, train=train, test=test))
    assert splits["test"]["patient"][:2] == ["100", "101"]
    assert leak_report(splits)["shared_patients"] == NOTHING_SHARED
    assert splits["test"]["subtype"][:] == ["none"] * 16


def test_synthetic_radiographs_are_grey_and_of_both_classes_and_no_two_are_the_same():
    splits, other = load_splits("synthetic"), load_splits("synthetic", seed=1)
    assert [len(splits[split]) for split in ("train", "validation", "test")] == [320, 64, 64]
    for split in splits.values():
        assert split.features == features(patient=Value("string"), subtype=Value("string"))
        assert set(split["label"]) == {0, 1}
        assert {(image.mode, image.size) for image in split[:64]["image"]} == {("L", (224, 224))}
    report = leak_report(splits)
    assert report["shared_images"] == report["shared_patients"] == NOTHING_SHARED
    seen = [
        digest for given in (splits, other) for split in given.values() for digest in sha256_digests(split)
    ]
    assert len(set(seen)) == 2 * 448


def test_too_few_images_to_hold_some_back_are_refused(tmp_path, write_noise):
    def write(start, stop):
        for index in range(start, stop):
            write_noise(tmp_path / "cat" / f"{index}.png")
            write_noise(tmp_path / "dog" / f"{index}.png")

    write(0, 5)
    assert "at least 10 per class" in refusal(tmp_path)
    write(5, 10)
    assert len(load_splits(tmp_path)["train"]) == 12


def test_of_images_that_are_no_radiographs_a_fifth_is_held_back(tmp_path, write_noise):
    for index in range(50):
        write_noise(tmp_path / "train" / "cat" / f"{index}.png")
        write_noise(tmp_path / "train" / "dog" / f"{index}.png")
    for name in ("cat", "dog"):
        write_noise(tmp_path / "test" / name / "1.png")
    splits = load_splits(tmp_path)
    assert {name: len(split) for name, split in splits.items()} == {"train": 80, "validation": 20, "test": 2}


def test_of_many_images_five_thousand_are_held_back(monkeypatch, tmp_path, write_noise):
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


def test_a_class_without_a_row_in_test_is_refused_by_name(tmp_path):
    test = radiographs(16, seed=1) | {"label": [0] * 16}
    folder = write_parquet(tmp_path / "parquet", train=radiographs(16), test=test)
    assert "no PNEUMONIA" in refusal(folder)


def test_one_radiograph_with_an_odd_name_does_not_loosen_the_split_of_the_others(kaggle_folder):
    odd = next((kaggle_folder / "train" / "PNEUMONIA").iterdir())
    odd.rename(odd.with_name("scan.jpeg"))
    splits = load_splits(kaggle_folder)
    report = leak_report(splits)
    assert not report["patients_known"]
    assert (
        sum(patient.startswith("unknown-") for split in splits.values() for patient in split["patient"]) == 1
    )
    assert report["shared_numbers"]["train/validation"] == 0


@pytest.mark.real_data
def test_the_real_radiographs_are_split_without_a_patient_in_two_splits(shared):
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
