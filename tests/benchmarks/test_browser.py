"""The page beside Python: what counts as another answer, and what is written of it."""

import pytest

from benchmarks import browser
from hub.errors import InputError
from hub.inference.decision import report


class Window:
    """A window of the page that answers what it is told to, by the name of the file."""

    def __init__(self, answers):
        self.answers = answers

    def evaluate(self, script, given):
        return self.answers[given[0]]


@pytest.fixture
def paths(radiograph_folder):
    """Three radiographs and a file that is no image."""
    paths = sorted(radiograph_folder.iterdir())[:3]
    (radiograph_folder / "notes.png").write_text("no image")
    return [*paths, radiograph_folder / "notes.png"]


@pytest.fixture
def answers(classifier, paths):
    """What Python says of each, by name."""
    answers = {path.name: report(classifier, classifier(path)) for path in paths[:3]}
    with pytest.raises(InputError) as error:
        classifier(paths[3])
    return answers | {paths[3].name: {"error": str(error.value).replace(str(paths[3]), paths[3].name)}}


def test_the_same_answers_and_the_same_sentences_count_as_the_same(classifier, paths, answers):
    found = browser._compare(Window(answers), classifier, paths)
    assert found == {"files": 4, "different": [], "largest_gap": 0}


@pytest.mark.parametrize(
    "change",
    [
        {"label": "another"},
        {"finding": "another"},
        {"verdict": {"status": "warned", "reason": "blurred", "sentence": "…"}},
        {"error": "another sentence"},
    ],
)
def test_another_label_verdict_or_sentence_counts_as_different(classifier, paths, answers, change):
    name = paths[0].name
    found = browser._compare(Window(answers | {name: answers[name] | change}), classifier, paths)
    assert found["different"] == [name]


def test_a_probability_may_differ_a_little(classifier, paths, answers):
    for gap, different in ((0.004, []), (0.006, [paths[0].name])):
        moved = {"probability": answers[paths[0].name]["probability"] - gap}
        changed = answers | {paths[0].name: answers[paths[0].name] | moved}
        found = browser._compare(Window(changed), classifier, paths)
        assert found["different"] == different
        assert found["largest_gap"] == pytest.approx(gap)


def test_the_figures_have_a_row_for_each_folder_and_take_the_place_of_older_ones():
    figures = {
        "machine": {"cpu": "a processor", "cores": 2, "torch": "2"},
        "chromium": "150.0",
        "precision": "int8",
        "loaded": {"requests": 40, "bytes": 7_100_000},
        "built": {"files": 70, "bytes": 8_500_000},
        "times": {"first_answer_ms": 1500, "later_median_ms": {"2": 20.1, "1": 35.2}},
        "memory_mb": {"50": 90.1, "500": 90.2},
        "lighthouse": {"mobile": {"performance": 96, "best-practices": 100}},
        "requests_to_other_origins": 0,
        "sets": {"test": {"files": 624, "different": ["a.png"], "largest_gap": 1e-6}},
    }
    page = browser.with_figures(browser.PAGE.read_text(), figures)
    assert browser.with_figures(page, figures) == page
    text = browser.format_figures(figures)
    assert text in page
    assert "| test | 624 | 1 | 1.0e-06 |" in text
    assert "20.1 ms with 2 threads, 35.2 ms with 1 thread." in text
    assert "90.1 MB after 50 films, 90.2 MB after 500 films" in text
    assert "as a mobile sees it: performance 96, best practices 100." in text
    assert "7.10 MB in 40 requests" in text


def test_folders_of_one_name_are_refused(radiograph_folder):
    other = radiograph_folder / radiograph_folder.name
    with pytest.raises(InputError, match="Two folders have one name"):
        browser.main(["--films", str(radiograph_folder), "--others", str(other)])


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="There is no file in"):
        browser.main(["--films", str(tmp_path)])
