"""Clicks in the running demo."""

from benchmarks import serving


def test_visitors_click_as_the_page_does(gradio_url):
    times = serving.summarize(serving.visit(gradio_url, 2, 2))
    assert times["clicks"] == 4
    assert 0 < times["median"] <= times["percentile_99"]


def test_clicks_are_summarized_by_median_and_99th_percentile():
    times = serving.summarize([0.001 * number for number in range(1, 102)])
    assert times == {"clicks": 101, "median": 51.0, "percentile_99": 101.0}
