"""What the Gradio app keeps in memory for each page that is open, and how long."""

import time
from collections import Counter
from datetime import UTC, datetime
from types import SimpleNamespace

import gradio as gr
import gradio.mcp
import gradio.route_utils
import gradio.routes
import gradio.state_holder
from gradio.state_holder import SessionState, StateHolder


class Session(SessionState):
    """What the events of a page need, and nothing of what it shows.

    Gradio keeps that for links to a page. It would write down all components for each page that somebody
    says to have, and serve nobody else meanwhile. `client` is who used the page last.
    """

    client = ""

    def __init__(self, blocks: gr.Blocks):
        super().__init__(SimpleNamespace(default_config=blocks.default_config, blocks={}))
        self.STATE_TTL_WHEN_CLOSED = getattr(blocks, "seconds_kept", self.STATE_TTL_WHEN_CLOSED)

    def __setitem__(self, key: int, value: object):
        super().__setitem__(key, value)
        self.config_values.clear()

    def _update_config(self, key: int) -> None:
        pass

    def _update_value_in_config(self, key: int, value: object) -> None:
        pass


class Sessions(StateHolder):
    """The sessions of pages; of too many, a client's goes that has most of them."""

    def update(self, session_id: str) -> None:
        """Note that a session is in use; drop one where there are too many."""
        if len(self.session_data) > self.capacity:
            self.session_data.move_to_end(self.one_too_many(), last=False)  # which Gradio drops
        super().update(session_id)

    def one_too_many(self) -> str:
        """Return the session that was idle longest, of the client who has most."""
        clients = {name: session.client for name, session in self.session_data.items()}
        ((most, _),) = Counter(clients.values()).most_common(1)
        return next(name for name, client in clients.items() if client == most)


def use() -> None:
    """Let Gradio keep such sessions, and tell their age by a clock that nobody sets.

    By its own, which is local time, all films would be gone when summer comes.
    """
    gradio.routes.StateHolder = Sessions
    for module in (gradio.state_holder, gradio.route_utils, gradio.mcp):
        module.SessionState = Session
    gradio.state_holder.datetime = SimpleNamespace(datetime=SimpleNamespace(now=_steady))


def _steady() -> datetime:
    return datetime.fromtimestamp(time.monotonic(), UTC)
