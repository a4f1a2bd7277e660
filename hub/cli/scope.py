"""Fit the input check: which images the model may classify."""

from argparse import _SubParsersAction
from pathlib import Path

from hub.cli.model_lock import locking_model
from hub.data.column_options import add_column_options
from hub.errors import InputError


def add_parser(commands: _SubParsersAction) -> None:
    """Add the command and its arguments, which are those of `run`."""
    parser = commands.add_parser(
        "scope",
        help="fit the input check: which images the model may classify",
        description="Write scope.safetensors, the input check (out-of-distribution detection), into a model "
        "folder of radiographs, fitted to the radiographs that it was trained on and to images that it must "
        "not classify; its figures on validation data go into the card. Takes some minutes. Half of the "
        "other images are left out of the fit and measured, by patient if file names begin with one "
        "(NAME_...).",
    )
    parser.set_defaults(run=run)
    add = parser.add_argument
    add("model", type=Path, metavar="FOLDER", help="a model folder with onnx/model.onnx")
    add("--dataset", required=True, metavar="SOURCE", help="the data that it was trained on")
    add_column_options(parser)
    add(
        "--unlike",
        nargs="*",
        type=Path,
        default=[],
        metavar="DIR",
        help="chest radiographs that it does not know, such as adults': answered behind a warning; without "
        "any, only the distance from the training images tells",
    )
    add(
        "--foreign",
        nargs="*",
        type=Path,
        default=[],
        metavar="DIR",
        help="folders of anything else, of image files or of Parquet (train*.parquet), at most 2,000 of "
        "each: refused; without any, the check is fitted with drawings alone",
    )


@locking_model
def run(model: Path, dataset: str, unlike: list[Path], foreign: list[Path], **columns: str | None) -> None:
    """Fit the input check and write it into a model folder.

    `columns` are options of `load_splits`. The rates on validation images become the section `scope` of the
    folder's metrics and card. Raises
    InputError for a folder that is not of radiographs or not made by train.py.
    """
    from hub.cli.training_data import load_training_splits, read_trained
    from hub.data import decode_cache
    from hub.export.answer import write_answer
    from hub.inference.classifier import Classifier
    from hub.models.digests import edited_model
    from hub.training import image_groups, input_check_fit

    config = read_trained(model)
    if not config["radiograph"]:
        raise InputError(f"{model} is no model folder of radiographs made by train.py; give one.")
    groups = image_groups.read_kinds(unlike, foreign)
    splits = load_training_splits(dataset, config["label_names"], **columns)
    size = config["pretrained_cfg"]["input_size"][-1]
    train, validation = (
        decode_cache.decode_radiographs(splits[name], size)[0] for name in ("train", "validation")
    )
    # An older check may not load; a new one is fitted to the statistics of 32 bits.
    classifier = Classifier(model, check=False, precision="fp32")
    if "statistics" not in classifier.available:
        raise InputError(f"{model / 'onnx'} is of an older kind; python -m hub export makes it anew.")
    samples, held_out = input_check_fit.collect_samples(classifier, train, validation, **groups)
    check = input_check_fit.fit(samples, held_out, input_check_fit.channels(model))
    classifier = Classifier(model, check=check, precision="fp32")
    rows = input_check_fit.measure(classifier, validation, **groups)
    with edited_model(model) as partial:
        input_check_fit.save(check, partial)
        input_check_fit.save_figures(rows, partial)
        write_answer(partial)
    print(input_check_fit.format_table(rows))
