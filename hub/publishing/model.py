"""Prepare a model folder for the Hub."""

import shutil
from pathlib import Path

from hub.errors import InputError
from hub.export.answer import verify_answer, write_answer
from hub.export.onnx import verify
from hub.files import sha256
from hub.inference import input_check
from hub.models.card import write_card
from hub.models.digests import check_digests, write_digests
from hub.models.folder import ANSWER, read_named_config
from hub.repo_id import check_repo_id


def copy_folder(folder: Path, copy: Path, repo_id: str, page: str | None = None) -> None:
    """Copy a model folder to `copy`, with a card whose examples load `repo_id`.

    The card links to `page`, the static Space of the model, if there is one.
    Raises InputError: not a model folder, no metrics, a damaged file, or ONNX files or an input check that
    were made from other weights.
    """
    if page:
        check_repo_id(page)
    read_named_config(folder)
    needed = ("model.safetensors", "metrics.json", "preprocessor_config.json")
    missing = [name for name in needed if not (folder / name).is_file()]
    if missing:
        raise InputError(f"{folder} has no {missing[0]}; give a model folder that train.py made.")
    check_digests(folder)
    verify(folder)
    verify_answer(folder)
    input_check.load(folder, sha256(folder / "model.safetensors"))
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns(".*"), dirs_exist_ok=True)
    if not (copy / ANSWER).is_file():
        write_answer(copy)  # of folders that are older than it
    write_card(copy, repo_id, page)
    write_digests(copy)
