"""Write a model folder's network as ONNX, in 32 and in 8 bits."""

from argparse import _SubParsersAction
from pathlib import Path

from hub.cli.model_lock import locking_model
from hub.data.column_options import add_column_options
from hub.errors import InputError
from hub.text import number


def add_parser(commands: _SubParsersAction) -> None:
    """Add the command and its arguments, which are those of `run`."""
    parser = commands.add_parser(
        "export",
        help="write a model folder's network as ONNX, in 32 and in 8 bits",
        description="Write onnx/model.onnx and, where 8 bits answer as well on validation data, "
        "onnx/model_int8.onnx into a model folder, and what they cost into its card; for radiographs also "
        "onnx/answer.onnx, from pixels to an answer in any language. train.py ends with it.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("model", type=Path, metavar="FOLDER", help="a model folder")
    kind = parser.add_mutually_exclusive_group(required=True)
    kind.add_argument("--dataset", metavar="SOURCE", help="the data that it was trained on")
    kind.add_argument(
        "--answer",
        action="store_true",
        help="write onnx/answer.onnx alone, from the networks and the input check that are there",
    )
    add_column_options(parser)


@locking_model
def run(model: Path, dataset: str | None, answer: bool, **columns: str | None) -> None:
    """Export the network of a model folder to `onnx/`.

    The section `onnx` of its metrics and its card are written, too; `columns` are options of
    `load_splits`. With `answer`, only `onnx/answer.onnx` is. Raises InputError for a folder that train.py
    did not make, and one that has no such file.
    """
    if answer:
        return _write_answer(model)
    from hub.cli.training_data import load_export_images, load_training_splits, read_trained
    from hub.export.answer import write_answer
    from hub.export.onnx import export, format_export
    from hub.models import folder_writer
    from hub.models.digests import edited_model

    config = read_trained(model)
    splits = load_training_splits(dataset, config["label_names"], **columns)
    images = load_export_images(splits, config)
    with edited_model(model) as partial:
        section = export(partial, *images)
        folder_writer.save_metrics(partial, "onnx", section)
        write_answer(partial)
    print(format_export(section))


def _write_answer(model: Path) -> None:
    """Write `onnx/answer.onnx` of a model folder, and say how large it is."""
    from hub.export.answer import write_answer
    from hub.models.digests import edited_model
    from hub.models.folder import ANSWER, read_named_config

    read_named_config(model)
    with edited_model(model) as partial:
        if not write_answer(partial):
            raise InputError(f"{ANSWER} is for radiographs of two classes, and {model} is of something else.")
    print(f"{model / ANSWER}: {number((model / ANSWER).stat().st_size / 1e6, 1)} MB")
