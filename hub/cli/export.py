"""Write a model folder's network as ONNX, in 32 and in 8 bits, or in another format."""

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
    parser.add_argument("--dataset", metavar="SOURCE", help="the data that it was trained on")
    parser.add_argument(
        "--format",
        choices=("onnx", "answer", "openvino"),
        default="onnx",
        help="answer: write onnx/answer.onnx alone, without --dataset, from what is there. "
        "openvino: convert onnx/model.onnx, and check that no label of the test split changes; "
        "needs `pip install openvino` (default: onnx)",
    )
    add_column_options(parser)


@locking_model
def run(model: Path, dataset: str | None, format: str, **columns: str | None) -> None:
    """Export the network of a model folder to `onnx/`, or to the folder of another format.

    The section `onnx` or `formats` of its metrics and its card are written, too; `columns` are options of
    `load_splits`. The format "answer" is `onnx/answer.onnx` alone, for which no data are read. Raises
    InputError for a folder that train.py did not make, and one that has no such file.
    """
    from hub.cli.training_data import load_training_splits, read_trained

    if format == "answer":
        return _export_answer(model)
    if not dataset:
        raise InputError("--dataset is missing: give the data that the model was trained on.")
    config = read_trained(model)
    splits = load_training_splits(dataset, config["label_names"], **columns)
    if format == "onnx":
        _export_onnx(model, config, splits)
    else:
        _export_format(model, config, splits, format)


def _export_onnx(model: Path, config: dict, splits: dict) -> None:
    from hub.cli.training_data import load_export_images
    from hub.export.answer import write_answer
    from hub.export.onnx import export, format_export
    from hub.models import folder_writer
    from hub.models.digests import edited_model

    images = load_export_images(splits, config)
    with edited_model(model) as partial:
        section = export(partial, *images)
        folder_writer.save_metrics(partial, "onnx", section)
        write_answer(partial)
    print(format_export(section))


def _export_answer(model: Path) -> None:
    from hub.export.answer import write_answer
    from hub.models.digests import edited_model
    from hub.models.folder import ANSWER, read_named_config

    read_named_config(model)
    with edited_model(model) as partial:
        if not write_answer(partial):
            raise InputError(f"{ANSWER} is for radiographs of two classes, and {model} is of something else.")
    print(f"{model / ANSWER}: {number((model / ANSWER).stat().st_size / 1e6, 1)} MB")


def _export_format(model: Path, config: dict, splits: dict, name: str) -> None:
    from hub.data import decode_cache
    from hub.export.formats import export_format, format_section
    from hub.export.onnx import to_input
    from hub.models import folder_writer
    from hub.models.digests import edited_model
    from hub.models.factory import load_network
    from hub.models.folder import read_metrics

    channels, _, size = config["pretrained_cfg"]["input_size"]
    images, _ = decode_cache.decode(splits["test"], size, channels, config["radiograph"])
    inputs = to_input(images, load_network(model))
    with edited_model(model) as partial:
        section = export_format(partial, name, inputs)
        formats = read_metrics(partial).get("formats", {})
        folder_writer.save_metrics(partial, "formats", formats | {name: section})
    print(format_section(name, section))
