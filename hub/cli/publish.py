"""Put a data set, a model, the demo or the page on the Hub."""

import sys
from argparse import ArgumentParser, _SubParsersAction
from collections.abc import Callable
from pathlib import Path

from hub.cli.card import add_card_options
from hub.data.column_options import add_column_options
from hub.files import check_outside


def add_parser(commands: _SubParsersAction) -> None:
    """Add the command, with a subcommand for each kind of repo.

    The arguments of a subcommand are those of its function.
    """
    parser = commands.add_parser(
        "publish",
        help="put a data set, a model, the demo or the page on the Hub",
        description="Each is one commit. Where it fails, the same command again sends what is not there yet.",
    )
    kinds = parser.add_subparsers(required=True, metavar="KIND")

    dataset = kinds.add_parser("dataset", help="the splits as Parquet, with a card")
    dataset.set_defaults(run=publish_dataset)
    dataset.add_argument("source", metavar="SOURCE", help="a folder, Parquet, a Hub id, or synthetic")
    add_column_options(dataset.add_argument_group("How the data are read"))
    dataset.add_argument(
        "--license",
        metavar="NAME",
        help="an identifier of the Hub, such as mit (default: cc-by-4.0 for Kermany's radiographs and for "
        "synthetic ones drawn from them, else unknown)",
    )
    dataset.add_argument(
        "--benchmark",
        action="store_true",
        help="write eval.yaml too, by which the Hub ranks models on the data set's page, where it has listed "
        "the data set as a benchmark",
    )
    _add_upload_arguments(dataset)

    model = kinds.add_parser("model", help="a model folder, its card naming the repo")
    model.set_defaults(run=publish_model)
    model.add_argument("folder", metavar="FOLDER", type=Path, help="what train.py made")
    card = model.add_argument_group("The card")
    add_card_options(card)
    card.add_argument("--page", metavar="REPO_ID", help="the static Space of the model, for a link to it")
    _add_upload_arguments(model)

    space = kinds.add_parser("space", help="the Gradio demo of a model on the Hub")
    space.set_defaults(run=publish_space)
    _add_upload_arguments(space)
    space.add_argument(
        "--model",
        required=True,
        metavar="REPO_ID",
        help="the model on the Hub that it shows",
    )
    space.add_argument(
        "--model-folder",
        type=Path,
        metavar="FOLDER",
        help="the same model here, for a dry run, which does not ask the Hub what it classifies (default: "
        "X-rays)",
    )

    page = kinds.add_parser("page", help="the page that answers in the visitor's browser, a static Space")
    page.set_defaults(run=publish_page)
    _add_upload_arguments(page)
    page.add_argument("--model", required=True, metavar="REPO_ID", help="the model on the Hub that it has")
    page.add_argument(
        "--model-folder",
        type=Path,
        metavar="DIR",
        help="a copy of the model here, so that the Hub is not asked",
    )


def _add_upload_arguments(parser: ArgumentParser) -> None:
    """Add REPO_ID and what `upload.publish` takes by name."""
    parser.add_argument("repo_id", metavar="REPO_ID", help="USER/NAME; made where it is not there")
    add = parser.add_argument_group("The upload").add_argument
    add("--dry-run", type=Path, metavar="DIR", help="write into DIR what would be uploaded; no network")
    add("--private", action="store_true", help="make it for your eyes only")
    add("--revision", metavar="BRANCH", help="made where it is not there (default: main)")
    add("--tag", metavar="NAME", help="name the commit, such as v1.0; the card's examples load that")
    add("--create-pr", action="store_true", help="open a pull request instead")
    add("--token", help="default: that of `hf auth login`, or HF_TOKEN")


def publish_dataset(
    source: str,
    repo_id: str,
    image_column: str | None,
    label_column: str | None,
    license: str | None,
    benchmark: bool,
    **upload_options,
) -> None:
    """Publish the splits of a data set as Parquet, with a card; print their notes."""
    _check_dry_run(source, upload_options)

    def write(folder: Path) -> None:
        from hub.repo_id import check_license

        if license:
            check_license(license)  # before what follows, which takes seconds to import

        from hub.data.splits import load_with_notes
        from hub.publishing.dataset import write_dataset

        splits, notes = load_with_notes(source, image_column=image_column, label_column=label_column)
        told = {"license": license, "benchmark": benchmark, "tag": upload_options["tag"]}
        for note in write_dataset(splits, folder, repo_id, notes, **told):
            print(f"note: {note}", file=sys.stderr)

    _publish(write, repo_id, "dataset", upload_options)


def publish_model(
    folder: Path,
    repo_id: str,
    page: str | None,
    dataset_id: str | None,
    base_model: str | None,
    license: str | None,
    **upload_options,
) -> None:
    """Publish a model folder.

    The options of its card are those of `models.folder_refresh.refresh`.
    """
    _check_dry_run(folder, upload_options)

    def write(copy: Path) -> None:
        from hub.repo_id import check_repo_id

        if page:
            check_repo_id(page)  # before what follows, which takes seconds to import

        from hub.publishing.model import copy_folder

        told = {"dataset_id": dataset_id, "base_model": base_model, "license": license}
        copy_folder(folder, copy, repo_id, page, upload_options["tag"], **told)

    _publish(write, repo_id, "model", upload_options)


def publish_space(model: str, model_folder: Path | None, repo_id: str, **upload_options) -> None:
    """Publish the demo of a model on the Hub.

    A dry run does not ask the Hub; without a `model_folder` it takes the model for one of radiographs, and
    says so.
    """
    _check_dry_run(model_folder, upload_options)

    def write(folder: Path) -> None:
        from hub.models.folder import read_config
        from hub.publishing.space import write_space
        from hub.publishing.upload import read_model_config
        from hub.repo_id import check_repo_id

        check_repo_id(model)
        if model_folder:
            config = read_config(model_folder)
        elif upload_options["dry_run"]:
            config = {"radiograph": True}
            print(
                f"note: written as for X-rays; --model-folder says what {model} classifies", file=sys.stderr
            )
        else:
            config = read_model_config(model, upload_options["token"])
        write_space(folder, model, config.get("radiograph", False))

    _publish(write, repo_id, "space", upload_options)


def publish_page(model: str, model_folder: Path | None, repo_id: str, **upload_options) -> None:
    """Publish the page of a model as a static Space."""
    _check_dry_run(model_folder, upload_options)

    def write(target: Path) -> None:
        from hub.page import build
        from hub.publishing.page_space import write_card
        from hub.repo_id import check_repo_id

        check_repo_id(model)
        build.write(target, model_folder or model, address=f"https://huggingface.co/{model}")
        write_card(target, model)

    _publish(write, repo_id, "space", upload_options)


def _check_dry_run(source: str | Path | None, upload_options: dict) -> None:
    """Raise InputError for a dry run into what is published, if that is here."""
    if source and (folder := upload_options["dry_run"]):
        check_outside(folder, source, "--dry-run")


def _publish(write: Callable[[Path], object], repo_id: str, kind: str, upload_options: dict) -> None:
    """Upload the folder that `write` fills, and print the URL of the commit."""
    from hub.publishing import upload

    print(upload.publish(write, repo_id, kind, **upload_options))
