"""The tab "Inside the network" of both pages, in a real browser."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect
from servers import free_port, open_page, screenshot, sideways_scroll, violations, windows
from streamlit.testing.v1 import AppTest

import app
from hub.demo import handlers
from hub.demo.render import png_uri
from hub.demo.words import words_in
from hub.explorer import milestone_networks
from hub.imaging.synthetic import sample_radiographs
from hub.inference.classifier import Classifier

WAIT = 60_000  # ms: the first visitor waits for torch
TABLET = 768  # pixels
WORDS = words_in()
# Each panel, and what it is known by, on Gradio's page and on Streamlit's.
SHOWS = {
    "filters": ".mosaics",
    "maps": ".enlarged",
    "slide": ".positions",
    "field": ".field .box",
    "cost": ".costs >> nth=0",
    "architectures": ".architectures",
}


@pytest.fixture(scope="module", params=windows("wide-light", "phone-dark"))
def page(request, browser, gradio_url):
    """The tab, open in one window for all tests; nothing may go wrong in it unseen."""
    with open_page(browser, gradio_url, request.param) as page:
        errors = []
        page.on("console", lambda message: message.type == "error" and errors.append(message.text))
        page.on("pageerror", lambda error: errors.append(str(error)))
        open_tab(page)
        yield page
        assert errors == []


wide = pytest.mark.parametrize("page", windows("wide-light"), indirect=True)


def open_tab(page):
    page.get_by_role("tab", name=WORDS("tabs.inside")).click(timeout=WAIT)
    expect(page.locator(".mosaics")).to_be_visible(timeout=WAIT)


def choose(page, panel):
    page.locator("#panels").get_by_label(WORDS(f"inside.{panel}"), exact=True).check()
    expect(page.get_by_text(WORDS(f"inside.{panel}_lesson"))).to_be_visible()


def cut_off(page):
    """Return the tables wider than the window; Gradio's page hides what sticks out."""
    return page.evaluate(
        "[...document.querySelectorAll('.inside table')].filter((table) => !table.closest('.scroll')"
        " && table.getBoundingClientRect().right > innerWidth).map((table) => table.className)"
    )


@pytest.mark.slow
def test_every_panel_fits_and_explains_itself(page):
    expect(page.locator(".shown")).to_be_visible()
    window = page.viewport_size
    for panel, content in SHOWS.items():
        choose(page, panel)
        expect(page.locator(content)).to_be_visible(timeout=WAIT)
        for width in {window["width"], min(window["width"], TABLET)}:
            page.set_viewport_size(window | {"width": width})
            assert (sideways_scroll(page), cut_off(page)) == (0, []), (panel, width)
        page.set_viewport_size(window)
        assert violations(page, {}) == [], panel
        screenshot(page, f"inside-{panel}")


@wide
def test_a_map_is_enlarged_in_grey_and_coloured_when_asked(page):
    choose(page, "maps")
    middle = page.get_by_role("radio", name=WORDS("inside.middle")).and_(page.locator("#maps-depth input"))
    expect(middle).to_be_checked()
    third = page.locator("[data-channel]").nth(2)
    number = third.get_attribute("data-channel")
    third.click()
    large = page.locator("[data-shown-channel]")
    expect(large).to_have_attribute("data-shown-channel", number)
    expect(third).to_have_attribute("aria-pressed", "true")
    expect(page.locator("[data-channel][aria-pressed=true]")).to_have_count(1)
    expect(large.locator("img")).to_have_count(2)  # the map, and the image beside it
    page.get_by_label(WORDS("inside.colour")).check()
    expect(large.locator("img")).to_have_count(3)  # the map lies over the image, too
    expect(large).to_have_attribute("data-shown-channel", number)
    page.locator("[data-channel]").first.click()
    expect(third).to_have_attribute("aria-pressed", "false")
    expect(large.locator("img")).to_have_count(3)  # the setting holds


@wide
def test_a_depth_and_a_layer_in_it_are_chosen(page):
    choose(page, "maps")
    page.locator("#maps-depth").get_by_label(WORDS("inside.late")).check()
    expect(page.locator("#maps .technical")).to_contain_text("conv_head", timeout=WAIT)
    page.locator("#maps-layer input").click()
    page.get_by_role("option").first.click()
    expect(page.locator("#maps .technical")).to_contain_text("blocks.4.2.conv_pw", timeout=WAIT)


@wide
def test_padding_and_stride_are_set_and_impossible_ones_explained(page):
    choose(page, "slide")
    formula, agrees = page.locator(".sum .formula"), page.get_by_text(WORDS("inside.slide_agrees", output=6))
    expect(formula).to_contain_text("(12 − 3 + 2 · 1) / 2 + 1 = 6.5")
    expect(agrees).to_be_visible()
    number_of(page, "slider_kernel").fill("15")
    page.keyboard.press("Tab")
    expect(page.locator(".care")).to_contain_text(WORDS("inside.impossible_slide", reach=15, room=14))
    page.get_by_role("radio", name=WORDS("inside.padding_same"), exact=True).check()
    expect(agrees).to_be_visible()
    expect(number_of(page, "slider_padding")).to_be_disabled()


def number_of(page, slider):
    return page.get_by_label(f"number input for {WORDS(f'inside.{slider}')}", exact=True)


def test_a_cell_shows_the_pixels_that_it_saw_and_arrows_move_to_others(page):
    choose(page, "field")
    page.locator("#field-depth").get_by_label(WORDS("inside.late")).check()
    expect(page.locator("#fields .technical")).to_contain_text("conv_head", timeout=WAIT)
    page.locator("[data-cell='0,6']").click()
    seen = page.locator("#fields figcaption").last
    expect(seen).to_contain_text(WORDS("inside.field_more", row=1, column=7, size="491 × 491"))
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowLeft")
    focused = page.locator(":focus")
    expect(focused).to_have_attribute("aria-label", WORDS("inside.cell", row=2, column=6))
    expect(focused).to_have_css("outline-style", "solid")
    page.keyboard.press("Enter")
    expect(seen).to_contain_text(WORDS("inside.field_more", row=2, column=6, size="491 × 491"))
    page.get_by_text(WORDS("inside.table", count=54)).click()
    expect(page.get_by_role("rowheader", name="conv_stem")).to_be_visible()
    assert sideways_scroll(page) == 0


@wide
def test_stride_leaves_the_parameters_alone(page):
    choose(page, "cost")
    parameters = page.locator(".formula").last
    outputs = {"filters": 64, "products": 576}
    expect(parameters).to_contain_text("64 × (3 × 3 × 64 + 1) = 36,928")
    expect(
        page.get_by_text(WORDS("inside.cost_outputs", side=28, outputs="50,176", **outputs))
    ).to_be_visible()
    number_of(page, "slider_step").fill("1")
    page.keyboard.press("Tab")
    expect(
        page.get_by_text(WORDS("inside.cost_outputs", side=56, outputs="200,704", **outputs))
    ).to_be_visible()
    expect(parameters).to_contain_text("= 36,928")


@wide
@pytest.mark.slow
def test_architectures_are_counted_at_once_and_timed_when_asked(page):
    choose(page, "architectures")
    row = page.locator(".architectures tr", has_text=WORDS("inside.parameters"))
    expect(row.locator("td")).to_have_text(["61.7\u00a0k", "61.1\u00a0M", "138\u00a0M", "3.50\u00a0M"])
    times = page.locator(".architectures tr", has_text=WORDS("inside.time_here")).locator("td")
    expect(times).to_have_count(0)
    page.get_by_role("button", name=WORDS("inside.time")).click()
    expect(page.get_by_text(WORDS("inside.timed", done=4, count=4))).to_be_visible(timeout=WAIT)
    expect(times.last).to_contain_text("ms")
    screenshot(page, "inside-architectures-timed")


@pytest.mark.browser
def test_each_visitor_sees_the_radiograph_that_he_gave_and_its_name(
    browser, gradio_url, classifier, tmp_path
):
    radiographs = sample_radiographs(2)[0]
    with (
        open_page(browser, gradio_url, "desktop-light") as one,
        open_page(browser, gradio_url, "desktop-dark") as two,
    ):
        visits = [(one, "one.png", radiographs[0]), (two, "two.png", radiographs[1])]
        for page, name, radiograph in visits:
            radiograph.save(tmp_path / name)
            page.locator("#film-input input[type=file]").set_input_files(tmp_path / name)
        for page, name, radiograph in visits:
            expect(page.get_by_text(name).first).to_be_visible(timeout=WAIT)
            expect(page.locator("#card h2")).to_be_visible(timeout=WAIT)
            open_tab(page)
            expect(page.locator(".shown")).to_contain_text(WORDS("inside.shown", title=name))
            choose(page, "field")
            shown = page.locator("#fields .frame img").first
            expect(shown).to_have_attribute("src", png_uri(classifier.read(radiograph)), timeout=WAIT)
        (tmp_path / "broken.png").write_bytes(b"nothing")
        two.get_by_role("tab", name=WORDS("tabs.image")).click()
        two.locator("#film-input input[type=file]").set_input_files(tmp_path / "broken.png")
        expect(two.locator("#card h2")).to_have_text(WORDS("card.no_answer"), timeout=WAIT)
        two.get_by_role("tab", name=WORDS("tabs.inside")).click()
        expect(two.locator(".shown")).to_contain_text(WORDS("inside.shown", title="two.png"))
        expect(shown).to_have_attribute("src", png_uri(classifier.read(radiographs[1])))


@pytest.mark.browser
def test_a_model_without_examples_asks_for_an_image(browser, tmp_path):
    other = Classifier.from_pretrained()
    other.classes, other.radiograph, other.operating_points = ["cat", "dog"], False, {}
    blocks = app.build(other, [])
    _, url, _ = blocks.launch(
        prevent_thread_lock=True, server_port=free_port(), quiet=True, **app.launch_options(other)
    )
    try:
        with open_page(browser, url.rstrip("/"), "desktop-light") as page:
            page.get_by_role("tab", name=WORDS("tabs.inside")).click(timeout=WAIT)
            choose(page, "maps")
            expect(page.get_by_text(WORDS("inside.no_image"))).to_be_visible(timeout=WAIT)
            assert "pneumonia" not in page.locator("body").inner_text().lower()
    finally:
        blocks.close()


# Streamlit


def choose_on_streamlit(page, panel):
    name = WORDS(f"inside.{panel}")
    page.locator(".st-key-panel").get_by_role("radio", name=name, exact=True).click()
    expect(page.get_by_text(WORDS(f"inside.{panel}_lesson"))).to_be_visible(timeout=WAIT)
    expect(page.locator(SHOWS[panel])).to_be_visible(timeout=WAIT)


@pytest.mark.browser
@pytest.mark.slow
def test_streamlit_has_the_same_panels_of_the_radiograph_that_was_given(
    browser, streamlit_url, classifier, radiograph, tmp_path
):
    radiograph.save(tmp_path / "mine.png")
    with open_page(browser, streamlit_url, "phone-dark") as page:
        expect(page.locator(".card")).to_be_visible(timeout=WAIT)
        # While the script runs, the upload may be drawn anew and what was put into it lost.
        page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
        page.locator("input[type=file]").first.set_input_files(tmp_path / "mine.png")
        expect(page.locator(".card .name")).to_have_text("mine.png", timeout=WAIT)
        page.get_by_role("tab", name=WORDS("tabs.inside")).click()
        shown = page.locator(".shown")
        expect(shown).to_contain_text(WORDS("inside.shown", title="mine.png"), timeout=WAIT)
        expect(shown.locator("img")).to_have_attribute("src", png_uri(classifier.read(radiograph)))
        for panel in SHOWS:
            choose_on_streamlit(page, panel)
            assert sideways_scroll(page) == 0, panel
            expect(page.locator("[data-stale=true]")).to_have_count(
                0, timeout=WAIT
            )  # it fades what it redraws
            assert violations(page, {}) == [], panel
            screenshot(page, f"streamlit-inside-{panel}")


@pytest.mark.browser
@pytest.mark.slow
def test_on_streamlit_too_a_channel_and_a_cell_are_clicked(browser, streamlit_url):
    with open_page(browser, streamlit_url, "wide-light") as page:
        page.get_by_role("tab", name=WORDS("tabs.inside")).click(timeout=WAIT)
        choose_on_streamlit(page, "field")
        page.get_by_role("radio", name=WORDS("inside.late")).click()
        expect(page.locator(".field .technical")).to_contain_text("conv_head", timeout=WAIT)
        place = page.locator(".st-key-cells .frame").bounding_box()
        page.mouse.click(place["x"] + place["width"] * 6.5 / 7, place["y"] + place["height"] * 0.5 / 7)
        seen = WORDS("inside.field_more", row=1, column=7, size="491 × 491")
        expect(page.locator(".field figcaption").last).to_contain_text(seen, timeout=WAIT)

        choose_on_streamlit(page, "maps")
        third = page.locator(".st-key-channels").get_by_role("radio").nth(2)
        third.click()
        large = page.locator("[data-shown-channel]")
        number = int(third.inner_text().strip()) - 1
        expect(large).to_have_attribute("data-shown-channel", str(number), timeout=WAIT)
        page.get_by_text(WORDS("inside.colour")).click()
        expect(large.locator("img")).to_have_count(3)

        choose_on_streamlit(page, "field")  # the session keeps what was chosen
        expect(page.locator(".field figcaption").last).to_contain_text(seen, timeout=WAIT)


def streamlit_page(panel):
    """Return Streamlit's page without a browser, open at a panel of the tab."""
    page = AppTest.from_file(str(Path(app.__file__).with_name("streamlit_app.py")), default_timeout=60)
    page.session_state["tab"], page.session_state["panel"] = WORDS("tabs.inside"), panel
    return page.run()


def written(page):
    assert not page.exception
    html = " ".join(element.proto.body for element in page.get("html"))
    return re.sub("<style>.*?</style>", "", html, flags=re.DOTALL)


def test_on_streamlit_too_architectures_are_timed_when_asked_and_stay(monkeypatch, new_server):
    monkeypatch.setattr(milestone_networks, "milliseconds", lambda paper: 0.21)
    page, timed = streamlit_page("architectures"), WORDS("inside.timed", done=4, count=4)
    assert "61.7\u00a0k" in written(page) and timed not in written(page)
    next(button for button in page.button if button.label == WORDS("inside.time")).click().run()
    assert timed in written(page)
    page.run()
    assert timed in written(page)


def test_on_streamlit_too_a_model_without_examples_asks_for_an_image(monkeypatch, new_server):
    other = Classifier.from_pretrained()
    other.classes, other.radiograph, other.operating_points = ["cat", "dog"], False, {}
    monkeypatch.setattr(handlers, "load_model", lambda: other)
    html = written(streamlit_page("maps"))
    assert WORDS("inside.no_image") in html
    assert "pneumonia" not in html.lower()
