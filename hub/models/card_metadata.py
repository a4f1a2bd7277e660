"""The block of metadata at the top of a model card, as the Hub reads it."""

from huggingface_hub import EvalResult, ModelCardData

from hub.models.own_names import is_own
from hub.repo_id import is_hub_id
from hub.text import interval

LICENCE = "apache-2.0"  # of a model where nobody says another
# For each of our metrics the Hub's id and its name on the card.
METRICS = {
    "accuracy": ("accuracy", "Accuracy"),
    "accuracy_at_balanced": ("accuracy", "Accuracy at the balanced operating point"),
    "auc": ("roc_auc", "AUC"),
    "f1": ("f1", "F1"),
    "sensitivity": ("recall", "Sensitivity"),
    "specificity": ("specificity", "Specificity"),
}
# Their names where there are more than two classes.
MACRO = {"auc": "Macro AUC of one class against the rest", "f1": "Macro F1"}
# Synthetic radiographs that travel with a published model: file, class and title.
EXAMPLES = (
    ("examples/synthetic_normal.png", "NORMAL", "Synthetic radiograph, normal lungs"),
    ("examples/synthetic_pneumonia.png", "PNEUMONIA", "Synthetic radiograph, pneumonia"),
)
THUMBNAIL = "thumbnail.png"


def card_data(config: dict, metrics: dict, repo_id: str | None) -> ModelCardData:
    """Return the metadata of a model folder with this config.json and metrics.json.

    The section `card` of the metrics holds what `hub card` and `publish model` were told: `license`,
    `dataset_id` and `base_model`. What only a repo on the Hub has needs its `repo_id`.
    """
    told, training = metrics.get("card", {}), metrics["training"]
    own, radiograph = is_own(config["architecture"]), config["radiograph"]
    dataset_id = told.get("dataset_id") or (training["dataset"] if is_hub_id(training["dataset"]) else None)
    base_model = told.get("base_model") or training.get("base_model")
    results = _results(config, metrics, dataset_id)
    return ModelCardData(
        license=told.get("license", LICENCE),
        datasets=[dataset_id] if dataset_id else None,
        base_model=base_model,
        base_model_relation="finetune" if base_model else None,
        library_name="timm",
        pipeline_tag="image-classification",
        tags=["image-classification", "timm", "onnx"]
        + ([] if own else ["transformers"])
        + (["transformers.js"] if config["pretrained_cfg"]["input_size"][0] == 3 else [])
        + (["chest-x-ray", "medical"] if radiograph else []),
        metrics=list(dict.fromkeys(result.metric_type for result in results)) or None,
        thumbnail=file_url(repo_id, THUMBNAIL) if repo_id and has_examples(config) else None,
        widget=[{"src": file_url(repo_id, file), "example_title": title} for file, _, title in EXAMPLES]
        if repo_id and has_examples(config)
        else None,
        model_name=f"{config['architecture']}-{'pneumonia' if radiograph else 'classifier'}",
        eval_results=results,
    )


def has_examples(config: dict) -> bool:
    """Return whether a model is for radiographs like the synthetic ones."""
    return config["radiograph"] and config["label_names"] == [label for _, label, _ in EXAMPLES]


def file_url(repo_id: str, file: str) -> str:
    """Return the address of a file of a model on the Hub."""
    return f"https://huggingface.co/{repo_id}/resolve/main/{file}"


def is_training_data(metrics: dict, dataset: str) -> bool:
    """Return whether a data set of this public name is what the model was trained on.

    `hub evaluate` measures any data of the same classes.
    """
    told = metrics.get("card", {}).get("dataset_id")
    return dataset in (metrics["training"]["dataset"], told)


def _results(config: dict, metrics: dict, dataset_id: str | None) -> list[EvalResult]:
    """Return the measured metrics of both splits, with intervals in their names.

    The format has no other place for them.
    """
    macro = MACRO if len(config["label_names"]) > 2 else {}
    other = "chest-xray-pneumonia" if config["radiograph"] else "image-folder"
    return [
        EvalResult(
            task_type="image-classification",
            task_name="Image classification",
            dataset_type=(dataset_id if is_training_data(metrics, metrics[split]["dataset"]) else None)
            or ("synthetic" if metrics[split]["dataset"] == "synthetic" else other),
            dataset_name=metrics[split]["dataset"],
            dataset_split=split,
            metric_type=kind,
            metric_name=f"{macro.get(key, name)}, 95 % interval {interval(metric)}",
            metric_value=round(metric["value"], 4),
        )
        for split in ("validation", "test")
        for key, (kind, name) in METRICS.items()
        if (metric := metrics.get(split, {}).get(key, {})).get("value") is not None
    ]
