"""Build the page: a folder of static files that a browser answers from."""

import gzip
import hashlib
import html
import json
import re
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

from onnxruntime import GraphOptimizationLevel, InferenceSession, SessionOptions
from PIL import Image

from hub.demo.local_page import BUILT, FILES, PAGE
from hub.demo.render import STATIC
from hub.demo.samples import write_samples
from hub.demo.words import Words, words_in
from hub.errors import InputError
from hub.files import replace_folder, write_json
from hub.inference.classifier import Classifier
from hub.inference.hub_files import download
from hub.models.digests import check_digests
from hub.models.folder import ANSWER, BUNDLED, DIGEST
from hub.page.data import SAMPLES, THUMBNAIL, page_data
from hub.page.packages import NEEDED, WEB, node_modules, vendored
from hub.repo_id import is_hub_id

# Named by its digest, so that a page.json that a browser or a host has kept finds no graph of another model.
GRAPH = "answer-{}.onnx.gz"
THUMBNAIL_SIDE = 224  # pixels, the longer side
# Styles and scripts that the page shares with the Gradio page.
STYLES, SCRIPTS = ("page.css", "card.css", "film.css", "batch.css", "report.css"), ("film.js", "report.js")
INDEX, STYLE = "index.html", "page.css"  # the page, and all of its styles in one file
STYLE_LINK = re.compile(r'<link rel="stylesheet" href="(.+)">\n')
PHRASE = re.compile(r'(?<=data-words=")([^"]+)(">)')
# Modules that become one file with what they import; what both import, or later, becomes files in chunks/.
ENTRIES = ("app/main.js", "inference/modules.js")
IMPORT = re.compile(
    r'^(?:import|}) .*"(\.{1,2}/.+)";$', re.MULTILINE
)  # the end of one that takes many lines, too
BUNDLER, KEPT = "esbuild/bin/esbuild", ("main.js", "theme.js")  # of app/
BUNDLE = (
    "--bundle",
    "--splitting",
    "--format=esm",
    "--chunk-names=chunks/[name]-[hash]",
    "--external:../vendor/*",
)
WORKER, VERSION = "service_worker.js", "__VERSION__"  # in the worker: the digest of all files


def build(model: str | Path = BUNDLED, folder: Path = BUILT, address: str | None = None) -> Path:
    """Build the page of a model folder or Hub model, and return its folder.

    `address` is where the model lies on the Hub, by default that of a Hub model. An older page in the folder
    is replaced once the new one is complete. Raises InputError for a model that the page cannot show, where
    the packages cannot be fetched, and for a folder that holds anything else.
    """
    if address is None and not Path(model).is_dir() and is_hub_id(str(model)):
        address = f"https://huggingface.co/{model}"
    with replace_folder(folder, "give another folder", lambda: _check_replaceable(folder)) as partial:
        write(partial, model, address)
    return folder


def write(folder: Path, model: str | Path, address: str | None = None) -> None:
    """Write the page of a model into an empty folder; for the rest see `build`."""
    modules = node_modules()
    classifier, graph = read_model(model)
    _write_own(folder, classifier, graph, address)
    _copy_packages(modules, folder)
    _bundle(modules, folder)
    _shorten_start(folder)
    _list_files(folder)


def read_model(model: str | Path) -> tuple[Classifier, bytes]:
    """Return a model in the precision of its graph, and the bytes of the graph.

    The graph is `onnx/answer.onnx`; for a folder that is older than it, it is made of the networks. Raises
    InputError for a model that has none.
    """
    classifier = Classifier.from_pretrained(model)
    graph = _read_graph(classifier, str(model))
    properties = _metadata(graph)
    if properties.get(DIGEST) != classifier.session.get_modelmeta().custom_metadata_map.get(DIGEST):
        raise InputError(f"{model} has an {ANSWER} of other weights; python -m hub export makes it anew.")
    return Classifier(classifier.folder, precision=properties["precision"]), graph


def _write_own(folder: Path, classifier: Classifier, graph: bytes, address: str | None) -> None:
    """Write all of the page into a folder but its packages."""
    shutil.copytree(WEB, folder, ignore=_not_served, dirs_exist_ok=True)
    (folder / "demo").mkdir()
    for name in STYLES:
        shutil.copy(STATIC / name, folder / "demo")
    for name in SCRIPTS:
        text = (STATIC / name).read_text(encoding="utf-8")
        (folder / "demo" / name).write_text(f"{{\n{text}}}\n", encoding="utf-8")  # in a scope of its own
    graph = optimized(graph)
    digest = hashlib.sha256(graph).hexdigest()
    name = GRAPH.format(digest[:16])
    (folder / name).write_bytes(_compressed(graph))
    (folder / SAMPLES).mkdir()
    about = {
        "file": name,
        "bytes": len(graph),
        "sha256": digest,
        "reasons": json.loads(_metadata(graph)["reasons"]),
    }
    samples = write_samples(classifier, folder / SAMPLES)
    for sample in samples:
        with Image.open(sample.path) as image:
            image.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
            image.save(sample.path.with_suffix(THUMBNAIL), quality=80)
    content = page_data(classifier, about, samples, address)
    (folder / PAGE).write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def optimized(graph: bytes) -> bytes:
    """Return a graph with the optimizations that suit every processor.

    A browser takes half a second for them, and answers the same.
    """
    with tempfile.TemporaryDirectory() as name:
        options = SessionOptions()
        options.graph_optimization_level = GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        options.optimized_model_filepath = str(Path(name) / "graph.onnx")
        InferenceSession(graph, options)
        return Path(options.optimized_model_filepath).read_bytes()


def _read_graph(classifier: Classifier, model: str) -> bytes:
    folder = classifier.folder
    if not (folder / ANSWER).is_file() and not Path(model).is_dir():
        # `Classifier` does not need it, so that it is not there yet; what the Hub has not is made below.
        with suppress(InputError):
            download(model, [ANSWER], revision=folder.name)
    if (folder / ANSWER).is_file():
        check_digests(folder, [ANSWER])
        return (folder / ANSWER).read_bytes()
    from hub.export.answer import build, is_answerable
    from hub.inference.served_config import read_served_config

    if not is_answerable(read_served_config(folder)):
        raise InputError(f"The page is for radiographs of two classes, and {model} is of something else.")
    return build(folder).SerializeToString()


def _metadata(graph: bytes) -> dict[str, str]:
    try:
        return InferenceSession(graph).get_modelmeta().custom_metadata_map
    except Exception:  # ONNX Runtime has an exception of its own for each kind of damage
        raise InputError(f"{ANSWER} is damaged; get the model again.") from None


def _not_served(folder: str, names: list[str]) -> set[str]:
    return {name for name in names if name in (*NEEDED, "node_modules") or name.startswith(".")}


def _copy_packages(modules: Path, folder: Path) -> None:
    for target, source in vendored().items():
        path = folder / target
        path.parent.mkdir(parents=True, exist_ok=True)
        if not (modules / source).is_file():
            raise InputError(f"There is no {source} in {modules}; delete that folder and try again.")
        content = (modules / source).read_bytes()
        path.write_bytes(_compressed(content) if path.suffix == ".gz" else content)


def _bundle(modules: Path, folder: Path) -> None:
    """Let the browser ask for few files in place of many modules.

    `classifier.js` and what it imports stay as they are, for other pages. Raises InputError where Node.js,
    which npm comes with, is too old.
    """
    command = ["node", modules / BUNDLER, *(folder / name for name in ENTRIES), *BUNDLE, "--log-level=error"]
    places = [f"--outdir={folder}", f"--outbase={folder}", "--allow-overwrite"]
    process = subprocess.run([*command, *places], capture_output=True, encoding="utf-8", errors="replace")
    if process.returncode:
        reason = (process.stderr.strip().splitlines() or ["it did not say why"])[-1]
        raise InputError(f"The page cannot be bundled ({reason}); install Node.js 20 or later.")
    for module in (folder / "app").glob("*.js"):
        if module.name not in KEPT:
            module.unlink()


def _shorten_start(folder: Path) -> None:
    """Let the browser show the head, and ask for all that comes next, at once.

    The head is there in English; styles become one file; page.json, the picture and what the first module
    imports are named before that is read.
    """
    content = json.loads((folder / PAGE).read_text(encoding="utf-8"))
    opening = [] if content["opening"] is None else [content["examples"][content["opening"]]["file"]]
    index = folder / INDEX
    words = words_in("en", content["model"].get("radiograph", True))
    page = _with_words(index.read_text(encoding="utf-8"), words)
    text = "".join((folder / name).read_text(encoding="utf-8") for name in STYLE_LINK.findall(page))
    (folder / STYLE).write_text(text, encoding="utf-8")
    before, *_, after = STYLE_LINK.split(page)
    links = [
        f'<link rel="stylesheet" href="{STYLE}">',
        *(f'<link rel="preload" as="fetch" crossorigin href="{name}">' for name in (PAGE, *opening)),
        *(f'<link rel="modulepreload" href="{path.relative_to(folder)}">' for path in _imported(folder)),
    ]
    index.write_text(before + "".join(f"{link}\n" for link in links) + after, encoding="utf-8")


def _with_words(page: str, words: Words) -> str:
    """Return HTML with the phrases that its elements name in them."""

    def phrases(named: re.Match) -> str:
        return named[0] + html.escape(" ".join(words(name) for name in named[1].split()).strip())

    return PHRASE.sub(phrases, page)


def _imported(folder: Path) -> list[Path]:
    """Return the files that the page's first module imports."""
    module = folder / ENTRIES[0]
    names = IMPORT.findall(module.read_text(encoding="utf-8"))
    return sorted({(module.parent / name).resolve() for name in names})


def _compressed(content: bytes) -> bytes:
    """Return what `DecompressionStream("gzip")` reads; the same bytes at any time."""
    return gzip.compress(content, 9, mtime=0)


def _list_files(folder: Path) -> None:
    """Write the list of files, and its digest into the service worker."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != WORKER)
    listed = {
        path.relative_to(folder).as_posix(): {
            "bytes": path.stat().st_size,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        for path in paths
    }
    version = hashlib.sha256(json.dumps(listed).encode()).hexdigest()
    worker = folder / WORKER
    if worker.is_file():
        worker.write_text(worker.read_text(encoding="utf-8").replace(VERSION, version), encoding="utf-8")
    write_json(folder / FILES, {"version": version, "files": listed})


def _check_replaceable(folder: Path) -> None:
    """Raise InputError for a folder that is there and is no page."""
    if folder.exists() and not (folder / FILES).is_file():
        raise InputError(f"{folder} is there already and holds something else; give another folder.")
