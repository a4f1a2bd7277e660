"""Give the page in the browser bad files: an answer or a sentence comes.

  python -m benchmarks.reliability.page [--cases N] [--no-bombs]

It is the corpus of `bad_input`, in Chromium. A good film is given after each bomb and after every 50 other
files, and has to be answered. Memory is that of the process of page and worker, above what it was before a
file.
"""

import argparse
import io
import json
import re
import tempfile
from itertools import count
from pathlib import Path

from playwright.sync_api import Page

from benchmarks.browser import opened, renderers, resident, served
from benchmarks.reliability.bad_input import check_sentence, corpus_files, through
from hub.errors import InputError, run_command
from hub.imaging.synthetic import sample_radiographs
from hub.models.folder import BUNDLED
from hub.page.build import build

CASES, FEW = 5000, 500
GOOD_AFTER = 50  # files
GIVEN = "given"  # the name of a file in the folder that is served
PATIENCE = 60  # seconds after which an answer counts as lost
ASK = """async ([name, address, patience]) => {
  const data = new Uint8Array(await (await fetch(address, { cache: "no-store" })).arrayBuffer());
  const lost = new Promise((resolve) => setTimeout(resolve, patience * 1000, null));
  return Promise.race([lost, xray.classify(data, name).then((answer) => ({ ...answer, heatmap: null }))]);
}"""
# Words of a program, or of a browser, that no sentence has.
INTERNAL = re.compile(r"undefined|NaN|\w+Error\b|wasm|ONNX|out of memory|is not a function|\[object", re.I)


def main(arguments: list[str] | None = None) -> None:
    """Measure, and print the figures as JSON."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.reliability.page",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--cases", type=int, default=CASES, help="files that are damaged (default: %(default)s)")
    add("--no-bombs", dest="bombs", action="store_false", help="leave out what is slow on purpose")
    options = parser.parse_args(arguments)
    if options.cases < 1:
        raise InputError("Give --cases of 1 or more.")
    print(json.dumps(_measure(options.cases, options.bombs), indent=2))


def measure(quick: bool = False) -> dict:
    """Return the figures of `bad_input.through`, for the page."""
    return _measure(FEW if quick else CASES, not quick)


def _measure(cases: int, bombs: bool) -> dict:
    good = io.BytesIO()
    sample_radiographs(1)[0][0].save(good, "PNG")
    with tempfile.TemporaryDirectory() as name:
        folder = build(str(BUNDLED), Path(name) / "page")
        with served(folder, []) as url, opened(url) as (page, _):
            page.evaluate("() => xray.ready")
            given = count(1)

            def way(name: str, data: bytes) -> str:
                said, number = ask(page, folder, name, data), next(given)
                if (number > cases or number % GOOD_AFTER == 0) and ask(
                    page, folder, "good.png", good.getvalue()
                ) != "answer":
                    raise AssertionError("the good film after it was refused")
                return said

            pid = max(renderers(), key=resident).pid
            return through(way, pid, corpus_files(cases, 1, bombs))


def ask(page: Page, folder: Path, name: str, data: bytes) -> str:
    """Give the page a file; return "answer" or "sentence".

    The page fetches it from `folder`, from which it is served: no other way of 40 MB into a browser is quick.
    Raises AssertionError where neither comes, and Playwright's Error where the page is gone.
    """
    (folder / GIVEN).write_bytes(data)
    answer = page.evaluate(ASK, [name, GIVEN, PATIENCE])
    if answer is None:
        raise AssertionError(f"no answer within {PATIENCE} seconds")
    if "error" not in answer:
        return "answer"
    check_sentence(answer["error"])
    if found := INTERNAL.search(answer["error"].replace(name, "")):
        raise AssertionError(f"no sentence: {found[0]} in {answer['error'][:100]!r}")
    return "sentence"


if __name__ == "__main__":
    run_command("python -m benchmarks.reliability.page", main)
