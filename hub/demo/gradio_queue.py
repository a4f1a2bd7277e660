"""The queue of the Gradio app, with bounds for what one visitor may leave in it.

Gradio keeps an event's answer until its page fetches it, for ever where that never comes.
"""

import asyncio
import math
import time
from collections.abc import Coroutine

import anyio
import gradio as gr
import gradio.queueing
from gradio.data_classes import PredictBodyInternal
from gradio.queueing import Event, EventMessage, Queue
from gradio.route_utils import get_fn
from gradio.utils import cancel_tasks
from starlette.requests import Request

from hub.demo.http_limits import client_of

EACH = 50  # events of one address that may wait; a hospital's visitors may share theirs
UNREAD = 1_000  # messages that wait for one page
NO_TURN = "Your last questions are still waiting; ask again when they are answered."
AT_ONCE = "This event has no queue; send it to /gradio_api/run/predict."


class Unread(asyncio.Queue):
    """The messages that wait for a page; of too many, the oldest goes."""

    def _put(self, item: EventMessage) -> None:
        super()._put(item)
        while self.qsize() > UNREAD:  # who cancels an event again and again gets a message each time
            self._get()


class BoundedQueue(Queue):
    """A queue in which no visitor takes all places, and no answer waits for ever."""

    def __init__(self, **options):
        super().__init__(**options)
        self.ANALYTICS_MAX_EVENTS = 0
        self.last_told: dict[str, float] = {}  # when a session got its last message
        self.begun: dict[str, float] = {}  # when the last event of a client began, while others wait

    async def push(self, body: PredictBodyInternal, request: Request, username: str | None) -> tuple:
        """Return whether an event is taken, its id or a sentence, and a word for that."""
        fn = get_fn(self.blocks, None, body)
        if not fn.queue and fn.api_visibility != "public":  # pages ask for it without the queue
            return False, AT_ONCE, "error"
        if self.waiting_of(client_of(request.scope)) >= EACH:
            return False, NO_TURN, "queue_full"
        self.make_room(body.session_hash)
        return await super().push(body=body, request=request, username=username)

    def get_events(self) -> tuple | None:
        """Return the next event; its client's others go behind those of other clients."""
        taken = super().get_events()
        if taken:
            lines = self.event_queue_per_concurrency_id.values()
            oldest = min((event.enqueue_time for line in lines for event in line.queue), default=math.inf)
            self.begun[client_of(taken[0][0].request.scope)] = time.monotonic()
            self.begun = {client: begun for client, begun in self.begun.items() if begun > oldest}
            for line in lines:
                line.queue.sort(key=self.turn_of)
        return taken

    def turn_of(self, event: Event) -> float:
        """Return since when an event waits, or its client has had no other turn."""
        return max(event.enqueue_time, self.begun.get(client_of(event.request.scope), 0))

    async def remove_from_queue(self, event_id: str) -> None:
        """Take an event out of the queue, or end it where it is at work already."""
        await super().remove_from_queue(event_id)
        if event := self.event_ids_to_events.get(event_id):
            await cancel_tasks({f"{event.session_hash}_{event.fn._id}"})

    async def reset_iterators(self, event_id: str) -> None:
        """End what an event has begun, and let no other have its place before.

        Gradio has just given that away, and would end a generator in the thread that serves: all visitors
        would wait for the generator's threads.
        """
        asyncio.current_task().set_name(event_id)  # cancelled again, it would stay in memory
        place = self.event_queue_per_concurrency_id[self.event_ids_to_events[event_id].concurrency_id]
        steps = self.server_app.iterators.pop(event_id, None)
        place.current_concurrency += 1
        try:
            if steps:
                await anyio.to_thread.run_sync(steps.iterator.close)
        finally:
            place.current_concurrency -= 1

    def waiting_of(self, client: str) -> int:
        """Return how many events of an address wait for their turn."""
        events = (event for queue in self.event_queue_per_concurrency_id.values() for event in queue.queue)
        return sum(client_of(event.request.scope) == client for event in events)

    def make_room(self, session: str | None) -> None:
        """Drop what waits for the page that was idle longest, where one is too many.

        Gradio would drop that of the page which came first, even while it waits for its batch.
        """
        pages = self.pending_messages_per_session
        if len(pages) >= pages.max_size and session not in pages:
            busy = self.busy()
            idle = (page for page in pages if page not in busy)
            self.drop(min(idle, key=lambda page: self.last_told.get(page, 0), default=""))

    def send_message(self, event: Event, event_message: EventMessage) -> None:
        """Keep a message for the page of an event; of too many, the oldest goes."""
        session = event.session_hash
        if session not in self.pending_messages_per_session:  # its page is gone
            return
        messages = self.pending_messages_per_session[session]
        while messages.qsize() >= UNREAD:
            dropped = getattr(messages.get_nowait(), "event_id", None)
            self.pending_event_ids_session.get(session, set()).discard(dropped)
        super().send_message(event, event_message)
        self.last_told[session] = time.monotonic()

    def compute_analytics_summary(self, records: list) -> dict:
        """Return nothing.

        No address of the app gives these figures away, and for each error pandas would sum them up.
        """
        return {}

    def forget(self, seconds: float) -> None:
        """Drop what waits for pages without events that were told nothing for so long.

        Only the thread of the server may call it.
        """
        busy = self.busy()
        for session, told in list(self.last_told.items()):
            if told < time.monotonic() - seconds and session not in busy:
                self.drop(session)

    def busy(self) -> set[str]:
        """Return the sessions that have events."""
        return {event.session_hash for event in self.event_ids_to_events.values()}

    def drop(self, session: str) -> None:
        """Forget what waits for a page."""
        self.last_told.pop(session, None)
        self.pending_messages_per_session.pop(session, None)
        self.pending_event_ids_session.pop(session, None)


async def to_its_end(work: Coroutine) -> object:
    """Return what a coroutine returns, after its end even where it is cancelled.

    A thread that works for it cannot be: it would work on beside whatever begins in its place.
    """
    task, cancelled = asyncio.ensure_future(work), None
    with anyio.CancelScope(shield=True):
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError as error:
                cancelled = error
    if cancelled:
        if not task.cancelled():
            task.exception()  # else asyncio complains that nobody asked for it
        raise cancelled
    return task.result()


def use(blocks: gr.Blocks, size: int) -> gr.Blocks:
    """Give a page such a queue of `size` events, and return it."""
    gradio.queueing.AsyncQueue = Unread
    blocks.queue(max_size=size, api_open=False)  # what has a queue is asked for by it alone
    blocks._queue = BoundedQueue(
        live_updates=True,
        concurrency_count=blocks.max_threads,
        update_intervals=1,
        max_size=size,
        blocks=blocks,
    )
    return blocks
