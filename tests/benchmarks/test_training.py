"""The comparison of train.py with plain fine-tunes."""

from benchmarks import training


def learned(seconds, aucs, views_aucs):
    """What `training` keeps of one who learned."""
    epochs = [{"seconds": second, "auc": auc} for second, auc in zip(seconds, aucs, strict=True)]
    for epoch, auc in zip(epochs[-len(views_aucs) :], views_aucs, strict=True):
        epoch["views_auc"] = auc
    return {"epochs": epochs, "megabytes": 2500}


def test_the_share_of_the_time_is_until_the_first_epoch_that_is_as_good():
    rows = {
        "Keras fit": learned([100, 200], [0.98, 0.985], [0.9]),
        "transformers Trainer": learned([90, 180], [0.98, 0.999], [0.96]),
        "train.py": learned([20, 40, 60], [0.97, 0.99, 0.995], [0.92, 0.94, 0.95]),
    }
    about = {"cpu": "A processor", "cores": 2, "torch": "2.15"}
    table = training.format_table({"rows": rows, "machine": about}).splitlines()
    assert table[2] == "| Keras fit | 2 | 200 | 0.9850 | 40 (0.20) | 0.9000 | 20 (0.10) | 2.5 |"
    assert table[3] == "| transformers Trainer | 2 | 180 | 0.9990 | never | 0.9600 | never | 2.5 |"
    assert table[4] == "| `train.py` | 3 | 60 | 0.9950 |  | 0.9500 |  | 2.5 |"


def test_without_train_py_there_is_nothing_to_compare_with():
    about = {"cpu": "A processor", "cores": 2, "torch": "2.15"}
    record = {"rows": {"Keras fit": learned([100], [0.98], [0.9])}, "machine": about}
    assert "| Keras fit | 1 | 100 | 0.9800 |  | 0.9000 |  | 2.5 |" in training.format_table(record)
