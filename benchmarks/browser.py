"""Ask the page in Chromium what Python answers, film by film, and time it.

  python -m benchmarks browser --films DIR [--others DIR ...] [--model MODEL] [--lighthouse] [--save]

The page is built, served on loopback as a static host does, and opened in Debian's Chromium with nothing in
its cache. Every file of the folders is given to it and to `Classifier` in the same precision: label, verdict
and sentence have to be the same, and the probability within 0.005. The first answer, to a film that is given
as soon as the page's script runs, is timed from the start of the navigation, later ones from the bytes of a
file to its answer, with one thread and with as many as the page takes. Bytes are those that the server sent;
memory is that of the process of page and worker, after 50 films and after 500. --lighthouse has Google's
Lighthouse, which npm fetches, look at the page as a desktop and as a phone see it: on slow networks, the
phone's with a quarter of this machine's speed. --save puts the figures into browser.json and into
docs/browser.md.
"""

import argparse
import base64
import json
import os
import statistics
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psutil
from playwright.sync_api import Page, sync_playwright
from tqdm.auto import tqdm

from benchmarks import machine, records
from hub import files
from hub.errors import InputError, run_command
from hub.inference.classifier import Classifier
from hub.inference.decision import report
from hub.models.folder import BUNDLED
from hub.page.build import build, read_model
from hub.page.serve import HOST, Handler, server
from hub.text import markdown_table

ROOT = Path(__file__).parents[1]
RECORD, PAGE = ROOT / "benchmarks" / "browser.json", ROOT / "docs" / "browser.md"
BEGIN, END = "<!-- measured -->\n", "<!-- end of what was measured -->\n"  # of the figures on that page
CHROMIUM = "/usr/bin/chromium"
TOLERANCE = 0.005  # between probabilities
TIMED = 60  # answers of each number of threads
PATIENCE = 120_000  # ms
LIGHTHOUSE = "lighthouse@12.8.2"  # of npm
COLD = 9  # loads, of whose first answers the median counts
LOOKS = 3
TRIES = 3  # of each look: sometimes Chromium loses the trace of a page
CATEGORIES = ("performance", "accessibility", "best-practices")
ASK = """async ([name, bytes]) => {
  const text = atob(bytes), data = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) data[i] = text.charCodeAt(i);
  const start = performance.now(), answer = await window.asked(data, name);
  return { ...answer, heatmap: null, taken: performance.now() - start, since: performance.now() };
}"""
CORES = "Math.min(4, navigator.hardwareConcurrency)"
# Playwright's own waiting would be a script of text, which the page's policy forbids.
BEGUN = "async () => { while (!window.xray) await new Promise((resolve) => setTimeout(resolve, 2)); }"
OPEN = """() => { window.asked = (data, name) => window.xray.classify(data, name); }"""
ALONE = """async (threads) => {
  const { Classifier } = await import("./classifier.js");
  const classifier = await Classifier.load(undefined, { threads });
  const failed = ({ message }) => ({ error: message });
  window.asked = (data, name) => classifier.classify(data, { name }).catch(failed);
}"""
FEW, MANY = 50, 500  # films after which memory is looked at
TEXT = """{table}

The same files go to the page and to `Classifier`, both in {precision}. Another answer has another label,
verdict or sentence, or a probability that differs by more than {tolerance}: 8 bits can make much of the last
bit of a sum, most of all near an even probability.

- First answer after a cold load: {first_answer_ms} ms, the median of {cold} loads.
- Later answers, median, from the bytes of a file to its answer: {later}.
- Over the wire until the first answer: {loaded:.2f} MB in {requests} requests; text is compressed as static
  hosts do it, and model and runtime are stored compressed. The whole folder, with the decoders that few files
  need, has {built:.2f} MB uncompressed.
- Memory of the process of page and worker: {memory}.
- Requests to other origins, while all of these files were classified: {strangers}.
{lighthouse}
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

    Raises InputError for a folder without files, for numbers below 1, and where Chromium is missing.
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
    add("--lighthouse", action="store_true", help="let Lighthouse look at the page, too")
    add("--save", action="store_true", help="keep the figures, and put them into docs/browser.md")
    options = parser.parse_args(arguments)
    records.check(options.save, RECORD, PAGE)
    if options.first is not None and options.first < 1:
        raise InputError("Give --first of 1 or more.")
    if not Path(CHROMIUM).is_file():
        raise InputError("There is no Chromium; `apt-get install chromium` brings it.")
    folders = {folder.resolve().name: folder for folder in (options.films, *options.others)}
    if len(folders) < 1 + len(options.others):
        raise InputError("Two folders have one name, and each gets a row by its name; rename one of them.")
    sets = {name: _files(folder, options.first) for name, folder in folders.items()}
    figures = measure(options.model, sets, options.lighthouse)
    print(format_figures(figures))
    if options.save:
        files.write_json(RECORD, figures)
        files.write_text(PAGE, with_figures(PAGE.read_text(encoding="utf-8"), figures))


def measure(model: str, sets: dict[str, list[Path]], lighthouse: bool = False) -> dict:
    """Return what the page answers beside Python, its times and its bytes.

    `sets` are files by the name of their folder. With `lighthouse` its scores come, too.
    """
    classifier, _ = read_model(model)
    timed = next(iter(sets.values()))[:TIMED]
    with tempfile.TemporaryDirectory() as name:
        folder, sent = build(model, Path(name) / "page"), []
        with served(folder, []) as url:
            scores = {device: score(url, device) for device in ("desktop", "mobile") if lighthouse}
        with served(folder, sent) as url, opened(url) as (page, requests):
            page.evaluate(OPEN)
            _ask(page, timed[0])
            before = len(sent)
            loaded = {"requests": before, "bytes": sum(size for _, size in sent)}
            later = {"1": _later(page, 1, timed)}
            rows = {name: _compare(page, classifier, paths) for name, paths in sets.items()}
            memory = _memory(page, next(iter(sets.values())))
            cores = page.evaluate(CORES)
            later[str(cores)] = _later(page, cores, timed)
            strangers = [address for address in requests if not address.startswith((url, "blob:", "data:"))]
            version = page.context.browser.version
        first = statistics.median(_first(folder, timed[0]) for _ in range(COLD))
        packed = json.loads((folder / "files.json").read_text(encoding="utf-8"))["files"]
        built = {"files": len(packed), "bytes": sum(file["bytes"] for file in packed.values())}
    return {
        "machine": machine.describe(),
        "chromium": version,
        "precision": classifier.precision,
        "loaded": loaded,
        "built": built,
        "times": {"first_answer_ms": round(first), "later_median_ms": later},
        "memory_mb": memory,
        "requests_to_other_origins": len(strangers),
        "lighthouse": scores,
        "sets": rows,
    }


def score(url: str, device: str) -> dict[str, float]:
    """Return what Lighthouse gives a page, of 100, on a desktop or a mobile.

    It is the median of `LOOKS` looks. Raises InputError where npm cannot fetch it.
    """
    looks = [_look(url, device) for _ in tqdm(range(LOOKS), f"Lighthouse, {device}", unit=" looks")]
    medians = {name: statistics.median(look[name]["score"] for look in looks) for name in CATEGORIES}
    return {name: round(100 * share) for name, share in medians.items()}


def _look(url: str, device: str) -> dict[str, dict]:
    command = [
        "npx",
        "--yes",
        LIGHTHOUSE,
        url,
        "--quiet",
        "--output=json",
        "--chrome-flags=--headless --no-sandbox",
    ]
    command += [f"--only-categories={','.join(CATEGORIES)}"] + ["--preset=desktop"] * (device == "desktop")
    for _ in range(TRIES):
        ran = subprocess.run(
            command, env=os.environ | {"CHROME_PATH": CHROMIUM}, capture_output=True, text=True
        )
        if not ran.returncode:
            return json.loads(ran.stdout)["categories"]
    raise InputError(f"{LIGHTHOUSE} cannot be run: {ran.stderr.strip().splitlines()[-1]}")


def _files(folder: Path, first: int | None) -> list[Path]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name[0] != ".")
    if not paths:
        raise InputError(f"There is no file in {folder}; give a folder of images.")
    return paths[:first]


@contextmanager
def served(folder: Path, sent: list[tuple[str, int]]) -> Iterator[str]:
    """Serve a page on a free port; yield its address."""
    with server([folder], 0, partial(CountingHandler, sent)) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield f"http://{HOST}:{serving.server_port}/"
        serving.shutdown()


@contextmanager
def opened(url: str) -> Iterator[tuple[Page, list[str]]]:
    """Open a page in a new browser; yield it, and the addresses it asks for."""
    requests: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.set_default_timeout(PATIENCE)
        page.context.on("request", lambda request: requests.append(request.url))
        page.goto(url, wait_until="commit")
        page.evaluate(BEGUN)
        yield page, requests
        browser.close()


def _ask(page: Page, path: Path) -> dict:
    return page.evaluate(ASK, [path.name, base64.b64encode(path.read_bytes()).decode()])


def _first(folder: Path, path: Path) -> float:
    """Return the time of a first answer in milliseconds, in a new browser."""
    with served(folder, []) as url, opened(url) as (page, _):
        page.evaluate(OPEN)
        return _ask(page, path)["since"]


def _later(page: Page, threads: int, paths: list[Path]) -> float:
    """Return the median time of an answer in milliseconds, without the first one."""
    page.evaluate(ALONE, threads)
    return round(statistics.median([_ask(page, path)["taken"] for path in paths][1:]), 1)


def _memory(page: Page, paths: list[Path]) -> dict[str, float]:
    """Return the memory of the process of page and worker in MB, by films before."""
    asked, found = 0, {}
    for count in (FEW, MANY):
        for number in range(asked, count):
            _ask(page, paths[number % len(paths)])
        asked = count
        found[str(count)] = round(max(map(resident, renderers())) / 1e6)
    return found


def renderers() -> list[psutil.Process]:
    """Return the browser's processes that hold pages and their workers."""
    children = psutil.Process().children(recursive=True)
    return [child for child in children if "--type=renderer" in child.cmdline()]


def resident(process: psutil.Process) -> int:
    """Return the memory of a process in bytes."""
    return process.memory_info().rss


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


def with_figures(page: str, figures: dict) -> str:
    """Return docs/browser.md with these figures in place of older ones."""
    before, rest = page.split(BEGIN)
    return f"{before}{BEGIN}{format_figures(figures)}{END}{rest.split(END)[1]}"


def format_figures(figures: dict) -> str:
    """Return the figures as Markdown."""
    rows = [
        (name, found["files"], len(found["different"]), f"{found['largest_gap']:.1e}")
        for name, found in figures["sets"].items()
    ]
    columns = "Folder", "Files", "Other answers", "Largest gap of probabilities"
    later = [
        f"{ms} ms with {threads} thread{'s' * (threads != '1')}"
        for threads, ms in figures["times"]["later_median_ms"].items()
    ]
    scores = [
        f"- Lighthouse, of 100, median of {LOOKS}, as a {device} sees it: "
        + ", ".join(f"{name.replace('-', ' ')} {value}" for name, value in found.items())
        + ".\n"
        for device, found in figures["lighthouse"].items()
    ]
    return TEXT.format(
        lighthouse="".join(scores),
        memory=", ".join(f"{mb} MB after {films} films" for films, mb in figures["memory_mb"].items()),
        table=markdown_table(columns, rows),
        precision=figures["precision"],
        tolerance=TOLERANCE,
        first_answer_ms=figures["times"]["first_answer_ms"],
        cold=COLD,
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
