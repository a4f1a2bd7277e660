"""`python -m hub score`."""

import pyarrow.parquet as pq
import pytest


@pytest.fixture
def films(tmp_path, write_radiographs):
    """A folder of three radiographs, a broken one and a file that is none."""
    (tmp_path / "films").mkdir()
    write_radiographs(tmp_path / "films", 3)
    (tmp_path / "films" / "broken.png").write_bytes(b"no image")
    (tmp_path / "films" / "notes.txt").write_text("none")
    return tmp_path / "films"


def test_a_folder_is_scored_and_the_last_lines_say_what_came_out(run, films, tmp_path):
    code, out, _ = run("score", films, tmp_path / "out", "--workers", 1, "--prevalence", 0.1)
    assert code == 0
    assert "Scored 4 images in" in out and "1 unreadable" in out and "left out 1 file " in out
    (file,) = (tmp_path / "out").glob("*.parquet")
    rows = pq.read_table(file).to_pylist()
    assert sorted(row["path"] for row in rows) == sorted(str(path) for path in films.glob("*.png"))
    answered = [row for row in rows if not row["error"]]
    for row in answered:
        odds = row["likelihood_ratio"] / 9
        assert row["probability"] == pytest.approx(odds / (1 + odds))
    code, out, _ = run("score", films, tmp_path / "out", "--workers", 1, "--prevalence", 0.1)
    assert code == 0 and "Scored 4 images already" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--workers", 0], "--workers of 1 or more"),
        (["--shard-size", 0], "--shard-size"),
        (["--shard-size", 10**30], "--shard-size from 1 to 1,000,000"),
        (["--model", "nowhere/at-all"], "nowhere/at-all"),
        (["--prevalence", 2], "prevalence"),
        (["--ray", "127.0.0.1:1"], "ray"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_leaves_nothing(
    run, films, tmp_path, monkeypatch, arguments, words
):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    code, _, error = run("score", films, tmp_path / "out", *arguments)
    assert code == 2 and words in error and error.count("\n") == 1
    assert not list((tmp_path / "out").glob("*.parquet"))


def test_scores_into_a_folder_whose_name_is_not_in_utf8_are_refused_before_it_is_made(run, films, tmp_path):
    code, _, error = run("score", films, f"{tmp_path}/out\udcff", "--workers", 1)
    assert code == 2 and r"out\xff is not in UTF-8" in error
    assert list(tmp_path.iterdir()) == [films]
