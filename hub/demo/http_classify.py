"""POST /classify: the bytes of an image in, its answer as JSON out.

Nothing is kept between requests, so any replica of the app answers any of them. Gradio's own API takes an
upload and a call, of which the second has to reach the process that has the first.
"""

import json
import tempfile
from collections.abc import Callable
from functools import partial
from typing import BinaryIO
from urllib.parse import parse_qs

import anyio
from starlette.middleware import Middleware
from starlette.requests import Request

from hub.demo.http_call import App, answer, call_of, header, path_of, sentence
from hub.demo.http_turns import BusyError, Turns, refuse
from hub.errors import InputError
from hub.inference import decision
from hub.inference.classifier import Classifier
from hub.prevalence import EVEN, check_prevalence
from hub.system import usable_cores

PATH = "/classify"
IN_MEMORY = 100_000  # bytes of an image that waits, of which there may be thousands; the rest is on the disk
OPTIONS = ("operating_point", "prevalence")


def middleware(classifier: Classifier, turns: Turns) -> Middleware:
    """Return what answers POST /classify, for as many at a time as there are cores."""
    return Middleware(_with_classify, classifier=classifier, turns=turns, cores=usable_cores())


def _with_classify(app: App, classifier: Classifier, turns: Turns, cores: int) -> App:
    room: list[anyio.CapacityLimiter] = []  # it can be made only where a loop runs

    async def serve(scope: dict, receive: Callable, send: Callable) -> None:
        if scope["type"] != "http" or path_of(scope) != PATH:
            return await app(scope, receive, send)
        room.extend([] if room else [anyio.CapacityLimiter(cores)])
        call = call_of(scope)
        try:
            options = _options(scope, classifier)
            with tempfile.SpooledTemporaryFile(IN_MEMORY) as image:
                await _receive(receive, image)
                work = partial(_report, classifier, image, *options)
                async with turns.turn(scope):
                    if await Request(scope, receive).is_disconnected():
                        return None  # who leaves is not answered
                    report = await anyio.to_thread.run_sync(work, limiter=room[0])
        except BusyError:
            return await refuse(scope, send)
        except InputError as error:
            call.refused = "input"
            return await answer(send, 400, sentence(str(error)))
        await answer(send, 200, json.dumps(report).encode())

    return serve


def _options(scope: dict, classifier: Classifier) -> tuple[str | None, float]:
    """Return the operating point and the prevalence that the address asks for.

    Raises InputError for what is no such request.
    """
    if scope["method"] != "POST":
        raise InputError("Send the bytes of an image by POST, as `curl --data-binary @image.png` does.")
    if header(scope, "content-type").startswith("multipart/"):
        raise InputError("Send the bytes of the image alone, without a form, as `curl --data-binary` does.")
    query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    if set(query) - set(OPTIONS):
        raise InputError(f"The address may have {' and '.join(OPTIONS)} alone; leave the rest out.")
    given = query.get("prevalence", [EVEN])[0]
    try:
        prevalence = float(given)
    except ValueError:
        prevalence = given  # which says what is wrong
    prevalence = check_prevalence(prevalence, len(classifier.classes))
    return query.get("operating_point", [None])[0], prevalence


async def _receive(receive: Callable, image: BinaryIO) -> None:
    message = {"more_body": True}
    while message.get("more_body"):
        message = await receive()
        image.write(message.get("body", b""))


def _report(classifier: Classifier, image: BinaryIO, point: str | None, prevalence: float) -> dict:
    image.seek(0)
    return decision.report(classifier, classifier(image.read()), point, prevalence)
