"""Heatmaps: log odds by position, and the image under them."""

import io

import numpy as np
import pytest
from PIL import Image

from hub.inference.classifier import Prediction
from hub.inference.heatmap import MAX_SIDE, layer, local_log_odds, overlay


def even(odds):
    """Return the prediction of an image that looks the same everywhere."""
    flat = np.zeros((7, 7), np.float32)
    probabilities = {"NORMAL": 1 / (1 + odds), "PNEUMONIA": odds / (1 + odds)}
    return Prediction("PNEUMONIA", probabilities, {"NORMAL": flat, "PNEUMONIA": flat})


def test_local_log_odds_of_two_classes_are_opposite_and_follow_the_maps(radiograph, classifier):
    prediction = classifier(radiograph)
    sick, healthy = (local_log_odds(prediction, name) for name in ("PNEUMONIA", "NORMAL"))
    assert np.allclose(sick, -healthy)
    p = prediction.probabilities["PNEUMONIA"]
    assert sick.mean() == pytest.approx(np.log(p / (1 - p)), abs=1e-4)


def test_the_overlay_keeps_the_shape_of_the_image(radiograph, classifier):
    wide = radiograph.resize((3 * MAX_SIDE // 2, MAX_SIDE // 2))
    assert overlay(wide, classifier(wide), "PNEUMONIA").size == (MAX_SIDE, round(MAX_SIDE / 3))


def test_a_layer_has_the_proportions_of_the_image_and_is_no_larger(radiograph, classifier):
    prediction = classifier(radiograph)
    width, height = layer(prediction, "PNEUMONIA", (1000, 500)).size
    assert width == 2 * height < 1000
    assert layer(prediction, "PNEUMONIA", (40, 30)).size == (40, 30)


def test_stronger_evidence_is_redder_and_more_opaque(radiograph):
    weak, strong = (
        np.asarray(layer(even(odds), "PNEUMONIA", (9, 9)).convert("RGBA"))[4, 4].astype(int)
        for odds in (5, 400)
    )
    assert strong[3] > weak[3] > 0
    assert strong[0] - strong[1] > weak[0] - weak[1]


@pytest.mark.parametrize("odds", [0.01, 1, 1.5])
def test_there_is_no_layer_where_nothing_would_be_seen(odds):
    assert layer(even(odds), "PNEUMONIA", (9, 9)) is None


def test_there_is_no_layer_without_maps():
    assert layer(Prediction("a", {"a": 1.0}, {}), "a", (9, 9)) is None


def test_a_layer_keeps_its_opacity_as_a_small_png(radiograph, classifier):
    image, buffer = layer(classifier(radiograph), "PNEUMONIA", (1000, 800)), io.BytesIO()
    image.save(buffer, "PNG")
    assert len(buffer.getvalue()) < 40_000
    np.testing.assert_array_equal(
        np.asarray(Image.open(buffer).convert("RGBA")), np.asarray(image.convert("RGBA"))
    )
