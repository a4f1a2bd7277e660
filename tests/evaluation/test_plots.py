"""Plots: what is written on them."""

import importlib

import matplotlib
import numpy as np
from PIL import Image

from hub.evaluation import plots

PROBABILITIES, LABELS = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8]]), np.array([0, 1, 1])


def test_names_of_classes_are_written_as_they_are_and_not_as_formulas(tmp_path):
    name, image = r"$\frac$", Image.new("L", (8, 8))
    plots.plot_roc(PROBABILITIES, LABELS, ["100 $", name], {name: 0.5}, tmp_path / "roc.png")
    plots.plot_confusion({"argmax": [[1, 0], [0, 2]]}, ["100 $", name], tmp_path / "confusion.png")
    plots.plot_samples({name: [image]}, tmp_path / "samples.png")
    plots.plot_thumbnail({name: image}, name, tmp_path / "thumbnail.png")
    assert len([*map(Image.open, tmp_path.iterdir())]) == 4


def test_plots_look_alike_whatever_style_the_user_has(monkeypatch):
    monkeypatch.setitem(matplotlib.rcParams, "text.usetex", True)
    importlib.reload(plots)
    assert not matplotlib.rcParams["text.usetex"]
