"""The events of the tab "Batch" without a page: what is kept of a batch."""

import zipfile
from types import SimpleNamespace

import gradio as gr
import pytest

from hub.demo import batch_panel, gradio_batch, gradio_errors
from hub.demo.words import words_in
from hub.inference import batch

WORDS = words_in("en")
REQUEST = SimpleNamespace(headers={})


@pytest.fixture
def run(classifier, monkeypatch):
    """What answers files that are given; returns the rows that are kept and what is said at the end."""
    monkeypatch.setattr(gradio_errors, "upload_path", lambda file: file["path"])
    with gr.Blocks() as blocks:
        gradio_batch.build(classifier, [])
    event = next(each.fn for each in blocks.fns.values() if each.name == "run")

    def give(paths):
        data = SimpleNamespace(_data={"files": [{"path": str(path)} for path in paths]})
        *_, (rows, *_, status) = event(data, REQUEST)
        return [row.name for row in rows], status

    return give


def test_a_batch_keeps_so_many_rows_and_says_that_there_were_more(
    run, write_radiographs, tmp_path, monkeypatch
):
    monkeypatch.setattr(batch_panel, "ROWS", 3)
    paths = write_radiographs(tmp_path, 4)
    sentence = WORDS("batch.full", most="3")
    names, status = run(paths[:3])
    assert names == [path.name for path in paths[:3]] and sentence not in status
    names, status = run(paths)
    assert names == [path.name for path in paths[:3]] and sentence in status


def test_an_archive_given_again_and_again_makes_no_more_rows_than_a_batch_may_have(
    run, write_radiographs, tmp_path, monkeypatch
):
    monkeypatch.setattr(batch_panel, "ROWS", 5)
    with zipfile.ZipFile(tmp_path / "films.zip", "w") as archive:
        for path in write_radiographs(tmp_path, 2):
            archive.write(path, path.name)
    names, status = run([tmp_path / "films.zip"] * 1000)
    assert len(names) == 5 and WORDS("batch.full", most="5") in status


def test_an_archive_is_counted_once_and_of_very_many_only_the_first(monkeypatch):
    read = []
    monkeypatch.setattr(batch, "count_members", lambda path: read.append(path) or 7)
    assert batch.expected(["a.zip"] * 1000) == 7000 and read == ["a.zip"]
    read.clear()
    assert batch.expected(map(str, range(batch.COUNTED + 50))) == 7 * batch.COUNTED + 50
    assert len(read) == batch.COUNTED


def test_nothing_is_counted_before_the_page_is_told_that_a_batch_begins(classifier, monkeypatch):
    """A client that calls the event outside the queue gets its first answer alone, as often as it likes."""
    monkeypatch.setattr(gradio_errors, "upload_path", lambda file: file["path"])
    monkeypatch.setattr(batch, "count_members", lambda path: pytest.fail("An archive was opened."))
    with gr.Blocks() as blocks:
        gradio_batch.build(classifier, [])
    event = next(each.fn for each in blocks.fns.values() if each.name == "run")
    assert next(event(SimpleNamespace(_data={"files": [{"path": "a.zip"}]}), REQUEST))
