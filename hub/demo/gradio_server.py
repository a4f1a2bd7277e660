"""What stands between the network and the Gradio app, and tidies up behind it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import gradio as gr
import gradio.mcp
import gradio.route_utils
import gradio.routes
from gradio.route_utils import GradioMultiPartParser, GradioUploadFile
from gradio.utils import get_upload_folder
from starlette.formparsers import MultiPartException
from starlette.middleware import Middleware

from hub.demo import (
    gradio_model,
    http_classify,
    http_cookies,
    http_headers,
    http_json,
    http_limits,
    http_log,
    http_routes,
    http_turns,
    local_page,
    page_cache,
    server_health,
    server_metrics,
    share_preview,
)
from hub.demo.http_limits import Ledger, Limits
from hub.demo.run_folder import keep, swept
from hub.inference.classifier import Classifier


def served_files() -> dict[str, Path]:
    """Return the files that the page shows, by their names in its addresses."""
    return {share_preview.NAME: share_preview.PICTURE.absolute()}


def guards(classifier: Classifier, limits: Limits, files: dict[str, Path]) -> list[Middleware]:
    """Return the middleware of the app, outermost first.

    Raises InputError where the model gives no usable answer.
    """
    health = server_health.begin(classifier)
    metrics = server_metrics.metrics(Path(classifier.folder).name, health.digest)
    turns = http_turns.Turns()
    return [
        http_headers.middleware(),  # first, since the log answers where the others fail
        http_cookies.middleware(),
        http_log.middleware(metrics.observe),
        http_routes.middleware(files),
        http_turns.middleware(turns),
        gradio_model.middleware(classifier.folder),
        local_page.middleware(local_page.pages(classifier)),
        http_limits.middleware(Ledger(limits)),
        http_json.middleware(),
        http_turns.in_turn(turns),
        http_classify.middleware(classifier, turns),
        server_health.middleware(health, metrics.exposition),
        page_cache.middleware(),
        share_preview.middleware(classifier.radiograph),
    ]


class FilesAlone(GradioMultiPartParser):
    """What reads an upload, of which each part is a file.

    Gradio keeps other parts in memory, as bytes and as text: 100 MB become 600.
    """

    def on_headers_finished(self) -> None:
        """Raise MultiPartException where what begins is no file."""
        super().on_headers_finished()
        if self._current_part.file is None:
            raise MultiPartException("An upload consists of files; send each with its name.")


class Uploaded(GradioUploadFile):
    """A file of an upload, which is closed when all of it has come.

    Gradio opens it no more. Those of a hundred files would stay open until the last has come, and a client
    with slow uploads would take all that the process may open: nobody else could connect.
    """

    async def seek(self, offset: int) -> None:
        """Close the file, where Gradio goes back to its beginning."""
        await self.close()


def prepare_uploads() -> None:
    """Let Gradio read `FilesAlone`, and keep them in the folder of this run.

    Some of its modules noted the folder at their import.
    """
    gradio.route_utils.GradioMultiPartParser, gradio.route_utils.GradioUploadFile = FilesAlone, Uploaded
    for module in (gradio.mcp, gradio.routes):
        module.DEFAULT_TEMP_DIR = get_upload_folder()


def close_prompts() -> None:
    """Let Gradio refuse prompts and resources of MCP, of which there are none.

    For any visitor's question it would make a client of this app by HTTP, for which a thread waits: as many
    at once as there are threads would halt all visitors.
    """

    def refuse(server: gradio.mcp.GradioMCPServer) -> None:
        raise ValueError("There are no prompts and no resources here; call the tool.")

    gradio.mcp.GradioMCPServer._get_or_create_client = refuse


def sweeping(every: float, age: float) -> Callable[[gr.routes.App], AbstractAsyncContextManager]:
    """Return the lifespan of an app that deletes uploads after `age` seconds.

    It looks every `every` seconds, and deletes what would be too old at its next look. The folder stays.
    Gradio's own deletion (`delete_cache`) leaves folders, and what was cut off.
    """

    @asynccontextmanager
    async def lifespan(app: gr.routes.App) -> AsyncIterator[None]:
        uploads, serving = Path(get_upload_folder()), asyncio.get_running_loop()

        def forget() -> None:
            keep(uploads.parent)
            known = app.get_blocks().upload_file_set  # their names would stay in memory
            known.difference_update([path for path in list(known) if not Path(path).exists()])
            serving.call_soon_threadsafe(app.get_blocks()._queue.forget, age)

        with swept(uploads, every, max(0, age - every), forget):
            yield

    return lifespan
