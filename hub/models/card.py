"""Write the model card, README.md of a model folder, from its figures."""

import shlex
from pathlib import Path

from huggingface_hub import ModelCard
from jinja2 import TemplateError

from hub.errors import InputError
from hub.files import write_text
from hub.models.card_metadata import card_data
from hub.models.folder import ANSWER, METRICS, read_metrics, read_named_config
from hub.models.own_names import is_own
from hub.public_names import public_record
from hub.text import counted, interval, markdown, markdown_code, patient_noun

TEMPLATE = Path(__file__).parent / "card.md"


def write_card(
    folder: Path, repo_id: str | None = None, page: str | None = None, tag: str | None = None
) -> None:
    """Write README.md of the folder, the text of `card_text`."""
    write_text(folder / "README.md", card_text(folder, repo_id, page, tag))


def card_text(
    folder: Path, repo_id: str | None = None, page: str | None = None, tag: str | None = None
) -> str:
    """Return the card of a model folder, from its config.json and metrics.json.

    Its examples load `repo_id` from the Hub, at the revision `tag` where there is one, or, without a
    `repo_id`, a local folder. `page` is the Hub id of the static Space that answers in the visitor's browser,
    if there is one. Raises InputError where one of the files cannot be read, or metrics.json is not as
    `python -m hub` writes it.
    """
    config, metrics = read_named_config(folder), read_metrics(folder)
    try:
        context = {"repo_id": repo_id, "page": page, "tag": tag, "answer": (folder / ANSWER).is_file()}
        return _card(config, metrics, context)
    except (AttributeError, ArithmeticError, LookupError, TypeError, ValueError, TemplateError):
        raise InputError(f"{folder}/{METRICS} is not as train.py writes it; get the model again.") from None


def _card(config: dict, metrics: dict, context: dict[str, object]) -> str:
    metrics = public_record(metrics)
    training = metrics["training"]
    is_synthetic = training["dataset"] == "synthetic" or training["splits"].get("groups") == ""
    metrics = _with_dataset_id(metrics, metrics.get("card", {}).get("dataset_id"))
    data = card_data(config, metrics, context["repo_id"])
    card = ModelCard.from_template(
        data,
        template_path=str(TEMPLATE),
        config=config,
        metrics=metrics,
        own=is_own(config["architecture"]),
        is_synthetic=is_synthetic,
        groups="" if is_synthetic else patient_noun(training["splits"]),
        base_model=data.base_model,
        license=data.license,
        names=[markdown(name) for name in config["label_names"]],
        shown=markdown,
        code=markdown_code,
        counted=counted,
        interval=interval,
        quote=shlex.quote,
        **context,
    )
    return str(card)


def _with_dataset_id(metrics: dict, dataset_id: str | None) -> dict:
    """Return metrics.json with the published data set in place of the local one.

    Commands of the card then run for anybody.
    """
    if not dataset_id:
        return metrics
    local, named = metrics["training"]["dataset"], {}
    for name, section in metrics.items():
        is_of_it = isinstance(section, dict) and section.get("dataset") == local
        named[name] = section | {"dataset": dataset_id} if is_of_it else section
    words = shlex.split(metrics["training"]["command"])
    # Not a file of weights of the same name, which follows another option.
    for index, option in enumerate(words[:-1]):
        if option == "--dataset" and words[index + 1] == local:
            words[index + 1] = dataset_id
    words = [f"--dataset={dataset_id}" if word == f"--dataset={local}" else word for word in words]
    named["training"] = named["training"] | {"command": shlex.join(words)}
    return named
