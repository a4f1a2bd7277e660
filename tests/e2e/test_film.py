"""The viewer of an image and its printed report, in a browser, on a small page of their own."""

import re
from dataclasses import replace

import gradio as gr
import pytest
from playwright.sync_api import expect
from servers import free_port, open_page, screenshot, sideways_scroll, violations, windows

from hub.demo import handlers, model_tab
from hub.demo.film_panel import film
from hub.demo.gradio_options import THEME
from hub.demo.render import STYLES, page_script
from hub.demo.report_panel import report
from hub.demo.samples import write_samples
from hub.demo.words import words_in
from hub.inference import decision

WORDS = words_in("en")
WAIT = 60_000  # ms


@pytest.fixture(scope="module")
def films(classifier, tmp_path_factory):
    """What a page shows of a film, by the name of the film: viewer and report."""
    folder = tmp_path_factory.mktemp("samples")
    paths = {sample.name: sample.path for sample in write_samples(classifier, folder)}
    metrics = model_tab.read_metrics(classifier.folder)
    answers = {name: handlers.answer(classifier, paths[name]) for name in ("pneumonia", "uncertain", "adult")}
    answers["nothing"] = replace(handlers.answer(classifier, paths["normal"]), heat=None)
    shown = {}
    for name, answer in answers.items():
        warned = answer.prediction.verdict.status == "warned"
        answered = decision.report(classifier, answer.prediction)
        shown[name] = (
            film(answer, f"{name}.png", WORDS, warned, metrics),
            report(classifier, answered, f"{name}.png", WORDS),
        )
    return shown


@pytest.fixture(scope="module")
def url(films):
    """A Gradio page with one film, and a button for each to show it instead."""
    with gr.Blocks(title="Viewer", analytics_enabled=False) as blocks:
        gr.HTML("<h1>Viewer</h1>")
        with gr.Row():
            with gr.Column():
                viewer = gr.HTML(films["pneumonia"][0])
            with gr.Column():
                printed = gr.HTML(films["pneumonia"][1])
        for name in films:
            gr.Button(name).click(lambda name=name: films[name], None, [viewer, printed], queue=False)
    _, url, _ = blocks.launch(
        prevent_thread_lock=True, server_port=free_port(), quiet=True, footer_links=[],
        theme=THEME, css_paths=STYLES, js=page_script(),
    )  # fmt: skip
    yield url.rstrip("/")
    blocks.close()


@pytest.fixture(scope="module")
def window(browser, url):
    """A wide window on the page, in which the print dialog is a counter."""
    with open_page(browser, url, "wide-light") as page:
        page.context.add_init_script("window.print = () => { window.printed = (window.printed ?? 0) + 1; }")
        yield page


@pytest.fixture
def page(window, url):
    """The page as a new visitor finds it."""
    window.set_viewport_size({"width": 1440, "height": 900})
    window.goto(url)
    window.evaluate("sessionStorage.clear()")
    window.goto(url)
    expect(window.locator(".film .grey").last).to_be_visible(timeout=WAIT)
    return window


def choose(page, mode):
    page.locator(".film").get_by_role("radio", name=WORDS(f"film.{mode}")).check()


def show(page, name):
    page.get_by_role("button", name=name, exact=True).click()
    expect(page.locator(".film .name")).to_have_text(f"{name}.png", timeout=WAIT)


def slide(page, setting, value):
    page.locator(".film").get_by_role("slider", name=WORDS(f"film.{setting}")).fill(str(value))


def press(page, name):
    page.locator(".film").get_by_role("button", name=WORDS(f"film.{name}"), exact=True).click()


def zoom(page):
    """Return how many times the picture is larger than its frame."""
    return page.locator(".film .frame:visible").first.evaluate(
        """frame => {
          const picture = frame.querySelector(".grey");
          const [image, box] = [picture, frame].map(each => each.getBoundingClientRect());
          return Number((image.width / box.width).toFixed(3));
        }"""
    )


def gaps(page):
    """Return by how many pixels the picture leaves its frame empty on any side, at most."""
    return page.locator(".film .frame:visible").first.evaluate(
        """frame => {
          const box = frame.getBoundingClientRect();
          const image = frame.querySelector(".grey").getBoundingClientRect();
          const across = Math.max(image.left - box.left, box.right - image.right);
          return Math.max(across, image.top - box.top, box.bottom - image.bottom);
        }"""
    )


@pytest.mark.parametrize("name", windows("tablet-dark", "wide-light", "phone-light", "phone-dark"))
def test_the_viewer_fills_its_column_without_bars_in_every_window(browser, url, name):
    with open_page(browser, url, name) as page:
        frame = page.locator(".film .heated")
        expect(frame).to_be_visible(timeout=WAIT)
        width, height, natural, column = frame.evaluate(
            """frame => {
              const image = frame.querySelector(".grey");
              const natural = image.naturalWidth / image.naturalHeight;
              return [frame.clientWidth, frame.clientHeight, natural, frame.closest(".film").clientWidth];
            }"""
        )
        assert width / height == pytest.approx(natural, abs=0.02)
        assert width == pytest.approx(column, abs=2)
        for mode in ("heatmap", "side_by_side", "original"):
            choose(page, mode)
            screenshot(page, f"film-{mode}")  # which waits until colours have faded
            assert violations(page, ()) == []
            assert sideways_scroll(page) == 0
        press(page, "full_screen")
        expect(page.locator(".film")).to_have_attribute("data-full", "")
        screenshot(page, "film-full-screen")
        assert violations(page, ()) == []


@pytest.mark.browser
def test_one_choice_decides_what_is_shown(page):
    plain, heated, heat = (page.locator(f".film {part}") for part in (".plain", ".heated", ".heat"))
    expect(heat).to_have_css("opacity", "0.5")
    expect(plain).to_be_hidden()
    choose(page, "original")
    expect(plain).to_be_visible()
    expect(heated).to_be_hidden()
    expect(page.locator(".film").get_by_text(WORDS("film.meaning"))).to_be_hidden()
    choose(page, "side_by_side")
    expect(plain).to_be_visible()
    expect(heated).to_be_visible()
    expect(page.locator(".film").get_by_text(WORDS("film.meaning"))).to_be_visible()


@pytest.mark.browser
def test_brightness_and_contrast_change_the_grey_and_not_the_colours(page):
    slide(page, "brightness", 150)
    slide(page, "contrast", 80)
    expect(page.locator(".film .heated .grey")).to_have_css("filter", "brightness(1.5) contrast(0.8)")
    expect(page.locator(".film .heat")).to_have_css("filter", "none")
    press(page, "reset")
    expect(page.locator(".film .heated .grey")).to_have_css("filter", "brightness(1) contrast(1)")


@pytest.mark.browser
def test_settings_hold_for_the_next_film_and_when_the_page_is_loaded_again(page, url):
    slide(page, "strength", 80)
    slide(page, "brightness", 120)
    choose(page, "side_by_side")

    def kept():
        expect(page.locator(".film .heat")).to_have_css("opacity", "0.8")
        expect(page.locator(".film .plain .grey")).to_have_css("filter", "brightness(1.2) contrast(1)")
        expect(page.locator('.film [data-film-setting="strength"]')).to_have_value("80")
        expect(page.locator(".film .plain")).to_be_visible()
        expect(page.locator(".film .heated")).to_be_visible()

    show(page, "uncertain")
    kept()
    show(page, "nothing")
    expect(page.get_by_text(WORDS("film.nothing"))).to_be_visible()
    show(page, "pneumonia")
    kept()
    page.goto(url)
    kept()


@pytest.mark.browser
def test_a_warned_film_shows_no_heatmap_until_it_is_chosen_and_the_choice_is_for_it_alone(page):
    show(page, "adult")
    expect(page.locator(".film .heat")).to_be_hidden()
    choose(page, "heatmap")
    expect(page.locator(".film .heat")).to_be_visible()
    choose(page, "original")
    show(page, "pneumonia")
    expect(page.locator(".film .heat")).to_be_visible()
    show(page, "adult")
    expect(page.locator(".film .heat")).to_be_hidden()


@pytest.mark.browser
def test_the_picture_is_enlarged_by_button_key_double_click_and_wheel_and_moved_by_drag(page):
    frame = page.locator(".film .heated")
    press(page, "zoom_in")
    assert zoom(page) == pytest.approx(1.4, abs=0.01)
    press(page, "zoom_out")
    assert zoom(page) == 1
    page.locator(".film .stage").press("+")
    assert zoom(page) == pytest.approx(1.4, abs=0.01)
    page.locator(".film .stage").press("0")
    frame.dblclick(position={"x": 60, "y": 50})
    assert zoom(page) == pytest.approx(2.5, abs=0.01)
    frame.dblclick()
    assert zoom(page) == 1
    frame.click()
    page.mouse.wheel(0, -300)
    expect(page.locator(".film")).to_have_attribute("data-zoomed", "")
    assert zoom(page) > 1.5
    x, y = (frame.bounding_box()[side] + 100 for side in ("x", "y"))
    for step in (900, -900):  # beyond either end: the picture covers its frame
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + step, y + step, steps=3)
        page.mouse.up()
        assert gaps(page) <= 1
    show(page, "uncertain")
    assert zoom(page) == 1


@pytest.mark.browser
def test_two_fingers_enlarge_the_picture(page):
    page.locator(".film .heated").evaluate(
        """frame => {
          const { left, top } = frame.getBoundingClientRect();
          const send = (type, pointerId, x) => frame.dispatchEvent(new PointerEvent(type,
            { pointerId, clientX: left + x, clientY: top + 50, bubbles: true, pointerType: "touch" }));
          send("pointerdown", 1, 100); send("pointerdown", 2, 150);
          send("pointermove", 1, 50); send("pointermove", 2, 200);
          send("pointerup", 1, 50); send("pointerup", 2, 200);
        }"""
    )
    assert zoom(page) == pytest.approx(3, abs=0.1)
    assert gaps(page) <= 1


@pytest.mark.browser
def test_the_page_scrolls_over_a_picture_that_nobody_touched(page):
    page.set_viewport_size({"width": 1440, "height": 400})
    page.locator(".film .heated").hover()
    page.mouse.wheel(0, 200)
    page.wait_for_function("scrollY > 0")
    assert zoom(page) == 1


@pytest.mark.browser
@pytest.mark.parametrize("native", [True, False], ids=["by the browser", "over the page, as on iPhones"])
def test_the_film_fills_the_screen_and_gives_it_back(page, native):
    if not native:
        page.evaluate("() => { Element.prototype.requestFullscreen = undefined; }")
    button = page.locator('.film [data-film-do="full"]')
    before = page.locator(".film .heated").bounding_box()["width"]
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    page.wait_for_function("(native) => Boolean(document.fullscreenElement) === native", arg=native)
    box = page.locator(".film").bounding_box()
    assert (box["x"], box["y"], box["width"], box["height"]) == (0, 0, 1440, 900)
    assert page.locator(".film .heated").bounding_box()["width"] > before
    if native:
        button.click()
    else:
        page.keyboard.press("Escape")
    expect(button).to_have_attribute("aria-pressed", "false")
    expect(page.locator(".film")).not_to_have_attribute("data-full", "")


@pytest.mark.browser
@pytest.mark.parametrize("paper", ["A4", "Letter"])
def test_the_report_is_one_page_with_the_pictures_and_nothing_else(page, paper):
    page.get_by_role("button", name=WORDS("report.print")).click()
    page.wait_for_function("window.printed")
    sheet = page.locator("body > .report-sheet")
    assert (
        sheet.locator("img").evaluate_all("images => images.map(image => image.naturalWidth > 0)")
        == [True] * 3
    )
    assert sheet.locator("time").inner_text()
    page.emulate_media(media="print")
    expect(sheet).to_be_visible()
    expect(page.locator(".film")).to_be_hidden()
    pdf = page.pdf(format=paper)
    page.emulate_media(media="screen")
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 1
    expect(sheet).to_have_count(0)  # once it is printed
    expect(page.locator(".film")).to_be_visible()


@pytest.mark.browser
def test_the_report_of_a_warned_film_has_no_heatmap_and_one_without_colours_neither(page):
    for name in ("adult", "nothing"):
        show(page, name)
        page.get_by_role("button", name=WORDS("report.print")).click()
        expect(page.locator("body > .report-sheet .report-name")).to_have_text(f"{name}.png")
        expect(page.locator("body > .report-sheet img")).to_have_count(1)


@pytest.mark.browser
def test_the_choice_works_without_scripts_as_in_streamlit(browser, classifier, radiograph):
    answer = handlers.answer(classifier, radiograph)
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    styles = "".join(path.read_text() for path in STYLES)
    html = film(answer, "film.png", WORDS, scripts=False)
    page.set_content(f'<style>{styles}</style><main class="stApp">{html}</main>')
    choose(page, "original")
    expect(page.locator(".film .heat")).to_be_hidden()
    choose(page, "side_by_side")
    expect(page.locator(".film .heat")).to_be_visible()
    expect(page.locator(".film .plain")).to_be_visible()
    context.close()
