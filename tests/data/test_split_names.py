"""Which split a name means."""

import pytest
from datasets.data_files import SPLIT_KEYWORDS

from hub.data.split_names import KEYWORDS, split_of, split_word


def test_the_words_are_those_of_datasets():
    assert {split: set(words) for split, words in KEYWORDS.items()} == {
        str(split): set(words) for split, words in SPLIT_KEYWORDS.items()
    }


@pytest.mark.parametrize("name", ["extra", "holdout", "trainee", "contest", "trains", "NORMAL", "test1", ""])
def test_other_names_mean_no_split(name):
    assert split_of(name) is None


@pytest.mark.parametrize(
    ("file", "word"),
    [("train-00000-of-00002.parquet", "train"), ("data/Val_0.parquet", "Val"), ("test/0000.parquet", "test"),
     ("cifar10-test.arrow", "test"), ("stage_2_train_labels.csv", "train"), ("contest.csv", None)],
)  # fmt: skip
def test_a_file_is_of_the_split_that_its_name_or_folder_says(file, word):
    assert split_word(file) == word
