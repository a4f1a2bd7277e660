"""A data set as a benchmark of the Hub, and a model's results on it.

The data set's eval.yaml names the tasks; files in `.eval_results/` of a model give its values, which the Hub
shows on the model's page and ranks on the data set's (https://huggingface.co/docs/hub/eval-results).
"""

from pathlib import Path

from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml
from huggingface_hub.utils import yaml_dump

from hub.files import write_text
from hub.models.card_metadata import is_training_data
from hub.models.folder import read_metrics
from hub.text import interval
from hub.version import NAME

TASKS = {"accuracy": "accuracy", "auc": "auc"}  # key in metrics.json: id of the task
RESULTS = f".eval_results/{NAME}.yaml"


def write_benchmark(folder: Path, title: str, classes: list[str]) -> None:
    """Write eval.yaml of a data set: its tasks are TASKS on the test split."""
    description = (
        f"Classification of images as {', '.join(classes)}. accuracy is that of the most probable class, "
        f"auc the {_area(classes)}, both from 0 to 1 on the test split, which chooses nothing."
    )
    tasks = [{"id": task, "config": "default", "split": "test"} for task in TASKS.values()]
    content = {"name": title, "description": description, "evaluation_framework": NAME, "tasks": tasks}
    write_text(folder / "eval.yaml", yaml_dump(content, sort_keys=False))


def write_results(folder: Path, repo_id: str) -> None:
    """Write a model's results on the test split.

    There are none where no data set on the Hub was named, or another one was measured: a leaderboard belongs
    to one.
    """
    metrics = read_metrics(folder)
    dataset_id, test = metrics.get("card", {}).get("dataset_id"), metrics.get("test")
    if not dataset_id or not test or not is_training_data(metrics, test["dataset"]):
        return
    how = {"accuracy": "of the most probable class", "auc": _area(test["classes"])}
    of = "patients" if test.get("patients") else "images"
    entries = [
        EvalResultEntry(
            dataset_id=dataset_id,
            task_id=task,
            value=round(test[key]["value"], 4),
            date=test.get("date"),
            source_url=f"https://huggingface.co/{repo_id}",
            source_name="Model card",
            source_user=repo_id.split("/")[0],
            notes=f"{how[key]}; 95 % interval {interval(test[key])} "
            f"by a bootstrap over {of}; no weight, calibration or threshold was fitted on test data",
        )
        for key, task in TASKS.items()
        if test.get(key, {}).get("value") is not None
    ]
    (folder / RESULTS).parent.mkdir()
    write_text(folder / RESULTS, yaml_dump(eval_result_entries_to_yaml(entries), sort_keys=False))


def _area(classes: list[str]) -> str:
    """Return what the AUC of these classes is."""
    area = "area under the ROC curve"
    return area if len(classes) == 2 else f"mean over the classes of the {area} of one against the rest"
