"""What the panels of "Inside the network" say, without a page: for networks of every kind."""

import base64
import io
import re
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from torch import nn

from hub.demo import explorer_panels
from hub.explorer import inside
from hub.inference.classifier import Classifier
from hub.models import filters

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def network(classifier):
    return inside.open_network(classifier)


@pytest.fixture
def picture(classifier, film):
    return classifier.read(film)


def of(model, shape=None):
    """A network that no folder holds."""
    layers, kernels = inside.layers(model, shape), filters.filters(model)
    return inside.Network(model.eval(), layers, "", None, kernels, normalize, threading.Lock())


def normalize(pictures):
    return np.float32(pictures.transpose(0, 3, 1, 2))


def text(html):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html)).replace(" .", ".").replace(" ,", ",")


def pictures(html):
    """The pictures that lie in the HTML."""
    found = re.findall(r"base64,([^']*)'", html)
    return [Image.open(io.BytesIO(base64.b64decode(data))) for data in found]


def test_neither_page_loads_torch_before_the_tab_is_opened():
    program = (
        "import sys, app\n"
        "from hub.classifier import Classifier\napp.build(Classifier.from_pretrained(), [])\n"
        "from streamlit.testing.v1 import AppTest\n"
        "page = AppTest.from_file('streamlit_app.py', default_timeout=60).run()\n"
        "assert len(page.tabs) == 4, page\n"
        "print(sorted({'torch', 'timm', 'datasets'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip().endswith("[]"), done


def test_filters_are_shown_before_and_after_with_what_changed(network):
    html = explorer_panels.filters(network)
    assert [html.count(f"<figcaption>{word}") for word in ("Before", "After", "What changed")] == [1, 1, 1]
    assert len(pictures(html)) == 3 * 32
    assert "288 weights" in text(html)
    dense = (224 * 224 + 1) * 32 * 112 * 112
    assert f"{dense / 1e9:.1f} billion" in text(html)


def test_a_filter_is_drawn_as_its_numbers(network):
    tile = pictures(explorer_panels.filters(network))[32]  # the first after fine-tuning
    kernel = network.after[0, 0].numpy()
    largest = max(network.before[0].abs().max(), network.after[0].abs().max()).item()
    drawn = np.asarray(tile)[4::8, 4::8, 0]
    np.testing.assert_allclose(drawn, 127.5 + 127.5 * kernel / largest, atol=1)


def test_a_folder_without_filters_of_before_says_so(network):
    html = explorer_panels.filters(replace(network, before=None))
    assert "keeps no filters from before training" in text(html)
    assert len(pictures(html)) == 32


def test_a_folder_without_weights_says_so_on_every_panel_of_the_model(classifier, picture, tmp_path):
    folder = Classifier.from_pretrained()
    folder.folder = tmp_path
    network = inside.open_network(folder)
    for html in (
        explorer_panels.filters(network),
        explorer_panels.feature_maps(network, picture, None)[0],
        explorer_panels.field_grid(network, picture, None)[0],
    ):
        assert "are missing or damaged" in text(html)
    assert explorer_panels.layer_choices(network) == []


def test_the_strongest_channels_are_buttons_and_one_is_large(network, picture):
    grid, large = explorer_panels.feature_maps(network, picture, "conv_stem")
    channels = [int(number) for number in re.findall(r"data-channel='(\d+)'", grid)]
    maps, _ = inside.feature_maps(network.model, explorer_panels._to_tensor(network, picture), "conv_stem")
    assert channels == inside.strongest(maps, 12)
    assert "after Conv2d, BatchNorm2d, ReLU6" in text(grid)
    assert f"Channel {channels[0]}, 112 × 112 cells: mean {maps[channels[0]].mean():.2f}" in text(large)
    film, overlay = pictures(large)
    np.testing.assert_array_equal(np.asarray(film), picture)
    assert overlay.size == (112, 112)
    assert f"Channel {channels[3]}," in text(
        explorer_panels.feature_maps(network, picture, "conv_stem", channels[3])[1]
    )


def test_a_page_with_widgets_of_its_own_gets_nothing_to_touch(classifier, network, picture):
    """Streamlit's sanitiser lets no SVG through, and no script."""
    heat = explorer_panels.evidence(classifier, picture)
    chosen = explorer_panels.thumbnails(network, picture, "conv_head")
    channel = list(chosen)[2]
    words, large = explorer_panels.feature_maps(
        network, picture, "conv_head", channel, buttons=False, opacity=0.5
    )
    grid, cell = explorer_panels.field_grid(network, picture, "conv_head", heat, (2, 3), buttons=False)
    slide, seen = (
        explorer_panels.slide(12, 3, 1, 2, 1),
        explorer_panels.seen(network, picture, "conv_head", 2, 3),
    )
    assert not re.search("<(button|input|svg)", words + large + grid + slide + seen)
    assert f"Channel {channel}," in text(large) and "opacity:0.5" in large
    assert pictures(f"'{chosen[channel]}'")[0].size == (7, 7)
    assert (cell, grid.count("<div class=chosen")) == ((2, 3), 1)
    assert explorer_panels.cell_choices(network, "conv_head") == (list(range(7)), list(range(7)))


def test_the_box_and_the_words_are_those_of_the_layer(network, picture):
    html = explorer_panels.seen(network, picture, "blocks.1.0.conv_dw", 10, 20)
    layer = next(layer for layer in network.layers if layer.name == "blocks.1.0.conv_dw")
    top, left, bottom, right = layer.box(10, 20)
    found = re.search(r"class='box' style='left:(.*)%;top:(.*)%;width:(.*)%;height:([\d.]*)%'", html).groups()
    place = [float(share) * 224 / 100 for share in found]
    assert place == pytest.approx([left, top, right - left, bottom - top], abs=0.01)
    assert "sees 11 × 11 pixels, all on the picture" in text(html)
    assert "look 4 pixels further on" in text(html)
    glow = np.asarray(pictures(html)[1])[..., 3]
    rows, columns = np.flatnonzero(glow.any(1)), np.flatnonzero(glow.any(0))
    assert top <= rows[0] and rows[-1] < bottom and left <= columns[0] and columns[-1] < right
    assert "more than the whole picture" in text(explorer_panels.seen(network, picture, "conv_head", 3, 3))


def test_the_hottest_cell_of_the_heatmap_is_chosen(classifier, network, picture):
    heat = explorer_panels.evidence(classifier, picture)
    assert heat.shape == (7, 7)
    html, cell = explorer_panels.field_grid(network, picture, "conv_head", heat)
    assert heat[cell] == heat.max() > 0
    assert html.count("data-cell") == 49
    assert html.count("aria-pressed='true'") == 1
    html, cell = explorer_panels.field_grid(network, picture, "conv_stem", heat)
    assert "Some of its 112 × 112 cells" in text(html)
    assert cell == explorer_panels.usual_cell(network, "conv_stem", heat) == (56, 56)


def test_the_table_of_layers_has_every_layer(network):
    html = explorer_panels.layer_table(network)
    assert html.count("<tr>") == len(network.layers) + 1
    assert "conv_stem convolution 3 × 3, stride 2 32 × 112 × 112 3 × 3" in text(html)


def test_a_slide_is_explained_drawn_and_held_against_torch():
    html = explorer_panels.slide(12, 3, 1, 2, 1)
    assert "(12 − 3 + 2 · 1) / 2 + 1 = 6.5, rounded down = 6" in text(html)
    assert "torch.nn.Conv2d(1, 1, 3, stride=2, padding=1) gives 6 : the same" in text(html)
    assert "the last step stops 1 pixel short of the end" in text(html)
    assert (html.count("class='pixel"), html.count("class='pad")) == (
        12 + 1,
        2 + 1,
    )  # each in the legend, too
    assert html.count("class='tap'") == 6 * 3 - 1 + 1
    assert html.count("class='tap outside'") == 1
    assert "rounded down" not in explorer_panels.slide(11, 3, 1, 2, 1)
    assert "Dilation 2 spreads the 3 pixels of the kernel over 2 × (3 − 1) + 1 = 5" in text(
        explorer_panels.slide(11, 3, 1, 2, 2)
    )
    assert "one more at the end" in text(explorer_panels.slide(12, 3, "same", 2, 1))
    assert "2 positions see nothing but padding" in text(explorer_panels.slide(3, 1, 1, 1, 1))
    assert "Impossible. A kernel of 7 pixels does not fit" in text(explorer_panels.slide(5, 7, "valid", 1, 1))


def test_a_long_slide_is_drawn_in_part():
    html = explorer_panels.slide(64, 3, 0, 1, 1)
    assert "the kernel at 7 of its 62 positions" in text(html)


def test_the_cost_names_the_formula_and_the_strides():
    html = text(explorer_panels.cost(3, 32, 3, 224, 2))
    assert "32 × (3 × 3 × 3 + 1) = 896 parameters" in html
    assert "32 × 112 × 112 = 401,408 activations takes 27 multiply-adds" in html
    assert "Impossible. The number of filters is 0" in text(explorer_panels.cost(3, 0, 3, 8, 1))
    assert "one 7 × 7 201 k" in text(explorer_panels.stacks(64, 56))


def test_a_transformer_has_maps_of_its_patches_only():
    network = of(timm.create_model("vit_tiny_patch16_224"))
    assert [name for _, name in explorer_panels.layer_choices(network)] == ["patch_embed.proj"]
    picture = np.zeros((224, 224, 3), dtype=np.uint8)
    assert "192 filters of 16 × 16" in text(explorer_panels.filters(network))
    assert "14 × 14 cells" in text(explorer_panels.field_grid(network, picture, "patch_embed.proj")[0])
    assert "16 × 16 pixels" in text(explorer_panels.seen(network, picture, "patch_embed.proj", 3, 3))


def test_small_grey_pictures_are_shown():
    network = of(timm.create_model("lenet5"), (1, 32, 32))
    picture = np.full((32, 32, 1), 7, dtype=np.uint8)
    layer = explorer_panels.usual_layer(network)
    grid, large = explorer_panels.feature_maps(network, picture, layer)
    assert (grid.count("data-channel"), pictures(large)[0].size) == (12, (32, 32))
    assert "sees 16 × 16 pixels" in text(explorer_panels.seen(network, picture, layer, 0, 0))
    assert "6 filters of 5 × 5" in text(explorer_panels.filters(network))


def test_gates_are_told_of():
    with torch.random.fork_rng():
        network = of(timm.create_model("mobilenetv3_small_100"))
    html = explorer_panels.seen(network, np.zeros((224, 224, 3), dtype=np.uint8), "blocks.0.0.conv_pw", 3, 3)
    assert "Squeeze-and-excitation before it measures the whole picture" in text(html)
    assert "class='box'" in html


def test_what_has_no_maps_or_no_picture_says_so(network, picture):
    flat = nn.Sequential(nn.Flatten(), nn.Linear(64, 2))
    none = inside.Network(flat, inside.layers(flat, (1, 8, 8)), "", None, None, lambda x: x, threading.Lock())
    assert "no layer whose cells are laid out" in text(explorer_panels.feature_maps(none, picture, None)[0])
    assert "Give a picture first" in text(explorer_panels.feature_maps(network, None, "conv_stem")[0])
    assert "Give a picture first" in text(explorer_panels.field_grid(network, None, "conv_head")[0])
    assert explorer_panels.seen(network, None, "conv_head", 0, 0) == ""


def test_the_architectures_fill_one_after_another():
    papers = inside.papers()
    assert "0 of 4 networks" in text(explorer_panels.architectures(papers))
    row = inside.Architecture(papers[0], 5, [5], 61_706, 416_520, 16, 0.247, 0.21)
    html = text(explorer_panels.architectures(papers, [row], running=True))
    assert "Counting and timing AlexNet: 1 of 4 are done" in html
    assert "61.7 k" in html.replace("\u00a0", " ")
    for paper in papers:
        assert f"<a href='{paper.url}'" in explorer_panels.architectures(papers)
