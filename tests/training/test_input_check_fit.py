"""The input check is fitted from radiographs and other images, halved by patient."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from image_sets import radiographs, write_parquet
from numpy.random import default_rng
from PIL import Image

from hub.errors import InputError
from hub.imaging.synthetic import sample_radiographs
from hub.inference.classifier import Classifier
from hub.inference.input_check import FOREIGN, UNLIKE
from hub.models.folder import BUNDLED, read_metrics
from hub.training import image_groups, input_check_fit, perturbations


def share(classifier, images, *reasons):
    """Return the share of the images that get one of these reasons ("fine" for none)."""
    verdicts = [prediction.verdict for prediction in classifier([np.ascontiguousarray(p) for p in images])]
    return np.mean([(verdict.reason or verdict.status) in reasons for verdict in verdicts])


@pytest.mark.slow
def test_a_check_is_fitted_from_radiographs_and_images_and_travels_in_the_folder(tmp_path, monkeypatch):
    """A few synthetic radiographs and coloured squares suffice to tell upright ones from the rest."""
    for name, count in (("PER_PERTURBATION", 20), ("DRAWINGS", 30), ("MIN_COPIES", 5), ("SYNTHETICS", 20)):
        monkeypatch.setattr(input_check_fit, name, count)
    names = ("config.json", "metrics.json", "model.safetensors", "onnx/model.onnx", "onnx/model_int8.onnx")
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).symlink_to(BUNDLED / name)
    train, validation = (
        np.stack([np.asarray(radiograph) for radiograph in sample_radiographs(count, seed)[0]])
        for seed, count in enumerate((60, 30))
    )
    squares = [Image.new("RGB", (40, 40), (place, 90, 200)) for place in range(10)]
    halves = {"squares": (squares[::2], squares[1::2])}
    samples, held_out = input_check_fit.collect_samples(
        Classifier(tmp_path, precision="fp32"), train, validation, {}, halves
    )
    check = input_check_fit.fit(samples, held_out, input_check_fit.channels(tmp_path))
    input_check_fit.save(check, tmp_path)
    assert UNLIKE not in check["kinds"] and check["kinds"].count("turned") == 3
    fitted = Classifier(tmp_path)
    new = [np.asarray(radiograph) for radiograph in sample_radiographs(30, seed=5)[0]]
    assert share(fitted, new, "fine") >= 0.8
    assert share(fitted, [255 - radiograph for radiograph in new], "inverted") >= 0.8
    assert share(fitted, [perturbations.drawing(default_rng(n)) for n in range(30)], FOREIGN, "blank") >= 0.8


def test_no_patient_is_in_both_halves_of_any_folder(tmp_path):
    for folder, names in (
        ("ill", ("1_0", "1_1", "2_0", "3_0")),
        ("well", ("2_1", "4_0", "4_1", "1_2", "5_0")),
    ):
        (tmp_path / folder).mkdir()
        for name in names:
            Image.new("L", (40, 40), int(name[0])).save(tmp_path / folder / f"{name}.png")
    groups = image_groups.read_groups([tmp_path])
    fitted, measured = (
        {image.getpixel((0, 0)) for halves in groups.values() for image in halves[number]}
        for number in (0, 1)
    )
    assert (fitted, measured) == ({1, 3, 5}, {2, 4})
    assert sum(len(half) for halves in groups.values() for half in halves) == 9


def test_names_that_tell_no_patients_apart_are_halved_one_by_one(tmp_path):
    for place in range(6):
        Image.new("L", (40, 40)).save(tmp_path / f"img_{place}.png")
    assert [len(half) for half in image_groups.read_groups([tmp_path])[tmp_path.name]] == [3, 3]


def test_other_images_are_known_by_their_content_and_clutter_is_skipped(tmp_path):
    for place in range(6):
        Image.new("L", (40, 40)).save(tmp_path / f"img_{place}.png")
    (tmp_path / "img_0.png").rename(tmp_path / "img_0.jfif")
    (tmp_path / "img_1.png").rename(tmp_path / "img_1")
    (tmp_path / "notes.txt").write_text("six films")
    for clutter in ("@eaDir", ".ipynb_checkpoints", "__MACOSX"):
        (tmp_path / clutter).mkdir()
        Image.new("L", (40, 40)).save(tmp_path / clutter / "img_7.png")
    assert [len(half) for half in image_groups.read_groups([tmp_path])[tmp_path.name]] == [3, 3]


def test_every_group_of_images_has_a_row_of_its_own(tmp_path, monkeypatch):
    for name in ("a/photos", "b/photos", "drawings"):
        (tmp_path / name).mkdir(parents=True)
        for place in range(4):
            Image.new("L", (40, 40)).save(tmp_path / name / f"{place}.png")
    monkeypatch.chdir(tmp_path / "a" / "photos")
    assert [*image_groups.read_kinds([Path()], [])["unlike"]] == ["photos"]
    one, other, drawings = (tmp_path / name for name in ("a/photos", "b/photos", "drawings"))
    for unlike, foreign in (([one], [other]), ([one, other], []), ([], [one, other]), ([], [drawings])):
        with pytest.raises(InputError, match="give a folder of another name"):
            image_groups.read_kinds(unlike, foreign)


def test_a_folder_of_other_images_that_has_none_is_refused(tmp_path):
    with pytest.raises(InputError, match="has no images"):
        image_groups.read_groups([tmp_path])
    Image.new("L", (40, 40)).save(tmp_path / "alone.png")
    with pytest.raises(InputError, match="has only 1 pictures"):
        image_groups.read_groups([tmp_path])


@pytest.mark.parametrize("damage", ["no Parquet", "no picture"])
def test_damaged_parquet_of_other_images_is_refused(tmp_path, damage):
    write_parquet(
        tmp_path / "pets", train=radiographs(4) | {"image": [{"bytes": b"no picture", "path": None}] * 4}
    )
    if damage == "no Parquet":
        (tmp_path / "pets" / "train-00000-of-00001.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match=r"pets.*\.$"):
        image_groups.read_groups([tmp_path / "pets"])


def test_a_new_check_is_not_said_to_keep_its_verdicts_in_8_bits(tmp_path):
    for name in ("config.json", "metrics.json"):
        shutil.copy(BUNDLED / name, tmp_path)
    before = read_metrics(tmp_path)
    rows = {"as they are": {"n": 9, "warned": 0.0, "refused": 0.0, "named": None}}
    input_check_fit.save_figures(rows, tmp_path)
    after = read_metrics(tmp_path)
    assert after["scope"] == {"validation": rows} and after["test"] == before["test"]
    assert before["onnx"].keys() - after["onnx"] == {"test_labels_changed", "test_verdicts_changed"}
    assert "of the input check; `Classifier`" not in (tmp_path / "README.md").read_text()
