"""Calibrate the network of a model folder anew."""

import shlex
from argparse import _SubParsersAction
from pathlib import Path

from hub.cli.model_lock import locking_model
from hub.data.column_options import add_column_options

# Sections of metrics.json that do not speak of probabilities; the others have to be measured again.
KEPT = ("training", "card", "finalists", "data_checks", "scope")


def add_parser(commands: _SubParsersAction) -> None:
    """Add the command and its arguments, which are those of `run`."""
    parser = commands.add_parser(
        "calibrate",
        help="calibrate the network of a model folder anew",
        description="Fit scale and offset of the log odds (a temperature for more classes than two) and the "
        "operating points to validation data, and fold them into the last layer, so that every library has "
        "them. onnx/ and the validation figures are made anew; figures of other data are taken out, because "
        "they are not this model's any more: python -m hub evaluate MODEL --save measures them. train.py "
        "ends with the same.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("model", type=Path, metavar="FOLDER", help="a model folder of train.py")
    parser.add_argument("--dataset", required=True, metavar="SOURCE", help="the data that it was trained on")
    add_column_options(parser)


@locking_model
def run(model: Path, dataset: str, **columns: str | None) -> None:
    """Calibrate a model folder; `columns` are options of `load_splits`.

    The folder is replaced once all is done. Raises InputError for one that train.py did not make.
    """
    from hub.cli.training_data import load_export_images, load_training_splits, read_trained
    from hub.evaluation.calibration import combine, folded
    from hub.evaluation.metrics import format_metrics
    from hub.export.answer import write_answer
    from hub.export.onnx import export, format_export
    from hub.models import folder_writer
    from hub.models.digests import check_digests, edited_model, write_digests
    from hub.models.factory import load_network
    from hub.models.folder import INPUT_CHECK, read_metrics, write_metrics
    from hub.training import input_check_fit
    from hub.training.calibration import calibrate

    config = read_trained(model)
    check_digests(model, [INPUT_CHECK])
    classes, record, model = config["label_names"], read_metrics(model), model.resolve()
    splits = load_training_splits(dataset, classes, **columns)
    train, validation = load_export_images(splits, config)
    network = load_network(model)
    result = calibrate(network, validation, splits["validation"], classes, config["radiograph"], dataset)
    kept = {name: section for name, section in record.items() if name in KEPT}
    result.metrics["calibration"] |= combine(result.calibration, folded(record))._asdict()
    kept["training"].pop("temperature", None)  # of folders older than this command
    with edited_model(model) as partial:
        folder_writer.fold_calibration(network, *result.calibration)
        folder_writer.save_weights(partial, network)
        folder_writer.save_operating_points(partial, result.operating_points, result.covariance)
        write_metrics(partial, kept | result.metrics)
        if (partial / INPUT_CHECK).is_file():
            input_check_fit.sign(partial)  # it reads nothing of the last layer
        write_digests(partial)  # of what is read again from here on
        section = export(partial, train, validation)
        folder_writer.save_metrics(partial, "onnx", section)
        write_answer(partial)
    print(format_metrics(result.metrics["validation"]))
    print(format_export(section))
    options = [
        word for name, value in columns.items() if value for word in (f"--{name.replace('_', '-')}", value)
    ]
    command = ["python", "-m", "hub", "evaluate", str(model), "--dataset", dataset, *options, "--save"]
    print(f"next: {shlex.join(command)}")
