"""What the Streamlit app keeps of its visitors."""

import asyncio
from types import SimpleNamespace

import pytest
from servers import run_coroutine
from streamlit.runtime import Runtime
from streamlit.runtime.memory_session_storage import MemorySessionStorage

from hub.demo import streamlit_server


@pytest.fixture
def page():
    """Make a page that was closed, with the names of those that are ended."""
    ended = []

    def make(name):
        session = SimpleNamespace(id=name, shutdown=lambda: ended.append(name))
        session._scriptrunner, session._session_state = None, {"film": name}
        return SimpleNamespace(session=session)

    make.ended = ended
    return make


def test_a_page_that_was_closed_is_ended_though_no_other_is_closed(monkeypatch, page):
    storage, closed = MemorySessionStorage(ttl_seconds=0.05), page("one")
    storage.save(closed)
    runtime = SimpleNamespace(_session_mgr=SimpleNamespace(_session_storage=storage))
    monkeypatch.setattr(streamlit_server, "EVERY", 0.02)
    monkeypatch.setattr(Runtime, "exists", lambda: True)
    monkeypatch.setattr(Runtime, "instance", lambda: runtime)

    async def serve():
        async with streamlit_server.tidied(None):
            await asyncio.sleep(0.5)

    run_coroutine(serve())
    assert page.ended == ["one"] and not storage._cache._data
    assert not closed.session._session_state


def test_a_page_is_ended_that_has_to_leave_for_another_but_none_that_opens_again(page):
    storage = MemorySessionStorage(maxsize=2)
    for name in ("one", "two"):
        storage.save(page(name))
    storage.delete("two")
    streamlit_server.let_go(storage, room=1)
    assert page.ended == []
    storage.save(page("three"))
    streamlit_server.let_go(storage, room=1)
    assert page.ended == ["one"]
