"""What clients of the Gradio app read where a request is wrong.

Gradio logs the traceback of every exception but a gr.Error that forbids it, and messages of exceptions may
hold names of films. Here all become such a gr.Error; what is wrong with the code is logged by its place.
"""

import inspect
from pathlib import Path

import gradio as gr
from fastapi.exceptions import RequestValidationError
from gradio.block_function import BlockFunction
from gradio.exceptions import InvalidPathError
from gradio.route_utils import FnIndexInferError
from gradio.state_holder import SessionState
from gradio.utils import get_upload_folder, is_in_or_equal
from gradio_client.utils import is_file_obj_with_meta, traverse
from starlette.requests import Request
from starlette.responses import JSONResponse

from hub.demo import server_log
from hub.demo.gradio_queue import to_its_end
from hub.demo.http_call import Call, call_of
from hub.demo.http_limits import client_of
from hub.demo.http_log import BROKEN
from hub.errors import InputError

NO_UPLOAD = "The picture is no uploaded file; upload it first."
WRONG_INPUTS = (
    "These inputs cannot be used; upload the picture first, and see /gradio_api/info for the others."
)
NO_ENDPOINT = "There is no such endpoint, or these are not its inputs; /gradio_api/info lists both."
API_ROUTES = tuple(
    f"/gradio_api/{route}" for route in ("call/", "run/", "api/", "queue/", "cancel", "reset", "upload")
)


class Page(gr.Blocks):
    """Blocks whose events answer a wrong request with one sentence.

    `seconds_kept` is how long what a page left in memory stays after it was closed; Gradio's own hour is a
    part of each page's state. An event at the end of each page would set it too, but takes as long as an
    answer: a thousand pages that close together would halt the server.
    """

    seconds_kept: float = 3600

    async def process_api(
        self,
        *arguments,
        state: SessionState | None = None,
        request: gr.Request | list[gr.Request] | None = None,
        **options,
    ):
        """Run an event from inputs to outputs; raise gr.Error for what goes wrong."""
        first = request[0] if isinstance(request, list) else request  # a client may say that it sends a batch
        sent = getattr(first, "request", None)  # MCP has none
        call = call_of(sent.scope) if sent else Call()
        if state is not None and sent:
            state.client = client_of(sent.scope)
        try:
            return await super().process_api(*arguments, state=state, request=request, **options)
        except gr.Error as error:
            call.refused = call.refused or "input"
            raise _shown(error.message) from None
        except Exception as error:
            call.refused = "error"
            server_log.write("error", id=call.id, route=call.route, **server_log.described(error))
            raise _shown(BROKEN) from None

    async def preprocess_data(self, block_fn: BlockFunction, inputs: list, *arguments, **options):
        """Return the inputs of an event; what is left out has its default.

        Raises gr.Error for too few of them, a wrong type, a choice that is not offered, or no uploaded file.
        """
        inputs = _with_defaults(block_fn, inputs)
        _check_files(inputs)
        try:
            return await super().preprocess_data(block_fn, inputs, *arguments, **options)
        except (InvalidPathError, OSError):
            raise _shown(NO_UPLOAD) from None
        except (gr.Error, ValueError, TypeError, KeyError, AttributeError):  # they quote what was sent
            raise _shown(WRONG_INPUTS) from None

    async def call_function(self, block_fn: BlockFunction, *arguments, **options):
        """Run the function of an event to its end; raise gr.Error for an InputError."""
        if not block_fn.fn:  # an event of the browser alone
            raise _shown(NO_ENDPOINT)
        try:
            return await to_its_end(self._step(block_fn, *arguments, **options))
        except gr.Error:  # by Gradio, for a file in what the page says of an event
            raise _shown(NO_UPLOAD) from None
        except InputError as error:
            raise _shown(str(error)) from None

    async def _step(
        self,
        block_fn: BlockFunction,
        inputs: list,
        iterator: object,
        request: object,
        event: str | None,
        *arguments,
        **options,
    ) -> dict:
        """Run a function, or a generator until it yields, and note that down for the queue to end."""
        result = await super().call_function(
            block_fn, inputs, iterator, request, event, *arguments, **options
        )
        if event and result["iterator"]:
            self._queue.server_app.iterators[event] = result["iterator"]
        return result


def _check_files(inputs: list) -> None:
    """Refuse files that were not uploaded, before Gradio fetches them.

    Gradio would ask the address that a file names.
    """
    files = []
    traverse(inputs, files.append, is_file_obj_with_meta)
    if not all(_is_upload(file["path"]) for file in files):
        raise _shown(NO_UPLOAD)


def _with_defaults(block_fn: BlockFunction, inputs: list) -> list:
    """Return the inputs of an endpoint, with defaults for those left out.

    Gradio's own clients fill them in, and curl does not.
    """
    if block_fn.api_visibility != "public":
        return inputs
    parameters = list(inspect.signature(block_fn.fn).parameters.values())
    left_out = [parameter.default for parameter in parameters[len(inputs) :]]
    return inputs if inspect.Parameter.empty in left_out else [*inputs, *left_out]


def _shown(sentence: str) -> gr.Error:
    return gr.Error(sentence, print_exception=False)


def given(event: gr.EventData, name: str) -> object:
    """Return what a client says of an event; None for what is missing."""
    data = getattr(event, "_data", None)
    return data.get(name) if isinstance(data, dict) else None


def upload_path(file: object) -> str:
    """Return the path of a file as a request gives it.

    Raises InputError for what is no uploaded file, or none any more. Gradio checks only files that are marked
    as such, and lets a client of gr.Image name any file of the server.
    """
    path = file.get("path") if isinstance(file, dict) else None
    if not isinstance(path, str) or not _is_upload(path):
        raise InputError(NO_UPLOAD)
    return path


def _is_upload(path: str) -> bool:
    try:
        return is_in_or_equal(path, get_upload_folder()) and Path(path).is_file()
    except (OSError, ValueError):  # such as a name of too many bytes, or with a NUL
        return False


async def refuse(request: Request, error: Exception) -> JSONResponse:
    """Answer a request for a missing endpoint, or with missing or odd inputs."""
    if not isinstance(error, RequestValidationError) and not request.url.path.startswith(API_ROUTES):
        raise error
    call_of(request.scope).refused = "no such endpoint"
    return JSONResponse({"error": NO_ENDPOINT}, status_code=400)


# For FastAPI: what Gradio's routes raise before an event begins.
HANDLERS = dict.fromkeys((FnIndexInferError, KeyError, TypeError, RequestValidationError), refuse)
