"""The Gradio page in a real browser: its frame, and the tab of one X-ray."""

import base64
import json
import pickle
import re
import subprocess
import time
import urllib.request
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from PIL import Image
from playwright.sync_api import expect
from servers import free_port, open_page, screenshot, sideways_scroll, violations, windows, write_dicom

import app
from hub.demo import answer_words, gradio_image, model_tab, panels
from hub.demo.handlers import Film
from hub.demo.page_names import PREVALENCES
from hub.demo.samples import write_samples
from hub.demo.words import words_in
from hub.inference import decision
from hub.inference.classifier import Classifier
from hub.text import percent

ROOT = Path(__file__).parents[2]
WAIT = 30_000  # ms: several tests may share two cores
WORDS = words_in("en")
ASKED = "**/gradio_api/run/**"  # what the page asks the server for an answer


@pytest.fixture
def page(request, browser, gradio_url):
    """The demo, open in a new window."""
    with open_page(browser, gradio_url, getattr(request, "param", "desktop-light")) as page:
        headline(page, WORDS("card.signs"))
        page.locator("body[data-opened]").wait_for(timeout=WAIT)
        yield page


@pytest.fixture(scope="module")
def shared_page(browser, gradio_url):
    """The demo, open in a window that several tests use one after the other."""
    with open_page(browser, gradio_url, "wide-light") as page:
        headline(page, WORDS("card.signs"))
        page.locator("body[data-opened]").wait_for(timeout=WAIT)
        yield page


@pytest.fixture(scope="module")
def samples(classifier, tmp_path_factory):
    """The samples of the page by name."""
    written = write_samples(classifier, tmp_path_factory.mktemp("samples"))
    return {sample.name: sample for sample in written}


@pytest.fixture
def broken(tmp_path):
    path = tmp_path / "broken.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n but nothing more")
    return path


everywhere = pytest.mark.parametrize(
    "page", windows("wide-light", "tablet-dark", "phone-light"), indirect=True
)
browser_test = pytest.mark.browser


def give(page, *files):
    """Hand files to the drop zone, as a visitor who chooses them."""
    page.locator("#film-input input[type=file]").set_input_files(list(files))


def sample(page, name):
    """Choose a sample by its caption."""
    page.locator("[data-sample]").filter(has_text=WORDS(f"samples.{name}")).click()


def headline(page, text):
    heading = page.locator("#card").get_by_role("heading", name=text, exact=True)
    expect(heading).to_be_visible(timeout=WAIT)
    return heading


def named(page, name):
    """Wait for the answer of a film; both the card and the film say its name."""
    expect(page.locator("#card .name")).to_have_text(name, timeout=WAIT)
    expect(page.locator("#film")).to_contain_text(name)
    expect(page.locator("#answer")).not_to_have_attribute("inert", "")


def sample_named(page, name):
    named(page, WORDS("samples.shown", name=WORDS(f"samples.{name}")))


def setting(page, name):
    page.locator("#settings label").filter(has_text=WORDS(name)).click()


def fine(page, state):
    """Check what holds in every state, and keep a picture of it."""
    assert violations(page, {}) == [], state
    assert sideways_scroll(page) == 0, state
    screenshot(page, f"gradio-{state}")


@everywhere
def test_every_state_can_be_read_and_says_what_it_is(page, broken):
    expect(page.locator("#card .name")).to_contain_text(WORDS("samples.pneumonia"))  # an example, as it says
    expect(page.locator("#card h2")).to_be_in_viewport(ratio=1)
    fine(page, "example")
    sample(page, "uncertain")
    headline(page, WORDS("card.uncertain"))
    expect(page.locator(".hundred i")).to_have_count(100)
    page.locator(".decided summary").click()
    fine(page, "uncertain")

    sample(page, "adult")
    expect(headline(page, WORDS("card.not_reliable"))).to_be_in_viewport(ratio=1)
    expect(page.locator("#card .notice")).to_be_in_viewport(ratio=1)
    expect(page.locator(".anyway p").first).to_be_hidden()
    expect(page.locator("#settings")).to_be_hidden()
    fine(page, "warned")
    page.locator(".anyway summary").click()
    expect(page.locator(".anyway p").first).to_be_visible()
    setting(page, "prevalence.rare")
    expect(page.locator(".anyway p").first).to_be_visible()  # a setting folds nothing
    fine(page, "anyway")

    sample(page, "picture")
    headline(page, WORDS("card.no_answer"))
    expect(page.locator(".hundred, .anyway")).to_have_count(0)
    fine(page, "refused")
    give(page, broken)
    expect(page.locator("#card .name")).to_have_text("broken.png", timeout=WAIT)
    expect(page.locator("#card .notice")).to_contain_text("broken.png is")
    fine(page, "broken")

    page.route(ASKED, lambda route: None)  # an answer that takes long
    sample(page, "normal")
    expect(page.locator(".reading")).to_contain_text(WORDS("samples.normal"))
    fine(page, "reading")
    page.unroute(ASKED)


@everywhere
def test_no_answer_stays_beside_the_name_of_a_film_that_gets_none(page, radiograph, tmp_path):
    radiograph.save(tmp_path / "my film.png")
    page.context.set_offline(True)
    give(page, tmp_path / "my film.png")
    lost = page.locator(".reading")
    expect(lost).to_contain_text(WORDS("page.lost", name="my film.png"), timeout=WAIT)
    expect(page.locator("#answer")).to_be_hidden()
    fine(page, "offline")
    page.context.set_offline(False)
    lost.get_by_role("button").click()
    named(page, "my film.png")
    expect(lost).to_be_hidden()


@browser_test
def test_what_gets_no_answer_is_said_to_have_none_after_a_reload_too(page):
    def lost(name):
        title = WORDS("samples.shown", name=WORDS(f"samples.{name}"))
        expect(page.locator(".reading")).to_contain_text(WORDS("page.lost", name=title), timeout=WAIT)
        expect(page.locator("#answer")).to_be_hidden()

    page.context.set_offline(True)
    setting(page, "prevalence.rare")
    expect(page.locator(".reading")).to_contain_text(WORDS("page.no_connection"), timeout=WAIT)
    expect(page.locator("#answer")).to_be_hidden()  # which has another setting
    for name in ("normal", "uncertain"):
        sample(page, name)
        lost(name)
    with page.expect_event("load", timeout=WAIT):  # Gradio loads the page anew when the server is there again
        page.context.set_offline(False)
    lost("uncertain")
    sample(page, "normal")
    sample_named(page, "normal")


FORBIDDEN = """Object.defineProperty(window, "sessionStorage", {
  get() { throw new DOMException("", "SecurityError"); },
})"""


@browser_test
def test_a_film_that_is_chosen_before_the_page_is_all_there_is_answered(browser, gradio_url):
    """In another language than English, where the server says all anew once the page is open.

    And in a browser that keeps nothing, as in the frame of another site.
    """
    words = words_in("es")
    chosen = words("samples.shown", name=words("samples.normal"))

    def is_event(route):
        return json.loads(route.request.post_data)["event_data"] is not None

    with open_page(browser, gradio_url, "tablet-light", locale="es-ES") as page:
        headline(page, words("card.signs"))
        page.add_init_script(FORBIDDEN)
        held = []
        page.route(ASKED, lambda route: route.continue_() if is_event(route) else held.append(route))
        page.reload(wait_until="commit")
        page.locator("[data-sample='0']").click()
        expect(page.locator("[data-film=reading]")).to_be_attached()
        with page.expect_response(ASKED):
            for route in held:
                route.continue_()
        named(page, chosen)
        headline(page, words("card.no_sign"))


def until(page, held):
    """Wait for a request that is held back."""
    deadline = time.monotonic() + WAIT / 1000
    while not held:
        assert time.monotonic() < deadline, "the page asked for nothing"
        page.wait_for_timeout(50)


@browser_test
def test_the_answer_to_an_earlier_film_is_none_to_the_later_one(shared_page):
    page, held = shared_page, []
    page.route(ASKED, lambda route: held.append(route))
    sample(page, "pneumonia")
    expect(page.locator(".reading")).to_contain_text(WORDS("samples.pneumonia"))
    expect(page.locator("#answer")).to_have_attribute("inert", "")
    sample(page, "uncertain")
    expect(page.locator(".reading")).to_contain_text(WORDS("samples.uncertain"))
    until(page, held)
    held.pop().continue_()
    until(page, held)  # the second film is asked about once the first is answered
    expect(page.locator("#answer")).to_have_attribute("inert", "")
    expect(page.locator(".reading")).to_contain_text(WORDS("samples.uncertain"))
    held.pop().continue_()
    sample_named(page, "uncertain")
    page.unroute(ASKED)


@browser_test
def test_a_visitor_uploads_a_radiograph_and_reads_the_answer_of_the_classifier(
    shared_page, classifier, radiograph, tmp_path
):
    page = shared_page
    radiograph.resize((640, 480)).save(tmp_path / "my film.png")
    give(page, tmp_path / "my film.png")
    named(page, "my film.png")
    prediction = classifier(tmp_path / "my film.png")
    report = decision.report(classifier, prediction)
    headline(page, answer_words.verdict(report, WORDS))
    expect(page.locator("#card .number")).to_have_text(answer_words.of_hundred(report, WORDS))
    expect(page.locator("#card .next")).to_have_text(answer_words.next_step(report, WORDS))
    expect(page.locator("#card .check")).to_have_text(answer_words.check(report, WORDS))
    expect(page.locator(".decided p").first).to_be_hidden()
    page.locator(".decided summary").click()
    for name, share in PREVALENCES.items():
        setting(page, f"prevalence.{name}")
        report = decision.report(classifier, prediction, "balanced", share)
        expect(page.locator("#card .number")).to_have_text(answer_words.of_hundred(report, WORDS))
        expect(page.locator(".decided p").first).to_be_visible()
        expect(page.locator(".decided")).to_contain_text(percent(report["threshold"]))
    setting(page, "point.screening")
    report = decision.report(classifier, prediction, "screening", share)
    headline(page, answer_words.verdict(report, WORDS))
    setting(page, "point.balanced")
    setting(page, "prevalence.half")


@browser_test
def test_a_film_upside_down_is_turned_until_it_is_upright(shared_page, classifier, samples):
    page = shared_page
    sample(page, "upside_down")
    headline(page, WORDS("card.not_reliable"))
    for degrees in (90, 180):
        page.locator("[data-correction=turn]").click()
        expect(page.locator("#card .name")).to_contain_text(f"{degrees}°", timeout=WAIT)
    with Image.open(samples["upside_down"].path) as image:
        report = decision.report(classifier, classifier(image.rotate(180)))
    headline(page, answer_words.verdict(report, WORDS))
    expect(page.locator("[data-correction]")).to_have_count(0)


@browser_test
@pytest.mark.real_data
def test_an_inverted_film_is_inverted_by_a_button(shared_page, classifier, shared, tmp_path):
    path = sorted((shared / "data/chest_xray/test/PNEUMONIA").iterdir())[0]
    with Image.open(path) as image:
        image.convert("L").point(lambda grey: 255 - grey).save(tmp_path / "inverted.png")
    assert classifier(tmp_path / "inverted.png").verdict.reason == "inverted"
    give(shared_page, tmp_path / "inverted.png")
    headline(shared_page, WORDS("card.not_reliable"))
    shared_page.locator("[data-correction=invert]").click()
    headline(shared_page, answer_words.verdict(decision.report(classifier, classifier(path)), WORDS))


@browser_test
def test_a_dicom_file_and_a_tiff_are_shown(shared_page, radiograph, tmp_path):
    write_dicom(radiograph, tmp_path / "film.dcm")
    radiograph.resize((300, 300)).save(tmp_path / "film.tiff")
    for name, width in (("film.dcm", radiograph.width), ("film.tiff", 300)):
        give(shared_page, tmp_path / name)
        named(shared_page, name)
        image = shared_page.locator(".film img").first
        assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") == width


@browser_test
def test_the_name_of_a_file_is_no_html(shared_page, radiograph, tmp_path):
    name = "${alert(1)} {{value}} {name} <b>bold.png"
    radiograph.save(tmp_path / name)
    give(shared_page, tmp_path / name)
    expect(shared_page.locator("#card .name")).to_contain_text("alert(1)", timeout=WAIT)
    expect(shared_page.locator("#answer b")).to_have_count(0)


@browser_test
@pytest.mark.real_data
def test_a_radiograph_of_an_adult_is_warned_of(shared_page, classifier, shared):
    path = sorted((shared / "data/out_of_scope/adult_chest_xray/pneumonia").iterdir())[0]
    give(shared_page, path)
    headline(shared_page, WORDS("card.not_reliable"))
    report = decision.report(classifier, classifier(path))
    expect(shared_page.locator("#card .notice")).to_have_text(answer_words.check(report, WORDS))


PUT = """async ([kind, content, names]) => {
  const blob = await (await fetch("data:image/png;base64," + content)).blob();
  const transfer = new DataTransfer();
  for (const name of names) transfer.items.add(new File([blob], name, { type: "image/png" }));
  const event = kind === "paste"
    ? new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true })
    : new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true });
  document.querySelector("header").dispatchEvent(event);
}"""


@pytest.fixture
def content(radiograph):
    buffer = BytesIO()
    radiograph.save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


@browser_test
@pytest.mark.parametrize("kind", ["paste", "drop"])
def test_a_film_that_is_pasted_or_dropped_anywhere_is_answered(shared_page, content, kind):
    shared_page.evaluate(PUT, [kind, content, [f"by {kind}.png"]])
    named(shared_page, f"by {kind}.png")


@browser_test
def test_a_film_that_is_pasted_into_the_batch_is_one_of_the_batch(page, content):
    page.get_by_role("tab", name=WORDS("tabs.batch"), exact=True).click()
    expect(page.locator("#batch-input input[type=file]")).to_be_attached()
    page.evaluate(PUT, ["paste", content, ["pasted.png"]])
    expect(page.locator(".batch").get_by_text("pasted.png").first).to_be_visible(timeout=WAIT)


@browser_test
def test_several_files_or_a_zip_lead_to_the_batch(page, write_radiographs, tmp_path):
    files = write_radiographs(tmp_path, 2)
    with zipfile.ZipFile(tmp_path / "films.ZIP", "w") as archive:
        for path in files:
            archive.write(path, path.name)
    for given, inside in ((files, ""), ([tmp_path / "films.ZIP"], "films.ZIP/")):
        page.get_by_role("tab", name=WORDS("tabs.image")).click()
        give(page, *given)
        for path in files:
            name = page.locator(".batch").get_by_text(f"{inside}{path.name}", exact=True)
            expect(name.first).to_be_visible(timeout=WAIT)
        assert page.url.endswith("?view=batch")


@browser_test
def test_a_photograph_from_the_camera_is_answered(shared_page):
    page = shared_page
    page.locator("[data-way=camera]").click()
    page.wait_for_function("document.querySelector('dialog video').videoWidth > 0")
    page.locator("[data-way=take]").click()
    named(page, "photo.png")
    assert page.evaluate("document.querySelector('dialog video').srcObject") is None  # the camera is off


@browser_test
def test_the_answer_comes_before_the_film_at_every_width_below_1000_px(shared_page):
    top = "name => document.querySelector(name).getBoundingClientRect().top"
    for width in (360, 640, 768, 999):  # 640 is 1280 at a zoom of 200 %
        shared_page.set_viewport_size({"width": width, "height": 900})
        assert shared_page.evaluate(top, "#card") < shared_page.evaluate(top, ".film, .film-empty"), width
        assert sideways_scroll(shared_page) == 0, width
    shared_page.set_viewport_size({"width": 1440, "height": 900})
    assert abs(shared_page.evaluate(top, "#card") - shared_page.evaluate(top, "#film")) < 40
    width = "document.querySelector('#answer').getBoundingClientRect().width"
    assert 1200 <= shared_page.evaluate(width) <= 1280


def open_tab(page, view):
    selected = page.locator(f"#view-{view}-button")
    expect(selected).to_have_attribute("aria-selected", "true", timeout=WAIT)


@browser_test
def test_the_page_is_as_wide_in_every_tab_and_language_and_its_head_in_line(browser, gradio_url):
    widths = {}
    for locale in ("en", "zh-CN"):  # which says the same in half the room
        with open_page(browser, gradio_url, "wide-light", locale=locale) as page:
            page.locator("body[data-opened]").wait_for(timeout=WAIT)
            for name in ("image", "batch", "model", "api"):
                page.locator(f"#view-{name}-button").click()
                open_tab(page, name)
                widths[locale, name] = page.locator(".gradio-container").bounding_box()["width"]
            header = page.locator(".gradio-container header").first
            head = str(panels.header("", WORDS, is_local=True))
            header.evaluate("(header, html) => { header.outerHTML = html; }", head)
            left = header.locator("h1").bounding_box()["x"]
            assert header.locator("a").bounding_box()["x"] == left
    assert len(set(widths.values())) == 1, widths


@browser_test
def test_the_tab_is_in_the_address(page):
    page.get_by_role("tab", name=WORDS("tabs.model")).click()
    page.get_by_role("tab", name=WORDS("tabs.api"), exact=True).click()
    assert page.url.endswith("?view=api")
    page.go_back()
    open_tab(page, "model")
    page.go_back()
    open_tab(page, "image")
    assert "view" not in page.url
    page.go_forward()
    open_tab(page, "model")
    page.reload()
    open_tab(page, "model")


@browser_test
def test_everything_works_by_keyboard(page):
    def tab_to(selector):
        target = page.locator(selector)
        for _ in range(60):
            if target.evaluate("element => element === document.activeElement"):
                return target
            page.keyboard.press("Tab")
        raise AssertionError(f"Tab never reaches {selector}")

    outlined = "element => getComputedStyle(element).outlineStyle"
    for view in ("batch", "inside", "model", "api", "image"):
        tab_to("[role=tab][aria-selected=true]")
        page.keyboard.press("ArrowRight")
        open_tab(page, view)
    assert page.locator("#view-image-button").evaluate(outlined) == "solid"
    with page.expect_file_chooser():
        tab_to("[data-way=file]")
        assert page.locator("#film-input").evaluate(outlined) == "solid"
        page.keyboard.press("Enter")
    tab_to("[data-sample='0']")
    page.keyboard.press("Enter")
    sample_named(page, "normal")
    tab_to("#settings #prevalence input[value='0.1'], #settings #prevalence label:first-child input")
    page.keyboard.press("Space")
    expect(page.locator("#prevalence label").first).to_have_class(re.compile("selected"))
    tab_to(".decided summary")
    page.keyboard.press("Enter")
    expect(page.locator(".decided p").first).to_be_visible()


@pytest.fixture
def film_file(radiograph, tmp_path):
    radiograph.save(tmp_path / "image.png")
    return tmp_path / "image.png"


@browser_test
def test_the_snippets_of_the_api_work_as_they_are_copied(
    browser, gradio_url, classifier, film_file, monkeypatch
):
    report = decision.report(classifier, classifier(film_file))
    with open_page(browser, f"{gradio_url}/?view=api", "tablet-light", base=gradio_url) as page:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        open_tab(page, "api")
        fine(page, "api")

        def copied(name):
            snippet = page.locator(".snippet").filter(has_text=WORDS(name)).first
            snippet.get_by_role("button").click()
            expect(snippet.get_by_role("button")).to_have_text(WORDS("api.copied"))
            return page.evaluate("navigator.clipboard.readText()")

        python, curl = copied("api.python"), copied("api.curl")
        assert f"{gradio_url}/gradio_api/mcp/" in copied("api.mcp")
        assert gradio_url in copied("api.javascript")
    monkeypatch.chdir(film_file.parent)
    exec(python, names := {})
    assert names["answer"]["likelihood_ratio"] == report["likelihood_ratio"]
    done = subprocess.run(["bash", "-c", curl], capture_output=True, text=True)
    assert str(report["likelihood_ratio"]) in done.stdout, done.stderr


@browser_test
@pytest.mark.parametrize(
    ("locale", "language"), [pytest.param("es-MX", "es", marks=pytest.mark.slow), ("zh-CN", "zh")]
)
def test_the_page_speaks_the_language_of_the_browser(browser, gradio_url, locale, language):
    words = words_in(language)
    with open_page(browser, gradio_url, "phone-dark", locale=locale) as page:
        headline(page, words("card.signs"))
        expect(page.get_by_role("heading", name=words("page.title"))).to_be_visible()
        expect(page.get_by_text(words("page.not_reviewed"))).to_be_visible()
        expect(page.get_by_role("tab", name=words("tabs.batch"), exact=True)).to_be_visible()
        page.locator("#prevalence label").filter(has_text=words("prevalence.rare")).click()
        page.locator("[data-sample='0']").click()
        headline(page, words("card.no_sign"))
        assert page.locator("html").get_attribute("lang").startswith(language)
        fine(page, language)


def test_a_shared_link_shows_the_title_and_picture_of_this_page(gradio_url):
    for accepted, language in (("en-GB", "en"), ("es-ES,es;q=0.9", "es"), ("", "en")):
        request = urllib.request.Request(gradio_url, headers={"Accept-Language": accepted})
        with urllib.request.urlopen(request) as response:
            html = response.read().decode()
        words = words_in(language)
        assert f"<title>{words('page.title')}</title>" in html
        (title,) = re.findall(r'<meta property="og:title" content="(.*?)"', html)
        (picture,) = re.findall(r'<meta property="og:image" content="(.*?)"', html)
        assert title == words("page.title")
    with urllib.request.urlopen(picture) as response, Image.open(BytesIO(response.read())) as image:
        assert image.size == (1200, 630)


@browser_test
@pytest.mark.parametrize(
    ("site", "framed"), [("https://huggingface.co", True), ("https://elsewhere.example", False)]
)
def test_the_hub_may_frame_the_page_and_nobody_else(browser, gradio_url, site, framed):
    """The Space is this demo by another address; what it asks the Hub and keeps open is left out."""
    space = "https://someone-space.hf.space"

    def serve(route):
        address = route.request.url.replace(space, gradio_url)
        if "heartbeat" in address or "queue" in address:
            return route.abort()
        return route.fulfill(response=route.fetch(url=address))

    context = browser.new_context()
    page = context.new_page()
    page.route(
        f"{site}/**", lambda route: route.fulfill(body=f"<iframe src={space}/>", content_type="text/html")
    )
    page.route(f"{space}/**", serve)
    page.goto(f"{site}/spaces/someone/space")
    page.wait_for_function("frames.length == 1")
    page.wait_for_load_state("load")
    (frame,) = page.frames[1:]
    if framed:
        expect(frame.locator("#card h2")).to_be_visible(timeout=WAIT)
    else:
        assert frame.url.startswith("chrome-error:")
    context.close()


def test_films_of_clients_that_always_say_they_are_others_take_less_than_500_megabytes(
    classifier, radiograph, tmp_path, monkeypatch
):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    metrics = model_tab.read_metrics(classifier.folder)
    upload, settings = radiograph.resize((2000, 2000)), ("balanced", 0.5)
    *_, asked, film, shown = gradio_image.answered(
        classifier, metrics, Film(None, "film.png"), upload, "", settings, WORDS
    )
    kept = sum(len(pickle.dumps(state)) for state in (asked, film, shown))
    page = 200_000  # bytes that Gradio keeps of a page itself
    assert (kept + page) * app.launch_options(classifier)["state_session_capacity"] < 500_000_000


@browser_test
@pytest.mark.slow
def test_uploads_are_deleted_and_answers_leave_no_file(browser, classifier, film_file, tmp_path, monkeypatch):
    uploads = tmp_path / "uploads"
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(uploads))
    monkeypatch.setattr(app, "DELETE_EVERY", 1)
    monkeypatch.setattr(app, "DELETE_AFTER", 4)
    (tmp_path / "samples").mkdir()
    blocks = app.build(classifier, write_samples(classifier, tmp_path / "samples"))
    options = app.launch_options(classifier)
    _, url, _ = blocks.launch(prevent_thread_lock=True, server_port=free_port(), quiet=True, **options)
    try:
        Client(url, verbose=False).predict(handle_file(film_file), api_name="/classify")
        with open_page(browser, url.rstrip("/"), "desktop-light") as page:
            headline(page, WORDS("card.signs"))
            give(page, film_file)
            named(page, film_file.name)
            page.get_by_role("tab", name=WORDS("tabs.batch"), exact=True).click()
            page.locator("#batch-input input[type=file]").set_input_files(film_file)
            expect(page.locator(".batch").get_by_text(film_file.name).first).to_be_visible(timeout=WAIT)
            deadline = time.monotonic() + 30
            while left := [path for path in uploads.rglob("*") if path.is_file()]:
                assert time.monotonic() < deadline, left
                time.sleep(0.3)
            page.get_by_role("tab", name=WORDS("tabs.image")).click()
            sample(page, "normal")
            sample_named(page, "normal")
        sessions = blocks.state_holder.session_data
        assert any(session.state_data for session in sessions.values())
        while left := [session for session in sessions.values() if session.state_data]:
            assert time.monotonic() < deadline + 30, left
            time.sleep(0.3)
    finally:
        blocks.close()


@browser_test
def test_a_model_of_something_else_is_shown_as_what_it_is(browser, classifier, tmp_path):
    """The same network under other names: ten classes would look alike."""
    other = Classifier.from_pretrained()
    other.classes, other.radiograph, other.operating_points = ["cat", "dog"], False, {}
    other.folder, other.check = tmp_path, None
    words = words_in("en", radiograph=False)
    blocks = app.build(other, write_samples(other, tmp_path))
    options = app.launch_options(other)
    _, url, _ = blocks.launch(prevent_thread_lock=True, server_port=free_port(), quiet=True, **options)
    Image.new("RGB", (60, 40), "green").save(tmp_path / "green.png")
    label = other(tmp_path / "green.png").label
    assert label
    try:
        with open_page(browser, url.rstrip("/"), "desktop-light") as page:
            expect(page.get_by_role("heading", name=words("page.title"))).to_be_visible(timeout=WAIT)
            give(page, tmp_path / "green.png")
            headline(page, label)
            expect(page.locator("#settings")).to_have_count(0)
            assert "pneumonia" not in page.locator("body").inner_text().lower()
            fine(page, "other-model")
    finally:
        blocks.close()
