"""Where the heat of a heatmap lies, and the boxes around the lungs."""

import numpy as np
import pytest

from hub.analysis import heatmaps
from hub.errors import InputError
from hub.inference.classifier import Prediction


def prediction(evidence):
    """A prediction whose heatmap for pneumonia is `evidence`, a 2 x 2 list of log odds."""
    positive = np.array(evidence, dtype=np.float32)
    odds = 1 / (1 + np.exp(-positive.mean()))
    maps = {"NORMAL": np.zeros((2, 2), dtype=np.float32), "PNEUMONIA": positive}
    return Prediction("PNEUMONIA", {"NORMAL": 1 - odds, "PNEUMONIA": odds}, maps)


def test_heat_is_shared_out_between_the_lungs_and_the_rest():
    left_half = [(0, 0, 112, 224)]
    assert heatmaps.heat_in_boxes(prediction([[4, -4], [4, -4]]), left_half) > 0.8
    assert heatmaps.heat_in_boxes(prediction([[2, 2], [2, 2]]), left_half) == pytest.approx(0.5)
    assert heatmaps.heat_in_boxes(prediction([[-4, 4], [-4, 4]]), left_half) < 0.2
    assert heatmaps.heat_in_boxes(prediction([[-1, -2], [-3, -4]]), left_half) is None


def test_an_image_without_heat_counts_apart_from_the_mean():
    rows = [
        heatmaps.Row("a.png", "PNEUMONIA", prediction([[2, 2], [2, 2]]), "PNEUMONIA"),
        heatmaps.Row("b.png", "PNEUMONIA", prediction([[-1, -2], [-3, -4]]), "NORMAL"),
    ]
    boxes = {"a.png": [(0, 0, 112, 224)], "b.png": [(0, 0, 112, 112)]}
    figures = heatmaps.heat_in_lungs(rows, boxes)
    assert figures["heat_in_lungs"] == pytest.approx(0.5)
    assert figures["area_of_lungs"] == pytest.approx((0.5 + 0.25) / 2)
    assert figures["without_heat"] == 1
    assert heatmaps.heat_in_lungs(rows[1:], boxes)["heat_in_lungs"] is None


def test_a_model_that_is_never_wrong_has_an_empty_sheet_of_failures(tmp_path):
    heatmaps.contact_sheet([], {}).save(tmp_path / "failures.jpg")
    assert (tmp_path / "failures.jpg").stat().st_size


def test_a_data_set_of_other_classes_is_refused(classifier, tmp_path, write_noise):
    for name in ("bacterial", "normal", "viral"):
        for index in range(20):
            write_noise(tmp_path / name / f"{index}.png")
    with pytest.raises(InputError, match="is no folder of NORMAL and PNEUMONIA"):
        heatmaps.classify_test_split(classifier, str(tmp_path), heatmaps.read_boxes())


def test_another_data_set_than_that_of_the_boxes_is_refused(classifier, kaggle_folder):
    with pytest.raises(InputError, match=r"of the 50 films with lung boxes are not in the test split"):
        heatmaps.classify_test_split(classifier, str(kaggle_folder), heatmaps.read_boxes())


@pytest.mark.real_data
def test_there_are_boxes_around_the_lungs_of_25_test_radiographs_of_each_class(shared):
    boxes = heatmaps.read_boxes()
    test = shared / "data" / "chest_xray" / "test"
    counts = {
        label: sum((test / label / name).is_file() for name in boxes) for label in ("NORMAL", "PNEUMONIA")
    }
    assert counts == {"NORMAL": 25, "PNEUMONIA": 25}
    for (x0, y0, x1, y1), (x2, y2, x3, y3) in boxes.values():
        assert 0 <= x0 < x1 <= x2 < x3 <= 224
        assert min(y0, y2) >= 0 and max(y1, y3) <= 224
