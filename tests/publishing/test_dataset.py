"""A published data set can be used: real clients in new processes with empty caches."""

import shutil
from pathlib import Path

import datasets
import pytest
from hub_server import contents
from huggingface_hub import DatasetCard
from PIL import Image
from pydicom.data import get_testdata_file

from hub.data.image_files import encoded_images
from hub.data.splits import load_splits
from hub.errors import InputError
from hub.publishing.dataset import write_dataset

ROOT = Path(__file__).parents[2]


CONSUME_DATASET = """
import sys
from datasets import load_dataset
from hub.data.splits import load_splits
from hub.data.image_files import sha256_digests

expected = load_splits(sys.argv[1])
for found in (load_dataset("someone/films"), load_splits("someone/films")):
    assert list(found) == ["train", "validation", "test"]
    for name, split in expected.items():
        assert found[name].features == split.features
        assert sha256_digests(found[name]) == sha256_digests(split)
        for column in ("label", "patient", "subtype"):
            assert list(found[name][column]) == list(split[column])
assert found["train"][0]["image"].size == (48, 40)
"""


def test_a_published_data_set_loads_without_options_and_has_the_same_splits(hub, run, kaggle_folder):
    """Image by image, also with a validation split so small that a stranger's would join train."""
    code, out, err = run("-m", "hub", "publish", "dataset", kaggle_folder, "someone/films")
    assert code == 0, err
    assert out.strip().startswith(f"{hub.url}/datasets/someone/films/commit/")
    assert hub.commits("dataset", "someone/films") == 1
    code, _, err = run("-c", CONSUME_DATASET, kaggle_folder, HF_TOKEN="")
    assert code == 0, err


def test_shards_have_about_the_size_asked_for_and_hold_the_files_as_they_were(
    kaggle_folder, tmp_path, monkeypatch
):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr("hub.publishing.dataset.ROWS", 10)
    splits, folder = load_splits(kaggle_folder), tmp_path / "published"
    folder.mkdir()
    write_dataset(splits, folder, "someone/films", shard_bytes=50_000)
    names = sorted(path.name for path in (folder / "data").glob("train*"))
    assert len(names) > 2
    assert names[1] == f"train-00001-of-{len(names):05}.parquet"
    sizes = [(folder / "data" / name).stat().st_size for name in names]
    assert all(50_000 < size < 100_000 for size in sizes[:-1]), "ten rows more, 28 kB, at most"
    assert sizes[-1] < 100_000
    for name, split in load_splits(folder).items():
        files = [Path(path).read_bytes() for path in encoded_images(splits[name])]
        assert list(encoded_images(split)) == files


def test_the_card_of_the_childrens_radiographs_says_whose_they_are_what_is_in_them_and_what_to_beware_of(
    kaggle_folder, tmp_path
):
    for name in ("first", "again"):
        (tmp_path / name).mkdir()
        write_dataset(load_splits(kaggle_folder), tmp_path / name, "someone/films")
    assert contents(tmp_path / "first") == contents(tmp_path / "again"), "so a second upload sends nothing"
    card = DatasetCard.load(tmp_path / "first" / "README.md")
    assert card.data.license == "cc-by-4.0"
    assert card.data.size_categories == ["n<1K"]
    splits = {split["name"]: split["num_examples"] for split in card.data.dataset_info["splits"]}
    assert splits["train"] + splits["validation"] == 120
    assert splits["test"] == 30
    assert "| PNEUMONIA, virus |" in card.text
    assert "Every image has 48 x 40 pixels" in card.text
    for sentence in ("Kermany", "children of one hospital", "16 images", "normal images of `test` differ"):
        assert sentence in card.text
    Image.open(tmp_path / "first" / "samples.png").verify()


@pytest.mark.parametrize("source", ["synthetic", "pictures"])
def test_the_card_of_other_images_claims_nothing_of_that(source, tmp_path, write_noise, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    if source == "pictures":
        for index in range(40):
            write_noise(tmp_path / source / ("NORMAL", "PNEUMONIA")[index % 2] / f"{index}.png")
        source = tmp_path / source
    (tmp_path / "published").mkdir()
    splits = load_splits(source)
    write_dataset(splits, tmp_path / "published", "someone/pictures")
    card = DatasetCard.load(tmp_path / "published" / "README.md")
    assert card.data.license == "unknown"
    assert ("no patient" in card.text) == (source == "synthetic")
    for word in ("Kermany", "hospital", "children", "CC BY", "official"):
        assert word.lower() not in str(card).lower()
    for name, split in load_splits(tmp_path / "published").items():
        assert list(split["patient"]) == list(splits[name]["patient"]), "groups of copies stay together"


def test_an_image_that_cannot_be_read_is_named_before_anything_is_uploaded(kaggle_folder, tmp_path):
    broken = next((kaggle_folder / "test" / "NORMAL").iterdir())
    broken.write_bytes(broken.read_bytes()[:200])
    with pytest.raises(InputError, match=broken.name):
        write_dataset(load_splits(kaggle_folder), tmp_path, "someone/films")


def test_dicom_whose_header_names_the_patient_is_not_published(kaggle_folder, tmp_path):
    radiograph = Path(get_testdata_file("dicomdirtests/77654033/CR2/6247"))
    shutil.copy(radiograph, next((kaggle_folder / "train" / "NORMAL").iterdir()))
    splits = load_splits(kaggle_folder)
    with pytest.raises(InputError, match="DICOM, whose header names the patient; make PNG files"):
        write_dataset(splits, tmp_path / "published", "someone/films")
