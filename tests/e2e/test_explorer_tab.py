"""The tab "Inside the network" of both pages, in a real browser."""

from pathlib import Path

import pytest
import streamlit as st
from playwright.sync_api import expect
from servers import free_port, open_page, screenshot, sideways_scroll, violations, windows
from streamlit.testing.v1 import AppTest

import app
from hub.demo import explorer_panels, handlers
from hub.demo.render import png_uri
from hub.imaging.synthetic import sample_radiographs
from hub.inference.classifier import Classifier

WAIT = 60_000  # ms: the first visitor waits for torch


@pytest.fixture(scope="module", params=windows("desktop-light", "phone-dark"))
def page(request, browser, gradio_url):
    """The tab, open in one window for all tests; nothing may go wrong in it unseen."""
    with open_page(browser, gradio_url, request.param) as page:
        errors = []
        page.on("console", lambda message: message.type == "error" and errors.append(message.text))
        page.on("pageerror", lambda error: errors.append(str(error)))
        open_tab(page)
        yield page
        assert errors == []


desktop = pytest.mark.parametrize("page", windows("desktop-light"), indirect=True)


def open_tab(page):
    page.get_by_role("tab", name="Inside the network").click(timeout=WAIT)
    expect(page.locator(".mosaics")).to_be_visible(timeout=WAIT)


def choose(page, panel):
    page.locator("#panels").get_by_label(panel, exact=True).check()
    lesson = explorer_panels.PANELS[panel][:40]
    expect(page.get_by_text(lesson)).to_be_visible()


@pytest.mark.slow
def test_every_panel_fits_and_explains_itself(page):
    shows = {
        "Filters": page.locator(".mosaics"),
        "Feature maps": page.locator("#maps .film"),
        "Padding and stride": page.locator(".positions"),
        "Receptive field": page.locator("#fields .box"),
        "Parameters": page.locator(".costs").first,
        "Architectures": page.locator(".architectures"),
    }
    for panel, content in shows.items():
        choose(page, panel)
        expect(content).to_be_visible(timeout=WAIT)
        assert sideways_scroll(page) == 0, panel
        assert violations(page, {}) == [], panel
        screenshot(page, f"inside-{panel.split()[0].lower()}")


@desktop
def test_a_channel_is_clicked_and_another_layer_chosen(page):
    choose(page, "Feature maps")
    channels = page.locator("[data-channel]")
    expect(channels).to_have_count(12)
    third = channels.nth(2)
    number = third.get_attribute("data-channel")
    third.click()
    expect(page.locator("#maps figcaption")).to_contain_text(f"Channel {number}, 112 × 112 cells")
    expect(third).to_have_attribute("aria-pressed", "true")
    expect(page.locator("[data-channel][aria-pressed=true]")).to_have_count(1)
    page.get_by_label("Opacity of the channel").fill("20")
    expect(page.locator("#maps .heat")).to_have_css("opacity", "0.2")
    page.get_by_label("Layer").fill("conv_head")
    page.keyboard.press("Enter")
    expect(page.locator("#maps figcaption")).to_contain_text("7 × 7 cells", timeout=WAIT)


@desktop
def test_padding_and_stride_are_set_and_impossible_ones_explained(page):
    choose(page, "Padding and stride")
    expect(page.locator(".formula")).to_contain_text("(12 − 3 + 2 · 1) / 2 + 1 = 6.5, rounded down = 6")
    expect(page.get_by_text("gives 6: the same")).to_be_visible()
    page.get_by_label("number input for Kernel, F").fill("15")
    page.keyboard.press("Tab")
    expect(page.locator(".care")).to_contain_text("A kernel of 15 pixels does not fit into 12 pixels")
    page.get_by_role("radio", name="same").check()
    expect(page.get_by_text("gives 6: the same")).to_be_visible()
    expect(page.get_by_label("number input for Padding, P")).to_be_disabled()


def test_a_cell_shows_the_pixels_that_it_saw(page):
    choose(page, "Receptive field")
    expect(page.locator("[data-cell]")).to_have_count(49)
    page.locator("[data-cell='0,6']").click()
    words = page.locator("#fields figcaption").last
    expect(words).to_contain_text("row 0, column 6 sees 491 × 491 pixels")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    expect(words).to_contain_text("row 1, column 5")
    page.get_by_text("Every layer of this network (54)").click()
    expect(page.get_by_role("rowheader", name="conv_stem")).to_be_visible()
    assert sideways_scroll(page) == 0


@desktop
def test_stride_leaves_the_parameters_alone(page):
    choose(page, "Parameters")
    expect(page.locator(".formula").last).to_contain_text("64 × (3 × 3 × 64 + 1) = 36,928")
    activations = page.get_by_text("activations takes")
    expect(activations).to_contain_text("64 × 28 × 28 = 50,176")
    page.get_by_label("number input for Stride", exact=True).fill("1")
    page.keyboard.press("Tab")
    expect(activations).to_contain_text("64 × 56 × 56 = 200,704")
    expect(page.locator(".formula").last).to_contain_text("= 36,928")


@desktop
@pytest.mark.slow
def test_architectures_are_counted_and_timed_when_asked(page):
    choose(page, "Architectures")
    expect(page.get_by_text("0 of 4 networks")).to_be_visible()
    page.get_by_role("button", name="Count and time them").click()
    expect(page.get_by_text("1 of 4 are done")).to_be_visible(timeout=WAIT)
    expect(page.get_by_text("4 of 4 networks")).to_be_visible(timeout=WAIT)
    row = page.locator(".architectures tr", has_text="Parameters")
    expect(row.locator("td")).to_have_text(["61.7\u00a0k", "61.1\u00a0M", "138\u00a0M", "3.50\u00a0M"])
    expect(page.locator(".architectures tr", has_text="Time here").locator("td").last).to_contain_text("ms")
    screenshot(page, "inside-architectures-counted")


@pytest.mark.browser
def test_each_visitor_sees_the_radiograph_that_he_gave(browser, gradio_url, classifier, tmp_path):
    radiographs = sample_radiographs(2)[0]
    with (
        open_page(browser, gradio_url, "desktop-light") as one,
        open_page(browser, gradio_url, "desktop-dark") as two,
    ):
        for page, radiograph in zip((one, two), radiographs, strict=True):
            radiograph.save(tmp_path / "film.png")
            page.locator("#film-input input[type=file]").set_input_files(tmp_path / "film.png")
            expect(page.locator("#card h2")).to_be_visible(timeout=WAIT)
        for page, radiograph in zip((one, two), radiographs, strict=True):
            open_tab(page)
            choose(page, "Receptive field")
            shown = page.locator("#fields .frame img").first
            expect(shown).to_have_attribute("src", png_uri(classifier.read(radiograph)), timeout=WAIT)


@pytest.mark.browser
def test_a_model_without_examples_asks_for_an_image(browser, tmp_path):
    other = Classifier.from_pretrained()
    other.classes, other.radiograph, other.operating_points = ["cat", "dog"], False, {}
    blocks = app.build(other, handlers.write_examples(other, tmp_path))
    _, url, _ = blocks.launch(
        prevent_thread_lock=True, server_port=free_port(), quiet=True, **app.launch_options(other)
    )
    try:
        with open_page(browser, url.rstrip("/"), "desktop-light") as page:
            page.get_by_role("tab", name="Inside the network").click(timeout=WAIT)
            choose(page, "Feature maps")
            expect(page.get_by_text("Give a picture first")).to_be_visible(timeout=WAIT)
            assert "pneumonia" not in page.locator("body").inner_text().lower()
    finally:
        blocks.close()


# Streamlit


def choose_on_streamlit(page, panel):
    page.get_by_role("radiogroup", name="Panel").get_by_role("radio", name=panel, exact=True).click()
    expect(page.get_by_text(explorer_panels.PANELS[panel][:40])).to_be_visible(timeout=WAIT)


@pytest.mark.browser
@pytest.mark.slow
def test_streamlit_has_the_same_panels(browser, streamlit_url):
    shows = {
        "Filters": ".mosaics",
        "Feature maps": ".film .heat",
        "Padding and stride": ".squares",
        "Receptive field": ".field .box",
        "Parameters": ".costs >> nth=0",
        "Architectures": ".architectures",
    }
    with open_page(browser, streamlit_url, "phone-dark") as page:
        page.get_by_role("tab", name="Inside the network").click(timeout=WAIT)
        for panel, content in shows.items():
            choose_on_streamlit(page, panel)
            expect(page.locator(content)).to_be_visible(timeout=WAIT)
            assert sideways_scroll(page) == 0, panel
            assert violations(page, {}) == [], panel
            screenshot(page, f"streamlit-inside-{panel.split()[0].lower()}")


@pytest.mark.browser
@pytest.mark.slow
def test_on_streamlit_too_a_channel_and_a_cell_of_the_radiograph_are_clicked(
    browser, streamlit_url, classifier, radiograph, tmp_path
):
    radiograph.save(tmp_path / "film.png")
    with open_page(browser, streamlit_url, "desktop-light") as page:
        page.locator("input[type=file]").first.set_input_files(tmp_path / "film.png", timeout=WAIT)
        expect(page.locator(".card h2")).to_be_visible(timeout=WAIT)
        page.get_by_role("tab", name="Inside the network").click()
        choose_on_streamlit(page, "Receptive field")
        frame = page.locator(".st-key-cells .frame")
        shown = frame.locator("img")
        expect(shown).to_have_attribute("src", png_uri(classifier.read(radiograph)), timeout=WAIT)
        place = frame.bounding_box()
        page.mouse.click(place["x"] + place["width"] * 6.5 / 7, place["y"] + place["height"] * 0.5 / 7)
        words = page.locator(".field figcaption").last
        expect(words).to_contain_text("row 0, column 6 sees 491 × 491 pixels", timeout=WAIT)
        page.get_by_role("combobox", name="Layer").click()
        page.get_by_role("option").first.click()
        expect(words).to_contain_text("row 56, column 56 sees 3 × 3 pixels", timeout=WAIT)

        choose_on_streamlit(page, "Feature maps")
        expect(page.locator(".st-key-channels").get_by_role("radio")).to_have_count(12, timeout=WAIT)
        third = page.locator(".st-key-channels").get_by_role("radio").nth(2)
        third.click()
        expect(page.locator(".film figcaption")).to_contain_text(f"Channel {third.inner_text().strip()},")
        page.get_by_role("slider", name="Opacity of the channel").press("ArrowLeft")
        expect(page.locator(".film .heat")).to_have_css("opacity", "0.99")

        choose_on_streamlit(page, "Padding and stride")
        page.get_by_role("slider", name="Stride, S").press("ArrowRight")
        expect(page.locator(".formula")).to_contain_text("(12 − 3 + 2 · 1) / 3 + 1")

        choose_on_streamlit(page, "Architectures")
        page.get_by_role("button", name="Count and time them").click()
        expect(page.get_by_text("1 of 4 are done")).to_be_visible(timeout=WAIT)
        page.get_by_role("tab", name="One film").click()
        expect(page.locator(".card h2")).to_be_visible(timeout=WAIT)
        page.get_by_role("tab", name="Inside the network").click()
        row = page.locator(".architectures tr", has_text="Parameters")
        expect(row.locator("td").first).to_have_text("61.7\u00a0k", timeout=WAIT)
        choose_on_streamlit(page, "Receptive field")
        expect(words).to_contain_text("row 56, column 56 sees", timeout=WAIT)


def test_on_streamlit_too_a_model_without_examples_asks_for_an_image(monkeypatch):
    other = Classifier.from_pretrained()
    other.classes, other.radiograph, other.operating_points = ["cat", "dog"], False, {}
    monkeypatch.setattr(handlers, "load_model", lambda: other)
    st.cache_resource.clear()
    page = AppTest.from_file(str(Path(app.__file__).with_name("streamlit_app.py")), default_timeout=60)
    page.session_state["tab"], page.session_state["panel"] = "Inside the network", "Feature maps"
    page.run()
    assert not page.exception
    written = " ".join(element.proto.body for element in page.get("html"))
    assert "Give a picture first" in written
    assert "pneumonia" not in written.split("</style>")[-1].lower()
