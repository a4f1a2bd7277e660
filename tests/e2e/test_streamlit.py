"""The Streamlit app as a browser gets it. What it answers is tested in tests/demo/test_streamlit_page.py."""

import csv
import zipfile

import pytest
from playwright.sync_api import expect
from servers import open_page, screenshot, sideways_scroll, violations, windows

from hub.demo import answer_words
from hub.demo.words import words_in
from hub.inference import decision

WAIT = 30_000  # ms
WORDS = words_in("en")
OLD_ANSWER = ".st-key-answer > [data-testid=stLayoutWrapper]"
# Collects what a page says while it reads an image, and how visible the old answer is meanwhile.
WATCH_READING = f"""() => {{
  window.seen = [];
  new MutationObserver(() => {{
    const reading = document.querySelector('.reading'), old = document.querySelector('{OLD_ANSWER}');
    if (reading) seen.push([reading.innerText, getComputedStyle(old).opacity]);
  }}).observe(document.body, {{ childList: true, subtree: true }});
}}"""


@pytest.fixture(params=windows("phone-dark", "wide-light", "tablet-dark"))
def page(request, browser, streamlit_url):
    """The demo, open in a new window, with its first answer."""
    with open_page(browser, streamlit_url, request.param) as page:
        expect(page.locator(".card h2")).to_be_visible(timeout=WAIT)
        yield page


@pytest.fixture(scope="module")
def shared_page(browser, streamlit_url):
    """The demo with its first answer, for tests that change nothing."""
    with open_page(browser, streamlit_url, "wide-light") as page:
        expect(page.locator(".card h2")).to_be_visible(timeout=WAIT)
        yield page


def only(window):
    return pytest.mark.parametrize("page", windows(window), indirect=True)


def rest(page):
    """Wait until the script rests.

    Before, an upload may be drawn anew and what was put into it lost, and the answer is still dimmed.
    """
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for(timeout=WAIT)
    expect(page.locator(".reading")).to_have_count(0, timeout=WAIT)


def give(page, *files):
    rest(page)
    page.get_by_role("tabpanel").locator("input[type=file]").set_input_files(list(files))


def named(page, name):
    """Wait for the card of an image."""
    expect(page.locator(".card .name")).to_have_text(name, timeout=WAIT)
    rest(page)


def sample_name(name):
    return WORDS("samples.shown", name=WORDS(f"samples.{name}"))


def try_sample(page, name):
    rest(page)
    page.get_by_role("button", name=WORDS(f"samples.{name}"), exact=True).click()
    named(page, sample_name(name))


def open_tab(page, name):
    page.get_by_role("tab", name=WORDS(f"tabs.{name}"), exact=True).click()


def look(page, name):
    """Check that a state of the page is accessible and fits, and keep a picture of it."""
    rest(page)
    assert violations(page, {}) == [], name
    assert sideways_scroll(page) == 0, name
    screenshot(page, f"streamlit-{name}")


def save_table(page):
    save = page.get_by_test_id("stDownloadButton").get_by_role("button", name=WORDS("batch.download"))
    expect(save).to_be_visible(timeout=WAIT)
    with page.expect_download() as download:
        save.click()
    return list(csv.DictReader(download.value.path().read_text().splitlines()))


def test_each_kind_of_answer_is_shown_with_what_belongs_to_it(page, classifier, radiograph, tmp_path):
    card, settings = page.locator(".card"), page.locator(".st-key-answer-card").get_by_test_id("stRadio")
    expect(settings).to_have_count(2)
    radiograph.save(tmp_path / "film.png")
    give(page, tmp_path / "film.png")
    named(page, "film.png")
    report = decision.report(classifier, classifier(radiograph))
    expect(card.get_by_role("heading")).to_have_text(answer_words.verdict(report, WORDS))
    expect(card.locator(".number")).to_have_text(answer_words.of_hundred(report, WORDS))
    expect(page.locator(".film .heat")).to_be_visible()
    page.locator(".st-key-decided summary").click()
    expect(page.locator(".decided")).to_be_visible()
    settings.first.get_by_text(WORDS("prevalence.rare")).click()
    rest(page)
    expect(page.locator(".decided")).to_be_visible()  # it stays open
    settings.first.get_by_text(WORDS("prevalence.half")).click()
    rest(page)
    look(page, "answer")

    try_sample(page, "upside_down")
    expect(card.locator(".anyway p").last).to_be_hidden()
    expect(page.locator(".film .heat")).to_be_hidden()
    expect(settings.first).to_be_hidden()
    expect(page.locator(".st-key-decided")).to_be_hidden()
    card.locator(".anyway summary").click()
    expect(page.locator(".st-key-decided")).to_be_visible()
    expect(card.locator(".anyway p").last).to_be_visible()
    look(page, "warned")
    for degrees in (90, 180):
        page.locator(".st-key-correction").get_by_role("button").click()
        named(page, WORDS("card.turned_name", name=sample_name("upside_down"), degrees=degrees))
    expect(settings.first).to_be_visible()

    try_sample(page, "picture")
    expect(settings.first).to_be_hidden()
    (tmp_path / "broken.png").write_bytes(b"nothing")
    give(page, tmp_path / "broken.png")
    named(page, "broken.png")
    look(page, "broken")


@pytest.mark.parametrize("page", windows("wide-light", "phone-dark"), indirect=True)
def test_a_batch_is_a_table_that_is_filtered_and_saved(page, write_radiographs, tmp_path):
    with zipfile.ZipFile(tmp_path / "films.zip", "w") as archive:
        for path in write_radiographs(tmp_path, 3):
            archive.write(path, path.name)
        archive.writestr("metadata.csv", "film-0.png,NORMAL")
        archive.writestr("README.txt", "three films")
    open_tab(page, "batch")
    expect(page.get_by_text(WORDS("batch.empty"))).to_be_visible(timeout=WAIT)
    give(page, tmp_path / "films.zip")
    rows = save_table(page)
    assert [row["answer"] == "Left out" for row in rows] == [False, False, False, True]
    assert (rows[3]["file"], rows[3]["status"]) == ("films.zip", "left out")
    assert {row["operating_point"] for row in rows} == {"balanced", ""}
    page.get_by_test_id("stButtonGroup").get_by_role("radio").last.click()
    rest(page)
    page.get_by_role("radiogroup", name=WORDS("point.question")).get_by_text(WORDS("point.screening")).click()
    rest(page)
    look(page, "batch")
    rows = save_table(page)
    assert {row["operating_point"] for row in rows} == {"screening", ""}
    assert len(rows) == 4  # the filter is for the eye


@only("wide-light")
@pytest.mark.slow
def test_a_batch_goes_on_where_another_tab_interrupted_it(page, radiograph, write_radiographs, tmp_path):
    files = write_radiographs(tmp_path, 34)
    for path in files[-2:]:  # so large that the batch is still running when its tab is left
        radiograph.resize((6000, 6000)).save(path, compress_level=1)
    open_tab(page, "batch")
    give(page, *files)
    page.get_by_test_id("stProgress").wait_for(timeout=WAIT)
    open_tab(page, "model")
    expect(page.get_by_role("heading", name=WORDS("model.title"))).to_be_visible(timeout=WAIT)
    open_tab(page, "batch")
    assert sorted(row["file"] for row in save_table(page)) == sorted(path.name for path in files)


@only("tablet-dark")
def test_while_an_image_is_read_the_page_names_it_and_dims_the_old_answer(page, radiograph, tmp_path):
    slow = tmp_path / "*slow* film.png"
    radiograph.resize((6000, 6000)).save(slow, compress_level=1)
    page.evaluate(WATCH_READING)
    give(page, slow)
    named(page, slow.name)
    seen = page.evaluate("window.seen")
    assert seen
    assert {text for text, _ in seen} == {WORDS("page.reading", name=slow.name)}
    assert {float(opacity) < 0.5 for _, opacity in seen} == {True}
    expect(page.locator(OLD_ANSWER)).to_have_css("opacity", "1")
    expect(page.locator(".reading")).to_have_count(0)


@only("phone-dark")
def test_on_a_phone_the_answer_is_in_the_first_window_and_a_photo_closes_the_camera(page):
    expect(page.locator(".card .number")).to_be_in_viewport(ratio=1)
    rest(page)
    page.get_by_test_id("stPopover").get_by_role("button").click()
    camera = page.get_by_test_id("stCameraInput")
    page.wait_for_function("document.querySelector('video')?.readyState == 4", timeout=WAIT)
    camera.get_by_test_id("stCameraInputButton").click(timeout=WAIT)
    named(page, "photo.jpg")
    expect(camera).to_have_count(0)


@pytest.mark.browser
def test_on_a_low_screen_the_answer_and_the_image_beside_it_are_seen_at_once(shared_page):
    page = shared_page
    page.set_viewport_size({"width": 1280, "height": 720})
    expect(page.locator(".card .number")).to_be_in_viewport(ratio=1)
    expect(page.locator(".film .stage")).to_be_in_viewport(ratio=0.5)


@pytest.mark.browser
def test_the_demo_looks_for_no_other_machine(shared_page, streamlit_others):
    expect(shared_page.locator(".card .number")).to_be_visible(timeout=WAIT)
    assert not streamlit_others.exists()


@pytest.mark.parametrize(
    ("scheme", "theme"), [("light", "dark"), pytest.param("dark", "light", marks=pytest.mark.slow)]
)
@pytest.mark.browser
def test_the_answer_follows_streamlits_theme_and_not_the_browsers(browser, streamlit_url, scheme, theme):
    colours = {"light": "rgb(82, 82, 91)", "dark": "rgb(180, 180, 189)"}
    with open_page(browser, streamlit_url, f"wide-{scheme}") as page:
        page.goto(f"{streamlit_url}/?embed=true&embed_options={theme}_theme")
        expect(page.locator(".card .name")).to_have_css("color", colours[theme], timeout=WAIT)
        rest(page)
        assert violations(page, {}) == []
