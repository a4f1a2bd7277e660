"""The networks of the comparison, counted as their papers say."""

import pytest
import timm
import torch

from hub.explorer import milestone_networks, milestones


def test_the_architectures_are_counted_as_their_papers_say():
    rows = {paper.name: milestone_networks.count(paper) for paper in milestones.papers()}
    assert {name: (row.depth, row.kernels, row.parameters, row.field) for name, row in rows.items()} == {
        "LeNet-5": (5, [5], 61_706, 16),
        "AlexNet": (8, [11, 5, 3], 61_100_840, 195),
        "VGG-16": (16, [3], 138_357_544, 212),
        "MobileNetV2": (53, [3, 1], 3_504_872, 491),
    }
    assert rows["MobileNetV2"].multiply_adds == pytest.approx(300e6, rel=0.01)
    assert rows["VGG-16"].multiply_adds == pytest.approx(15.5e9, rel=0.01)
    assert rows["AlexNet"].megabytes == pytest.approx(244.4, abs=0.1)
    assert (rows["VGG-16"].output, rows["MobileNetV2"].output) == ((512, 7, 7), (1280, 7, 7))
    assert rows["LeNet-5"].paper.top1 is None
    assert milestones.architectures() == list(rows.values())  # which the file keeps


def test_milliseconds_are_measured_and_the_memory_is_given_back():
    with torch.device("meta"):
        model = timm.create_model("lenet5")
    assert 0 < milestone_networks.forward_milliseconds(model, (1, 32, 32)) < 1000
    assert all(tensor.is_meta for tensor in model.parameters())
