"""Write the model card, README.md of a model folder, from its figures."""

from pathlib import Path

from huggingface_hub import EvalResult, ModelCard, ModelCardData
from jinja2 import TemplateError

from hub.errors import InputError
from hub.files import write_text
from hub.models import architectures
from hub.models.folder import ANSWER, METRICS, read_metrics, read_named_config
from hub.repo_id import is_hub_id

TEMPLATE = Path(__file__).parent / "card.md"


def write_card(folder: Path, repo_id: str | None = None, page: str | None = None) -> None:
    """Write README.md of the folder, the text of `card_text`."""
    write_text(folder / "README.md", card_text(folder, repo_id, page))


def card_text(folder: Path, repo_id: str | None = None, page: str | None = None) -> str:
    """Return the card of a model folder, from its config.json and metrics.json.

    Its examples load `repo_id` from the Hub or, without one, a local folder. `page` is the Hub id of the
    static Space that answers in the visitor's browser, if there is one. Raises InputError where one of
    the files cannot be read, or metrics.json is not as `python -m hub` writes it.
    """
    config, metrics = read_named_config(folder), read_metrics(folder)
    try:
        return _card(
            config, metrics, {"repo_id": repo_id, "page": page, "answer": (folder / ANSWER).is_file()}
        )
    except (AttributeError, ArithmeticError, LookupError, TypeError, ValueError, TemplateError):
        raise InputError(f"{folder}/{METRICS} is not as train.py writes it; get the model again.") from None


def _card(config: dict, metrics: dict, context: dict[str, object]) -> str:
    results = []
    for split in ("validation", "test"):
        names = {
            "accuracy": "Accuracy",
            "auc": "AUC",
            "f1": "F1",
            "sensitivity": "Sensitivity",
            "specificity": "Specificity",
        }
        for key, name in names.items():
            if metrics.get(split, {}).get(key, {}).get("value") is not None:
                results.append(
                    EvalResult(
                        task_type="image-classification",
                        dataset_type="chest-xray-pneumonia" if config["radiograph"] else "image-folder",
                        dataset_name=_public_name(metrics[split]["dataset"]),
                        dataset_split=split,
                        metric_type=key,
                        metric_name=name,
                        metric_value=round(metrics[split][key]["value"], 4),
                    )
                )
    trained_on, own = metrics["training"]["dataset"], architectures.is_own(config["architecture"])
    data = ModelCardData(
        license="apache-2.0",
        datasets=[trained_on] if is_hub_id(trained_on) else None,
        library_name="timm",
        pipeline_tag="image-classification",
        tags=["image-classification", "timm"]
        + ([] if own else ["transformers"])
        + (["chest-x-ray", "medical"] if config["radiograph"] else []),
        model_name=f"{config['architecture']}-{'pneumonia' if config['radiograph'] else 'classifier'}",
        eval_results=results,
    )
    card = ModelCard.from_template(
        data,
        template_path=str(TEMPLATE),
        config=config,
        metrics=metrics,
        own=own,
        **context,
    )
    return str(card)


def _public_name(source: str) -> str:
    """Return a Hub id, or the last part of a path: the rest of it is private."""
    return source if is_hub_id(source) else Path(source).name
