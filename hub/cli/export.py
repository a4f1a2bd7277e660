"""Write a model folder's network as ONNX, in 32 and in 8 bits."""

from argparse import _SubParsersAction
from pathlib import Path

from hub.cli.model_lock import locking_model
from hub.data.column_options import add_column_options


def add_parser(commands: _SubParsersAction) -> None:
    """Add the command and its arguments, which are those of `run`."""
    parser = commands.add_parser(
        "export",
        help="write a model folder's network as ONNX, in 32 and in 8 bits",
        description="Write onnx/model.onnx and, where 8 bits answer as well on validation data, "
        "onnx/model_int8.onnx into a model folder, and what they cost into its card. train.py ends with it.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("model", type=Path, metavar="FOLDER", help="a model folder")
    parser.add_argument("--dataset", required=True, metavar="SOURCE", help="the data that it was trained on")
    add_column_options(parser)


@locking_model
def run(model: Path, dataset: str, **columns: str | None) -> None:
    """Export the network of a model folder to `onnx/`.

    The section `onnx` of its metrics and its card are written, too; `columns` are options of
    `load_splits`. Raises InputError for a folder that train.py did not make.
    """
    from hub.cli.training_data import load_export_images, load_training_splits, read_trained
    from hub.export.onnx import export, format_export
    from hub.models import folder_writer
    from hub.models.digests import edited_model

    config = read_trained(model)
    splits = load_training_splits(dataset, config["label_names"], **columns)
    images = load_export_images(splits, config)
    with edited_model(model) as partial:
        section = export(partial, *images)
        folder_writer.save_metrics(partial, "onnx", section)
    print(format_export(section))
