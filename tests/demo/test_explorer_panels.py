"""The panels of the tab "Inside the network", without a page, for networks of every kind."""

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

from hub.demo import arithmetic_panels, explorer_panels
from hub.explorer import milestones
from hub.explorer.feature_maps import feature_maps, strongest_channels
from hub.explorer.layers import list_layers
from hub.explorer.network import Network, open_network
from hub.inference.classifier import Classifier
from hub.models import filters
from hub.text import compact, dimensions, file_size, in_words, thousands

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def network(classifier):
    return open_network(classifier)


@pytest.fixture
def image(classifier, radiograph):
    return classifier.read(radiograph)


def network_of(model, shape=None):
    """Return a model that no folder holds as what the panels take."""
    kernels = filters.first_layer_filters(model)
    return Network(model.eval(), list_layers(model, shape), "", None, kernels, normalize, threading.Lock())


def normalize(images):
    return np.float32(images.transpose(0, 3, 1, 2))


def text(html):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html)).replace(" .", ".").replace(" ,", ",")


def images(html):
    """Return the images that are embedded in the HTML."""
    return [open_uri(uri) for uri in re.findall(r'src="([^"]*)"', html)]


def open_uri(uri):
    return Image.open(io.BytesIO(base64.b64decode(uri.removeprefix("data:image/png;base64,"))))


@pytest.mark.slow
def test_neither_page_loads_torch_before_the_tab_is_opened():
    program = (
        "import sys, app\n"
        "from hub.inference.classifier import Classifier\napp.build(Classifier.from_pretrained(), [])\n"
        "from streamlit.testing.v1 import AppTest\n"
        "page = AppTest.from_file('streamlit_app.py', default_timeout=60).run()\n"
        "assert len(page.tabs) == 4, page\n"
        "print(sorted({'torch', 'timm', 'datasets'} & set(sys.modules)))"
    )
    process = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert process.stdout.strip().endswith("[]"), process


def test_filters_are_shown_before_and_after_training_with_their_change(network):
    html = explorer_panels.filters(network)
    assert [html.count(f"<figcaption>{word}") for word in ("Before", "After", "What changed")] == [1, 1, 1]
    assert len(images(html)) == 3 * 32
    assert "288 weights" in text(html)
    dense = (224 * 224 + 1) * 32 * 112 * 112
    assert f"{dense / 1e9:.1f} billion" in text(html)


def test_the_grey_of_a_filter_is_its_weight(network):
    tile = images(explorer_panels.filters(network))[32]  # the first after fine-tuning
    kernel = network.after[0, 0].numpy()
    largest = max(network.before[0].abs().max(), network.after[0].abs().max()).item()
    grey = np.asarray(tile)[4::8, 4::8, 0]
    np.testing.assert_allclose(grey, 127.5 + 127.5 * kernel / largest, atol=1)


def test_a_folder_without_the_filters_before_training_says_so(network):
    html = explorer_panels.filters(replace(network, before=None))
    assert "keeps no filters from before training" in text(html)
    assert len(images(html)) == 32


def test_a_folder_without_weights_says_so_on_every_panel_of_the_model(classifier, image, tmp_path):
    other = Classifier.from_pretrained()
    other.folder = tmp_path
    network = open_network(other)
    for html in (
        explorer_panels.filters(network),
        explorer_panels.feature_maps(network, image, None)[0],
        explorer_panels.cell_grid(network, image, None)[0],
    ):
        assert "are missing or damaged" in text(html)
    assert explorer_panels.layer_choices(network) == []


def test_the_strongest_channels_are_buttons_and_one_is_large(network, image):
    grid, large = explorer_panels.feature_maps(network, image, "conv_stem")
    channels = [int(number) for number in re.findall(r'data-channel="(\d+)"', grid)]
    pixels = torch.from_numpy(network.normalize(image[None]))
    maps, _ = feature_maps(network.model, pixels, "conv_stem")
    assert channels == strongest_channels(maps, 12)
    assert "after Conv2d, BatchNorm2d, ReLU6" in text(grid)
    assert f"Channel {channels[0]}, 112 × 112 cells: mean {maps[channels[0]].mean():.2f}" in text(large)
    base, overlay = images(large)
    np.testing.assert_array_equal(np.asarray(base), image)
    assert overlay.size == (112, 112)
    assert f"Channel {channels[3]}," in text(
        explorer_panels.feature_maps(network, image, "conv_stem", channels[3])[1]
    )


def test_a_page_with_its_own_widgets_gets_no_buttons_sliders_or_svg(classifier, network, image):
    """Streamlit's sanitiser lets no SVG through, and no script."""
    heat = explorer_panels.heatmap(classifier, image)
    thumbnails = explorer_panels.thumbnails(network, image, "conv_head")
    channel = list(thumbnails)[2]
    words, large = explorer_panels.feature_maps(
        network, image, "conv_head", channel, buttons=False, opacity=0.5
    )
    grid, cell = explorer_panels.cell_grid(network, image, "conv_head", heat, (2, 3), buttons=False)
    slide = arithmetic_panels.slide(12, 3, 1, 2, 1)
    field = explorer_panels.receptive_field(network, image, "conv_head", 2, 3)
    assert not re.search("<(button|input|svg|script)", words + large + grid + slide + field)
    assert f"Channel {channel}," in text(large) and "opacity:0.5" in large
    assert open_uri(thumbnails[channel]).size == (7, 7)
    assert (cell, grid.count('<div class="chosen"')) == ((2, 3), 1)
    assert explorer_panels.cell_choices(network, "conv_head") == (list(range(7)), list(range(7)))


def test_the_box_and_the_words_are_those_of_the_layer(network, image):
    html = explorer_panels.receptive_field(network, image, "blocks.1.0.conv_dw", 10, 20)
    layer = next(layer for layer in network.layers if layer.name == "blocks.1.0.conv_dw")
    top, left, bottom, right = layer.box(10, 20)
    style = re.search(r'class="box" style="left:(.*)%;top:(.*)%;width:(.*)%;height:([\d.]*)%"', html).groups()
    position = [float(share) * 224 / 100 for share in style]
    assert position == pytest.approx([left, top, right - left, bottom - top], abs=0.01)
    assert "sees 11 × 11 pixels, all on the picture" in text(html)
    assert "look 4 pixels further on" in text(html)
    glow = np.asarray(images(html)[1])[..., 3]
    rows, columns = np.flatnonzero(glow.any(1)), np.flatnonzero(glow.any(0))
    assert top <= rows[0] and rows[-1] < bottom and left <= columns[0] and columns[-1] < right
    assert "more than the whole picture" in text(
        explorer_panels.receptive_field(network, image, "conv_head", 3, 3)
    )


def test_the_hottest_cell_of_the_heatmap_is_chosen(classifier, network, image):
    heat = explorer_panels.heatmap(classifier, image)
    assert heat.shape == (7, 7)
    html, cell = explorer_panels.cell_grid(network, image, "conv_head", heat)
    assert heat[cell] == heat.max() > 0
    assert html.count("data-cell") == 49
    assert html.count('aria-pressed="true"') == 1
    html, cell = explorer_panels.cell_grid(network, image, "conv_stem", heat)
    assert "Some of its 112 × 112 cells" in text(html)
    assert cell == explorer_panels.default_cell(network, "conv_stem", heat) == (56, 56)


def test_the_table_of_layers_has_every_layer(network):
    html = explorer_panels.layer_table(network)
    assert html.count("<tr>") == len(network.layers) + 1
    assert "conv_stem convolution 3 × 3, stride 2 32 × 112 × 112 3 × 3" in text(html)


def test_a_slide_is_explained_drawn_and_compared_with_torch():
    html = arithmetic_panels.slide(12, 3, 1, 2, 1)
    assert "(12 − 3 + 2 · 1) / 2 + 1 = 6.5, rounded down = 6" in text(html)
    assert "torch.nn.Conv2d(1, 1, 3, stride=2, padding=1) gives 6 : the same" in text(html)
    assert "the last step stops 1 pixel short of the end" in text(html)
    # Each is in the legend, too.
    assert (html.count('class="pixel'), html.count('class="pad')) == (12 + 1, 2 + 1)
    assert html.count('class="tap"') == 6 * 3 - 1 + 1
    assert html.count('class="tap outside"') == 1
    assert "rounded down" not in arithmetic_panels.slide(11, 3, 1, 2, 1)
    assert "Dilation 2 spreads the 3 pixels of the kernel over 2 × (3 − 1) + 1 = 5" in text(
        arithmetic_panels.slide(11, 3, 1, 2, 2)
    )
    assert "one more at the end" in text(arithmetic_panels.slide(12, 3, "same", 2, 1))
    assert "2 positions see nothing but padding" in text(arithmetic_panels.slide(3, 1, 1, 1, 1))
    assert "Impossible. A kernel of 7 pixels does not fit" in text(
        arithmetic_panels.slide(5, 7, "valid", 1, 1)
    )


def test_a_long_slide_is_drawn_in_part():
    html = arithmetic_panels.slide(64, 3, 0, 1, 1)
    assert "the kernel at 7 of its 62 positions" in text(html)


def test_the_cost_names_the_formula_and_the_strides():
    html = text(arithmetic_panels.cost(3, 32, 3, 224, 2))
    assert "32 × (3 × 3 × 3 + 1) = 896 parameters" in html
    assert "32 × 112 × 112 = 401,408 activations takes 27 multiply-adds" in html
    assert "Impossible. The number of filters is 0" in text(arithmetic_panels.cost(3, 0, 3, 8, 1))
    assert "one 7 × 7 201 k" in text(arithmetic_panels.stacks(64, 56))


def test_a_transformer_has_maps_of_its_patches_only():
    network = network_of(timm.create_model("vit_tiny_patch16_224"))
    assert [name for _, name in explorer_panels.layer_choices(network)] == ["patch_embed.proj"]
    image = np.zeros((224, 224, 3), dtype=np.uint8)
    assert "192 filters of 16 × 16" in text(explorer_panels.filters(network))
    assert "14 × 14 cells" in text(explorer_panels.cell_grid(network, image, "patch_embed.proj")[0])
    assert "16 × 16 pixels" in text(explorer_panels.receptive_field(network, image, "patch_embed.proj", 3, 3))


def test_small_grey_images_are_shown():
    network = network_of(timm.create_model("lenet5"), (1, 32, 32))
    image = np.full((32, 32, 1), 7, dtype=np.uint8)
    layer = explorer_panels.default_layer(network)
    grid, large = explorer_panels.feature_maps(network, image, layer)
    assert (grid.count("data-channel"), images(large)[0].size) == (12, (32, 32))
    assert "sees 16 × 16 pixels" in text(explorer_panels.receptive_field(network, image, layer, 0, 0))
    assert "6 filters of 5 × 5" in text(explorer_panels.filters(network))


def test_squeeze_and_excitation_is_explained():
    with torch.random.fork_rng():
        network = network_of(timm.create_model("mobilenetv3_small_100"))
    html = explorer_panels.receptive_field(
        network, np.zeros((224, 224, 3), dtype=np.uint8), "blocks.0.0.conv_pw", 3, 3
    )
    assert "Squeeze-and-excitation before it measures the whole picture" in text(html)
    assert 'class="box"' in html


def test_text_of_a_model_folder_is_escaped(network):
    assert "&lt;b&gt;" in explorer_panels.notice("<b>")
    layer = replace(network.layers[0], name="<script>")
    assert "<script>" not in explorer_panels.layer_table(replace(network, layers=[layer]))


def test_without_maps_or_an_image_a_panel_says_so(network, image):
    flat = nn.Sequential(nn.Flatten(), nn.Linear(64, 2))
    none = Network(flat, list_layers(flat, (1, 8, 8)), "", None, None, lambda x: x, threading.Lock())
    assert "no layer whose cells are laid out" in text(explorer_panels.feature_maps(none, image, None)[0])
    assert "Give a picture first" in text(explorer_panels.feature_maps(network, None, "conv_stem")[0])
    assert "Give a picture first" in text(explorer_panels.cell_grid(network, None, "conv_head")[0])
    assert explorer_panels.receptive_field(network, None, "conv_head", 0, 0) == ""


def test_the_architectures_fill_one_after_another():
    papers = milestones.papers()
    assert "0 of 4 networks" in text(explorer_panels.architectures(papers))
    row = milestones.Architecture(papers[0], 5, [5], 61_706, 416_520, 16, 0.247, 0.21)
    html = text(explorer_panels.architectures(papers, [row], running=True))
    assert "Counting and timing AlexNet: 1 of 4 are done" in html
    assert "61.7 k" in html.replace("\u00a0", " ")
    for paper in papers:
        assert f'<a href="{paper.url}"' in explorer_panels.architectures(papers)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (thousands(61_706), "61,706"),
        (compact(864), "864"), (compact(9_999), "9,999"), (compact(61_706), "61.7\u00a0k"),
        (compact(3_504_872), "3.50\u00a0M"), (compact(15.5e9), "15.5\u00a0G"),
        (in_words(61_706), "61,706"), (in_words(3.5e6), "3.5 million"), (in_words(20.1e9), "20.1 billion"),
        (file_size(247e3), "247\u00a0kB"), (file_size(14e6), "14.0\u00a0MB"),
        (file_size(553e6), "553\u00a0MB"),
        (dimensions((32, 112, 112)), "32 × 112 × 112"),
    ],
)  # fmt: skip
def test_counts_are_short_and_have_a_unit(text, expected):
    assert text == expected
