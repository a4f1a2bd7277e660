"""Columns: which are guessed or chosen, and which labels are no classes."""

import io
import json

import datasets
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import ClassLabel, Dataset, Features, Value
from image_sets import features, refusal, write_parquet
from PIL import Image

from hub.data.splits import load_splits, load_with_notes
from hub.errors import InputError


def picture(number):
    """A small PNG, a different one for each number."""
    buffer = io.BytesIO()
    Image.new("L", (8, 8), number).save(buffer, "PNG")
    return {"bytes": buffer.getvalue(), "path": None}


@pytest.fixture
def write_table(tmp_path):
    """A function that writes Parquet of a train and a test split from columns of types, and returns it."""

    def write(train, test=None, image="image", **types):
        (tmp_path / "parquet").mkdir()
        for split, columns in {"train": train, "test": test or train}.items():
            count = len(next(iter(columns.values())))
            columns = {image: [picture(number) for number in range(count)]} | columns
            kinds = Features({image: datasets.Image()} | {name: Value(kind) for name, kind in types.items()})
            Dataset.from_dict(columns, kinds).to_parquet(tmp_path / "parquet" / f"{split}.parquet")
        return tmp_path / "parquet"

    return write


@pytest.mark.parametrize("image", ["img", "Image", "picture", "xray"])
@pytest.mark.parametrize("label", ["target", "Label", "class", "diagnosis"])
def test_columns_of_other_names_are_guessed_and_named(image, label, write_table):
    folder = write_table({label: ["cat", "dog"] * 20}, image=image, **{label: "string"})
    splits, notes = load_with_notes(folder)
    assert splits["test"].features["label"].names == ["cat", "dog"]
    assert notes == [f"took image from the column {image}, label from the column {label}"]


def test_the_only_column_of_classes_needs_no_name(tmp_path):
    kinds = Features({"scan": datasets.Image(), "finding_code": ClassLabel(names=["cat", "dog"])})
    columns = {"scan": [picture(number) for number in range(40)], "finding_code": [0, 1] * 20}
    Dataset.from_dict(columns, kinds).to_parquet(tmp_path / "train.parquet")
    assert load_splits(tmp_path)["train"].features["label"].names == ["cat", "dog"]


def test_columns_may_be_chosen(write_table):
    columns = {"label": ["a", "b"] * 20, "age": ["old", "old", "young", "young"] * 10}
    folder = write_table(columns, label="string", age="string")
    assert load_splits(folder)["test"].features["label"].names == ["a", "b"]
    chosen = load_splits(folder, label_column="age")["test"]
    assert chosen.features["label"].names == ["old", "young"]
    assert chosen["label"][:4] == [0, 0, 1, 1]


def test_of_two_columns_of_images_one_must_be_chosen(tmp_path):
    kinds = Features({"front": datasets.Image(), "side": datasets.Image(), "label": Value("string")})
    columns = {name: [picture(number) for number in range(40)] for name in ("front", "side")}
    Dataset.from_dict(columns | {"label": ["a", "b"] * 20}, kinds).to_parquet(tmp_path / "train.parquet")
    assert "front, side; choose one by --image-column" in refusal(tmp_path)
    assert sum(map(len, load_splits(tmp_path, image_column="side").values())) == 40


def test_of_two_columns_of_classes_one_must_be_chosen(tmp_path):
    classes = {"fine": ClassLabel(names=["a", "b"]), "coarse": ClassLabel(names=["c", "d"])}
    columns = {"image": [picture(number) for number in range(40)], "fine": [0, 1] * 20, "coarse": [1, 0] * 20}
    kinds = Features({"image": datasets.Image(), **classes})
    Dataset.from_dict(columns, kinds).to_parquet(tmp_path / "train.parquet")
    assert "fine, coarse; choose one by --label-column" in refusal(tmp_path)
    assert load_splits(tmp_path, label_column="coarse")["test"].features["label"].names == ["c", "d"]


def test_a_column_that_is_not_there_is_refused(write_table):
    folder = write_table({"label": ["a", "b"] * 20}, label="string")
    for option in ("image_column", "label_column"):
        with pytest.raises(InputError, match="has no column scan, only image, label; give one of them"):
            load_splits(folder, **{option: "scan"})


def test_names_that_nobody_could_guess_are_refused_with_the_options(write_table):
    sentence = refusal(write_table({"outcome": ["a", "b"] * 20}, outcome="string"))
    assert "image, outcome" in sentence and "--image-column and --label-column" in sentence


@pytest.mark.parametrize("value", [17.5, float("inf"), -0.1])
def test_measurements_are_no_classes(value, write_table):
    folder = write_table({"label": [1.0, 2.0, value] * 10}, label="float64")
    assert f"such as {value}" in refusal(folder) and "these are no classes" in refusal(folder)


@pytest.mark.parametrize("kind", ["timestamp[s]", "date32"])
def test_dates_are_no_classes(kind, write_table):
    dates = [pd.Timestamp("2020-01-01"), pd.Timestamp("2021-01-01")] * 20
    assert "these are no classes" in refusal(write_table({"label": dates}, label=kind))


@pytest.mark.parametrize(
    ("values", "kind", "names", "labels"),
    [
        ([0.0, 1.0], "float32", ["0", "1"], [0, 1]),
        ([10, 2], "int8", ["2", "10"], [1, 0]),
        ([True, False], "bool", ["False", "True"], [1, 0]),
        (["a", "B"], "string", ["B", "a"], [1, 0]),
    ],
)
def test_whole_numbers_and_texts_are_classes_in_order(values, kind, names, labels, write_table):
    test = load_splits(write_table({"label": values * 20}, label=kind))["test"]
    assert test.features["label"].names == names
    assert test["label"][:2] == labels


@pytest.mark.parametrize("name", ["", "  ", "x" * 1001])
def test_a_class_whose_name_no_model_folder_takes_is_refused(name, write_table):
    assert "and a name has" in refusal(write_table({"label": [name, "cat"] * 20}, label="string"))


@pytest.mark.parametrize(("names", "label"), [(["cat", "dog"], 2), ([0, 1], 0), ([None, "cat"], 0)])
def test_a_label_without_a_name_in_text_is_refused(names, label, tmp_path):
    columns = {"image": [picture(number) for number in range(40)], "label": [0, label] + [0, 1] * 19}
    folder = write_parquet(tmp_path / "parquet", Value("int64"), train=columns)
    table = pq.read_table(folder / "train-00000-of-00001.parquet")
    kinds = {"image": {"_type": "Image"}, "label": {"_type": "ClassLabel", "names": names}}
    metadata = {"huggingface": json.dumps({"info": {"features": kinds}})}
    pq.write_table(table.replace_schema_metadata(metadata), folder / "train-00000-of-00001.parquet")
    assert "column label" in refusal(folder)


@pytest.mark.parametrize("values", [[["p1"], ["p2", "p3"]], [b"\xff", b"\xfe"], [{"id": 1}, {"id": 2}]])
@pytest.mark.parametrize("column", ["patient", "subtype"])
def test_patients_and_subtypes_that_are_no_texts_are_refused(values, column, tmp_path):
    columns = {"image": [picture(number)["bytes"] for number in range(40)], "label": ["a", "b"] * 20}
    pq.write_table(pa.table(columns | {column: values * 20}), tmp_path / "train.parquet")
    assert f"column {column}" in refusal(tmp_path)


def test_a_missing_subtype_is_none(write_table):
    patients = [str(number) for number in range(40)]
    columns = {"label": ["a", "b"] * 20, "subtype": [None, "viral"] * 20, "patient": patients}
    kinds = dict.fromkeys(columns, "string")
    test = load_splits(write_table(columns, **kinds))["test"]
    assert test["subtype"][:2] == ["none", "viral"]


def test_a_name_for_each_image_is_no_class(write_table):
    folder = write_table({"label": [f"film {number}" for number in range(40)]}, label="string")
    assert "40 values" in refusal(folder) and "--label-column" in refusal(folder)


def test_over_a_thousand_values_are_no_classes_unless_they_are_chosen(write_table):
    folder = write_table({"label": [number % 1001 for number in range(3003)]}, label="int64")
    assert "1001 values" in refusal(folder)
    with pytest.raises(InputError, match="too few images"):
        load_splits(folder, label_column="label")


def test_classes_that_differ_in_case_alone_are_refused_by_name(write_table):
    sentence = refusal(write_table({"label": ["cat", "Cat", "dog"] * 20}, label="string"))
    assert "'Cat'" in sentence and "'cat'" in sentence


def test_a_class_is_the_same_in_any_case_in_other_splits(write_table):
    folder = write_table({"label": ["cat", "Dog"] * 20}, {"label": ["Cat", "dog"] * 4}, label="string")
    test = load_splits(folder)["test"]
    assert test.features["label"].names == ["Dog", "cat"]
    assert test["label"][:2] == [1, 0]


def test_a_split_that_lacks_a_column_is_refused(write_table):
    folder = write_table({"label": ["a", "b"] * 20}, label="string")
    columns = {"image": [picture(number) for number in range(4)], "target": ["a", "b"] * 2}
    kinds = Features({"image": datasets.Image(), "target": Value("string")})
    Dataset.from_dict(columns, kinds).to_parquet(folder / "test.parquet")
    assert "The test split" in refusal(folder) and "lacks the column label" in refusal(folder)


def test_images_of_pandas_are_plain_bytes(tmp_path):
    pictures = [picture(number)["bytes"] for number in range(40)]
    table = pd.DataFrame({"png": pictures, "target": pd.Categorical(["cat", "dog"] * 20)})
    table.to_parquet(tmp_path / "train.parquet")
    assert load_splits(tmp_path)["train"].features["label"].names == ["cat", "dog"]


@pytest.mark.parametrize("column", ["patient_id", "Patient ID", "subject_id"])
def test_a_column_of_patients_is_known_by_its_name(column, write_table):
    patients = [f"p{number // 4}" for number in range(80)]
    folder = write_table({"label": ["a", "b"] * 40, column: patients}, label="string", **{column: "string"})
    splits, notes = load_with_notes(folder)
    assert not set(splits["train"]["patient"]) & set(splits["validation"]["patient"])
    assert set(splits["train"]["patient"]) < set(patients)
    assert notes == [f"took patient from the column {column}"]


def test_patients_of_some_splits_alone_are_not_used(tmp_path):
    columns = {"image": [picture(number) for number in range(40)], "label": [0, 1] * 20}
    label = ClassLabel(names=["cat", "dog"])
    folder = write_parquet(tmp_path / "parquet", label, train=columns, test=columns)
    kinds = features(label, patient=Value("string"))
    columns = columns | {"patient": [str(number) for number in range(40)]}
    Dataset.from_dict(columns, kinds).to_parquet(folder / "train-00000-of-00001.parquet")
    _, notes = load_with_notes(folder)
    assert any("not every split has the column patient" in note for note in notes)
