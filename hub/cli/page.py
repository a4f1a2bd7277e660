"""Build the page that answers in the visitor's own browser, and serve it here."""

from argparse import _SubParsersAction
from pathlib import Path


def add_parser(commands: _SubParsersAction) -> None:
    """Add the command and its arguments, which are those of `run`."""
    parser = commands.add_parser(
        "page",
        help="the page that answers in the visitor's own browser, served on this machine",
        description="Build the static page whose browser answers by itself, so that no image leaves the "
        "device, and serve it at http://127.0.0.1:PORT. The Gradio app then has it at /local/. npm fetches "
        "ONNX Runtime for the browser the first time.",
    )
    parser.set_defaults(run=run)
    add = parser.add_argument
    add("model", nargs="?", metavar="MODEL", help="a model folder or Hub id (default: the bundled model)")
    add("--port", type=int, default=7865, help="(default: 7865)")
    add("--output", type=Path, metavar="DIR", help="where to build it (default: where the Gradio app looks)")
    add("--build-only", action="store_true", help="do not serve it")
    add("--live", action="store_true", help="serve the page's own modules as they are now, to work on them")


def run(model: str | None, port: int, output: Path | None, build_only: bool, live: bool) -> None:
    """Build the page of a model, and serve it until it is interrupted."""
    from hub.demo.local_page import BUILT
    from hub.files import check_outside
    from hub.models.folder import BUNDLED
    from hub.page.build import build
    from hub.page.packages import WEB
    from hub.page.serve import HOST, server

    folder = output or BUILT
    check_outside(folder, model or BUNDLED, "--output")
    if build_only:
        print(build(model or BUNDLED, folder))
        return
    # The port first: building takes a while.
    with server([WEB, folder] if live else [folder], port) as serving:
        build(model or BUNDLED, folder)
        print(f"The page is at http://{HOST}:{serving.server_port}; Ctrl-C ends it.", flush=True)
        serving.serve_forever()
