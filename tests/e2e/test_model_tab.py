"""The tab "The model" of both pages, in a real browser."""

import pytest
from playwright.sync_api import expect
from servers import open_page, screenshot, sideways_scroll, violations, windows

from hub.demo.words import words_in

WAIT = 60_000  # ms
WORDS = words_in("en")


@pytest.mark.parametrize("window", windows("tablet-dark", "wide-light", "phone-dark"))
def test_figures_in_words_come_first_and_all_the_rest_opens(browser, gradio_url, window):
    with open_page(browser, gradio_url, window) as page:
        open_everything(page, "gradio-model")


@pytest.mark.parametrize("window", windows("phone-light", "wide-dark"))
def test_on_streamlit_too_figures_come_first_and_all_the_rest_opens(browser, streamlit_url, window):
    with open_page(browser, streamlit_url, window) as page:
        open_everything(page, "streamlit-model")


def open_everything(page, name):
    page.get_by_role("tab", name=WORDS("tabs.model")).click(timeout=WAIT)
    tab = page.locator(".model")
    expect(tab.get_by_text(WORDS("model.found"))).to_be_in_viewport(timeout=WAIT)
    expect(tab.locator("details[open]")).to_have_count(0)
    tab.locator("summary").first.focus()
    page.keyboard.press("Enter")
    expect(tab.locator("details[open]")).to_have_count(1)
    tab.locator(".pictures summary").first.click()
    expect(tab.locator("details[open]")).to_have_count(2)
    tab.evaluate("tab => tab.querySelectorAll('details').forEach((part) => (part.open = true))")
    loaded = "() => [...document.querySelectorAll('.model img')].every((image) => image.naturalWidth)"
    tab.evaluate("tab => tab.querySelectorAll('img').forEach((image) => (image.loading = 'eager'))")
    page.wait_for_function(loaded, timeout=WAIT)
    dark = page.name.endswith("dark")
    for chart, inverted in ((".chart", dark), ("img:not(.chart)", False)):
        filters = tab.locator(chart).evaluate_all("all => all.map((image) => getComputedStyle(image).filter)")
        assert filters and all((name != "none") == inverted for name in filters)
    assert violations(page, {}) == []
    assert sideways_scroll(page) == 0
    screenshot(page, name)
