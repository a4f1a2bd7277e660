"""Heatmaps: log odds by position, and the image under them."""

import numpy as np
import pytest

from hub.inference.heatmap import local_log_odds, overlay


def test_local_log_odds_of_two_classes_are_opposite_and_follow_the_maps(radiograph, classifier):
    prediction = classifier(radiograph)
    sick, healthy = (local_log_odds(prediction, name) for name in ("PNEUMONIA", "NORMAL"))
    assert np.allclose(sick, -healthy)
    p = prediction.probabilities["PNEUMONIA"]
    assert sick.mean() == pytest.approx(np.log(p / (1 - p)), abs=1e-4)


def test_the_overlay_keeps_the_shape_of_the_image(radiograph, classifier):
    wide = radiograph.resize((900, 300))
    assert overlay(wide, classifier(wide), "PNEUMONIA").size == (768, 256)
