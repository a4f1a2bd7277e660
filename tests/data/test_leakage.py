"""What splits share: patients, patient numbers, images and near-duplicates."""

import io

from datasets import Dataset, DatasetDict, Value
from image_sets import NOTHING_SHARED, features, jpeg, radiographs, write_parquet
from PIL import Image

from hub.data.leakage import format_report, leak_report
from hub.data.splits import load_splits


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
        "groups": "patients",
        "patients_known": True,
        "identical_groups": 2,
        "shared_patients": {"train/validation": 0, "train/test": 2, "validation/test": 0},
        "shared_numbers": {"train/validation": 1, "train/test": 2, "validation/test": 2},
        "shared_images": {"train/validation": 1, "train/test": 1, "validation/test": 1},
    }
    assert "shared patients: train/validation 0, train/test 2, validation/test 0" in format_report(report)
    assert format_report(report, ["left out 1 file"]).endswith("note: left out 1 file")


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
    train, test = radiographs(40), radiographs(16, seed=1)
    original = Image.open(io.BytesIO(train["image"][3]["bytes"]))
    test["image"][0] = {"bytes": jpeg(original, quality=50), "path": None}
    splits = load_splits(write_parquet(tmp_path / "parquet", train=train, test=test))
    report = leak_report(splits)
    assert not report["patients_known"]
    assert sum(report["patients"].values()) == 56, "55 radiographs, one of them in two splits"
    assert report["shared_patients"]["train/test"] + report["shared_patients"]["validation/test"] == 1
    assert report["shared_images"] == NOTHING_SHARED
    assert "shared groups of copies: " in format_report(report)
    assert "patient" not in format_report(report), "it may be of photographs"


def test_images_that_show_nobody_have_no_patients_to_share():
    report = leak_report(load_splits("synthetic"))
    assert (report["groups"], report["patients_known"]) == ("", False)
    lines = format_report(report).splitlines()
    assert lines[0].split() == ["train", "320", "images"]
    assert [line.split(":")[0] for line in lines if "shared" in line] == ["shared byte-identical images"]
