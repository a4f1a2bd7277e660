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
