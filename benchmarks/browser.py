"""Ask the page in Chromium what Python answers, film by film, and time it.

  python -m benchmarks browser --films DIR [--others DIR ...] [--model MODEL] [--save]

The page is built, served on loopback as a static host does, and opened in Debian's Chromium with nothing in
its cache. Every file of the folders is given to it and to `Classifier` in the same precision: label, verdict
and sentence have to be the same, and the probability within 0.005. The first answer is timed from the start
of the navigation, later ones from the bytes of a file to its answer, with one thread and with as many as the
page takes. Bytes are those that the server sent. --save puts the figures into browser.json and writes
docs/browser-figures.md.
"""

import argparse
import base64
import json
import statistics
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from playwright.sync_api import Page, sync_playwright
from tqdm.auto import tqdm

from benchmarks import machine
from hub import files
from hub.errors import InputError, run_command
from hub.inference.classifier import Classifier
from hub.inference.decision import report
from hub.models.folder import BUNDLED
from hub.page.build import build, read_model
from hub.page.serve import HOST, Handler, server
from hub.text import markdown_table

ROOT = Path(__file__).parents[1]
RECORD, PAGE = ROOT / "benchmarks" / "browser.json", ROOT / "docs" / "browser-figures.md"
CHROMIUM = "/usr/bin/chromium"
TOLERANCE = 0.005  # between probabilities
TIMED = 60  # answers of each number of threads
PATIENCE = 120_000  # ms
ASK = """async ([name, bytes]) => {
  const data = Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0));
  const start = performance.now(), answer = await window.asked(data, name);
  return { ...answer, heatmap: null, taken: performance.now() - start, since: performance.now() };
}"""
CORES = "Math.min(4, navigator.hardwareConcurrency)"
OPEN = """() => { window.asked = (data, name) => window.xray.classify(data, name); }"""
ALONE = """async (threads) => {
  const { Classifier } = await import("./classifier.js");
  const classifier = await Classifier.load(undefined, { threads });
  const failed = ({ message }) => ({ error: message });
  window.asked = (data, name) => classifier.classify(data, { name }).catch(failed);
}"""
TEXT = """# The page in the browser, measured

`python -m benchmarks browser --films DIR --others DIR … --save` writes this page. What the page in the
browser is, and how to check that nothing leaves the device: [browser.md](browser.md).

{table}

The same files go to the page and to `Classifier`, both in {precision}; a probability may differ by
{tolerance}.

- First answer after a cold load: {first_answer_ms} ms.
- Later answers, median, from the bytes of a file to its answer: {later}.
- Over the wire until the first answer: {loaded:.2f} MB in {requests} requests; text is compressed as static
  hosts do it, and model and runtime are stored compressed. The whole folder, with the decoders that few files
  need, has {built:.2f} MB uncompressed.
- Requests to other origins, while all of these files were classified: {strangers}.

Chromium {chromium}; {machine}
"""


class CountingHandler(Handler):
    """Counts what it sends."""

    def __init__(self, sent: list[tuple[str, int]], *arguments, **options):
        """Answer one connection, and put each path and its bytes into `sent`."""
        self.sent = sent
        super().__init__(*arguments, **options)

    def send(self, status: int, headers: dict[str, str], body: bytes, with_body: bool) -> None:
        """Send an answer."""
        self.sent.append((self.path, len(body) * with_body))
        super().send(status, headers, body, with_body)


def main(arguments: list[str] | None = None) -> None:
    """Compare the page with Python, and print the figures.

    Raises InputError for a folder without files, and where Chromium is missing.
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.browser",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--films", type=Path, required=True, metavar="DIR", help="radiographs, the test split for one")
    add("--others", type=Path, nargs="*", default=[], metavar="DIR", help="adults, photographs …")
    add("--model", default=str(BUNDLED), help="a model folder or Hub id (default: the bundled model)")
    add("--first", type=int, metavar="N", help="compare the first so many files of each folder alone")
    add("--save", action="store_true", help="keep the figures, and write docs/browser-figures.md")
    options = parser.parse_args(arguments)
    if not Path(CHROMIUM).is_file():
        raise InputError("There is no Chromium; `apt-get install chromium` brings it.")
    sets = {folder.name: _files(folder, options.first) for folder in (options.films, *options.others)}
    figures = measure(options.model, sets)
    print(format_page(figures))
    if options.save:
        files.write_json(RECORD, figures)
        files.write_text(PAGE, format_page(figures))


def measure(model: str, sets: dict[str, list[Path]]) -> dict:
    """Return what the page answers beside Python, its times and its bytes.

    `sets` are files by the name of their folder.
    """
    classifier, _ = read_model(model)
    timed = next(iter(sets.values()))[:TIMED]
    with tempfile.TemporaryDirectory() as name:
        folder, sent = build(model, Path(name) / "page"), []
        with _served(folder, sent) as url, _opened(url) as (page, requests):
            page.evaluate(OPEN)
            first = _ask(page, timed[0])["since"]
            before = len(sent)
            loaded = {"requests": before, "bytes": sum(size for _, size in sent)}
            later = {"1": _later(page, 1, timed)}
            rows = {name: _compare(page, classifier, paths) for name, paths in sets.items()}
            cores = page.evaluate(CORES)
            later[str(cores)] = _later(page, cores, timed)
            strangers = [address for address in requests if not address.startswith((url, "blob:", "data:"))]
            version = page.context.browser.version
        packed = json.loads((folder / "files.json").read_text())["files"]
        built = {"files": len(packed), "bytes": sum(file["bytes"] for file in packed.values())}
    return {
        "machine": machine.describe(),
        "chromium": version,
        "precision": classifier.precision,
        "loaded": loaded,
        "built": built,
        "times": {"first_answer_ms": round(first), "later_median_ms": later},
        "requests_to_other_origins": len(strangers),
        "sets": rows,
    }


def _files(folder: Path, first: int | None) -> list[Path]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name[0] != ".")
    if not paths:
        raise InputError(f"There is no file in {folder}; give a folder of images.")
    return paths[:first]


@contextmanager
def _served(folder: Path, sent: list[tuple[str, int]]) -> Iterator[str]:
    """Serve a page on a free port; yield its address."""
    with server([folder], 0, partial(CountingHandler, sent)) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield f"http://{HOST}:{serving.server_port}/"
        serving.shutdown()


@contextmanager
def _opened(url: str) -> Iterator[tuple[Page, list[str]]]:
    """Open a page in a browser that knows nothing; yield it, and the addresses that it asks for."""
    requests: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.set_default_timeout(PATIENCE)
        page.context.on("request", lambda request: requests.append(request.url))
        page.goto(url)
        page.wait_for_function("window.xray")
        yield page, requests
        browser.close()


def _ask(page: Page, path: Path) -> dict:
    return page.evaluate(ASK, [path.name, base64.b64encode(path.read_bytes()).decode()])


def _later(page: Page, threads: int, paths: list[Path]) -> float:
    """Return the median time of an answer in milliseconds, without the first one."""
    page.evaluate(ALONE, threads)
    return round(statistics.median([_ask(page, path)["taken"] for path in paths][1:]), 1)


def _compare(page: Page, classifier: Classifier, paths: list[Path]) -> dict:
    """Return how the answers of the page differ from those of Python."""
    differences, furthest = [], 0.0
    for path in tqdm(paths, paths[0].parts[-2], unit=" files", leave=False):
        there, here = _ask(page, path), _answer(classifier, path)
        same = all(there.get(name) == here.get(name) for name in ("error", "label", "finding"))
        if same and "error" not in here:
            same = there["verdict"] == here["verdict"]
            if here["probability"] is not None:
                gap = abs(there["probability"] - here["probability"])
                furthest, same = max(furthest, gap), same and gap <= TOLERANCE
        if not same:
            differences.append(path.name)
    return {"files": len(paths), "different": differences, "largest_gap": furthest}


def _answer(classifier: Classifier, path: Path) -> dict:
    """Return what Python answers, in the form of the page."""
    try:
        return report(classifier, classifier(path))
    except InputError as error:
        return {"error": str(error).replace(str(path), path.name)}


def format_page(figures: dict) -> str:
    """Return docs/browser-figures.md."""
    rows = [
        (name, found["files"], len(found["different"]), f"{found['largest_gap']:.1e}")
        for name, found in figures["sets"].items()
    ]
    columns = "Folder", "Files", "Other label, verdict or sentence", "Largest gap of probabilities"
    later = [
        f"{ms} ms with {threads} thread{'s' * (threads != '1')}"
        for threads, ms in figures["times"]["later_median_ms"].items()
    ]
    return TEXT.format(
        table=markdown_table(columns, rows),
        precision=figures["precision"],
        tolerance=TOLERANCE,
        first_answer_ms=figures["times"]["first_answer_ms"],
        later=", ".join(later),
        loaded=figures["loaded"]["bytes"] / 1e6,
        requests=figures["loaded"]["requests"],
        built=figures["built"]["bytes"] / 1e6,
        strangers=figures["requests_to_other_origins"],
        chromium=figures["chromium"],
        machine=machine.sentence(figures["machine"]),
    )


if __name__ == "__main__":
    run_command("python -m benchmarks.browser", main)
