"""The options of train.py, and its messages when it is interrupted."""

import argparse
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

from hub.data.column_options import add_column_options
from hub.errors import InputError, machine_sentence, run_command
from hub.repo_id import HUB_DATASET
from hub.training import distributed
from hub.training.recipes import RECIPES, Recipe, format_recipes, output_name
from hub.training.settings import Settings
from hub.training.tracking import TRACKERS

EPILOG = f"""\
A recipe is what these options are when they are not given (size: pixels a side; the first "small epochs"
see images of "small size", which takes less time):

{format_recipes()}

small_data trains on 390 radiographs and validates on 16; cifar10_fast is a better network for CIFAR-10.
"""


def parse_settings(description: str, arguments: list[str] | None = None) -> Settings:
    """Return the settings of a run.

    `arguments` are those of the process if not given.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    options = vars(build_parser(description).parse_args(arguments))
    values = {name: options.pop(name) for name in Recipe._fields}
    changes = {name: value for name, value in values.items() if value is not None}
    output = options.pop("output") or Path("runs") / (options["recipe"] or output_name(options["dataset"]))
    options["teachers"] = tuple(options.pop("teacher"))
    # Without --resume, which argparse takes shortened too.
    words = [word for word in arguments if not ("--resume".startswith(word) and word.startswith("--res"))]
    command = shlex.join(["python", "train.py", *words])
    return Settings(output=output, changes=changes, command=command, **options)


def build_parser(description: str) -> argparse.ArgumentParser:
    """Return the parser of train.py's options.

    The options of a recipe are None if they are not given.
    """
    parser = argparse.ArgumentParser(
        description=description, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for add_options in (_add_everyday, _add_data, _add_changes, _add_run, _add_publishing):
        add_options(parser)
    return parser


def _add_everyday(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("Everyday options").add_argument
    add(
        "--dataset",
        default=HUB_DATASET,
        help="a folder, Parquet, a Hub id, or synthetic (default: %(default)s)",
    )
    add(
        "--output",
        type=Path,
        help="the model folder to make (default: runs/ and the recipe's name or, of a folder, its own)",
    )
    add("--epochs", type=int, help="times through the training images (default: the recipe's)")
    add(
        "--recipe",
        choices=RECIPES,
        help="a row of the table below (default: by the data set's name or, for radiographs, xray)",
    )
    add(
        "--weights",
        help="imagenet (timm's own, downloaded), none, a .safetensors file, or a model folder to go on from "
        "(default: imagenet; none where timm has no weights; for synthetic, so as to need no network, the "
        "bundled model or, where it does not fit, none)",
    )
    add("--architecture", help="any timm name, or simple_cnn, lenet5, airbench_small (default: the recipe's)")
    add(
        "--resume",
        action="store_true",
        help="go on with a run that was stopped: give the options that it had, and this one",
    )
    add("--overwrite", action="store_true", help="replace the output folder, once the new one is complete")


def _add_data(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("How the data are read")
    add_column_options(group)
    group.add_argument(
        "--streaming",
        action="store_true",
        help="read Parquet, Arrow or tar files, or the Hub, image by image, and keep only small images on "
        "the disk, of the size that the network takes: for data that do not fit there",
    )


def _add_changes(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("In place of what the recipe says").add_argument
    add("--size", type=int, help="pixels a side that the finished model reads (default: the recipe's)")
    add("--batch-size", type=int, help="images a step (default: the recipe's)")
    add("--learning-rate", type=float, help="its peak, after a short warm-up (default: the recipe's)")
    add(
        "--optimizer",
        choices=sorted({recipe.optimizer for recipe in RECIPES.values()}),
        help="adamw, or muon, which learns faster from scratch (default: the recipe's)",
    )
    add(
        "--augmentation",
        choices=sorted({recipe.augmentation for recipe in RECIPES.values()}),
        help="how training images are varied: films, as radiographs of other machines; photos, framed and "
        "lit otherwise; objects, mirrored and shifted; digits, turned and shifted (default: the recipe's)",
    )
    add(
        "--frozen",
        type=int,
        help="how many groups of layers, stem first, keep their weights (default: the recipe's)",
    )
    add(
        "--swapped",
        type=float,
        metavar="SHARE",
        help="share of training images that get the frame or the grey values of another class, so that a "
        "network cannot rely on them (default: the recipe's)",
    )
    add(
        "--small-epochs",
        type=int,
        help="how many epochs, at the start, see images of --small-size (default: the recipe's)",
    )
    add("--small-size", type=int, help="pixels a side of their images (default: the recipe's)")


def _add_run(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("The run").add_argument
    add(
        "--seed",
        type=int,
        default=0,
        help="for everything random but the split; equal seeds, equal models (default: %(default)s)",
    )
    add(
        "--teacher",
        nargs="+",
        type=Path,
        default=(),
        metavar="FOLDER",
        help="model folders, larger or several, of the same classes: the network learns what they answer on "
        "each augmented image, in place of the labels (distillation)",
    )
    add(
        "--compile",
        action="store_true",
        help="torch.compile: a minute or two per image size to start, then faster, on CPUs by little; needs "
        "g++ or clang++",
    )
    add(
        "--grad-checkpointing",
        action="store_true",
        help="for a machine with little memory: compute activations a second time in place of keeping them; "
        "the same model from half the memory, in more time",
    )


def _add_publishing(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("Publishing").add_argument
    add(
        "--track",
        choices=TRACKERS,
        help="show loss, learning rate and validation figures while they come; `pip install` it first "
        "(default: neither)",
    )
    add(
        "--push-to",
        metavar="USER/NAME",
        help="also put the finished model on the Hub; log in first with `hf auth login`",
    )


def run_training(main: Callable[[Settings], None], settings: Settings) -> None:
    """Train and, if asked, upload the model; exit with a sentence on failure.

    After Ctrl-C the sentence names the command that resumes training, if there is a checkpoint of this run.
    """
    before = _modified(settings.checkpoint)

    def kept() -> bool:
        # An older checkpoint is of another run, unless this one goes on from it.
        after = _modified(settings.checkpoint)
        return after > 0 and (settings.resume or after != before)

    def stopped() -> str:
        if not distributed.is_main():
            return ""
        if kept():
            return f"stopped; `{settings.command} --resume` goes on after the last finished epoch."
        return "stopped; nothing was written."

    def train() -> None:
        try:
            distributed.silence_others()
            main(settings)
        except (OSError, MemoryError, RuntimeError) as error:
            if isinstance(error, RuntimeError) and distributed.lost_another(error):
                sys.exit(2)  # as that process, which says why
            if not (kept() and (sentence := machine_sentence(error))):
                raise
            finish = f"`{settings.command} --resume` finishes it"
            raise InputError(f"{sentence.rstrip('.')}; what was trained is kept, and {finish}.") from None

    run_command("train.py", train, stopped)
    if settings.push_to and distributed.is_main():
        run_command("train.py", lambda: push(settings), lambda: f"stopped; {_not_pushed(settings)}.")


def push(settings: Settings) -> None:
    """Upload the finished model folder to the Hub, and print the URL.

    Raises InputError, naming the command that uploads it, if that fails.
    """
    from hub.publishing import model, upload

    try:
        url = upload.publish(
            lambda copy: model.copy_folder(settings.output, copy, settings.push_to),
            settings.push_to,
            "model",
        )
    except InputError as error:
        raise InputError(f"{_not_pushed(settings)} ({error})") from None
    print(url)


def _modified(path: Path) -> int:
    """Return when a file was written, in nanoseconds; 0 where none can be seen."""
    try:
        return path.stat().st_mtime_ns if path.is_file() else 0
    except OSError:  # in a folder that may not be read, say
        return 0


def _not_pushed(settings: Settings) -> str:
    command = shlex.join(["python", "-m", "hub", "publish", "model", str(settings.output), settings.push_to])
    return f"{settings.output} is complete but not on the Hub; `{command}` puts it there"
