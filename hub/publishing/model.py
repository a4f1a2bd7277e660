"""Prepare a model folder for the Hub."""

import shutil
from contextlib import suppress
from pathlib import Path

from hub.errors import InputError
from hub.evaluation.plots import plot_thumbnail
from hub.explorer import prepared
from hub.export.answer import verify_answer, write_answer
from hub.export.formats import verify_formats
from hub.export.onnx import verify
from hub.files import copy_tree, refuse_links_out, sha256
from hub.imaging.synthetic import sample_radiographs
from hub.inference import input_check
from hub.inference.classifier import Classifier
from hub.models.card import write_card
from hub.models.card_metadata import EXAMPLES, THUMBNAIL, has_examples
from hub.models.digests import check_digests, write_digests
from hub.models.folder import ANSWER, read_metrics, read_named_config, write_metrics
from hub.models.folder_refresh import refresh
from hub.publishing.benchmark import write_results
from hub.publishing.serving_code import write_serving_code
from hub.repo_id import check_repo_id

DRAWN = 8  # synthetic radiographs that the examples are among


def copy_folder(
    folder: Path,
    copy: Path,
    repo_id: str,
    page: str | None = None,
    tag: str | None = None,
    **told: str | None,
) -> None:
    """Copy a model folder to `copy` for the Hub, with a card that loads `repo_id`.

    Where they are given, the card loads the revision `tag` and links to `page`, the static Space of the
    model. `told` are options of `refresh`. Raises InputError: not a model folder, no metrics, a damaged file,
    or ONNX files or an input check that were made from other weights.
    """
    if page:
        check_repo_id(page)
    config = read_named_config(folder)
    needed = ("model.safetensors", "metrics.json", "preprocessor_config.json")
    missing = [name for name in needed if not (folder / name).is_file()]
    if missing:
        raise InputError(f"{folder} has no {missing[0]}; give a model folder that train.py made.")
    check_digests(folder)
    verify(folder)
    verify_answer(folder)
    verify_formats(folder)
    input_check.load(folder, sha256(folder / "model.safetensors"))
    refuse_links_out(folder)
    # The folder may itself be of a published model, and the code is that of this version.
    copy_tree(folder, copy, shutil.ignore_patterns(".*", "hub"))
    if not (copy / ANSWER).is_file():
        write_answer(copy)  # of folders that are older than it
    if not (copy / prepared.FOLDER).is_dir():
        from hub.explorer.preparing import prepare  # takes seconds to import, and most folders have it

        with suppress(InputError):  # of a network whose layers cannot be followed: the page says so
            prepare(copy)
    refresh(copy, **told)
    _leave_out_digest(copy)
    write_digests(copy)  # of what the classifier reads, which draws the examples
    write_serving_code(copy, repo_id, tag)
    if has_examples(config):
        _write_examples(copy, config)
    write_results(copy, repo_id)
    write_card(copy, repo_id, page, tag)
    write_digests(copy)


def _leave_out_digest(folder: Path) -> None:
    """Leave out of metrics.json a digest from which paths could be guessed."""
    metrics = read_metrics(folder)
    metrics["training"].pop("command_digest", None)
    write_metrics(folder, metrics)


def _write_examples(folder: Path, config: dict) -> None:
    """Write synthetic radiographs for the Hub's widget, and a picture for previews.

    Of each class it is the first that the model takes for one of the class, or the first of all.
    """
    drawn, labels = sample_radiographs(DRAWN)
    answers = Classifier(folder, check=False, precision="fp32")(drawn)
    images = {}
    for label, name in enumerate(config["label_names"]):
        of_class = [index for index in range(DRAWN) if labels[index] == label]
        right = [index for index in of_class if answers[index].label == name]
        images[name] = drawn[(right or of_class)[0]]
    for file, label, _ in EXAMPLES:
        (folder / file).parent.mkdir(exist_ok=True)
        images[label].save(folder / file)
    shown = {f"{label}, synthetic": image for label, image in images.items()}
    plot_thumbnail(shown, "A chest X-ray in, a probability out", folder / THUMBNAIL)
