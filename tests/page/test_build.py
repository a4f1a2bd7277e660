"""The built page: whole, of one model, and with nothing of its own to say."""

import gzip
import hashlib
import html
import json
import math
import re
import shutil

import pytest
from npm import npm
from onnxruntime import InferenceSession

from hub.demo import answer_words
from hub.demo.words import LANGUAGES, words_in
from hub.errors import InputError
from hub.files import write_json
from hub.inference import decision
from hub.inference.input_check import SENTENCES
from hub.models.digests import write_digests
from hub.models.folder import ANSWER, BUNDLED
from hub.page.build import build, read_model
from hub.page.packages import vendored


def test_it_lists_all_of_its_files_and_its_worker_knows_their_digest(built):
    listed = json.loads((built / "files.json").read_text())
    names = {path.relative_to(built).as_posix() for path in built.rglob("*") if path.is_file()}
    assert {*listed["files"], "files.json", "service_worker.js"} == names
    assert {"index.html", "page.json", *vendored()} <= names
    assert not any(name.startswith(".") or "node_modules" in name or name == "package.json" for name in names)
    for name, entry in listed["files"].items():
        content = (built / name).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (entry["bytes"], entry["sha256"])
    worker = (built / "service_worker.js").read_text()
    assert listed["version"] in worker
    assert "__VERSION__" not in worker


def test_its_first_answer_names_all_that_the_page_is_made_of_and_nothing_else(built):
    index = (built / "index.html").read_text()
    named = re.findall(r'(?:href|src)="([^"]+)"', index)
    assert all((built / name).is_file() for name in named)
    assert re.findall(r'rel="stylesheet" href="([^"]+)"', index) == ["page.css"]
    preloaded = re.findall(r'rel="modulepreload" href="([^"]+)"', index)
    assert len(preloaded) == len(set(preloaded)) and "classifier.js" in preloaded
    assert "inference/worker.js" not in preloaded  # a worker reads its modules by itself
    assert {path.name for path in (built / "app").glob("*.js")} == {"main.js", "theme.js"}


def test_its_head_is_there_before_any_script_runs(built):
    index = (built / "index.html").read_text()
    words = words_in("en", True)
    for name in ("page.title", "page.introduction", "page.disclaimer", "local.private"):
        assert f">{html.escape(words(name))}<" in index


def test_it_says_and_decides_what_python_does(built, classifier):
    page = json.loads((built / "page.json").read_text())
    assert page["model"]["classes"] == classifier.classes
    assert page["model"]["address"] == "https://huggingface.co/someone/model"
    points = {point["name"]: point["threshold"] for point in page["decision"]["points"]}
    for name in decision.operating_points(classifier):
        threshold = classifier.operating_points[name]
        assert points[name] == pytest.approx(threshold / (1 - threshold))
    for verdict in page["check"]["reasons"]:
        assert verdict["sentence"] == SENTENCES.get(verdict["reason"], "")
        report = {"verdict": verdict}
        for language in LANGUAGES:
            said = page["words"][language][verdict["phrase"]]
            assert said == answer_words.check(report, words_in(language))


def test_its_words_are_those_of_the_gradio_page_in_every_language(built):
    page = json.loads((built / "page.json").read_text())
    for language in LANGUAGES:
        said = page["words"][language]
        assert said["card.signs"] == words_in(language)("card.signs")
        assert said["local.link"]
        assert not any(name.startswith(("inside.", "api.")) for name in said)


def test_its_graph_is_that_of_the_model_and_its_examples_are_what_their_captions_say(built):
    page = json.loads((built / "page.json").read_text())
    graph = gzip.decompress((built / page["graph"]["file"]).read_bytes())
    digest = page["graph"]["sha256"]
    assert hashlib.sha256(graph).hexdigest() == digest
    assert digest[:16] in page["graph"]["file"]  # page.json of another model does not find it
    properties = InferenceSession(graph).get_modelmeta().custom_metadata_map
    assert properties["safetensors_sha256"] == page["model"]["digest"]
    reasons = [verdict["reason"] or "fine" for verdict in page["check"]["reasons"]]
    assert json.loads(properties["reasons"]) == reasons
    examples = {example["phrase"]: example for example in page["examples"]}
    threshold = page["decision"]["points"][0]["threshold"]
    assert examples["samples.pneumonia"]["log_odds"] > math.log(threshold)
    assert examples["samples.picture"]["status"] == "refused"
    assert all((built / example["file"]).is_file() for example in examples.values())
    assert page["examples"][page["opening"]]["phrase"] == "samples.pneumonia"


def test_the_same_model_makes_the_same_page_again_in_place_of_the_older_one(built, npm):
    before = json.loads((built / "files.json").read_text())
    (built / "left.txt").write_text("from an older page")
    build(BUNDLED, built, "https://huggingface.co/someone/model")
    assert json.loads((built / "files.json").read_text()) == before
    assert not (built / "left.txt").exists()


def test_a_folder_of_anything_else_stays_as_it_is(npm, tmp_path):
    (tmp_path / "thesis.txt").write_text("…")
    with pytest.raises(InputError, match="holds something else; give another folder"):
        build(BUNDLED, tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "…"


def test_a_model_that_cannot_be_shown_or_is_damaged_is_refused(npm, tmp_path):
    model = shutil.copytree(BUNDLED, tmp_path / "model")
    (model / ANSWER).write_bytes(b"no graph")
    write_digests(model)
    with pytest.raises(InputError, match=r"answer\.onnx is damaged"):
        build(model, tmp_path / "page")
    (model / ANSWER).unlink()
    write_json(model / "config.json", json.loads((model / "config.json").read_text()) | {"radiograph": False})
    write_digests(model)
    with pytest.raises(InputError, match="for radiographs of two classes"):
        build(model, tmp_path / "page")
    assert not (tmp_path / "page").exists()


def test_the_graph_of_the_folder_is_taken_where_it_has_one(tmp_path):
    model = shutil.copytree(BUNDLED, tmp_path / "model")
    made = read_model(BUNDLED)[1]
    (model / "onnx").mkdir(exist_ok=True)
    (model / ANSWER).write_bytes(made)
    write_digests(model)
    assert read_model(model)[1] == made


def test_a_bundler_that_fails_leaves_no_page_and_one_sentence(install_npm, tmp_path):
    bundler = 'console.error("Unexpected token"); process.exit(1);'
    install_npm(npm(bundler))
    with pytest.raises(InputError, match=r"cannot be bundled \(Unexpected token\); install Node"):
        build(BUNDLED, tmp_path / "page")
    assert not (tmp_path / "page").exists()
