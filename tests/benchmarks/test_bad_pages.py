"""What counts as an answer of the page in the browser to a bad file."""

import pytest

from benchmarks.reliability import page


class Window:
    """A window of the page that says what it is told to."""

    def __init__(self, answer):
        self.answer = answer

    def evaluate(self, script, given):
        return self.answer


@pytest.mark.parametrize(
    ("answer", "counted"),
    [
        ({"label": "NORMAL", "heatmap": None}, "answer"),
        ({"error": "a.png is damaged or cut short; export or download it again."}, "sentence"),
    ],
)
def test_an_answer_and_a_sentence_are_counted(answer, counted, tmp_path):
    assert page.ask(Window(answer), tmp_path, "a.png", b"") == counted


@pytest.mark.parametrize(
    "answer",
    [None, {"error": ""}, {"error": "a.png is\nno image."}, {"error": "TypeError: x is undefined"}],
)
def test_silence_and_the_words_of_a_program_are_faults(answer, tmp_path):
    with pytest.raises(AssertionError):
        page.ask(Window(answer), tmp_path, "a.png", b"")
