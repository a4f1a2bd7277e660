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

# Rows of the batches of all pages; one has 4,000 at most. They take 1.7 GB of memory with the pictures of
# films, 6 GB with those of coloured noise.
ALL_ROWS = 20_000


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

    def count_rows(self) -> int:
        """Return how many rows of a batch the page keeps."""
        return sum(len(value) for value in self.state_data.values() if isinstance(value, list))

    def drop_rows(self) -> None:
        """Keep no rows, as when their time is over."""
        for key, value in self.state_data.items():
            if isinstance(value, list):
                self.state_data[key] = None


class Sessions(StateHolder):
    """The sessions of pages; of too many, a client's goes that has most of them.

    So it is with the rows of their batches.
    """

    def update(self, session_id: str) -> None:
        """Note that a session is in use; drop one where there are too many."""
        if len(self.session_data) > self.capacity:
            self.session_data.move_to_end(self.one_too_many(), last=False)  # which Gradio drops
        super().update(session_id)
        self.limit_rows(session_id)

    def limit_rows(self, asking: str) -> None:
        """Drop batches of other pages while all keep too many rows.

        A batch goes of the client who has most rows, on the page that was idle longest.
        """
        counts = {name: session.count_rows() for name, session in list(self.session_data.items())}
        rows = {name: count for name, count in counts.items() if count}
        while sum(rows.values()) > ALL_ROWS and rows.keys() - {asking}:
            clients = Counter()
            for name, count in rows.items():
                clients[self.session_data[name].client] += count
            dropped = max(rows, key=lambda name: (name != asking, clients[self.session_data[name].client]))
            self.session_data[dropped].drop_rows()
            del rows[dropped]

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
