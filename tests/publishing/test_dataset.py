"""A published data set can be used: real clients in new processes with empty caches."""

import io
import json
from pathlib import Path

import datasets
import numpy as np
import pytest
import yaml
from hub_server import contents
from huggingface_hub import DatasetCard
from image_sets import write_dicom
from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

from hub.data.image_files import encoded_images, file_names
from hub.data.splits import load_splits
from hub.errors import InputError
from hub.imaging.read import read_image
from hub.publishing.benchmark import TASKS
from hub.publishing.dataset import write_dataset

ROOT = Path(__file__).parents[2]


CONSUME_DATASET = """
import sys
from datasets import load_dataset
from hub.data.decode_cache import decode
from hub.data.splits import load_splits, load_with_notes
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
for name, rows in load_dataset("someone/films", streaming=True).items():
    streamed = list(rows.take(3))
    assert [row["patient"] for row in streamed] == list(expected[name][:3]["patient"])
    assert all(row["image"].size == (48, 40) for row in streamed)
    assert rows.features == expected[name].features
kept, _ = load_with_notes("someone/films", stream_to=lambda radiograph: 40)
for name, split in expected.items():
    assert list(kept[name]["patient"]) == list(split["patient"])
    theirs, ours = (decode(rows, 40, 1, True)[0] for rows in (split, kept[name]))
    assert ours.equal(theirs)
"""


def test_a_published_data_set_loads_without_options_and_has_the_same_splits(
    hub, run, run_here, kaggle_folder
):
    """Image by image."""
    code, out, err = run_here("publish", "dataset", kaggle_folder, "someone/films")
    assert code == 0, err
    assert out.strip().startswith(f"{hub.url}/datasets/someone/films/commit/")
    assert hub.commits("dataset", "someone/films") == 1
    code, _, err = run("-c", CONSUME_DATASET, kaggle_folder, HF_TOKEN="")
    assert code == 0, err


@pytest.fixture
def no_picture(monkeypatch):
    """Without the picture of the card, which takes a second."""
    monkeypatch.setattr("hub.publishing.dataset.plot_samples", lambda *_: None)


@pytest.mark.usefixtures("no_picture")
def test_what_was_left_out_is_printed_and_on_the_card(run_here, kaggle_folder, tmp_path, write_noise):
    write_noise(kaggle_folder / "extra" / "film.png")
    code, out, err = run_here(
        "publish", "dataset", kaggle_folder, "someone/films", "--dry-run", tmp_path / "published"
    )
    assert (code, out.strip()) == (0, str(tmp_path / "published"))
    note = "left out the folder extra: 1 file"
    assert f"note: {note}\n" in err
    assert note in (tmp_path / "published" / "README.md").read_text()
    assert str(tmp_path) not in (tmp_path / "published" / "README.md").read_text()


@pytest.mark.usefixtures("no_picture")
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
    croissant = json.loads((tmp_path / "first" / "croissant.json").read_text())
    assert croissant["url"] == "https://huggingface.co/datasets/someone/films"
    assert "kermany2018" in croissant["citeAs"] and "cc-by-4.0" in croissant["license"]
    fields = {field["name"].split("/")[1] for field in croissant["recordSet"][0]["field"]}
    assert fields == {"split", "image", "label", "patient", "subtype"}
    assert not (tmp_path / "first" / "eval.yaml").exists(), "the Hub lists benchmarks on request"


@pytest.mark.usefixtures("no_picture")
def test_a_licence_and_a_benchmark_are_what_was_asked_for(run_here, kaggle_folder, tmp_path):
    command = ["publish", "dataset", kaggle_folder, "someone/films", "--dry-run", tmp_path / "dry"]
    code, _, err = run_here(*command, "--license", "CC BY")
    assert (code, "names licences like" in err) == (2, True)
    code, _, err = run_here(*command, "--license", "mit", "--benchmark")
    assert code == 0, err
    assert DatasetCard.load(tmp_path / "dry" / "README.md").data.license == "mit"
    benchmark = yaml.safe_load((tmp_path / "dry" / "eval.yaml").read_text())
    assert {task["id"] for task in benchmark["tasks"]} == set(TASKS.values()), "those of a model's results"
    assert {(task["config"], task["split"]) for task in benchmark["tasks"]} == {("default", "test")}


@pytest.mark.usefixtures("no_picture")
def test_the_card_of_other_images_claims_nothing_of_that(tmp_path, write_noise, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    source = tmp_path / "pictures"
    for index in range(40):
        write_noise(source / ("NORMAL", "PNEUMONIA")[index % 2] / f"{index}.png")
    (tmp_path / "published").mkdir()
    splits = load_splits(source)
    write_dataset(splits, tmp_path / "published", "someone/pictures")
    card = DatasetCard.load(tmp_path / "published" / "README.md")
    assert card.data.license == "unknown"
    for word in ("Kermany", "hospital", "children", "CC BY", "official"):
        assert word.lower() not in str(card).lower()
    for name, split in load_splits(tmp_path / "published").items():
        assert list(split["patient"]) == list(splits[name]["patient"]), "groups of copies stay together"


def test_an_image_that_cannot_be_read_is_named_before_anything_is_uploaded(kaggle_folder, tmp_path):
    broken = next((kaggle_folder / "test" / "NORMAL").iterdir())
    broken.write_bytes(broken.read_bytes()[:200])
    with pytest.raises(InputError, match=broken.name):
        write_dataset(load_splits(kaggle_folder), tmp_path, "someone/films")


@pytest.mark.usefixtures("no_picture")
def test_a_folder_whose_name_means_an_archive_is_refused_in_a_sentence(kaggle_folder, tmp_path):
    splits = load_splits(kaggle_folder.rename(tmp_path / "a::b"))
    with pytest.raises(InputError, match="rename it"):
        write_dataset(splits, tmp_path / "out", "someone/xray")


def test_dicom_is_published_as_png_without_its_header(kaggle_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    pixels = np.random.default_rng(0).integers(0, 256, (48, 64), np.uint8)
    for name in ("IM-0050-0001.dcm", "IM-0051-0001"):
        write_dicom(kaggle_folder / "test" / "NORMAL" / name, pixels)
    folder = tmp_path / "published"
    folder.mkdir()
    notes = write_dataset(load_splits(kaggle_folder), folder, "someone/films", ["left out 1 file: 1 `.txt`"])
    test = load_splits(folder)["test"]
    films = [data for data, name in zip(encoded_images(test), file_names(test), strict=True) if "png" in name]
    assert len(films) == 2
    for data in films:
        image = Image.open(io.BytesIO(data))
        assert (image.format, image.mode, image.info) == ("PNG", "L", {})
        assert np.array_equal(image, read_image(kaggle_folder / "test" / "NORMAL" / "IM-0050-0001.dcm"))
    everything = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    for secret in (b"Doe", b"MRN-4711", b"19991231"):
        assert secret not in everything
    card = DatasetCard.load(folder / "README.md").text
    wrote = "wrote 2 DICOM images as 8-bit PNG, with nothing of the header"
    assert notes == ["left out 1 file: 1 `.txt`", wrote]
    assert all(note in card for note in notes)


@pytest.mark.usefixtures("no_picture")
@pytest.mark.parametrize("kind", ["EXIF", "XMP", "comment", "text", "TIFF"])
def test_metadata_that_is_published_is_said_on_the_card(kind, kaggle_folder, tmp_path):
    path = sorted((kaggle_folder / "train" / "NORMAL").iterdir())[0]
    image = Image.open(path)
    image.load()
    text, exif = PngInfo(), Image.Exif()
    text.add_text("Author", "Jane Doe")
    exif[ExifTags.Base.Artist] = "Jane Doe"
    suffix, options = {
        "EXIF": (".jpeg", {"exif": exif}),
        "XMP": (".webp", {"xmp": b"<x:xmpmeta>Jane Doe</x:xmpmeta>"}),
        "comment": (".jpeg", {"comment": b"Jane Doe"}),
        "text": (".png", {"pnginfo": text}),
        "TIFF": (".tif", {"description": "Jane Doe"}),
    }[kind]
    path.unlink()
    image.save(path.with_suffix(suffix), **options)
    (tmp_path / "published").mkdir()
    (note,) = write_dataset(load_splits(kaggle_folder), tmp_path / "published", "someone/films")
    assert "1 image kept EXIF, XMP or text" in note
    assert note in DatasetCard.load(tmp_path / "published" / "README.md").text
