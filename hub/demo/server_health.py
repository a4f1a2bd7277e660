"""Whether the app answers a built-in film as at its start: /healthz; /metrics."""

import asyncio
import json
import math
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import anyio
from PIL import Image
from starlette.middleware import Middleware

from hub.demo.http_call import App, answer, path_of
from hub.errors import InputError
from hub.imaging.synthetic import sample_radiographs
from hub.inference.classifier import Classifier, Prediction

TOLERANCE = 0.001  # of a probability: threads of a processor may round in another order
KEPT = 5.0  # seconds that a verdict is given again
TEXT = "text/plain; version=0.0.4; charset=utf-8"


@dataclass
class Health:
    """A drawn film, the answer to it at the start, and the verdict of the last look.

    `digest` is the SHA-256 of the network that answers.
    """

    classifier: Classifier
    film: Image.Image
    expected: Prediction
    digest: str
    verdict: str = ""
    looked: float = -math.inf

    def look(self) -> str:
        """Return "" if the answer is right, else what is wrong with it."""
        now = time.monotonic()
        if now - self.looked > KEPT:
            self.verdict, self.looked = self._compare(), now
        return self.verdict

    def _compare(self) -> str:
        try:
            (given,) = self.classifier([self.film])
        except Exception as error:  # whatever it is, the app is not well
            return f"there is no answer ({type(error).__name__})"
        if not Path(tempfile.gettempdir()).is_dir():  # somebody emptied the system's: no upload is taken
            return "the folder of temporary files is gone"
        return "" if same(given, self.expected) else "the answer is another one than at the start"


def same(given: Prediction, expected: Prediction) -> bool:
    """Return whether two answers to the same film agree and are shares of 1."""
    given, expected = given.probabilities, expected.probabilities
    return (
        list(given) == list(expected)
        and all(
            math.isfinite(share) and abs(share - expected[name]) <= TOLERANCE for name, share in given.items()
        )
        and abs(sum(given.values()) - 1) <= TOLERANCE
    )


def begin(classifier: Classifier) -> Health:
    """Return the health of an app that starts.

    Raises InputError where the answer is wrong already: no shares of 1, or not twice the same.
    """
    film = sample_radiographs(1)[0][0]
    (expected,) = classifier([film])
    health = Health(classifier, film, expected, classifier.digest)
    if not same(expected, expected) or health.look():
        raise InputError("The model gives no usable answer to a drawn film; give another model.")
    return health


def middleware(health: Health, exposition: Callable[[int], bytes] | None) -> Middleware:
    """Return what answers /healthz, and /metrics where there is an `exposition`."""
    return Middleware(_with_health, health=health, exposition=exposition)


def _with_health(app: App, health: Health, exposition: Callable[[int], bytes] | None) -> App:
    looking = asyncio.Lock()  # of many who ask at once, one makes the model answer

    async def serve(scope: dict, receive: Callable, send: Callable) -> None:
        path = path_of(scope) if scope["type"] == "http" else ""
        if path == "/metrics" and exposition:
            await answer(send, 200, exposition(len(scope["app"].get_blocks()._queue)), TEXT)
        elif path == "/healthz":
            async with looking:
                wrong = await anyio.to_thread.run_sync(health.look)
            report = {"status": wrong or "ok", "model_sha256": health.digest}
            await answer(send, 503 if wrong else 200, json.dumps(report).encode())
        else:
            await app(scope, receive, send)

    return serve
