"""Commands that are printed can be pasted, whatever the names in them."""

import shlex

import pytest

from hub.cli import train
from hub.errors import InputError
from hub.export.onnx import verify
from hub.training.report import format_summary

VALIDATION = {
    "split": "validation", "dataset": "my pictures", "n": 1, "patients": 1, "classes": ["a", "b"],
    "prevalence": 0.5,
}  # fmt: skip


@pytest.fixture
def settings(tmp_path):
    options = [
        "--dataset",
        "my pictures",
        "--output",
        str(tmp_path / "my model"),
        "--push-to",
        "someone/model",
    ]
    return train.parse_settings("", options)


def test_the_next_command_of_training_quotes_its_paths(settings):
    text = format_summary(settings, {"validation": VALIDATION}, 1)
    command = shlex.split(text.split("next: ")[1])
    assert command[3:] == ["evaluate", str(settings.output), "--dataset", "my pictures"]
    assert "1 image of 1 patient," in text


@pytest.mark.parametrize(("kept", "says"), [(True, False), (False, True)])
def test_training_says_where_8_bits_were_left_out(settings, kept, says):
    metrics = {"validation": VALIDATION, "onnx": {"int8_kept": kept}}
    assert ("32 bits only" in format_summary(settings, metrics, 1)) == says


def test_the_command_that_uploads_later_quotes_its_paths(settings):
    command = train._not_pushed(settings).split("`")[1]
    assert shlex.split(command)[4:] == ["model", str(settings.output), "someone/model"]


def test_the_command_that_exports_quotes_its_paths(tmp_path):
    folder = tmp_path / "my model"
    folder.mkdir()
    (folder / "metrics.json").write_text("{}")
    with pytest.raises(InputError) as error:
        verify(folder)
    assert str(folder) in shlex.split(str(error.value).split("; run ")[1])
