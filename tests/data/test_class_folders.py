"""Class folders: names of splits and classes, and what lies beside them."""

import shutil

import pytest
from image_sets import names, names_in, refusal

from hub.data.image_files import encoded_images
from hub.data.splits import load_splits, load_with_notes
from hub.errors import InputError


@pytest.fixture
def write_folder(tmp_path, write_noise):
    """A function that writes so many images to each class of each split; it returns the folder."""

    def write(classes=("cat", "dog"), folder="pets", **counts):
        for split, count in counts.items():
            for index in range(count):
                write_noise(tmp_path / folder / split / classes[index % len(classes)] / f"{split}{index}.png")
        return tmp_path / folder

    return write


def sizes(splits):
    return {name: len(rows) for name, rows in splits.items()}


def test_given_splits_are_kept_however_small(write_folder):
    splits, notes = load_with_notes(write_folder(train=24, val=6, test=6))
    assert sizes(splits) == {"train": 24, "validation": 6, "test": 6}
    assert any("only 6 images" in note for note in notes)


@pytest.mark.parametrize(
    ("name", "split"),
    [("dev", "validation"), ("Valid", "validation"), ("eval", "test"), ("evaluation", "test"),
     ("validation_set", "validation"), ("test_set", "test"), ("testing", "test")],
)  # fmt: skip
def test_splits_are_known_by_the_words_that_datasets_knows(name, split, write_folder):
    folder = write_folder(train=40, **{name: 6})
    splits, notes = load_with_notes(folder)
    assert sorted(names(splits[split])) == sorted(path.name for path in (folder / name).rglob("*.png"))
    said = any(f"took {name} as {split}" in note for note in notes)
    assert said == (name not in ("Valid", "testing"))


@pytest.mark.parametrize(
    "pair",
    [("val", "valid"), ("val", "validation"), ("dev", "val"), ("test", "testing"), ("eval", "test"),
     ("train", "training"), ("Train", "train"), ("test", "test_set")],
)  # fmt: skip
def test_two_folders_that_mean_one_split_are_refused_by_name(pair, write_folder):
    folder = write_folder(**{"train": 20, "test": 6} | dict.fromkeys(pair, 6))
    sentence = refusal(folder)
    assert f"{pair[0]} and {pair[1]}, which both mean" in sentence


def test_another_folder_beside_train_is_named(write_folder, write_noise):
    folder = write_folder(train=40, test=6, extra=8)
    write_noise(folder / "hold\nout" / "x.png")
    splits, notes = load_with_notes(folder)
    assert sum(sizes(splits).values()) == 46
    assert notes == ["left out the folder extra: 8 files", "left out the folder hold out: 1 file"]


def test_images_in_no_class_folder_are_named(write_folder, write_noise):
    folder = write_folder(train=40, test=6)
    write_noise(folder / "stray.png")
    write_noise(folder / "train" / "stray.png")
    _, notes = load_with_notes(folder)
    assert notes == ["left out 2 images in no class folder, such as stray.png"]


@pytest.mark.parametrize("name", ["Cat", "CAT", "cat "])
def test_a_class_is_the_same_in_any_case(name, write_folder):
    folder = write_folder(train=40, test=6)
    (folder / "test" / "cat").rename(folder / "test" / name)
    test = load_splits(folder)["test"]
    assert test.features["label"].names == ["cat", "dog"]
    for path, label in zip(encoded_images(test), test["label"], strict=True):
        assert ("dog" in path.split("/")) == (label == 1)


def test_train_normal_with_test_normal_is_one_class(kaggle_folder):
    (kaggle_folder / "test" / "NORMAL").rename(kaggle_folder / "test" / "Normal")
    splits = load_splits(kaggle_folder)
    assert splits["test"].features["label"].names == ["NORMAL", "PNEUMONIA"]
    assert names(splits["test"]) == names_in(kaggle_folder / "test")


def test_two_folders_of_one_class_are_refused_by_name(write_folder, write_noise):
    folder = write_folder(train=20, test=6)
    write_noise(folder / "train" / "Cat" / "x.png")
    sentence = refusal(folder)
    assert "'Cat'" in sentence and "'cat'" in sentence


def test_a_class_whose_name_a_terminal_would_obey_is_refused(kaggle_folder):
    for split in ("train", "test"):
        (kaggle_folder / split / "NORMAL").rename(kaggle_folder / split / "\x1b[2J")
    with pytest.raises(InputError, match=r"has a class '\\x1b\[2J', and a name has printable letters"):
        load_splits(kaggle_folder)


def test_folders_inside_a_class_are_part_of_it(write_folder):
    splits, notes = load_with_notes(write_folder(("site_a", "site_b"), cat=30, dog=30))
    assert splits["train"].features["label"].names == ["cat", "dog"]
    assert any("site_a" in note for note in notes)


def test_sites_that_each_hold_the_two_classes_are_no_classes(write_folder):
    folder = write_folder(("Normal", "Pneumonia"), site_a=20, site_b=20)
    assert "site_a, site_b" in refusal(folder)


@pytest.mark.parametrize("above", ["parent", "parent/archive"])
def test_a_folder_above_the_data_set_is_refused_and_the_right_one_named(
    above, kaggle_folder, tmp_path, write_noise
):
    (tmp_path / above).mkdir(parents=True)
    shutil.move(kaggle_folder, tmp_path / above / "chest_xray")
    write_noise(tmp_path / "parent" / "__MACOSX" / "train" / "NORMAL" / "x.jpeg")
    write_noise(tmp_path / "parent" / "pictures" / "x.jpeg")
    assert f"give {tmp_path / above / 'chest_xray'}," in refusal(tmp_path / "parent")


def test_a_folder_above_class_folders_is_refused_and_the_right_one_named(write_folder):
    folder = write_folder(pets=20)
    assert f"give {folder / 'pets'}." in refusal(folder)


def test_a_split_inside_itself_is_refused(write_folder):
    sentence = refusal(write_folder(**{"train/train": 20, "test": 6}))
    assert "holds only the folder train" in sentence and "cat, dog" in sentence


def test_splits_inside_classes_are_refused(write_folder):
    assert "such as test/cat" in refusal(write_folder(("train", "test"), cat=20, dog=20))


def test_a_split_without_class_folders_is_refused(write_folder, write_noise):
    folder = write_folder(train=20)
    write_noise(folder / "test" / "1.png")
    assert f"{folder / 'test'} has images but no class folders" in refusal(folder)


def test_the_data_set_beside_a_copy_of_itself_is_read_once(kaggle_folder):
    shutil.copytree(kaggle_folder, kaggle_folder / "chest_xray")
    splits, notes = load_with_notes(kaggle_folder)
    assert sum(sizes(splits).values()) == 150
    assert notes == ["left out the folder chest_xray: 150 files"]


def test_a_folder_with_an_archive_alone_is_refused(tmp_path):
    (tmp_path / "chest_xray.zip").write_bytes(b"PK")
    assert "chest_xray.zip; unpack it" in refusal(tmp_path)
