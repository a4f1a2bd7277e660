"""python -m hub: measure, classify, export, fit the input check, keep filters, publish, fit films."""

import argparse
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from hub.errors import InputError

if TYPE_CHECKING:  # these take seconds to import; --help should not
    from datasets import DatasetDict

    from hub.inference.batch import Result


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m hub", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser(
        "evaluate",
        help="measure a model on one split of a data set",
        description="Print each metric with its 95 %% interval from a bootstrap over patients.",
    )
    command.set_defaults(run=evaluate)
    command.add_argument("model", metavar="MODEL", help="a model folder or Hub id")
    command.add_argument(
        "--dataset", required=True, metavar="SOURCE", help="a folder, Parquet, a Hub id, or synthetic"
    )
    command.add_argument(
        "--split",
        default="test",
        choices=("train", "validation", "test", "all"),
        help="all: every image there is, for data that no model here was trained on (default: test)",
    )
    command.add_argument(
        "--rename",
        nargs="+",
        default=[],
        metavar="OLD=NEW",
        help="what the data set's classes are called in the model",
    )
    command.add_argument(
        "--robustness",
        action="store_true",
        help="also measure under 15 corruptions of 3 strengths; 45 times the work",
    )
    command.add_argument("--json", type=Path, metavar="FILE", help="also write the metrics to FILE")
    command.add_argument("--plots", type=Path, metavar="DIR", help="also draw pictures into DIR")
    command.add_argument(
        "--save", action="store_true", help="put metrics and pictures into the model folder and its card"
    )

    command = commands.add_parser(
        "classify",
        help="say what a model sees in image files",
        description="Print one line per file. One that cannot be read does not stop the rest, and makes the "
        "exit code 2; one that the input check refuses has got its answer, and does not.",
    )
    command.set_defaults(run=classify)
    command.add_argument(
        "files", nargs="+", metavar="FILE", help="PNG, JPEG, WebP, TIFF, BMP, DICOM or a ZIP of them"
    )
    command.add_argument("--model", help="a model folder or Hub id (default: the bundled model)")
    command.add_argument(
        "--precision",
        choices=("fp32", "int8"),
        help="default: int8 where it changes hardly a label of the test split, else fp32",
    )
    command.add_argument(
        "--json", action="store_true",
        help="one JSON object per line: file, label (null when refused), probabilities, warnings, verdict "
        "(status, reason and sentence; null when not read), error",
    )  # fmt: skip

    command = commands.add_parser(
        "export",
        help="write a model folder's network as ONNX, in 32 and in 8 bits",
        description="Write onnx/model.onnx and, where 8 bits answer as well on validation data, "
        "onnx/model_int8.onnx into a model folder, and what they cost into its card. train.py ends with it.",
    )
    command.set_defaults(run=export)
    command.add_argument("model", type=Path, metavar="FOLDER", help="a model folder")
    command.add_argument(
        "--dataset",
        required=True,
        metavar="SOURCE",
        help="the data that it was trained on",
    )

    command = commands.add_parser(
        "scope",
        help="fit the input check: which pictures the model may judge",
        description="Write scope.safetensors into a model folder of radiographs, from the films that it was "
        "trained on and from pictures that it must not judge, and what the check does on validation films "
        "into its card. Takes some minutes. Half of the other pictures are left out of the fit and measured, "
        "by patient if file names begin with one (NAME_...).",
    )
    command.set_defaults(run=fit_scope)
    command.add_argument("model", type=Path, metavar="FOLDER", help="a model folder with onnx/model.onnx")
    command.add_argument("--dataset", required=True, metavar="SOURCE", help="the data that it was trained on")
    command.add_argument(
        "--unlike",
        nargs="*",
        type=Path,
        default=[],
        metavar="DIR",
        help="chest radiographs that it does not know, such as adults': answered behind a warning; without "
        "any, only their distance from the training films tells",
    )
    command.add_argument(
        "--foreign",
        nargs="*",
        type=Path,
        default=[],
        metavar="DIR",
        help="folders of anything else, of image files or of Parquet (train*.parquet), at most 2,000 of "
        "each: refused; without any, the check is fitted with drawings alone",
    )

    command = commands.add_parser(
        "filters",
        help="keep the first layer's filters as they were before training",
        description="Write filters.safetensors into a model folder, from the weights that its training began "
        'with, for the tab "Inside the network". train.py does it for the folders that it makes.',
    )
    command.set_defaults(run=filters)
    command.add_argument("model", type=Path, metavar="FOLDER", help="a model folder")
    command.add_argument(
        "--weights",
        required=True,
        help="what training began with: imagenet (timm's own, downloaded), a .safetensors file, or a folder",
    )

    _add_publish(commands)

    command = commands.add_parser(
        "fit-synthetic",
        help="fit the components that synthetic radiographs are drawn from",
        description="Fit principal components on the training split and write hub/synthetic.safetensors.",
    )
    command.set_defaults(run=fit_synthetic)
    command.add_argument(
        "--dataset", required=True, metavar="SOURCE", help="radiographs: a folder, Parquet or a Hub id"
    )
    return parser.parse_args(arguments)


def _add_publish(commands: "argparse._SubParsersAction") -> None:
    publish_command = commands.add_parser(
        "publish",
        help="put a data set, a model or the demo on the Hub",
        description="Each is one commit. Where it fails, the same command again sends what is not there yet.",
    )
    kinds = publish_command.add_subparsers(required=True, metavar="KIND", dest="kind")
    dataset = kinds.add_parser("dataset", help="the splits as Parquet, with a card")
    dataset.add_argument("source", metavar="SOURCE", help="a folder, Parquet, a Hub id, or synthetic")
    model = kinds.add_parser("model", help="a model folder, its card naming the repo")
    model.add_argument("folder", metavar="FOLDER", type=Path, help="what train.py made")
    space = kinds.add_parser("space", help="the Gradio demo of a model on the Hub")
    for command in (dataset, model, space):
        command.set_defaults(run=publish)
        command.add_argument("repo_id", metavar="REPO_ID", help="USER/NAME; made where it is not there")
        command.add_argument(
            "--dry-run", type=Path, metavar="DIR", help="write into DIR what would be uploaded; no network"
        )
        command.add_argument("--private", action="store_true", help="make it for your eyes only")
        command.add_argument(
            "--revision", metavar="BRANCH", help="made where it is not there (default: main)"
        )
        command.add_argument("--create-pr", action="store_true", help="open a pull request instead")
        command.add_argument("--token", help="default: that of `hf auth login`, or HF_TOKEN")
    space.add_argument(
        "--model",
        required=True,
        metavar="REPO_ID",
        help="the model on the Hub that it shows; a dry run does not ask, and takes it for one of X-rays",
    )


def evaluate(options: argparse.Namespace) -> int:
    from hub.analysis import evaluate

    evaluate.evaluate(options)
    return 0


def classify(options: argparse.Namespace) -> int:
    from tqdm.auto import tqdm

    from hub.inference.batch import classify_files
    from hub.inference.classifier import Classifier
    from hub.models.folder import BUNDLED

    classifier = Classifier.from_pretrained(options.model or BUNDLED, precision=options.precision)
    total = None if any(file.lower().endswith(".zip") for file in options.files) else len(options.files)
    results = classify_files(classifier, options.files)
    failed = False
    # On a terminal only (disable=None), and only where it takes longer than a second.
    for result in tqdm(results, total=total, unit=" files", delay=1, leave=False, disable=None):
        failed = failed or result.error is not None
        tqdm.write(json.dumps(_row(result)) if options.json else _line(result))
        sys.stdout.flush()
    return 2 if failed else 0


def _row(result: "Result") -> dict:
    """Return what --json prints of a file."""
    prediction = result.prediction
    return {
        "file": result.name,
        "label": prediction.label if prediction else None,
        "probabilities": prediction.probabilities if prediction else {},
        "warnings": prediction.warnings if prediction else [],
        "verdict": asdict(prediction.verdict) if prediction else None,
        "error": result.error,
    }


def _line(result: "Result") -> str:
    prediction = result.prediction
    if prediction is None:
        return f"{result.name}: {result.error}"
    if prediction.label is None:
        return f"{result.name}: {prediction.verdict.sentence}"
    best = f"{prediction.label} {prediction.probabilities[prediction.label]:.3f}"
    return f"{result.name}: {best}" + "".join(f" ({warning})" for warning in prediction.warnings)


def export(options: argparse.Namespace) -> int:
    from hub.data import decode_cache
    from hub.export.onnx import calibration_rows, export, format_export
    from hub.models import package
    from hub.models.folder import read_config

    config = read_config(options.model)
    record = options.model / "metrics.json"
    if "label_names" not in config or not record.is_file():
        raise InputError(f"{options.model} is no model folder of train.py; give one that has metrics.json.")
    splits = _training_splits(options, config)
    train = splits["train"].select(calibration_rows(len(splits["train"])))
    channels, _, size = config["pretrained_cfg"]["input_size"]
    kind = size, channels, config["radiograph"]
    images, _ = decode_cache.decode(train, *kind)
    section = export(options.model, images, decode_cache.decode(splits["validation"], *kind))
    print(format_export(section))
    package.save_metrics(options.model, "onnx", section)
    return 0


def fit_scope(options: argparse.Namespace) -> int:
    from hub.data import decode_cache
    from hub.inference.classifier import Classifier
    from hub.models import package
    from hub.models.folder import read_config
    from hub.training import input_check_fit

    config = read_config(options.model)
    if not config.get("radiograph") or not (options.model / "metrics.json").is_file():
        raise InputError(f"{options.model} is no model folder of radiographs made by train.py; give one.")
    unlike, foreign = (
        input_check_fit.read_groups(options.unlike),
        input_check_fit.read_groups(options.foreign),
    )
    splits, size = _training_splits(options, config), config["pretrained_cfg"]["input_size"][-1]
    films = {split: decode_cache.decode_films(splits[split], size)[0] for split in ("train", "validation")}
    # An older check may not load; a new one is fitted to the statistics of 32 bits.
    classifier = Classifier(options.model, check=False, precision="fp32")
    if "statistics" not in classifier.available:
        raise InputError(f"{options.model / 'onnx'} is of an older kind; python -m hub export makes it anew.")
    samples, held_out = input_check_fit.gather(classifier, **films, unlike=unlike, foreign=foreign)
    classifier.check = input_check_fit.fit(samples, held_out, input_check_fit.channels(options.model))
    rows = input_check_fit.measure(classifier, films["validation"], unlike, foreign)
    input_check_fit.save(classifier.check, options.model)
    package.save_metrics(options.model, "scope", {"validation": rows})
    print(input_check_fit.format_scope(rows))
    return 0


def filters(options: argparse.Namespace) -> int:
    from hub.models import factory, filters
    from hub.models.folder import FILTERS, read_config

    if options.weights == "none":
        raise InputError("Random filters cannot be had again; give the weights that training began with.")
    config = read_config(options.model)
    radiograph = config.get("radiograph", False)
    after = filters.filters(factory.load(options.model), radiograph)
    size = config["pretrained_cfg"]["input_size"][-1]
    network = factory.create_model(
        config["architecture"], config["num_classes"], options.weights, radiograph, size
    )
    before = filters.filters(network)
    filters.save_filters(options.model, before)
    change = float((after - before).norm() / before.norm())
    print(f"{options.model / FILTERS}: {len(before)} filters; training changed them by {change:.1%}")
    return 0


def _training_splits(options: argparse.Namespace, config: dict) -> "DatasetDict":
    """Return the splits of --dataset; InputError where their classes are not the model's."""
    from hub.data.splits import load_splits

    splits = load_splits(options.dataset)
    classes = splits["train"].features["label"].names
    if classes != config["label_names"]:
        raise InputError(
            f"{options.dataset} has the classes {classes}, the model {config['label_names']}; give the data "
            "that it was trained on."
        )
    return splits


def publish(options: argparse.Namespace) -> int:
    from hub.publishing import upload

    keywords = ("dry_run", "private", "revision", "create_pr", "token")
    url = upload.publish(
        lambda folder: _write(options, folder),
        options.repo_id,
        options.kind,
        **{name: getattr(options, name) for name in keywords},
    )
    print(url)
    return 0


def _write(options: argparse.Namespace, folder: Path) -> None:
    """Fill the folder that is uploaded."""
    if options.kind == "dataset":
        from hub.data.splits import load_splits
        from hub.publishing.dataset import write_dataset

        write_dataset(load_splits(options.source), folder, options.repo_id)
    if options.kind == "model":
        from hub.publishing import model

        model.copy_package(options.folder, folder, options.repo_id)
    if options.kind == "space":
        from hub.publishing import space
        from hub.publishing.upload import read_model_config
        from hub.repo_id import check_repo_id

        check_repo_id(options.model)
        # A dry run asks nobody, and takes the model for one of radiographs.
        config = {"radiograph": True} if options.dry_run else read_model_config(options.model, options.token)
        space.write_space(folder, options.model, config.get("radiograph", False))


def fit_synthetic(options: argparse.Namespace) -> int:
    from hub.data import decode_cache
    from hub.data.sources import is_radiograph
    from hub.data.splits import load_splits
    from hub.imaging import synthetic

    train = load_splits(options.dataset)["train"]
    if not is_radiograph(train.features["label"].names):
        raise InputError(
            f"{options.dataset} does not have the classes NORMAL and PNEUMONIA; give chest radiographs."
        )
    films, labels = decode_cache.decode_films(train, synthetic.SIZE)
    synthetic.save_components(synthetic.fit_components(films, labels))
    print(f"{synthetic.COMPONENTS} holds components of {len(films)} training films")
    return 0


def main() -> int:
    options = parse_arguments()
    # A file name need not be text in the terminal's encoding.
    sys.stdout.reconfigure(errors="backslashreplace")
    try:
        return options.run(options)
    except InputError as error:
        print(f"python -m hub: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read the output, `head` say, has had enough; there is nothing left to flush to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
