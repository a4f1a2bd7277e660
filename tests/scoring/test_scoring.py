"""Scoring an archive: one row for each image, whatever happens on the way."""

import hashlib
import io
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import uuid
import zipfile
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import fsspec
import hub_server
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from uploads import Brightness, archive, png

from hub.errors import InputError
from hub.imaging.synthetic import sample_radiographs
from hub.inference.classifier import Prediction
from hub.models.digests import DIGESTS
from hub.models.folder import BUNDLED, INPUT_CHECK
from hub.scoring import job, on_ray, plan, pool, reading
from hub.scoring.plan import Plan
from hub.scoring.shard import open_classifier, score_shard, shard_name
from hub.scoring.storage import open_output

ROOT = Path(__file__).parents[2]


@pytest.fixture
def films(tmp_path, write_radiographs):
    """A folder of twelve radiographs."""
    (tmp_path / "films").mkdir()
    write_radiographs(tmp_path / "films", 12)
    return tmp_path / "films"


@pytest.fixture
def memory():
    """The address of an empty folder in fsspec's store in memory."""
    return f"memory://{uuid.uuid4().hex}"


def begin(source, out, shard_size=4, **options):
    place = open_output(str(out))
    return place, job.begin(place, job.make_job([str(source)], **options), shard_size)


def score_here(source, out, shard_size=4, **options):
    """Score what is left in this process, with a classifier that answers at once; return all rows."""
    place, begun = begin(source, out, shard_size, **options)
    for shard in begun.shards:
        score_shard(Brightness(), begun.plan, place, shard)
    return rows_of(out)


def rows_of(out):
    filesystem, path = fsspec.url_to_fs(str(out))
    names = sorted(name for name in filesystem.ls(path, detail=False) if name.endswith(".parquet"))
    tables = [pq.read_table(filesystem.open(name)) for name in names]
    return [row for table in tables for row in table.to_pylist()]


def parquet(images, column="image"):
    buffer = io.BytesIO()
    pq.write_table(pa.table({column: images, "label": [0] * len(images)}), buffer, row_group_size=2)
    return buffer.getvalue()


def test_every_image_of_a_folder_has_a_row_and_what_is_none_is_counted(tmp_path):
    folder = tmp_path / "films"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.png").write_bytes(png())
    (folder / "deep" / "without_suffix").write_bytes(png())
    (folder / "broken.png").write_bytes(b"not a picture")
    (folder / "notes.txt").write_text("nothing")
    (folder / ".hidden.png").write_bytes(png())
    archive(
        folder / "b.zip",
        [("x/one.png", png()), ("two.txt", b"text"), ("__MACOSX/x", b"x"), ("three.png", b"")],
    )
    (folder / "c.zip").write_bytes(b"PK\3\4 and no more")
    (folder / "d.parquet").write_bytes(
        parquet([{"bytes": png(), "path": None}] * 5 + [{"bytes": None, "path": "p"}])
    )
    (folder / "table.parquet").write_bytes(parquet(["text"], "name"))
    rows = {row["path"]: row for row in score_here(folder, tmp_path / "out")}
    names = {path.removeprefix(f"{folder}/") for path in rows}
    expected = {"a.png", "broken.png", "deep/without_suffix", "b.zip/x/one.png", "b.zip/three.png", "c.zip"}
    assert names == expected | {f"d.parquet/{row}" for row in range(6)}
    errors = {path.removeprefix(f"{folder}/"): row["error"] for path, row in rows.items() if row["error"]}
    assert set(errors) == {"broken.png", "b.zip/three.png", "c.zip", "d.parquet/5"}
    assert all(
        error.endswith(".") and Path(path).name in error for path, error in errors.items() if "/5" not in path
    )
    digest = hashlib.sha256(png()).hexdigest()
    assert {row["sha256"] for row in rows.values() if not row["error"]} == {digest}
    assert rows[str(folder / "a.png")]["label"] == "BRIGHT"
    _, begun = begin(folder, tmp_path / "out")
    assert (begun.shards, begun.plan.job.omitted) == ([], 1)
    assert begun.counts == Counter({"BRIGHT": 8, "unreadable": 4, "left out": 2})


def test_source_and_scores_may_lie_in_a_store(memory, tmp_path):
    store = fsspec.filesystem("memory")
    films = {
        "a.png": png(),
        "b[1].png": png(),
        "films.zip": archive(tmp_path / "z", [("c.png", png())]).read_bytes(),
    }
    for name, data in films.items():
        store.pipe_file(f"{memory}/in/{name}", data)
    rows = score_here(f"{memory}/in", f"{memory}/out", shard_size=2)
    assert [row["path"] for row in rows] == [
        f"{memory.replace('://', ':///')}/in/{name}" for name in ("a.png", "b[1].png", "films.zip/c.png")
    ]
    assert {row["error"] for row in rows} == {None}


def test_a_store_that_fails_for_a_while_is_asked_again_and_one_that_is_gone_stops_the_job(
    memory, monkeypatch
):
    store = fsspec.filesystem("memory")
    store.pipe_file(f"{memory}/in/a.png", png())
    answers = [ConnectionResetError("reset"), TimeoutError("late")]
    fetch = type(store).cat_file

    def cat_file(self, *arguments, **options):
        if answers:
            raise answers.pop()
        return fetch(self, *arguments, **options)

    monkeypatch.setattr(type(store), "cat_file", cat_file)
    monkeypatch.setattr("hub.scoring.reading.PAUSE", 0)
    place, begun = begin(f"{memory}/in", f"{memory}/out")
    score_shard(Brightness(), begun.plan, place, 0)
    assert rows_of(f"{memory}/out")[0]["label"] == "BRIGHT"
    answers += [ConnectionResetError("reset")] * 20
    with pytest.raises(InputError, match="cannot be reached"):
        score_shard(Brightness(), begun.plan, place, 0)


def test_a_data_set_of_the_hub_is_read(tmp_path):
    hub = hub_server.Hub()
    hub.repos["dataset", "someone/films"] = hub_server.Repo()
    hub.repos["dataset", "someone/films"].branches["main"].append(
        {"data/train.parquet": parquet([{"bytes": png(), "path": "a.png"}] * 3), "README.md": b"---\n---\n"}
    )
    server = hub_server.serve(hub)
    command = [sys.executable, "-m", "hub", "score", "someone/films", str(tmp_path / "out")]
    endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    environment = os.environ | {
        "HF_ENDPOINT": endpoint,
        "HF_HUB_OFFLINE": "0",
        "HF_HOME": str(tmp_path / "home"),
    }
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    server.shutdown()
    assert done.returncode == 0, done.stderr
    paths = [row["path"] for row in rows_of(tmp_path / "out")]
    assert paths == [f"hf://datasets/someone/films/data/train.parquet/{row}" for row in range(3)]


def test_labels_and_verdicts_are_those_of_classify(films, tmp_path, classifier):
    place, begun = begin(films, tmp_path / "out")
    list(job.run(place, begun, workers=2))
    for row in rows_of(tmp_path / "out"):
        prediction = classifier(row["path"])
        assert (row["label"], row["verdict"]) == (prediction.label, prediction.verdict.status)
        assert row["probability"] == pytest.approx([*prediction.probabilities.values()][1], abs=1e-4)
        assert row["likelihood_ratio"] == pytest.approx(prediction.likelihood_ratio, rel=1e-3)


def test_a_worker_that_is_killed_costs_nothing(films, tmp_path, monkeypatch):
    place, begun = begin(films, tmp_path / "out", shard_size=3)
    start, killed = pool._start, []

    def start_and_kill_the_first_two():
        process = start()
        if len(killed) < 2:
            killed.append(process.pid)
            process.kill()
        return process

    monkeypatch.setattr(pool, "_start", start_and_kill_the_first_two)
    shards = [event.shard for event in job.run(place, begun, workers=2) if event.shard is not None]
    assert sorted(shards) == [0, 1, 2, 3] and len(killed) == 2
    rows = rows_of(tmp_path / "out")
    assert sorted(row["path"] for row in rows) == sorted(map(str, films.iterdir()))
    assert {row["error"] for row in rows} == {None}


# What a worker imports first: an image with this comment kills it, as a mistake in a C library does.
DEADLY = b"this kills the process that decodes it"
SITE = f"""
import os, signal
from hub.inference.classifier import Classifier

def open(self, image, side=0, decode=Classifier.open):
    if {DEADLY!r} in image:
        os.kill(os.getpid(), signal.SIGKILL)
    return decode(self, image, side)

Classifier.open = open
"""


def test_an_image_that_kills_its_process_costs_its_own_row(films, tmp_path, monkeypatch):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(SITE)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "site"), str(ROOT)]))
    poison = films / "film-5.png"
    poison.write_bytes(poison.read_bytes() + DEADLY)
    place, begun = begin(films, tmp_path / "out", shard_size=12)
    events = list(job.run(place, begun, workers=1))
    rows = rows_of(tmp_path / "out")
    assert len(rows) == 12
    assert [row["path"] for row in rows if row["error"]] == [str(poison)]
    assert sum(event.images for event in events) == 12, "the bar counts no image twice"


MISTAKEN = """
import os
from hub.scoring import shard

shard._open = lambda *given: os._exit(1)
"""


def test_a_job_whose_processes_end_whatever_they_decode_ends_in_one_sentence(films, tmp_path, monkeypatch):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(MISTAKEN)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "site"), str(ROOT)]))
    place, begun = begin(films, tmp_path / "out", shard_size=12)
    with pytest.raises(InputError, match="ended 4 times at no image in particular"):
        list(job.run(place, begun, workers=1))


HANGING = """
import time
from hub.inference.classifier import Classifier

Classifier.open = lambda self, image, side=0: time.sleep(600)
"""


def test_a_worker_that_hangs_ends_with_the_driver_that_started_it(films, tmp_path, monkeypatch):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(HANGING)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "site"), str(ROOT)]))
    begin(films, tmp_path / "out")
    worker = pool._start()
    worker.stdin.write(f'"{tmp_path / "out"}"\n[0, []]\n'.encode())
    assert worker.stdout.readline() == b"0\n"
    worker.stdin.close()  # as the system does for a driver that is killed
    try:
        assert worker.wait(10) == 1
    finally:
        worker.kill()
        worker.stdout.close()


@pytest.mark.slow
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_a_job_whose_driver_is_killed_goes_on_after_its_last_finished_shard(tmp_path, end):
    """Every image is scored once, and a finished shard is left as it was."""
    image = io.BytesIO()
    sample_radiographs(1)[0][0].save(image, "PNG")
    films = archive(tmp_path / "films.zip", [(f"{number}.png", image.getvalue()) for number in range(400)])
    command = [
        sys.executable,
        "-m",
        "hub",
        "score",
        films,
        tmp_path / "out",
        "--shard-size",
        "20",
        "--workers",
        "2",
    ]
    driver = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
    deadline = time.monotonic() + 120
    while len(list((tmp_path / "out").glob("scores-*"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(driver.pid, end)
    code = driver.wait()
    time.sleep(1)  # its workers notice at their next image
    if end == signal.SIGTERM:  # as Ctrl-C
        assert code == 130 and not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
    finished = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("scores-*")}
    assert 3 <= len(finished) < 20
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert f"{20 * len(finished)} of 400" in done.stdout and "Scored 400 images" in done.stdout
    assert all((tmp_path / "out" / name).stat().st_mtime_ns == time_ for name, time_ in finished.items())
    paths = Counter(row["path"] for row in rows_of(tmp_path / "out"))
    assert len(paths) == 400 and set(paths.values()) == {1}
    assert not [path for path in (tmp_path / "out").iterdir() if "partial" in path.name]


def test_a_process_that_cannot_begin_ends_the_job_in_one_sentence(films, tmp_path, monkeypatch):
    place, begun = begin(films, tmp_path / "out")
    monkeypatch.setattr(pool.sys, "executable", "/bin/false")
    with pytest.raises(InputError, match="ended 4 times"):
        list(job.run(place, begun, workers=2))


def test_a_folder_of_another_job_or_of_anything_else_is_refused(films, tmp_path):
    begin(films, tmp_path / "out")
    with pytest.raises(InputError, match="another prevalence"):
        begin(films, tmp_path / "out", prevalence=0.1)
    (films / "film-0.png").rename(tmp_path / "film.png")
    with pytest.raises(InputError, match="another sources"):
        begin(tmp_path / "film.png", tmp_path / "out")
    with pytest.raises(InputError, match="holds other files"):
        begin(films, films)
    (tmp_path / "link").symlink_to("nowhere")
    with pytest.raises(InputError, match="is no folder"):
        begin(films, tmp_path / "link")
    with pytest.raises(InputError, match="is empty"):
        begin("", tmp_path / "out")
    with pytest.raises(InputError, match="is no folder"):
        begin(films, tmp_path / "film.png")


@pytest.mark.parametrize("again", ["", "/", "/film-0.png"])
def test_no_image_is_scored_twice(films, again):
    with pytest.raises(InputError, match="is given twice"):
        job.make_job([str(films), f"{films}{again}"])


def test_a_model_is_the_same_however_its_folder_is_written(films, tmp_path):
    shutil.copytree(BUNDLED, tmp_path / "model")
    begin(films, tmp_path / "out", model=str(tmp_path / "model"))
    begin(films, tmp_path / "out", model=f"{tmp_path / 'model'}/")


def test_no_job_goes_on_with_another_input_check(films, tmp_path):
    model = tmp_path / "model"
    shutil.copytree(BUNDLED, model)
    _, begun = begin(films, tmp_path / "out", model=str(model))
    (model / INPUT_CHECK).unlink(), (model / DIGESTS).unlink()
    with pytest.raises(InputError, match="with another input check"):
        begin(films, tmp_path / "out", model=str(model))
    with pytest.raises(InputError, match="another model than at the start"):
        open_classifier(begun.plan.job)
    assert open_classifier(replace(begun.plan.job, input_check="")), "of a plan that does not say it"


class Refused(Brightness):
    """A model with a class of a name that other rows are counted by."""

    def predict(self, images, views):
        return [Prediction("refused", {"refused": 1.0, "kept": 0.0}, {}) for _ in images]


def test_images_of_a_class_are_counted_apart_from_others_whatever_its_name(films, tmp_path):
    (films / "broken.png").write_bytes(b"")
    place, begun = begin(films, tmp_path / "out", shard_size=20)
    assert score_shard(Refused(), begun.plan, place, 0) == {'"refused"': 12, "unreadable": 1}
    _, begun = begin(films, tmp_path / "out")
    assert begun.counts == Counter({'"refused"': 12, "unreadable": 1})


def test_two_jobs_that_begin_at_once_do_not_mix(films, tmp_path, monkeypatch):
    write_plan, sentences = job.write_plan, []

    def begin_another():
        with pytest.raises(InputError) as caught:
            begin(films, tmp_path / "out", prevalence=0.1)
        sentences.append(str(caught.value))

    def write_slowly(*arguments):
        monkeypatch.setattr(job, "write_plan", write_plan)
        other = threading.Thread(target=begin_another)
        other.start()
        other.join()
        write_plan(*arguments)

    monkeypatch.setattr(job, "write_plan", write_slowly)
    _, begun = begin(films, tmp_path / "out")
    assert "Another process is writing" in sentences[0]
    assert begun.plan.job.prevalence == 0.5


def test_a_damaged_plan_or_shard_is_told(films, tmp_path):
    place, _ = begin(films, tmp_path / "out")
    (tmp_path / "out" / shard_name(0)).write_bytes(b"half")
    with pytest.raises(InputError, match="delete it"):
        begin(films, tmp_path / "out")
    (tmp_path / "out" / "_plan").write_bytes(b"half")
    with pytest.raises(InputError, match="_plan is damaged"):
        Plan(place)


def test_parquet_that_states_far_more_rows_than_it_can_have_costs_its_own_row(films, tmp_path, monkeypatch):
    monkeypatch.setattr(plan, "MOST_MEMBERS", 1000)
    (films / "more.parquet").write_bytes(parquet([b"x"] * 1001))
    _, begun = begin(films, tmp_path / "out")
    items = [item for shard in range(begun.plan.shards) for item in begun.plan.items(shard)]
    assert [item.error for item in items if item.error] == [
        "more.parquet holds more than 1,000 rows; split it."
    ]
    assert begun.plan.images == 13


def flipped(path):
    """Yield what is at a path with one of its bytes changed, each in turn."""
    whole = path.read_bytes()
    for number in range(0, len(whole), 7):
        path.write_bytes(whole[:number] + bytes([whole[number] ^ 0xFF]) + whole[number + 1 :])
        yield
    path.write_bytes(whole)


def test_any_damage_of_a_plan_is_told(films, tmp_path):
    place, _ = begin(films, tmp_path / "out")
    for _ in flipped(tmp_path / "out" / "_plan"):
        with suppress(InputError):  # some bytes mean nothing
            Plan(place).items(0)


def test_a_few_bytes_wait_for_the_network_however_large_the_images_are(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "HELD", 100)
    read, unpack = [], reading._encoded
    monkeypatch.setattr(reading, "_encoded", lambda *given: read.append(0) or unpack(*given))
    (tmp_path / "large.parquet").write_bytes(parquet([bytes([number]) * 60 for number in range(20)]))
    contents = reading.read_items([*plan.list_source(str(tmp_path), None, [])], None)
    for number in range(20):
        assert next(contents)[1] == bytes([number]) * 60
        time.sleep(0.02)
        assert len(read) <= number + 3  # one is with us, one waits, and one waits for room
    assert not [*contents]


def test_files_of_a_store_are_read_together_only_as_far_as_memory_allows(memory, monkeypatch):
    store = fsspec.filesystem("memory")
    for number in range(12):
        store.pipe_file(f"{memory}/{number:02}.png", png())
    monkeypatch.setattr(reading, "HELD", 2 * len(png()))
    now, most, fetch = [], [], type(store).cat_file

    def cat_file(self, *arguments, **options):
        now.append(0)
        most.append(len(now))
        time.sleep(0.01)
        now.pop()
        return fetch(self, *arguments, **options)

    monkeypatch.setattr(type(store), "cat_file", cat_file)
    names = [name for name, _ in reading.read_items([*plan.list_source(memory, None, [])], None)]
    assert (names, max(most)) == (sorted(names), 2)


def test_an_image_is_no_larger_in_parquet_or_grown_than_in_a_file(tmp_path, monkeypatch):
    (tmp_path / "a.parquet").write_bytes(
        parquet([{"bytes": png(), "path": "p"}, {"bytes": b"x", "path": ""}])
    )
    (tmp_path / "b.png").write_bytes(b"")
    items = [*plan.list_source(str(tmp_path), None, [])]
    monkeypatch.setattr(reading, "LARGEST", 10)
    (tmp_path / "b.png").write_bytes(png())
    contents = [content for _, content in reading.read_items(items, None)]
    assert [str(content) for content in (contents[0], contents[2])] == [
        "Row 0 of a.parquet has more than 0 MB; make it smaller.",
        "b.png has more than 0 MB; make it smaller.",
    ]
    assert contents[1] == b"x"


def test_structs_of_anything_but_bytes_are_no_images(films, tmp_path):
    nested = [{"bytes": {"bytes": png()}, "path": "a.png"}]
    (films / "nested.parquet").write_bytes(parquet(nested))
    assert len(score_here(films, tmp_path / "out")) == 12


def test_damaged_parquet_in_an_archive_costs_its_own_row(films, tmp_path):
    (films / "more.parquet").write_bytes(parquet([png()]))
    for number, _ in enumerate(flipped(films / "more.parquet")):
        if number % 60 == 0:
            _, begun = begin(films, tmp_path / f"out-{number}")
            assert begun.plan.images >= 12


def test_a_source_that_is_not_there_or_holds_nothing_is_told(tmp_path, memory):
    (tmp_path / "empty").mkdir()
    (tmp_path / "names.parquet").write_bytes(parquet(["text"], "name"))
    for source, sentence in {
        "missing": "There is no file, folder or data set missing",
        f"{memory}/missing": "There is no file, folder or data set memory",
        "nothing://there": "nothing://there cannot be used",
        "/dev/zero": "/dev/zero is a pipe or a device",
        str(tmp_path / "empty"): "holds no images",
        str(tmp_path / "names.parquet"): "--image-column",
    }.items():
        with pytest.raises(InputError, match=sentence):
            begin(source, tmp_path / "out")
    assert not list((tmp_path / "out").glob("*"))


def test_a_source_that_is_gone_meanwhile_ends_the_job_before_its_images_count_as_unreadable(films, tmp_path):
    place, begun = begin(films, tmp_path / "out")
    score_shard(Brightness(), begun.plan, place, 0)
    films.rename(tmp_path / "away")
    films.mkdir()  # where a disk was mounted
    with pytest.raises(InputError, match="not there any more"):
        score_shard(Brightness(), begun.plan, place, 1)
    films.rmdir()
    (tmp_path / "away").rename(films)
    assert [row["error"] for row in score_here(films, tmp_path / "out")] == [None] * 12


def test_scores_that_are_deleted_while_others_are_written_are_missed(films, tmp_path):
    place, begun = begin(films, tmp_path / "out")
    score_here(films, tmp_path / "out")
    job.check_complete(place, begun.plan)
    (tmp_path / "out" / shard_name(1)).unlink()
    with pytest.raises(InputError, match="1 of the 3 files"):
        job.check_complete(place, begun.plan)


def test_a_zip_that_changed_since_it_was_listed_costs_its_rows(tmp_path):
    path = archive(tmp_path / "films.zip", [(f"{number}.png", png()) for number in range(4)])
    place, begun = begin(path, tmp_path / "out")
    archive(path, [("0.png", png())])
    score_shard(Brightness(), begun.plan, place, 0)
    rows = rows_of(tmp_path / "out")
    assert len(rows) == 4 and all("another file" in row["error"] for row in rows)


def test_a_large_zip_is_no_bomb_here(tmp_path):
    """The page takes 2,000 files in a ZIP; an archive has more."""
    path = archive(
        tmp_path / "films.zip", [(f"{number}.png", b"") for number in range(2500)], zipfile.ZIP_STORED
    )
    _, begun = begin(path, tmp_path / "out", shard_size=1000)
    assert (begun.plan.images, begun.plan.shards) == (2500, 3)


def test_a_port_that_no_machine_has_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", object())  # which is asked after the port
    with pytest.raises(InputError, match="no Ray cluster at"):
        next(on_ray.score_on_ray("out", [0], f"127.0.0.1:{10**30}", 1))
