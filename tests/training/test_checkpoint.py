"""`training.checkpoint`: what is kept of a run that is stopped."""

import pytest
from datasets import Dataset, DatasetDict

from hub.errors import InputError
from hub.training import checkpoint


def test_a_checkpoint_that_cannot_be_written_is_said_and_leaves_nothing(tmp_path, capsys):
    (tmp_path / "run.pt").mkdir()
    checkpoint.save(tmp_path / "run.pt", {}, {"step": 1})
    assert "is not kept for --resume" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["run.pt"]


def test_a_damaged_checkpoint_is_refused(tmp_path):
    path = tmp_path / "run.pt"
    checkpoint.save(path, {}, {"step": 1})
    for content in (path.read_bytes()[:-100], b"", b"no checkpoint"):
        path.write_bytes(content)
        with pytest.raises(InputError, match="is damaged; leave --resume out"):
            checkpoint.load(path, {})


def test_equal_images_with_other_labels_are_other_data():
    def describe(train=(0, 1), validation=(1, 0), digests=("a", "b")):
        labels = {"train": train, "validation": validation}
        splits = DatasetDict({name: Dataset.from_dict({"label": given}) for name, given in labels.items()})
        return checkpoint.describe_images(splits, dict.fromkeys(splits, digests))

    assert describe() == describe()
    assert describe().startswith("2 + 2 (")
    assert len({describe(), describe((1, 0)), describe(validation=(0, 1)), describe(digests=("b", "a"))}) == 4
