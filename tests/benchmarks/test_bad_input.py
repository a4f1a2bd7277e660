"""Bad input of every kind, in a small number; the full ones are a command."""

import math
import os

import pytest

from benchmarks.reliability import bad_input, corpus


def test_the_corpus_is_the_same_for_the_same_seed_and_has_every_format_and_damage():
    cases = list(corpus.cases(2 * len(corpus.films())))
    assert cases == list(corpus.cases(2 * len(corpus.films())))
    assert len({what for what, _, _ in cases}) == len(cases)


@pytest.mark.filterwarnings("ignore")
def test_bad_files_are_answered_or_refused_in_a_sentence(classifier, tmp_path):
    files = [case for case in corpus.cases(150, seed=1) if not case[0].endswith(("avif", "jpeg.tif"))]
    figures = bad_input.through(bad_input._read, os.getpid(), iter(files))
    assert figures["first_unexpected"] == [] and figures["cases"] == len(files)
    assert min(figures["answers"], figures["sentences"]) > 20 and figures["megabytes"] < 500
    name, data = "../a\nb.png", corpus.films()["png"]
    assert bad_input._command_line(tmp_path, name, data[:-60]) == "sentence"
    assert bad_input._command_line(tmp_path, name, data) == "answer"


@pytest.mark.filterwarnings("ignore")
def test_fuzzed_bytes_are_read_or_refused():
    figures = bad_input.fuzz_readers(math.inf, most=20)
    assert figures["cases"] == 20 and figures["first_unexpected"] == []


@pytest.mark.slow
def test_bombs_take_less_than_500_megabytes(classifier):
    def way(name, data):
        return (
            bad_input._read(name, data)
            if data[:4] == b"PK\3\4"
            else bad_input._classify(classifier, name, data)
        )

    figures = bad_input.through(way, os.getpid(), corpus.bombs(every=4))
    assert figures["first_unexpected"] == [] and figures["megabytes"] < 500, figures
