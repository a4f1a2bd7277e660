"""The tab "Batch" of the Gradio app, in a real browser."""

import csv
import re
import zipfile
from contextlib import contextmanager

import pytest
import requests
from PIL import Image
from playwright.sync_api import expect
from servers import open_page, screenshot, sideways_scroll, violations, windows

from hub.demo.batch_panel import PAGE
from hub.demo.words import words_in
from hub.imaging.synthetic import sample_radiographs

WORDS = words_in("en")
WAIT = 30_000  # ms: several tests may share two cores
COUNT = PAGE + 4  # files of the batch that most tests look at


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """A ZIP of synthetic radiographs, one of them upside down, a broken file and a table."""
    path = tmp_path_factory.mktemp("films") / "films.zip"
    images = sample_radiographs(COUNT - 2)[0]
    images.append(images[1].rotate(180))
    with zipfile.ZipFile(path, "w") as archive:
        for index, image in enumerate(images):
            with archive.open(f"film-{index}.png", "w") as file:
                image.save(file, "PNG")
        archive.writestr("<b>broken.png", b"nothing")
        archive.writestr("labels.csv", "film-0.png,NORMAL")
    return path


@contextmanager
def open_batch(browser, url, window):
    """Yield the tab, open in a new window."""
    with open_page(browser, url, window) as page:
        page.get_by_role("tab", name=WORDS("tabs.batch")).click()
        expect(page.get_by_text(WORDS("batch.drop"))).to_be_visible(timeout=WAIT)
        yield page


@pytest.fixture(params=windows("wide-light"))
def page(request, browser, gradio_url):
    """The tab in a window of the test's own."""
    with open_batch(browser, gradio_url, request.param) as page:
        yield page


@pytest.fixture(scope="module")
def shared_page(browser, gradio_url, films):
    """The tab with its work list, in a window that several tests use one after the other."""
    with open_batch(browser, gradio_url, "wide-light") as page:
        give(page, films)
        finished(page)
        yield page


@pytest.fixture
def answered(shared_page):
    """The same, with all its rows in view again."""
    yield shared_page
    shared_page.unroute_all()
    shared_page.keyboard.press("Escape")  # a film may be open
    shared_page.locator(".batch .search").fill("")
    chip(shared_page, "all").click()
    expect(chip(shared_page, "all")).to_have_attribute("aria-pressed", "true", timeout=WAIT)
    expect(shared_page.locator(".batch tbody tr")).to_have_count(PAGE, timeout=WAIT)


def give(page, *files):
    page.locator("#batch-input input[type=file]").set_input_files(list(files))


def finished(page):
    """Return the work list when every file is answered."""
    expect(page.locator("#batch-status p[role=status]")).to_be_visible(timeout=WAIT)
    expect(page.locator("[data-csv]")).to_be_attached(timeout=WAIT)
    return page.locator(".batch")


def chip(page, kind):
    return page.locator(f".batch .chip.{kind}")


def count(page, kind):
    return int(chip(page, kind).locator("b").inner_text())


def names(page):
    return page.locator(".batch tbody .name").all_inner_texts()


def slow(page):
    """Hold each question back for half a second."""
    page.route("**/gradio_api/run/**", lambda route: (page.wait_for_timeout(500), route.continue_()))


def clean(page, name):
    """Look at a state of the page."""
    assert violations(page, {}) == []
    assert sideways_scroll(page) == 0
    screenshot(page, f"gradio-batch-{name}")


@pytest.mark.parametrize("page", windows("phone-light", "wide-light", "tablet-dark"), indirect=True)
def test_a_batch_becomes_a_work_list_that_is_filtered_searched_and_opened(page, films):
    clean(page, "empty")
    give(page, films)
    rows = finished(page).locator("tbody tr")
    expect(rows).to_have_count(PAGE)
    assert count(page, "all") == COUNT and count(page, "unreadable") == count(page, "left_out") == 1
    clean(page, "results")
    if page.viewport_size["width"] < 700:  # search, order and CSV below each other
        tools = page.locator(".batch .tools > *").evaluate_all("all => all.map((each) => each.offsetWidth)")
        assert tools == 3 * [page.locator(".batch .tools").bounding_box()["width"]]

    page.locator(".pages button").last.click()
    expect(rows).to_have_count(COUNT + 1 - PAGE)
    expect(rows.last).to_contain_text(".csv")
    chip(page, "not_reliable").click()
    expect(chip(page, "not_reliable")).to_have_attribute("aria-pressed", "true")
    expect(rows).to_have_count(count(page, "not_reliable"))
    expect(rows.last).to_contain_text(WORDS("card.not_reliable"))
    expect(rows.last.locator("details span")).not_to_be_visible()
    clean(page, "filtered")

    rows.last.locator(".open").click()
    film = page.locator(".batch-film")
    expect(film.get_by_role("heading")).to_have_text(f"films.zip/film-{COUNT - 2}.png", timeout=WAIT)
    expect(film.locator(".heat")).not_to_be_visible()
    expect(film.get_by_text(WORDS("card.not_reliable"))).to_be_visible()
    clean(page, "opened")
    page.keyboard.press("Escape")
    expect(film).not_to_be_visible()
    expect(rows.last.locator(".open")).to_be_focused()

    chip(page, "all").click()
    page.locator(".batch .search").fill("<B>")
    expect(rows).to_have_text([re.compile("<b>broken.png.*is not an image", re.DOTALL)])
    expect(rows.locator(".name b")).to_have_count(0)


@pytest.mark.browser
def test_what_is_asked_last_is_shown_however_slow_the_answers(answered):
    page, work_list = answered, answered.locator(".batch")
    slow(page)
    chip(page, "signs").click()
    chip(page, "left_out").click()
    page.locator(".batch .search").fill("broken")
    chip(page, "unreadable").click()
    expect(chip(page, "unreadable")).to_have_attribute("aria-pressed", "true", timeout=WAIT)
    page.wait_for_timeout(1500)
    expect(work_list.locator("tbody .name")).to_have_text(["films.zip/<b>broken.png"], timeout=WAIT)


@pytest.mark.browser
def test_a_click_while_a_search_is_typed_asks_for_both_at_once(answered):
    asked = []
    answered.on("request", lambda request: asked.append(request.post_data or ""))
    answered.evaluate("""() => {
        const search = document.querySelector(".batch .search");
        search.value = "broken";
        search.dispatchEvent(new Event("input", { bubbles: true }));
        document.querySelector(".batch .chip.unreadable").click();
    }""")
    expect(answered.locator(".batch tbody .name")).to_have_text(["films.zip/<b>broken.png"])
    answered.wait_for_timeout(500)
    views = [body for body in asked if '"group":"unreadable"' in body]
    assert len(views) == 1 and '"search":"broken"' in views[0]


@pytest.mark.browser
def test_a_sort_holds_at_another_setting_and_the_csv_has_every_row(answered):
    page, work_list = answered, answered.locator(".batch")
    header = work_list.get_by_role("button", name=WORDS("batch.probability"))
    header.click()
    column = work_list.locator("th[aria-sort=descending]")
    expect(column).to_contain_text(WORDS("batch.probability"))
    order = names(page)
    bars = work_list.locator(".bar span").evaluate_all("all => all.map((bar) => parseFloat(bar.style.width))")
    assert bars == sorted(bars, reverse=True) and len(bars) > 1
    bar, number = (work_list.locator(f".share .{part}").first.bounding_box() for part in ("bar", "number"))
    assert bar["x"] + bar["width"] < number["x"]
    highest = work_list.locator(".number").first
    before = highest.inner_text()
    page.locator("#batch-settings").get_by_label(WORDS("prevalence.rare")).check()
    expect(highest).not_to_have_text(before)
    expect(column).to_be_visible()
    assert names(page) == order  # evidence does not move with the prevalence
    page.locator("#batch-settings").get_by_label(WORDS("point.screening")).check()
    expect(chip(page, "flagged")).to_be_visible()
    expect(column).to_be_visible()
    header.click()
    expect(work_list.locator("th[aria-sort=ascending]")).to_be_visible()
    page.locator(".pages button").last.click()
    expect(work_list.locator("tbody tr").last).to_have_class(re.compile("left_out"))  # empty ones still last

    with page.expect_download() as download:
        work_list.get_by_role("button", name=WORDS("batch.download")).click()
    assert download.value.suggested_filename == "answers.csv"
    saved = list(csv.DictReader(download.value.path().read_text().splitlines()))
    assert len(saved) == COUNT + 1
    assert {row["prevalence"] for row in saved} == {"0.1", ""}
    assert {row["operating_point"] for row in saved} == {"screening", ""}
    page.locator("#batch-settings").get_by_label(WORDS("point.balanced")).check()
    expect(chip(page, "signs")).to_be_visible()


@pytest.mark.browser
def test_an_opened_film_is_left_by_keyboard_and_its_heatmap_stays_off(answered):
    page, work_list = answered, answered.locator(".batch")
    chip(page, "signs").click()
    expect(work_list.locator("tbody tr")).to_have_count(count(page, "signs"))
    order = names(page)
    work_list.locator(".open").first.focus()
    page.keyboard.press("Enter")
    film = page.locator(".batch-film")
    name = film.get_by_role("heading")
    expect(name).to_have_text(order[0], timeout=WAIT)
    expect(film.locator(".heat")).to_be_visible()
    film.get_by_label(WORDS("film.heatmap")).uncheck()
    page.keyboard.press("ArrowRight")
    expect(name).to_have_text(order[1], timeout=WAIT)
    expect(film.locator(".heat")).not_to_be_visible()
    page.keyboard.press("ArrowLeft")
    expect(name).to_have_text(order[0], timeout=WAIT)
    expect(film.locator(".previous")).to_have_attribute("aria-disabled", "true")
    page.keyboard.press("Escape")
    expect(film).not_to_be_visible()
    work_list.locator(".open").first.click()  # the same one again
    expect(film.locator(".layers")).to_be_visible(timeout=WAIT)


@pytest.mark.parametrize("page", windows("wide-dark", "phone-dark"), indirect=True)
def test_a_batch_that_runs_shows_its_answers_and_stops(page, tmp_path):
    with zipfile.ZipFile(tmp_path / "films.zip", "w") as archive, (tmp_path / "film.png").open("wb") as file:
        sample_radiographs(1)[0][0].save(file, "PNG")
        file.close()
        for index in range(1500):
            archive.write(tmp_path / "film.png", f"{index}.png")
    give(page, tmp_path / "films.zip")
    bar = page.get_by_role("progressbar")
    expect(page.locator(".batch tbody tr")).to_have_count(PAGE, timeout=WAIT)
    expect(bar).to_have_attribute("max", "1500")
    assert 0 < int(bar.get_attribute("value")) < 1500
    expect(page.locator("#batch-input")).not_to_be_visible()
    page.locator(".pages button").last.click()  # the view is the visitor's while rows come in
    expect(page.locator(".batch tbody tr").first).to_have_attribute("data-index", f"{PAGE}")
    clean(page, "running")
    page.get_by_role("button", name=WORDS("batch.stop")).click()
    finished(page)
    expect(bar).to_have_count(0)
    expect(page.locator("#batch-input")).to_be_visible()
    assert 0 < count(page, "all") < 1500
    expect(page.locator(".batch tbody tr").first).to_have_attribute("data-index", f"{PAGE}")


def test_a_file_that_could_not_be_uploaded_is_named_and_the_next_one_answered(page, radiograph, tmp_path):
    radiograph.save(tmp_path / "film.png")
    page.context.set_offline(True)
    give(page, tmp_path / "film.png")
    expect(page.locator(".drop .uploading")).to_have_text(
        WORDS("batch.failed", file="film.png"), timeout=WAIT
    )
    page.context.set_offline(False)
    give(page, tmp_path / "film.png")
    expect(finished(page).locator("tbody tr")).to_have_count(1)


@pytest.mark.browser
def test_a_visitor_reads_the_work_list_in_her_language(browser, gradio_url, radiograph, tmp_path):
    words = words_in("es")
    radiograph.save(tmp_path / "film.png")
    page = browser.new_page(locale="es-ES")
    page.goto(gradio_url)
    page.get_by_role("tab", name=words("tabs.batch")).click()
    expect(page.get_by_text(words("batch.drop"))).to_be_visible(timeout=WAIT)
    expect(page.get_by_text(words("batch.prevalence"))).to_be_visible()
    give(page, tmp_path / "film.png")
    expect(finished(page).get_by_role("button", name=words("batch.download"))).to_be_visible()
    page.close()


def test_a_batch_of_what_was_not_uploaded_is_refused(gradio_url, tmp_path):
    Image.new("L", (64, 64)).save(tmp_path / "film.png")
    config = requests.get(f"{gradio_url}/config").json()
    (drop,) = [part["id"] for part in config["components"] if part["props"].get("elem_id") == "batch-input"]
    (event,) = [each["id"] for each in config["dependencies"] if [drop, "select"] in each["targets"]]
    given = ([{"path": str(tmp_path / "film.png")}], ["x"], [5], 5, None, {"path": "/etc/passwd"})
    for number, files in enumerate(given):
        session = {"session_hash": f"other-{number}"}
        body = session | {"data": [], "fn_index": event, "event_data": {"files": files}}
        assert requests.post(f"{gradio_url}/gradio_api/queue/join", json=body).ok
        told = requests.get(f"{gradio_url}/gradio_api/queue/data", params=session).text
        assert "no uploaded file" in told
        assert requests.post(f"{gradio_url}/gradio_api/run/predict", json=body).status_code == 404
