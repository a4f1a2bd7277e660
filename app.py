"""The Gradio demo: `python app.py`, then http://127.0.0.1:7860.

It takes no options, but variables of the environment: MODEL is another model folder or Hub id, METRICS=1
serves /metrics for Prometheus, GRADIO_SERVER_PORT is another port, and GRADIO_SERVER_NAME=0.0.0.0 listens on
all addresses of the machine.
"""

import argparse
import gc
import importlib
import os
import socket
import threading
from contextlib import suppress
from functools import partial

from hub.errors import InputError, end_on_interrupt, interrupt_on_end, run_command


def check_command_line() -> None:
    """Print the help text if it is asked for.

    Raises InputError for a port or an address that is none.
    """
    argparse.ArgumentParser(
        prog="app.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    try:
        is_port = 0 <= int(os.environ.get("GRADIO_SERVER_PORT", "7860")) < 65_536
    except ValueError:
        is_port = False
    if not is_port:
        raise InputError("GRADIO_SERVER_PORT is no port; give a number from 1 to 65535.")
    if not is_own_address(os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1")):
        raise InputError(
            "GRADIO_SERVER_NAME is no address of IPv4 of this machine; give 127.0.0.1, or 0.0.0.0 for all."
        )


def is_own_address(name: str) -> bool:
    """Return whether this machine can listen there, as Gradio does: by IPv4 alone."""
    try:
        with socket.socket() as listener:
            listener.bind((name, 0))
    except (OSError, UnicodeError):  # such as a label that is too long
        return False
    return bool(name)


if __name__ == "__main__":
    run_command("app.py", check_command_line)  # before the imports, which take seconds
    end_on_interrupt()

# Nothing is reported to anyone; both are read once, at the import.
os.environ |= {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_DISABLE_TELEMETRY": "1"}

import gradio as gr

from hub.demo import (
    gradio_api,
    gradio_batch,
    gradio_errors,
    gradio_explorer,
    gradio_image,
    gradio_model,
    gradio_queue,
    gradio_sessions,
    handlers,
    http_connections,
    local_page,
    model_tab,
    panels,
    server_log,
)
from hub.demo.gradio_language import I18N, Localized, Opening, add_localization, label, localized_html
from hub.demo.gradio_options import (
    DELETE_AFTER,
    DELETE_EVERY,
    EVENTS,
    QUEUE,
    SESSIONS,
    THEME,
)
from hub.demo.gradio_server import close_prompts, guards, prepare_uploads, served_files, sweeping
from hub.demo.http_limits import Limits
from hub.demo.page_names import opening_sample
from hub.demo.render import STYLES, page_script
from hub.demo.run_folder import run_folder
from hub.demo.samples import Sample, write_samples
from hub.demo.words import Words, words_in
from hub.inference.classifier import Classifier


def main() -> None:
    """Serve the demo until it is interrupted.

    Raises InputError if the model cannot be loaded or answers nonsense, temporary files cannot be written, or
    there is no port that is free.
    """
    server_log.install()
    interrupt_on_end()  # so that the folder is deleted then, too
    classifier = handlers.load_model()
    with run_folder() as folder:
        blocks = build(classifier, write_samples(classifier, folder / "samples"))
        try:
            blocks.launch(prevent_thread_lock=True, **launch_options(classifier))
        except OSError as error:
            raise InputError(f"The page cannot be served: {error}") from None
        http_connections.limit(blocks.server)
        # Not in this thread, which is told to end: libraries in C turn that into an ImportError.
        ahead = threading.Thread(target=read_ahead, daemon=True)
        ahead.start()
        ahead.join()
        gc.freeze()  # what is there now stays: to look through it for waste would halt all visitors
        blocks.block_thread()


def read_ahead() -> None:
    """Import what reads DICOM, for which neither the page nor a film is to wait.

    Where it cannot be, since visitors have all files open that there may be, that film tries again.
    """
    with suppress(ImportError, OSError):
        importlib.import_module("hub.imaging.dicom")


def launch_options(classifier: Classifier) -> dict:
    """Return the arguments of `Blocks.launch`.

    They set the looks of the page; nothing is recorded, and only the picture of the share preview may be
    fetched as a file.
    """
    prepare_uploads()
    close_prompts()
    gradio_sessions.use()
    limits = Limits(seconds=DELETE_AFTER)
    files = served_files()
    return {
        "theme": THEME,
        "css_paths": STYLES,
        "js": page_script(),
        "i18n": I18N,
        "mcp_server": True,
        "ssr_mode": False,  # a Space asks for it: Node would answer in front of the guards
        "run_history": False,
        "max_file_size": limits.file,
        "state_session_capacity": SESSIONS,
        "footer_links": [],
        "app_kwargs": {
            "exception_handlers": gradio_errors.HANDLERS,
            "middleware": guards(classifier, limits, files),
            "lifespan": sweeping(DELETE_EVERY, DELETE_AFTER),
        },
        "allowed_paths": [str(path) for path in files.values()],
    }


def build(classifier: Classifier, samples: list[Sample]) -> gr.Blocks:
    """Lay out the page for one model, a tab for each topic, and its API."""
    words = words_in("en", classifier.radiograph)
    metrics = model_tab.read_metrics(classifier.folder)
    localized: Localized = []
    opening: Opening = []
    with gradio_errors.Page(title=words("page.title"), analytics_enabled=False) as blocks:
        blocks.seconds_kept = DELETE_AFTER
        shown = gr.State(time_to_live=DELETE_AFTER)  # a Shown, for the tab "Inside the network"
        localized_html(partial(header, is_local=bool(local_page.pages(classifier))), localized, classifier)
        with gr.Tabs(overflow_behavior="wrap"):
            with tab("image", classifier):
                gradio_image.build(classifier, metrics, samples, shown, localized, opening)
            with tab("batch", classifier):
                gradio_batch.build(classifier, localized)
            with tab("inside", classifier) as inside:
                # Without an image the tab takes the first: the one that the page opens with.
                first = opening_sample(samples)
                gradio_explorer.build(inside, classifier, [first.path] if first else [], shown, localized)
            with tab("model", classifier):
                gradio_model.build(classifier, metrics, localized)
            with tab("api", classifier):
                localized_html(partial(panels.api, classifier), localized, classifier)
        gradio_api.add_endpoint(classifier)
        add_localization(blocks, localized, opening, classifier, **EVENTS)
    return gradio_queue.use(blocks, QUEUE)


def header(words: Words, is_local: bool) -> str:
    """Return the head of the page; where it `is_local`, too, with a link to that."""
    return panels.header(words("page.uploads_gradio", minutes=DELETE_AFTER // 60), words, is_local)


def tab(name: str, classifier: Classifier) -> gr.Tab:
    """Lay out a tab; the address of the page names it (static/page.js)."""
    return gr.Tab(label(f"tabs.{name}", classifier), id=name, elem_id=f"view-{name}")


if __name__ == "__main__":
    run_command("app.py", main)
