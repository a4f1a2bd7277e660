"""Bring the files of a model folder that no training makes up to date."""

from pathlib import Path

from hub.models.card import card_text, write_card
from hub.models.folder import read_metrics, read_named_config, write_metrics
from hub.models.processor import write_processor
from hub.repo_id import check_license, check_repo_id


def refresh(
    folder: Path, dataset_id: str | None = None, base_model: str | None = None, license: str | None = None
) -> None:
    """Write the card of a model folder, metrics.json and preprocessor_config.json.

    No figure changes. `dataset_id` is the training data on the Hub, `base_model` the model on the Hub that
    training began with, and `license` an identifier of the Hub; what is given stays in metrics.json, and what
    is not given stays as it is there. Raises InputError where one of them is no such name, or where `folder`
    is not a model folder of train.py.
    """
    for repo_id in filter(None, (dataset_id, base_model)):
        check_repo_id(repo_id)
    if license:
        check_license(license)
    card_text(folder)  # raises for a damaged metrics.json before anything is written
    config, metrics = read_named_config(folder), read_metrics(folder)
    told = {"dataset_id": dataset_id, "base_model": base_model, "license": license}
    section = dict(metrics.get("card") or {}) | {name: value for name, value in told.items() if value}
    write_processor(folder, config)
    write_metrics(folder, metrics | ({"card": section} if section else {}))
    write_card(folder)
