"""What the Gradio app keeps for each page that is open."""

import time

import gradio as gr
import gradio.mcp
import gradio.route_utils
import gradio.routes
import gradio.state_holder
import pytest

from hub.demo import gradio_sessions
from hub.demo.gradio_errors import Page


@pytest.fixture
def page(monkeypatch):
    """A page with a state, whose sessions are kept as the app does, in this test alone."""
    monkeypatch.setattr(gradio.routes, "StateHolder", gradio.routes.StateHolder)
    for module in (gradio.state_holder, gradio.route_utils, gradio.mcp):
        monkeypatch.setattr(module, "SessionState", module.SessionState)
    monkeypatch.setattr(gradio.state_holder, "datetime", gradio.state_holder.datetime)
    gradio_sessions.use()
    with Page() as page:
        page.kept, page.shown = gr.State(time_to_live=0.2), gr.HTML("<p>the page</p>")
    page.state_session_capacity = 3
    return page


@pytest.fixture
def sessions(page):
    sessions = gradio.routes.StateHolder()
    sessions.set_blocks(page)
    return sessions


def test_a_client_with_many_pages_loses_its_own_and_nobody_elses(sessions):
    sessions["visitor"].client = "8.8.8.8"
    for number in range(5):
        sessions[f"greedy-{number}"].client = "1.1.1.1"
    assert list(sessions.session_data) == ["visitor", "greedy-3", "greedy-4"]
    for number in range(5):
        sessions[f"without-an-event-{number}"]
    assert "visitor" in sessions


def test_of_too_many_rows_the_client_with_most_loses_the_batch_of_its_idlest_page(
    page, sessions, monkeypatch
):
    monkeypatch.setattr(gradio_sessions, "ALL_ROWS", 10)
    pages = {"visitor": ("8.8.8.8", 4), "greedy-1": ("1.1.1.1", 3), "greedy-2": ("1.1.1.1", 3)}
    for name, (client, count) in pages.items():
        sessions[name].client = client
        sessions[name][page.kept._id] = [name] * count
    assert [session.count_rows() for session in sessions.session_data.values()] == [4, 3, 3]
    sessions["greedy-2"][page.kept._id] = ["greedy-2"] * 5
    sessions["greedy-2"]
    kept = {name: session[page.kept._id] for name, session in sessions.session_data.items()}
    assert kept == {"visitor": ["visitor"] * 4, "greedy-1": None, "greedy-2": ["greedy-2"] * 5}


def test_a_batch_is_not_dropped_under_the_page_that_reads_it(page, sessions, monkeypatch):
    monkeypatch.setattr(gradio_sessions, "ALL_ROWS", 10)
    sessions["idle"][page.kept._id] = ["idle"]
    sessions["reading"][page.kept._id] = ["reading"] * 11
    assert sessions["reading"][page.kept._id] == ["reading"] * 11
    assert sessions["idle"][page.kept._id] is None


def test_nothing_of_what_a_page_shows_is_kept_and_what_its_events_need_is(page, sessions):
    session = sessions["visitor"]
    session[page.kept._id] = "film"
    session[page.shown._id] = gr.HTML("<p>another</p>", render=False)
    assert session.config_values == {} and session[page.kept._id] == "film"
    assert session[page.shown._id].value == "<p>another</p>"


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="Windows")
def test_what_a_page_keeps_outlives_a_change_of_the_clocks(page, sessions, monkeypatch):
    sessions["visitor"][page.kept._id] = "film"

    def is_kept():
        sessions.delete_all_expired_state()
        return bool(sessions["visitor"].state_data)

    with monkeypatch.context() as summer:
        summer.setenv("TZ", "SUMMER-5")
        time.tzset()
        kept = is_kept()
    time.tzset()
    time.sleep(0.2)
    assert (kept, is_kept()) == (True, False)
