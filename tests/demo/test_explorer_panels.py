"""The panels of the tab "Inside the network", without a page, for networks of every kind."""

import base64
import io
import re
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from torch import nn

from hub.demo import arithmetic_panels, explorer_panels, explorer_tab, layer_choice
from hub.demo.words import LANGUAGES, phrases, words_in
from hub.explorer import milestone_networks, milestones
from hub.explorer import network as networks
from hub.explorer.layer_tracing import list_layers
from hub.explorer.layers import strongest_channels
from hub.explorer.live import look_into
from hub.explorer.network import Network, open_network
from hub.inference.classifier import Classifier
from hub.models import filters
from hub.models.folder import BUNDLED
from hub.text import compact, dimensions, file_size, thousands

ROOT = Path(__file__).parents[2]
WORDS = words_in()


@pytest.fixture(scope="module")
def network(classifier):
    return open_network(classifier)


@pytest.fixture
def image(classifier, radiograph):
    return classifier.read(radiograph)


def network_of(model, shape=None):
    """Return a model that no folder holds as what the panels take."""
    kernels = filters.first_layer_filters(model).numpy()
    return Network(list_layers(model.eval(), shape), after=kernels, **look_into(model, normalize))


def normalize(images):
    return np.float32(images.transpose(0, 3, 1, 2))


def text(html):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html)).replace(" .", ".").replace(" ,", ",")


def spaced(text):
    """Return text with ordinary spaces for those that do not break."""
    return text.replace("\u00a0", " ")


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


def test_the_tab_has_every_phrase_in_every_language_filled_by_the_same_values():
    """Chinese counts in other units."""
    counts = {"count", "ten_thousands", "hundred_millions"}
    english = {name: text for name, text in phrases("en").items() if name.startswith("inside.")}
    for language in LANGUAGES:
        translated = {name: text for name, text in phrases(language).items() if name.startswith("inside.")}
        assert list(translated) == list(english)
        for name, text in english.items():
            fields = [set(re.findall(r"{(\w+)}", phrase)) - counts for phrase in (text, translated[name])]
            assert fields[0] == fields[1], (language, name)


def test_the_image_is_shown_small_under_its_name(image):
    html = explorer_panels.shown("<b>.png", image, WORDS)
    assert "&lt;b&gt;.png" in html and "<b>" not in html
    np.testing.assert_array_equal(np.asarray(images(html)[0]), image)


def test_without_a_name_it_is_an_example_that_nobody_chose(classifier, image, tmp_path, radiograph):
    radiograph.save(tmp_path / "film.png")
    shown = explorer_tab.shown_or_example(classifier, None, [tmp_path / "film.png"])
    np.testing.assert_array_equal(shown.pixels, image)
    assert WORDS("inside.shown_example") in explorer_panels.shown(shown.name, shown.pixels, WORDS)
    chosen = explorer_tab.Shown("mine.png", image)
    assert explorer_tab.shown_or_example(classifier, chosen, [tmp_path / "film.png"]) is chosen
    assert explorer_tab.shown_or_example(classifier, None, []) is None


def test_filters_are_shown_before_and_after_training_with_their_change(network):
    html = explorer_panels.filters(network, WORDS)
    assert (html.count("<figcaption>"), len(images(html))) == (3, 3 * 32)
    dense = (224 * 224 + 1) * 32 * 112 * 112
    assert WORDS("inside.billions", count=f"{dense / 1e9:.1f}") in text(html)
    chinese = explorer_panels.filters(network, words_in("zh"))
    assert words_in("zh")("inside.billions", hundred_millions=f"{dense / 1e8:.0f}") in text(chinese)


def test_the_weights_are_those_trained_and_one_sentence_says_why_more_are_stored(network):
    """A radiograph model reads grey and is stored for those that feed three colours."""
    stored = WORDS("inside.sharing_stored", stored="864")
    html = text(explorer_panels.filters(network, WORDS))
    assert WORDS("inside.sharing_few", weights="288") in html
    assert html.count(stored) == 1
    html = text(explorer_panels.layer_table(network, WORDS))
    assert "conv_stem convolution 3 × 3, stride 2 32 × 112 × 112 3 × 3 288 3.61 M" in spaced(html)
    assert html.count(stored) == 1


def test_a_network_stored_as_it_was_trained_has_one_number_of_weights():
    network = network_of(timm.create_model("lenet5"), (1, 32, 32))
    layers, stored = layer_choice.layers_as_trained(network)
    assert (layers, stored) == (network.layers, None)


def test_the_grey_of_a_filter_is_its_weight(network):
    tile = images(explorer_panels.filters(network, WORDS))[32]  # the first after fine-tuning
    kernel = network.after[0, 0]
    largest = max(abs(network.before[0]).max(), abs(network.after[0]).max())
    grey = np.asarray(tile)[4::8, 4::8, 0]
    np.testing.assert_allclose(grey, 127.5 + 127.5 * kernel / largest, atol=1)


def test_a_folder_without_the_filters_before_training_says_so(network):
    html = explorer_panels.filters(replace(network, before=None), WORDS)
    assert WORDS("inside.filters_no_before") in text(html)
    assert len(images(html)) == 32


def test_a_folder_without_weights_says_so_on_every_panel_of_the_model(image, tmp_path):
    other = Classifier.from_pretrained()
    other.folder = tmp_path
    network = open_network(other)
    for html in (
        explorer_panels.filters(network, WORDS),
        explorer_panels.feature_maps(network, image, None, None, False, True, WORDS)[0],
        explorer_panels.cell_grid(network, image, None, None, None, True, WORDS)[0],
    ):
        assert "The model folder has no model.safetensors" in text(html) and str(tmp_path) not in html
    assert layer_choice.depths(network) == []
    assert layer_choice.default_layer(network) is None


def test_a_folder_that_is_replaced_under_the_page_says_so_without_saying_where_it_lies(tmp_path):
    classifier = Classifier(shutil.copytree(BUNDLED, tmp_path / "model"))
    weights = tmp_path / "model" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"\0\0\0\0")
    replaced = open_network(classifier)
    assert "is not that of the model that answers here" in replaced.trouble
    shutil.rmtree(tmp_path / "model")
    for network in (replaced, open_network(classifier)):
        assert network.layers == [] and network.trouble and str(tmp_path) not in network.trouble


def test_visitors_who_open_the_tab_together_share_one_network(classifier, monkeypatch):
    together, opened = threading.Barrier(4), []

    def open_slowly(classifier):
        time.sleep(0.1)
        opened.append(Network([]))
        return opened[-1]

    monkeypatch.setattr(networks, "open_network", open_slowly)
    network = networks.opened_once(classifier)
    with ThreadPoolExecutor(4) as pool:
        (shared, *_) = answers = list(pool.map(lambda _: (together.wait(), network())[1], range(4)))
    assert len(opened) == 1 and all(each is shared for each in answers)


def test_damaged_filters_are_named_without_saying_where_they_lie(tmp_path):
    classifier = Classifier(shutil.copytree(BUNDLED, tmp_path / "model"))
    (tmp_path / "model" / "filters.safetensors").write_bytes(b"")
    network = open_network(classifier)
    assert network.layers and network.trouble.startswith("filters.safetensors is not the file")


def test_layers_are_early_middle_or_late_and_the_tab_opens_in_the_middle(network):
    assert layer_choice.depths(network) == ["early", "middle", "late"]
    defaults = [layer_choice.default_layer(network, depth) for depth in layer_choice.DEPTHS]
    assert (defaults[0], defaults[2]) == ("conv_stem", "conv_head")
    assert defaults[1] == layer_choice.default_layer(network)
    numbers = [[layer.name for layer in network.layers].index(name) for name in defaults]
    assert numbers[1] == len(network.layers) // 2
    for depth, name in zip(layer_choice.DEPTHS, defaults, strict=True):
        assert layer_choice.depth_of(network, name) == depth
        assert name in [name for _, name in layer_choice.choices(network, depth, WORDS)]
    labels = dict(layer_choice.choices(network, "early", WORDS))
    assert next(iter(labels)) == WORDS("inside.layer_option", number=1, count=54, cells="112 × 112")
    together = [layer_choice.choices(network, depth, WORDS) for depth in layer_choice.DEPTHS]
    assert sum(map(len, together)) == len(network.maps)


def test_the_strongest_channels_are_buttons_and_one_is_large_in_grey_beside_the_image(network, image):
    grid, large = explorer_panels.feature_maps(network, image, "conv_stem", None, False, True, WORDS)
    channels = [int(number) for number in re.findall(r'data-channel="(\d+)"', grid)]
    maps, _ = network.feature_maps(network.normalize(image[None]), "conv_stem")
    assert channels == strongest_channels(maps, 12)
    assert "conv_stem" in text(grid) and "Conv2d, BatchNorm2d, ReLU6" in text(grid)
    assert sentence_of(maps, channels[0], "map_grey") in text(large)
    grey, beside = images(large)
    assert (grey.mode, grey.size) == ("L", (112, 112))
    np.testing.assert_array_equal(np.asarray(beside), image)
    chosen = explorer_panels.feature_maps(network, image, "conv_stem", channels[3], False, True, WORDS)[1]
    assert sentence_of(maps, channels[3], "map_grey") in text(chosen)


def test_a_map_is_in_colour_over_the_image_when_asked(network, image):
    _, large = explorer_panels.feature_maps(network, image, "conv_stem", None, True, True, WORDS)
    under, over, beside = images(large)
    assert (over.mode, over.size) == ("RGBA", (112, 112))
    for shown in (under, beside):
        np.testing.assert_array_equal(np.asarray(shown), image)


def sentence_of(maps, channel, name):
    """Return what is said of a map; maps are counted from 1."""
    values, cells = maps[channel], dimensions(maps.shape[1:])
    figures = {"lowest": values.min(), "highest": values.max(), "mean": values.mean()}
    figures = {name: f"{value:.2f}" for name, value in figures.items()}
    return WORDS(f"inside.{name}", number=channel + 1, count=len(maps), cells=cells, **figures)


def test_a_page_with_its_own_widgets_gets_no_buttons_sliders_or_svg(classifier, network, image):
    """Streamlit's sanitiser lets no SVG through, and no script."""
    heat = explorer_panels.heatmap(classifier, image)
    thumbnails = explorer_panels.thumbnails(network, image, "conv_head")
    channel = list(thumbnails)[2]
    count, large = explorer_panels.feature_maps(network, image, "conv_head", channel, True, False, WORDS)
    grid, cell = explorer_panels.cell_grid(network, image, "conv_head", heat, (2, 3), False, WORDS)
    slide = arithmetic_panels.slide(12, 3, 1, 2, 1, WORDS)
    field = explorer_panels.receptive_field(network, image, "conv_head", (2, 3), WORDS)
    assert not re.search("<(button|input|svg|script)", count + large + grid + slide + field)
    assert f'data-shown-channel="{channel}"' in large
    assert open_uri(thumbnails[channel]).size == (7, 7)
    assert (cell, grid.count('<div class="chosen"')) == ((2, 3), 1)
    assert explorer_panels.cell_choices(network, "conv_head") == (list(range(7)), list(range(7)))


def test_the_box_and_the_words_are_those_of_the_layer_with_rows_from_1(network, image):
    html = explorer_panels.receptive_field(network, image, "blocks.1.0.conv_dw", (10, 20), WORDS)
    layer = layer_choice.find(network, "blocks.1.0.conv_dw")
    top, left, bottom, right = layer.box(10, 20)
    style = re.search(r'class="box" style="left:(.*)%;top:(.*)%;width:(.*)%;height:([\d.]*)%"', html).groups()
    position = [float(share) * 224 / 100 for share in style]
    assert position == pytest.approx([left, top, right - left, bottom - top], abs=0.01)
    assert WORDS("inside.field_inside", row=11, column=21, size="11 × 11") in text(html)
    assert WORDS("inside.field_next", jump=4) in text(html)
    assert WORDS("inside.field_box", top=top + 1, bottom=bottom, left=left + 1, right=right) in html
    glow = np.asarray(images(html)[1])[..., 3]
    rows, columns = np.flatnonzero(glow.any(1)), np.flatnonzero(glow.any(0))
    assert top <= rows[0] and rows[-1] < bottom and left <= columns[0] and columns[-1] < right
    html = explorer_panels.receptive_field(network, image, "conv_head", (3, 3), WORDS)
    assert WORDS("inside.field_more", row=4, column=4, size="491 × 491") in text(html)


def test_the_hottest_cell_of_the_heatmap_is_chosen(classifier, network, image):
    heat = explorer_panels.heatmap(classifier, image)
    assert heat.shape == (7, 7)
    html, cell = explorer_panels.cell_grid(network, image, "conv_head", heat, None, True, WORDS)
    assert heat[cell] == heat.max() > 0
    assert html.count("data-cell") == 49
    assert html.count('aria-pressed="true"') == 1
    assert f'aria-label="{WORDS("inside.cell", row=1, column=7)}"' in html
    html, cell = explorer_panels.cell_grid(network, image, "conv_stem", heat, None, True, WORDS)
    assert WORDS("inside.cells_some", shown=49, count="112 × 112") in text(html)
    assert cell == explorer_panels.default_cell(network, "conv_stem", heat) == (56, 56)


def test_the_table_of_layers_has_every_layer(network):
    html = explorer_panels.layer_table(network, WORDS)
    assert html.count("<tr>") == len(network.layers) + 1
    assert all(layer.name in html for layer in network.layers)


def test_a_slide_is_explained_drawn_and_compared_with_torch():
    html = slide(12, 3, 1, 2, 1)
    rounded = WORDS("inside.slide_rounded")
    assert f"(12 − 3 + 2 · 1) / 2 + 1 = 6.5, {rounded} = 6" in text(html)
    agrees = WORDS("inside.slide_agrees", output=6)
    assert f"torch.nn.Conv2d(1, 1, 3, stride=2, padding=1) {agrees}" in text(html)
    assert WORDS("inside.slide_leftover", leftover=1) in text(html)
    # Each is in the legend, too.
    assert (html.count('class="pixel'), html.count('class="pad')) == (12 + 1, 2 + 1)
    assert html.count('class="tap"') == 6 * 3 - 1 + 1
    assert html.count('class="tap outside"') == 1
    assert rounded not in slide(11, 3, 1, 2, 1)
    assert WORDS("inside.slide_dilation", dilation=2, kernel=3, reach=5) in text(slide(11, 3, 1, 2, 2))
    assert WORDS("inside.slide_odd", padding=1) in text(slide(12, 3, "same", 2, 1))
    assert WORDS("inside.slide_blind", count=2) in text(slide(3, 1, 1, 1, 1))


def slide(*settings):
    return arithmetic_panels.slide(*settings, WORDS)


def test_settings_that_are_impossible_are_explained():
    assert WORDS("inside.impossible_slide", reach=7, room=5) in text(slide(5, 7, "valid", 1, 1))
    assert WORDS("inside.impossible_slide", reach=9, room=7) in text(slide(5, 5, 1, 1, 2))
    for settings in ((None, 3, 1, 1, 1), (12, 2.5, 1, 1, 1), (12, 3, None, 1, 1), (12, 3, -1, 1, 1)):
        assert WORDS("inside.impossible_numbers") in text(slide(*settings))
    assert WORDS("inside.impossible_numbers") in text(arithmetic_panels.cost(3, 0, 3, 8, 1, WORDS))
    assert arithmetic_panels.stacks(None, 8, WORDS) == ""


def test_a_long_slide_is_drawn_in_part():
    html = slide(64, 3, 0, 1, 1)
    assert WORDS("inside.slide_some_places", drawn=7, count=62) in text(html)


def test_the_cost_names_the_formula_and_the_strides():
    html = text(arithmetic_panels.cost(3, 32, 3, 224, 2, WORDS))
    assert f"32 × (3 × 3 × 3 + 1) = 896 {WORDS('inside.cost_parameters')}" in html
    assert WORDS("inside.cost_outputs", filters=32, side=112, outputs="401,408", products="27") in html
    assert f"{WORDS('inside.stack_large')} 201 k" in text(arithmetic_panels.stacks(64, 56, WORDS))


def test_a_transformer_has_maps_of_its_patches_only():
    network = network_of(timm.create_model("vit_tiny_patch16_224"))
    assert layer_choice.depths(network) == ["early"]
    layer = layer_choice.default_layer(network)
    assert [name for _, name in layer_choice.choices(network, "early", WORDS)] == [layer]
    image = np.zeros((224, 224, 3), dtype=np.uint8)
    count = WORDS("inside.filters_count", count=192, size="16 × 16")
    assert count in text(explorer_panels.filters(network, WORDS))
    assert "14 × 14" in text(explorer_panels.cell_grid(network, image, layer, None, None, True, WORDS)[0])
    field = explorer_panels.receptive_field(network, image, layer, (3, 3), WORDS)
    assert WORDS("inside.field_inside", row=4, column=4, size="16 × 16") in text(field)


def test_small_grey_images_are_shown():
    network = network_of(timm.create_model("lenet5"), (1, 32, 32))
    image = np.full((32, 32, 1), 7, dtype=np.uint8)
    layer = layer_choice.default_layer(network, "late")
    grid, large = explorer_panels.feature_maps(network, image, layer, None, False, True, WORDS)
    assert (grid.count("data-channel"), images(large)[1].size) == (12, (32, 32))
    field = explorer_panels.receptive_field(network, image, layer, (0, 0), WORDS)
    assert WORDS("inside.field_inside", row=1, column=1, size="16 × 16") in text(field)
    count = WORDS("inside.filters_count", count=6, size="5 × 5")
    assert count in text(explorer_panels.filters(network, WORDS))


def test_squeeze_and_excitation_is_explained():
    with torch.random.fork_rng():
        network = network_of(timm.create_model("mobilenetv3_small_100"))
    image = np.zeros((224, 224, 3), dtype=np.uint8)
    html = explorer_panels.receptive_field(network, image, "blocks.0.0.conv_pw", (3, 3), WORDS)
    assert WORDS("inside.field_squeeze") in text(html)
    assert 'class="box"' in html


def test_text_of_a_model_folder_is_escaped(network):
    assert "&lt;b&gt;" in explorer_panels.notice("<b>")
    layer = replace(network.layers[0], name="<script>")
    assert "<script>" not in explorer_panels.layer_table(replace(network, layers=[layer]), WORDS)


def test_without_maps_or_an_image_a_panel_says_so(network, image):
    flat = nn.Sequential(nn.Flatten(), nn.Linear(64, 2))
    none = Network(list_layers(flat, (1, 8, 8)), **look_into(flat, normalize))
    no_maps, no_image = WORDS("inside.no_maps"), WORDS("inside.no_image")
    panels = explorer_panels.feature_maps(none, image, None, None, False, True, WORDS)
    assert no_maps in text(panels[0])
    panels = explorer_panels.feature_maps(network, image, [], None, False, True, WORDS)  # no name of a layer
    assert no_maps in text(panels[0])
    panels = explorer_panels.feature_maps(network, None, "conv_stem", None, False, True, WORDS)
    assert no_image in text(panels[0])
    panels = explorer_panels.cell_grid(network, None, "conv_head", None, None, True, WORDS)
    assert no_image in text(panels[0])
    assert explorer_panels.receptive_field(network, None, "conv_head", (0, 0), WORDS) == ""


def test_the_architectures_are_counted_at_once_and_timed_one_after_another(monkeypatch):
    html = explorer_tab.architectures({}, WORDS)
    assert "61.7 k" in spaced(text(html)) and "512 × 7 × 7" in text(html)
    assert WORDS("inside.time_here") not in text(html)
    for row in milestones.architectures():
        assert f'<a href="{row.paper.url}"' in html
    monkeypatch.setattr(milestone_networks, "milliseconds", lambda paper: 0.21)
    times = {}
    tables = [spaced(text(table)) for table in explorer_tab.time_architectures(times, WORDS)]
    assert WORDS("inside.timing", network="AlexNet", done=1, count=4) in tables[1]
    assert WORDS("inside.timed", done=4, count=4) in tables[-1]
    assert [table.count("0.21 ms") for table in tables] == [0, 1, 2, 3, 4]
    assert WORDS("inside.timed", done=4, count=4) in text(explorer_tab.architectures(times, WORDS))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (thousands(61_706), "61,706"),
        (compact(864), "864"), (compact(9_999), "9,999"), (compact(61_706), "61.7\u00a0k"),
        (compact(3_504_872), "3.50\u00a0M"), (compact(15.5e9), "15.5\u00a0G"),
        (file_size(247e3), "247\u00a0kB"), (file_size(14e6), "14.0\u00a0MB"),
        (file_size(553e6), "553\u00a0MB"),
        (dimensions((32, 112, 112)), "32 × 112 × 112"),
    ],
)  # fmt: skip
def test_counts_are_short_and_have_a_unit(text, expected):
    assert text == expected
