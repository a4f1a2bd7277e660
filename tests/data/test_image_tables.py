"""Tables of file names and classes beside images."""

import json

import pandas as pd
import pytest
from image_sets import refusal
from pyarrow.lib import ArrowNotImplementedError

from hub.data.file_tree import read_tree
from hub.data.image_files import file_names
from hub.data.image_tables import open_table
from hub.data.splits import load_splits, load_with_notes
from hub.errors import InputError


@pytest.fixture
def write_images(tmp_path, write_noise):
    """A function that writes images to a folder of the data set; it returns the data set."""

    def write(folder="images", count=40, name="{:03}.png"):
        for index in range(count):
            write_noise(tmp_path / "set" / folder / name.format(index))
        return tmp_path / "set"

    return write


def csv(header, count=40, row="{:03}.png,{}"):
    return header + "\n" + "".join(row.format(n, "ab"[n % 2], n // 4) + "\n" for n in range(count))


def sizes(splits):
    return {name: len(rows) for name, rows in splits.items()}


def labels(rows):
    """The class of each file."""
    names = rows.features["label"].names
    return {name: names[label] for name, label in zip(file_names(rows), rows["label"], strict=True)}


def check(splits, count=40):
    """Check that each image has the class of its number."""
    found = {name: label for rows in splits.values() for name, label in labels(rows).items()}
    assert len(found) == count
    assert all(label == "ab"[int(name[:3]) % 2] for name, label in found.items())


@pytest.mark.parametrize("name", ["labels.csv", "Data_Entry.csv"])
@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("file,label", "{:03}.png,{}"),
        ("file,label", "images/{:03}.png,{}"),
        ("file,label", ".\\images\\{:03}.png,{}"),
        ("id_code,diagnosis", "{:03},{}"),
        ("Image Index,Finding Labels,Patient ID", "{:03}.png,{},{}"),
        ("path;Target", "somewhere/else/{:03}.png;{}"),
        ("name\tclass", "{:03}.png\t{}"),
        ("\ufefffile,label", '"{:03}.png", "{}"'),
    ],
)
def test_a_csv_names_the_images_beside_it(name, header, row, write_images):
    folder = write_images()
    (folder / name).write_text(csv(header, row=row), encoding="utf-8")
    for source in (folder, folder / name):
        splits, notes = load_with_notes(source)
        check(splits)
        assert any(name in note for note in notes)


def test_patients_of_a_table_are_in_one_split(write_images):
    folder = write_images()
    (folder / "labels.csv").write_text(csv("file,label,patient", row="{:03}.png,{},p{}"))
    splits = load_splits(folder)
    assert not set(splits["train"]["patient"]) & set(splits["test"]["patient"])
    assert set(splits["train"]["patient"]) < {f"p{number}" for number in range(10)}


@pytest.mark.parametrize("name", ["metadata.csv", "metadata.jsonl", "metadata.parquet"])
def test_the_metadata_of_an_imagefolder_is_read(name, write_images):
    for split, count in (("train", 40), ("test", 8)):
        folder = write_images(split, count)
        rows = pd.DataFrame({"file_name": [f"{n:03}.png" for n in range(count)]})
        rows["label"] = ["ab"[n % 2] for n in range(count)]
        write = {"csv": lambda t, p: t.to_csv(p, index=False), "parquet": pd.DataFrame.to_parquet}.get(
            name.split(".")[1], lambda t, p: t.to_json(p, orient="records", lines=True)
        )
        write(rows, folder / split / name)
    splits = load_splits(folder)
    assert sizes(splits) == {"train": 32, "validation": 8, "test": 8}
    assert set(labels(splits["test"]).items()) == {(f"{n:03}.png", "ab"[n % 2]) for n in range(8)}


def test_json_lines_are_read(write_images):
    folder = write_images()
    lines = [json.dumps({"image": f"{n:03}.png", "target": n % 2}) for n in range(40)]
    (folder / "films.jsonl").write_text("\n".join(lines))
    assert load_splits(folder)["train"].features["label"].names == ["0", "1"]


def test_a_column_says_the_splits(write_images):
    folder = write_images()
    words = ["train"] * 26 + ["val"] * 6 + ["TEST"] * 8
    rows = [f"{n:03}.png,{'ab'[n % 2]},{word}\n" for n, word in enumerate(words)]
    (folder / "films.csv").write_text("name,label,Dataset_type\n" + "".join(rows))
    assert sizes(load_splits(folder)) == {"train": 26, "validation": 6, "test": 8}


def test_a_table_of_something_else_is_left_out(write_images):
    folder = write_images(name="{}.png")
    rows = "".join(f"{n},{n}.png,{'ab'[n % 2]},TRAIN\n" for n in range(40))
    (folder / "metadata_of_films.csv").write_text(",X_ray_image_name,Label,Dataset_type\n" + rows)
    (folder / "summary.csv").write_text("label,count\na,20\nb,20\n")
    splits, notes = load_with_notes(folder)
    assert splits["train"].features["label"].names == ["a", "b"]
    assert "left out 1 file: 1 `.csv`" in notes


def test_tables_may_be_the_splits(write_images):
    folder = write_images()
    rows = csv("name,label").splitlines(keepends=True)
    (folder / "train.csv").write_text("".join(rows[:33]))
    (folder / "test.csv").write_text("".join(rows[:1] + rows[33:]))
    splits = load_splits(folder)
    check(splits)
    assert len(splits["test"]) == 8


def test_one_of_two_tables_must_be_chosen(write_images):
    folder = write_images()
    for name in ("first.csv", "second.csv"):
        (folder / name).write_text(csv("name,label"))
    assert f"give one of them, such as {folder / 'first.csv'}." in refusal(folder)
    check(load_splits(folder / "second.csv"))


def test_rows_and_images_that_do_not_meet_are_counted(write_images, write_noise):
    folder = write_images()
    write_noise(folder / "images" / "other.png")
    (folder / "labels.csv").write_text(csv("name,label", 42))
    splits, notes = load_with_notes(folder)
    check(splits)
    assert "left out 2 rows of labels.csv, whose images are not there" in notes
    assert "left out 1 image that no table names" in notes


def test_rows_that_say_the_same_of_an_image_are_one(write_images):
    folder = write_images()
    rows = csv("patientId,x,Target", row="{0:03},{0},{1}")
    (folder / "labels.csv").write_text(rows + rows.split("\n", 1)[1])
    check(load_splits(folder))


def test_an_image_of_two_classes_is_refused_by_name(write_images):
    folder = write_images()
    (folder / "labels.csv").write_text(csv("name,label") + "007.png,a\n")
    assert "images/007.png in two ways" in refusal(folder)
    (folder / "labels.csv").write_text(csv("name,label").replace("007.png,b", "007.png,a|b"))
    assert "a|b); keep one each" in refusal(folder)


def test_a_name_that_two_images_have_is_refused(write_images):
    write_images("images/one", 40)
    folder = write_images("images/two", 40)
    (folder / "labels.csv").write_text(csv("name,label"))
    sentence = refusal(folder)
    assert "000.png" in sentence and "images/one/000.png or images/two/000.png" in sentence


def test_numbers_are_no_classes(write_images):
    folder = write_images()
    rows = "".join(f"{n:03}.png,{n / 2}\n" for n in range(40))
    (folder / "labels.csv").write_text("name,target\n" + rows)
    assert "these are no classes" in refusal(folder)


@pytest.mark.parametrize(
    "names", [("007", "7"), ("1E2", "100"), ("1_0", "10"), ("9007199254740993", "9007199254740992")]
)
def test_names_that_differ_as_text_are_two_classes(names, write_images):
    folder = write_images()
    rows = "".join(f"{n:03}.png,{names[n % 2]}\n" for n in range(40))
    (folder / "labels.csv").write_text("name,label\n" + rows)
    assert set(load_splits(folder)["train"].features["label"].names) == {*names}


def test_a_whole_number_is_one_class_as_pandas_writes_it_too(write_images):
    folder = write_images()
    rows = "".join(f"{n:03}.png,{('0', '1', '0.0', '1.0')[n % 4]}\n" for n in range(40))
    (folder / "labels.csv").write_text("name,label\n" + rows)
    assert load_splits(folder)["train"].features["label"].names == ["0", "1"]


def test_a_table_with_a_column_twice_is_refused(write_images):
    folder = write_images()
    (folder / "labels.csv").write_text(csv("name,label,label", row="{:03}.png,{},{}"))
    assert "has the column label twice; give one of them another name" in refusal(folder)


def test_parquet_of_a_kind_that_is_not_read_is_refused(write_images, monkeypatch):
    folder = write_images()
    pd.DataFrame({"file_name": ["000.png"], "label": ["a"]}).to_parquet(folder / "metadata.parquet")

    def read(path):
        raise ArrowNotImplementedError("Lists of maps")

    monkeypatch.setattr("pyarrow.parquet.read_table", read)
    with pytest.raises(InputError, match="cannot be read as a table"):
        open_table(read_tree(folder), "metadata.parquet")


def test_a_row_without_a_label_is_refused(write_images):
    folder = write_images()
    (folder / "labels.csv").write_text(csv("name,label").replace("007.png,b", "007.png,"))
    assert "rows without label" in refusal(folder)


def test_columns_may_be_chosen(write_images):
    folder = write_images()
    (folder / "films.csv").write_text(csv("scan,copy,outcome", row="{0:03}.png,{0:03}.png,{1}"))
    assert "--label-column" in refusal(folder)
    check(load_splits(folder, image_column="copy", label_column="outcome"))
    with pytest.raises(InputError, match="has no column nothing, only scan, copy, outcome"):
        load_splits(folder / "films.csv", image_column="nothing")


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe\x00n", b"name,label\n1,2,3,4\n5", b"label\na\nb\n", b"nothing"]
)
def test_a_table_that_names_no_image_is_refused(content, write_images):
    folder = write_images()
    (folder / "labels.csv").write_bytes(content)
    for source in (folder, folder / "labels.csv"):
        assert str(folder / "labels.csv") in refusal(source)


@pytest.mark.parametrize("name", ["labels.xlsx", "Labels.XLS", "labels.ods"])
def test_a_spreadsheet_beside_images_is_refused_with_a_way_out(name, write_images):
    folder = write_images()
    (folder / name).write_bytes(b"PK\3\4")
    for source in (folder, folder / name):
        assert name in refusal(source) and ".csv" in refusal(source)


@pytest.mark.parametrize("content", ["[1, 2]", '{"name": ', "3", '{"name": ["001.png"]}'])
def test_json_lines_that_name_no_image_are_refused(content, write_images):
    folder = write_images()
    (folder / "films.jsonl").write_text(content)
    assert str(folder / "films.jsonl") in refusal(folder)


def test_json_lines_with_half_a_character_are_refused(write_images):
    folder = write_images(count=2)
    lines = '{"name": "000.png", "label": "\\ud800"}\n{"name": "001.png", "label": "b"}'
    (folder / "films.jsonl").write_text(lines)
    assert "not in UTF-8" in refusal(folder)


def test_folders_and_a_table_that_say_the_same_are_the_folders(write_images):
    write_images("a", 20, "{:03}0.png")
    folder = write_images("b", 20, "{:03}1.png")
    rows = "".join(f"{path.name},{path.parent.name.upper()}\n" for path in sorted(folder.rglob("*.png")))
    (folder / "labels.csv").write_text("file,label\n" + rows)
    splits, notes = load_with_notes(folder)
    assert splits["train"].features["label"].names == ["a", "b"]
    assert notes == ["left out 1 file: 1 `.csv`"]


def test_folders_and_a_table_that_differ_are_refused_by_name(write_images):
    write_images("stage_2_train_images", 40)
    folder = write_images("stage_2_test_images", 40, "{:03}x.png")
    table = folder / "stage_2_train_labels.csv"
    table.write_text(csv("patientId,Target", row="{:03},{}"))
    assert f"give {table} to go by it" in refusal(folder)
    check(load_splits(table))


def test_numbered_folders_beside_a_table_are_no_classes(write_images):
    write_images("images_001", 20, "{:03}x.png")
    folder = write_images("images_002", 20, "{:03}y.png")
    rows = "".join(f"{path.name},x\n" for path in sorted(folder.rglob("*.png")))
    (folder / "Data_Entry.csv").write_text("Image Index,Outcome\n" + rows)
    assert "--label-column" in refusal(folder)


def test_the_metadata_of_class_folders_may_say_the_patients(write_images):
    write_images("a", 20, "{:03}0.png")
    folder = write_images("b", 20, "{:03}1.png")
    rows = [f"{p.relative_to(folder)},p{n // 2}\n" for n, p in enumerate(sorted(folder.rglob("*.png")))]
    (folder / "metadata.csv").write_text("file_name,patient\n" + "".join(rows))
    train = load_splits(folder)["train"]
    assert train.features["label"].names == ["a", "b"]
    assert set(train["patient"]) < {f"p{number}" for number in range(20)}


def test_a_table_without_classes_beside_class_folders_is_left_out(write_images):
    write_images("a", 20, "{:03}0.png")
    folder = write_images("b", 20, "{:03}1.png")
    rows = "".join(f"{path.name},3\n" for path in sorted(folder.rglob("*.png")))
    (folder / "ages.csv").write_text("file,age\n" + rows)
    _, notes = load_with_notes(folder)
    assert notes == ["left out 1 file: 1 `.csv`"]
    with pytest.raises(InputError, match="has one class, 3"):
        load_splits(folder, label_column="age")


def test_class_folders_have_no_columns(kaggle_folder):
    with pytest.raises(InputError, match="leave out --image-column and --label-column"):
        load_splits(kaggle_folder, label_column="label")
