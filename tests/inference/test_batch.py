"""Many files: one result per image, in order, and their CSV table."""

import csv
import io
import itertools
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from uploads import RADIOGRAPH, Brightness, archive, png

from hub.demo import handlers
from hub.inference import batch, decision, input_check
from hub.inference.archive import MAX_NAME
from hub.inference.batch import Result, classify_files, to_csv
from hub.inference.classifier import Prediction
from hub.inference.input_check import Verdict
from hub.system import usable_cores

ROOT = Path(__file__).parents[2]


def test_every_image_has_a_result_in_the_order_given(tmp_path):
    (tmp_path / "first.png").write_bytes(png(RADIOGRAPH * 0))
    archive(tmp_path / "second.zip", [("a/two.png", png()), ("a/three.png", png(RADIOGRAPH * 0 + 255))])
    (tmp_path / "fourth.png").write_bytes(b"not a picture")
    files = [tmp_path / "first.png", tmp_path / "second.zip", str(tmp_path / "fourth.png")]
    first, two, three, fourth = classify_files(Brightness(), files)
    assert first.name == str(tmp_path / "first.png")
    assert two.name == f"{tmp_path / 'second.zip'}/a/two.png"
    assert (first.prediction.probabilities["BRIGHT"], three.prediction.probabilities["BRIGHT"]) == (0, 1)
    assert [result.error for result in (first, two, three)] == [None] * 3
    assert fourth.prediction is None and "fourth.png is not an image" in fourth.error


def test_a_zip_is_known_by_what_is_in_it(tmp_path):
    names = [
        result.name
        for result in classify_files(Brightness(), [archive(tmp_path / "films", [("a.png", png())])])
    ]
    assert names == [f"{tmp_path / 'films'}/a.png"]
    # An image with a ZIP at its end is an image.
    both = archive(tmp_path / "zip", [("a.png", png())]).read_bytes()
    (tmp_path / "film.png").write_bytes(png() + both)
    (result,) = classify_files(Brightness(), [tmp_path / "film.png"])
    assert result.error is None and result.name == str(tmp_path / "film.png")


def test_open_files_are_read_as_well(tmp_path):
    path = archive(tmp_path / "films.zip", [("a.png", png())])
    (tmp_path / "b.png").write_bytes(png())
    with path.open("rb") as first, (tmp_path / "b.png").open("rb") as second:
        results = list(classify_files(Brightness(), [first, second]))
    assert [result.name for result in results] == [f"{path}/a.png", str(tmp_path / "b.png")]
    assert all(result.prediction for result in results)


def test_a_pipe_is_read_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with ThreadPoolExecutor() as pool:
        pool.submit((tmp_path / "pipe").write_bytes, png())
        (result,) = classify_files(Brightness(), [tmp_path / "pipe"])
    assert result.error is None


UNREADABLE = {
    "missing.png": "There is no file",
    "nul\0.png": "cannot be read",
    "nul\0.zip": "cannot be read",
    "x" * 300 + ".png": "too long",
    "x" * 300 + ".zip": "too long",
    "x/" * 3000 + "a.png": "too long",
    "loop.png": "cannot be read",
    "film.png/a.png": "cannot be read",
    "folder": "is a folder",
    "socket": "cannot be read",
    "/dev/zero": "is a device",
    "/dev/null": "is a device",
}


@pytest.mark.parametrize("path", UNREADABLE, ids=lambda path: repr(path[:12] + path[-4:]))
def test_a_file_that_cannot_be_had_is_a_result_and_the_rest_goes_on(path, tmp_path):
    (tmp_path / "film.png").write_bytes(png())
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop.png").symlink_to("loop.png")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        given = tmp_path / path
        before, bad, after = classify_files(
            Brightness(), [tmp_path / "film.png", str(given), tmp_path / "film.png"]
        )
    assert before.prediction and after.prediction
    assert bad.prediction is None and bad.name == str(given)
    assert UNREADABLE[path] in bad.error and bad.error.endswith(".")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_a_result_too(tmp_path):
    for name in ("film.png", "films.zip"):
        (tmp_path / name).write_bytes(png())
        (tmp_path / name).chmod(0)
        (result,) = classify_files(Brightness(), [tmp_path / name])
        assert "Permission denied" in result.error


@pytest.mark.parametrize("name", ["x" * 300 + ".png", "x/" * 3000 + "a.png"], ids=["name", "path"])
def test_a_member_of_a_zip_may_have_any_name_of_which_the_beginning_is_shown(name, tmp_path):
    path = archive(tmp_path / "films.zip", [(name, png()), ("b.png", png())])
    long, short = classify_files(Brightness(), [path])
    assert long.name == f"{path}/{name[:MAX_NAME]}" and long.prediction and short.prediction


@pytest.mark.parametrize("file", [b"bytes", 5, None, io.StringIO("text")], ids=["bytes", "5", "None", "text"])
def test_what_is_no_file_is_a_type_error(file):
    with pytest.raises(TypeError, match="give paths or files open in binary mode"):
        list(classify_files(Brightness(), [file]))


def test_an_open_file_needs_no_name(tmp_path):
    path = archive(tmp_path / "films.zip", [("a.png", png())])
    with tempfile.TemporaryFile() as temporary:
        temporary.write(png())
        results = list(
            classify_files(Brightness(), [io.BytesIO(png()), io.BytesIO(path.read_bytes()), temporary])
        )
    assert [result.name for result in results] == ["image", "image/a.png", "image"]
    assert all(result.prediction for result in results)


def test_a_stream_that_cannot_go_back_is_read(tmp_path):
    path = archive(tmp_path / "films.zip", [("a.png", png())])
    with subprocess.Popen(["cat", path], stdout=subprocess.PIPE) as process:
        (result,) = classify_files(Brightness(), [process.stdout])
    assert result.prediction


def write_folder(folder):
    """Write films, clutter, a ZIP, a letter and links below a folder."""
    for name in ("b/2.png", "b/10.png", "a.dcm/IM0001", "@eaDir/a.png/THUMB.png", ".hidden/c.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(png())
    archive(folder / "c.zip", [("d.png", png()), ("e.csv", b"x")])
    (folder / "b" / "letter.txt").write_text("not a film")
    (folder / "b" / "Thumbs.db").write_bytes(b"preview")
    (folder / "b" / "bad.png").write_bytes(b"damaged")
    (folder / "b" / "up").symlink_to(folder)
    os.mkfifo(folder / "pipe.png")


def test_a_folder_holds_the_images_at_any_depth_and_the_rest_is_counted_in_one_line(tmp_path):
    folder, elsewhere = tmp_path / "films", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "site_b.png").write_bytes(png())
    write_folder(folder)
    (folder / "link").symlink_to(elsewhere)
    results = list(classify_files(Brightness(), [folder], folders=True))
    names = [Path(result.name).relative_to(tmp_path).as_posix() for result in results]
    assert names == [
        "films/c.zip/d.png", "films/c.zip", "films/a.dcm/IM0001", "films/b/10.png", "films/b/2.png",
        "films/b/bad.png", "films/link/site_b.png", "films",
    ]  # fmt: skip
    notes = {name: result.note for name, result in zip(names, results, strict=True) if result.note}
    assert notes == {
        "films/c.zip": "left out 1 file: 1 `.csv`", "films": "left out 2 files: 1 `.png`, 1 `.txt`"
    }  # fmt: skip
    assert [name for name, result in zip(names, results, strict=True) if result.error] == ["films/b/bad.png"]


def test_a_folder_without_images_is_one_sentence(tmp_path):
    (tmp_path / "letter.txt").write_text("not a film")
    (result,) = classify_files(Brightness(), [tmp_path], folders=True)
    assert "holds no pictures" in result.error and "1 `.txt`" in result.error


def test_thumbnails_are_small_and_keep_the_shape(tmp_path):
    (tmp_path / "a.png").write_bytes(png())
    (tmp_path / "b.png").write_bytes(png(np.dstack([RADIOGRAPH] * 3)))
    grey, colour = classify_files(Brightness(), [tmp_path / "a.png", tmp_path / "b.png"])
    assert grey.thumbnail.size == colour.thumbnail.size == (96, 29)
    assert (grey.thumbnail.mode, colour.thumbnail.mode) == ("L", "RGB")


def test_a_picture_for_a_screen_is_kept_where_it_is_asked_for(tmp_path):
    (tmp_path / "a.png").write_bytes(png())
    (plain,) = classify_files(Brightness(), [tmp_path / "a.png"])
    (pictured,) = classify_files(Brightness(), [tmp_path / "a.png"], side=100)
    assert plain.picture is None
    with Image.open(io.BytesIO(pictured.picture)) as picture:
        assert (picture.format, picture.mode, picture.size) == ("JPEG", "L", (100, 30))
    assert pictured.thumbnail.size == plain.thumbnail.size


def test_how_many_images_are_to_come_is_known_from_the_tables_of_contents(tmp_path):
    (tmp_path / "a.png").write_bytes(png())
    films = archive(tmp_path / "films.zip", [("a/", b""), ("a/b.png", png()), ("c.png", png())])
    assert batch.expected([str(tmp_path / "a.png"), str(films), str(tmp_path / "missing.png")]) == 4


@pytest.mark.parametrize(
    ("probability", "point", "expected"),
    [
        (0.9, "balanced", "signs"),
        (0.1, "balanced", "uncertain"),
        (0.01, "balanced", "no_sign"),
        (0.09, "screening", "flagged"),
        (0.01, "screening", "no_sign"),
    ],
)
def test_the_answer_of_a_row_is_the_finding_and_a_warned_film_has_none(probability, point, expected):
    for verdict, answer in ((Verdict("fine"), expected), (input_check.verdict("blurred"), "not_reliable")):
        prediction = Prediction("A", {"NORMAL": 1 - probability, "PNEUMONIA": probability}, {}, verdict)
        result = Result("a.png", prediction)
        (row,) = table([(result, decision.report(PNEUMONIA, prediction, point))])
        assert batch.kind(result, decision.report(PNEUMONIA, prediction, point)) == answer
        assert row["answer"] == batch.HEADLINES[answer]
        assert (row["label"] == row["finding"] == "") == (answer == "not_reliable")


def test_images_go_through_the_network_in_batches_and_bad_ones_do_not(tmp_path):
    classifier = Brightness()
    members = [(f"{index}.png", png() if index % 2 else b"bad") for index in range(100)]
    results = list(classify_files(classifier, [archive(tmp_path / "films.zip", members)]))
    assert [result.error is None for result in results] == [index % 2 == 1 for index in range(100)]
    assert classifier.batches == [16, 16, 16, 2]


def test_a_batch_without_a_image_is_not_predicted(tmp_path):
    path = archive(tmp_path / "films.zip", [("a.png", b"bad")])
    (result,) = classify_files(Brightness(), [path])
    assert result.error


def test_no_more_is_read_ahead_than_the_next_batch(tmp_path):
    (tmp_path / "film.png").write_bytes(png())
    asked = []

    def files():
        for index in range(4 * batch.BATCH_SIZE):
            asked.append(index)
            yield tmp_path / "film.png"

    results = classify_files(Brightness(), files())
    assert next(results).error is None
    results.close()
    assert batch.BATCH_SIZE <= len(asked) <= 2 * batch.BATCH_SIZE


def test_the_next_batch_is_read_while_the_network_sees_this_one(tmp_path):
    (tmp_path / "film.png").write_bytes(png())
    read_ahead = threading.Event()

    def files():
        for index in range(batch.BATCH_SIZE + 1):
            if index == batch.BATCH_SIZE:
                read_ahead.set()
            yield tmp_path / "film.png"

    class Waiting(Brightness):
        def predict(self, images, views):
            assert read_ahead.wait(10), "nothing was read"
            return super().predict(images, views)

    assert len(list(classify_files(Waiting(), files()))) == batch.BATCH_SIZE + 1


def test_one_file_for_each_core_is_in_memory_as_it_was_stored(tmp_path):
    size, count = 4_000_000, 48
    path = archive(tmp_path / "films.zip", [(f"{index}.png", bytes(size)) for index in range(count)], 0)
    tracemalloc.start()
    assert all(result.error for result in classify_files(Brightness(), [path]))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < (usable_cores() + 2) * size


def test_who_wants_no_more_results_leaves_no_threads_behind(tmp_path):
    (tmp_path / "film.png").write_bytes(png())
    before, files = threading.active_count(), itertools.repeat(tmp_path / "film.png")
    results = classify_files(Brightness(), files)
    assert next(results).error is None and threading.active_count() > before
    results.close()
    assert threading.active_count() == before

    class Broken(Brightness):
        def predict(self, images, views):
            raise RuntimeError("the network fell over")

    with pytest.raises(RuntimeError, match="fell over"):
        next(classify_files(Broken(), files))
    assert threading.active_count() == before


def test_what_goes_wrong_while_files_are_listed_is_raised_after_the_results_before_it(tmp_path):
    (tmp_path / "film.png").write_bytes(png())

    def files():
        yield from [tmp_path / "film.png"] * batch.BATCH_SIZE
        raise OSError("the disk is gone")

    results = classify_files(Brightness(), files())
    assert all(next(results).prediction for _ in range(batch.BATCH_SIZE))
    with pytest.raises(OSError, match="the disk is gone"):
        next(results)


def test_a_result_says_which_file_it_is_of_and_uploads_go_through_the_network_together(tmp_path):
    uploads = []
    for index in range(40):
        (tmp_path / f"{index}").mkdir()
        uploads.append(str(tmp_path / f"{index}" / "film.png"))
        Path(uploads[-1]).write_bytes(png())
    (tmp_path / "zip").mkdir()
    uploads[7:7] = [str(archive(tmp_path / "zip" / "films.zip", [("a.png", png()), ("b.png", b"bad")]))]
    classifier = Brightness()
    results = list(handlers.classify_uploads(classifier, uploads))
    expected = ["film.png"] * 40
    expected[7:7] = ["films.zip/a.png", "films.zip/b.png"]
    assert [result.name for result in results] == expected
    assert [result.file for result in results] == [*range(8), 7, *range(8, 41)]
    assert classifier.batches == [31, 10]


def test_a_rate_is_images_a_second():
    assert batch.rate(20, time.perf_counter() - 10) == "2.0 pictures/s"
    assert batch.rate(0, time.perf_counter()) == "0.0 pictures/s"


def test_memory_does_not_grow_with_the_number_of_files(tmp_path):
    radiograph = png(np.zeros((600, 600), np.uint8))
    peaks = []
    for count in (64, 320):
        path = archive(tmp_path / f"{count}.zip", [(f"{index}.png", radiograph) for index in range(count)])
        tracemalloc.start()
        assert sum(result.error is None for result in classify_files(Brightness(), [path])) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 500_000


PNEUMONIA = SimpleNamespace(
    classes=["NORMAL", "PNEUMONIA"],
    operating_points={"balanced": 0.1, "screening": 0.05},
    prevalence=0.5,
    calibration_covariance=None,
)
OTHER = SimpleNamespace(classes=["A"], operating_points={}, prevalence=0.5)


def report(result, classifier=PNEUMONIA):
    return result, result.prediction and decision.report(classifier, result.prediction)


def table(rows):
    return list(csv.DictReader(io.StringIO(to_csv(rows))))


def test_a_table_has_a_row_per_result_and_says_what_the_page_says():
    prediction = Prediction("PNEUMONIA", {"NORMAL": 0.25, "PNEUMONIA": 0.75}, {})
    warned = Prediction("NORMAL", {"NORMAL": 0.88, "PNEUMONIA": 0.12}, {}, input_check.verdict("blurred"))
    refused = Prediction(None, {}, {}, input_check.verdict("blank"))
    rows = table(
        [
            report(Result("a.png", prediction)),
            report(Result("b.png", warned)),
            report(Result("c.png", refused)),
            report(Result("d.png", error="d.png is empty; export or download it again.")),
            report(Result("films.zip", note="left out 2 files: 1 `.csv`, 1 `.txt`")),
        ]
    )
    assert list(rows[0]) == [
        "file", "answer", "label", "finding", "likelihood_ratio", "prevalence", "operating_point",
        "threshold", "probability_NORMAL", "probability_PNEUMONIA", "status", "reason", "message",
    ]  # fmt: skip
    kinds = ["signs", "not_reliable", "refused", "unreadable", "left_out"]
    assert [row["answer"] for row in rows] == [batch.HEADLINES[each] for each in kinds]
    assert [row["label"] for row in rows] == ["PNEUMONIA", "", "", "", ""]
    assert [row["finding"] for row in rows] == ["signs of pneumonia", "", "", "", ""]
    assert [row["likelihood_ratio"] for row in rows] == ["3.0", "0.136364", "", "", ""]
    assert [row["prevalence"] for row in rows] == ["0.5", "0.5", "0.5", "", ""]
    assert [row["operating_point"] for row in rows] == ["balanced", "balanced", "balanced", "", ""]
    assert [row["threshold"] for row in rows] == ["0.1", "0.1", "0.1", "", ""]
    assert [row["probability_PNEUMONIA"] for row in rows] == ["0.75", "0.12", "", "", ""]
    assert [row["status"] for row in rows] == ["unchecked", "warned", "refused", "error", "left out"]
    assert [row["reason"] for row in rows] == ["", "blurred", "blank", "", ""]
    assert rows[2]["message"] == input_check.verdict("blank").sentence
    assert rows[3]["message"] == "d.png is empty; export or download it again."
    assert rows[4]["message"] == "left out 2 files: 1 `.csv`, 1 `.txt`"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_file_name_is_never_a_formula(start):
    name = f'{start}HYPERLINK("http://example.org","film").png'
    (row,) = table([(Result(name, error=f"{name} is empty; export or download it again."), None)])
    assert row["file"] == f"'{name}" and row["message"].startswith("'")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_class_is_never_a_formula(start):
    name = f"{start}1+1"
    (row,) = table([report(Result("a.png", Prediction(name, {name: 1.0}, {})), OTHER)])
    assert row["answer"] == row["label"] == f"'{name}"
    assert [row[column] for column in ("finding", "operating_point", "threshold")] == ["", "", ""]


def test_names_with_commas_quotes_and_other_bytes_come_back_whole():
    name = 'a, "b"; c\nd 胸.png'
    (row,) = table([report(Result(name, Prediction("A", {"A": 1.0}, {}, Verdict("fine"))), OTHER)])
    assert row["file"] == name
    to_csv([(Result(os.fsdecode(b"\xff.png"), error="x"), None)]).encode("utf-8")


def test_a_table_of_nothing_has_a_head():
    head = to_csv([])
    assert head.startswith("file,answer,label,") and head.endswith(",status,reason,message\r\n")


def test_no_web_framework_and_no_torch_is_imported():
    program = (
        "import sys, hub.inference.batch\n"
        "print(sorted({'gradio', 'streamlit', 'torch', 'datasets', 'scipy', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "[]", done.stderr
