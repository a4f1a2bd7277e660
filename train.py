"""Train an image classifier and leave a finished model folder.

  python train.py                                  the Hub's chest X-rays, timm's ImageNet weights
  python train.py --dataset synthetic --epochs 1   a first run: offline, under a minute
  python train.py --dataset ylecun/mnist           digits, with a small network from scratch
  python train.py --dataset uoft-cs/cifar10        ten kinds of things in 32 px photographs
  python train.py --dataset DIR                    your own folder of classes, two or two hundred
  python train.py --resume                         the first of these, stopped, from its last finished epoch

The folder that --output names holds the model in timm's layout (timm and transformers load it)
and as ONNX (ONNX Runtime and hub.Classifier do), its metrics on validation data, a training curve
and a model card.
Nothing is written there before everything is done; until then a checkpoint of the last finished epoch
lies beside it. The test split is counted, never classified: `python -m hub evaluate` does that.

Decoded images are kept for the next run, in the folder decoded_images of datasets' cache
($HF_DATASETS_CACHE, or ~/.cache/huggingface/datasets), until none has used them for 30 days.
"""

import argparse
import shlex
import shutil
import sys
import time
from pathlib import Path

from hub.data.sources import HUB_DATASET
from hub.errors import InputError, run_command
from hub.system import keep_memory
from hub.training import recipes
from hub.training.checkpoint import checkpoint_path

EPILOG = f"""\
A recipe is what these options are when they are not given (size: pixels a side; the first "small epochs"
see pictures of "small size", which takes less time):

{recipes.format_recipes()}

small_data trains on 390 radiographs and validates on 16; cifar10_fast is a better network for CIFAR-10.
"""


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add(
        "--dataset",
        default=HUB_DATASET,
        help="a folder, Parquet, a Hub id, or synthetic (default: %(default)s)",
    )
    add(
        "--recipe",
        choices=recipes.RECIPES,
        help="a row of the table below (default: by the data set's name or, for radiographs, xray)",
    )
    add(
        "--output",
        type=Path,
        help="the model folder to make (default: runs/ and the recipe's name or, of a folder, its own)",
    )
    add("--overwrite", action="store_true", help="replace the output folder, once the new one is complete")
    add(
        "--resume",
        action="store_true",
        help="go on with a run that was stopped: give the options that it had, and this one",
    )
    add("--architecture", help="any timm name, or simple_cnn, lenet5, airbench_small (default: the recipe's)")
    add(
        "--weights",
        help="imagenet (timm's own, downloaded), none, a .safetensors file, or a model folder to go on from "
        "(default: imagenet; none where timm has no weights; for synthetic, so as to need no network, the "
        "bundled model or, where it does not fit, none)",
    )
    add("--epochs", type=int, help="times through the training images (default: the recipe's)")
    add(
        "--small-epochs",
        type=int,
        help="of these, how many at --small-size, at the start (default: the recipe's)",
    )
    add("--small-size", type=int, help="pixels a side for them (default: the recipe's)")
    add("--size", type=int, help="pixels a side that the finished model reads (default: the recipe's)")
    add("--batch-size", type=int, help="images a step (default: the recipe's)")
    add("--learning-rate", type=float, help="its peak, after a short warm-up (default: the recipe's)")
    add(
        "--optimizer",
        choices=sorted({recipe.optimizer for recipe in recipes.RECIPES.values()}),
        help="adamw, or muon, which learns faster from scratch (default: the recipe's)",
    )
    add(
        "--augmentation",
        choices=sorted({recipe.augmentation for recipe in recipes.RECIPES.values()}),
        help="how training pictures are varied: films, as from other machines; photos, framed and lit "
        "otherwise; objects, mirrored and shifted; digits, turned and shifted (default: the recipe's)",
    )
    add(
        "--frozen",
        type=int,
        help="how many groups of layers, stem first, keep their weights (default: the recipe's)",
    )
    add(
        "--seed",
        type=int,
        default=0,
        help="for everything random but the split; equal seeds, equal models (default: %(default)s)",
    )
    add(
        "--compile",
        action="store_true",
        help="torch.compile: a minute or two per image size to start, then faster, on CPUs by little; needs "
        "g++ or clang++",
    )
    add(
        "--push-to",
        metavar="USER/NAME",
        help="also put the finished model on the Hub; log in first with `hf auth login`",
    )
    options = parser.parse_args(arguments)
    options.output = options.output or Path("runs") / (options.recipe or recipes.output_name(options.dataset))
    return options


def main(options: argparse.Namespace) -> None:
    keep_memory()
    if options.push_to:
        from hub.publishing.upload import check_access

        check_access(options.push_to)  # now, not after half an hour
    # These take seconds to import; --help and a wrong option should not.
    import torch
    from scipy.special import softmax

    from hub import files
    from hub.data import decode_cache
    from hub.data.leakage import format_report, leak_report
    from hub.data.sources import is_radiograph
    from hub.data.splits import load_splits, small_data
    from hub.data.stored import digests_of
    from hub.evaluation import plots, shifts
    from hub.evaluation.calibration import choose_operating_points, fit_temperature
    from hub.evaluation.metrics import auc, format_metrics, measure
    from hub.export.onnx import calibration_rows, export
    from hub.models import architectures, factory, filters, forward, package
    from hub.models.folder import BUNDLED, read_config
    from hub.publishing import model
    from hub.training import checkpoint, loop

    check_options(options)
    started = time.perf_counter()
    kept = checkpoint_path(options.output)
    if kept.is_file() and not options.resume:
        print(
            f"{kept} holds a run that was stopped: --resume would go on from there, "
            "and the first finished epoch of this one replaces it."
        )
    with files.new_folder(options.output, options.overwrite, check=read_config) as folder:
        splits = load_splits(options.dataset)
        if options.recipe == "small_data":
            splits = small_data(splits)
        digests = {name: digests_of(split) for name, split in splits.items()}
        report = leak_report(splits, digests)
        print(format_report(report), flush=True)
        classes = splits["train"].features["label"].names
        radiograph = is_radiograph(classes)
        name = options.recipe or ("xray" if radiograph else recipes.name_of(options.dataset))
        recipe = recipes.adapt(name, options)
        weights = options.weights or _default_weights(recipe.architecture, options.dataset)
        print(f"{recipe.architecture} from {weights} weights, {len(classes)} classes, by {name}", flush=True)
        settings = recipe._asdict() | {
            "recipe": name,
            "weights": weights,
            "seed": options.seed,
            "compile": options.compile,
            "device": "cuda" if torch.cuda.is_available() else "cpu",
            "classes": classes,
            "images": checkpoint.describe_images(splits, digests),
        }
        state = checkpoint.load(kept, settings) if options.resume else None
        if state:
            started -= state["seconds"]
            print(f"going on after epoch {len(state['history'])} of {recipe.epochs}", flush=True)
        torch.manual_seed(options.seed)
        grey = radiograph or (
            architectures.is_own(recipe.architecture) and decode_cache.are_grey(splits["train"])
        )
        channels = 1 if grey else 3
        model = factory.create_model(
            recipe.architecture, len(classes), weights, radiograph, recipe.size, channels
        )
        filters = filters.filters(model)
        train_set, validation_set = (
            decode_cache.decode(splits[split], recipe.size, channels, radiograph, digests=digests[split])
            for split in ("train", "validation")
        )
        trained_from = time.perf_counter() - (state["training_seconds"] if state else 0)

        def keep(state: dict) -> None:
            now = time.perf_counter()
            seconds = {"seconds": now - started, "training_seconds": now - trained_from}
            options.resume = True  # what is stopped from here on can be
            checkpoint.save(kept, settings, state | seconds)

        if architectures.is_own(recipe.architecture) and weights == "none" and not grey:
            architectures.whiten(model, forward.normalize(train_set[0][:5000].float() / 255, model))
        history = loop.train(
            model,
            train_set,
            validation_set,
            recipe,
            compile=options.compile,
            seed=options.seed,
            state=state,
            save=keep,
        )
        training_seconds = time.perf_counter() - trained_from
        # Calibration and thresholds are for films that are not quite those it knows.
        films, truth = shifts.in_turn(*validation_set) if radiograph else validation_set
        logits = forward.predict_logits(model, films).numpy()
        temperature = fit_temperature(logits, truth.numpy())
        probabilities = softmax(logits / temperature, axis=1)
        shifted = {"images": len(truth), "auc": auc(probabilities, truth.numpy())}
        points = choose_operating_points(probabilities, truth.numpy()) if len(classes) == 2 else {}
        labels = validation_set[1].numpy()
        probabilities = probabilities[: len(labels)]
        validation = measure(
            probabilities,
            labels,
            splits["validation"]["patient"][:],
            classes,
            subtypes=splits["validation"]["subtype"][:],
            operating_points=points,
        )
        validation |= {"dataset": options.dataset, "split": "validation"}
        metrics = {
            "training": {
                "command": "python train.py " + _arguments(),
                "dataset": options.dataset,
                "recipe": {"name": name, **recipe._asdict()},
                "weights": "the bundled model's" if weights == str(BUNDLED) else weights,
                "seed": options.seed,
                "seconds": round(time.perf_counter() - started),
                "training_seconds": round(training_seconds, 2),
                "temperature": temperature,
                "splits": report,
                "history": history,
            },
            "validation": validation,
        } | ({"shifted_validation": shifted} if radiograph else {})
        plots.plot_training(history, folder / "training.png")
        filters.save_filters(folder, filters)
        package.save_package(folder, model, classes, radiograph, metrics, temperature, points)
        images = train_set[0][calibration_rows(len(train_set[0]))]
        try:
            package.save_metrics(folder, "onnx", export(folder, images, validation_set))
        except Exception as error:
            # Whatever it is, what was trained is not lost: timm and transformers load it all the same.
            print(f"{options.output} gets no onnx/, which evaluate, the demos and publish need: {error}")
    kept.unlink(missing_ok=True)
    print(format_metrics(validation))
    if radiograph:
        print(
            f"AUC on these and on shifted and swapped views, {shifted['images']} images: {shifted['auc']:.4f}"
        )
    print(f"{options.output} is ready after {time.perf_counter() - started:.0f} s")
    if (options.output / "onnx").is_dir():
        print(f"next: python -m hub evaluate {options.output} --dataset {options.dataset}")


def check_options(options: argparse.Namespace) -> None:
    """Raise InputError for what no training could do, before anything is read."""
    for name in ("epochs", "size", "learning_rate", "small_size"):
        value = getattr(options, name)
        if value is not None and value <= 0:
            raise InputError(f"--{name.replace('_', '-')} must be more than 0.")
    for name in ("small_epochs", "frozen"):
        if (getattr(options, name) or 0) < 0:
            raise InputError(f"--{name.replace('_', '-')} must be 0 or more.")
    if options.batch_size is not None and options.batch_size < 2:
        raise InputError("--batch-size must be 2 or more; batch norm compares the images of a batch.")
    if not 0 <= options.seed < 2**32:
        raise InputError(f"The seed is {options.seed}; give a whole number from 0 to {2**32 - 1}.")
    path = checkpoint_path(options.output)
    if options.resume and not path.is_file():
        raise InputError(f"There is nothing to resume: {path} is not there; leave --resume out.")
    if options.compile and not (shutil.which("g++") or shutil.which("clang++")):
        raise InputError("--compile needs a C++ compiler; install Debian's package g++, or leave it out.")


def push(options: argparse.Namespace) -> None:
    """Put the finished model folder on the Hub; where that fails, InputError names the command for it."""
    from hub.publishing import model, upload

    try:
        url = upload.publish(
            lambda copy: model.copy_package(options.output, copy, options.push_to), options.push_to, "model"
        )
    except InputError as error:
        raise InputError(f"{_not_pushed(options)} ({error})") from None
    print(url)


def _arguments() -> str:
    """Return what the command was given, but for --resume: a run that was stopped is the same run."""
    return shlex.join(argument for argument in sys.argv[1:] if argument != "--resume")


def _stopped(options: argparse.Namespace) -> str:
    if options.resume and checkpoint_path(options.output).is_file():
        return f"stopped; `python train.py {_arguments()} --resume` goes on after the last finished epoch."
    return "stopped; nothing was written."


def _not_pushed(options: argparse.Namespace) -> str:
    command = f"python -m hub publish model {options.output} {options.push_to}"
    return f"{options.output} is complete but not on the Hub; `{command}` puts it there"


def _default_weights(architecture: str, dataset: str) -> str:
    """Return what training starts from when nothing is said: on synthetic films, nothing from the network."""
    import timm

    from hub.models.folder import BUNDLED

    if dataset == "synthetic":
        return str(BUNDLED) if architecture == "mobilenetv2_100" else "none"
    published = timm.get_pretrained_cfg(architecture)
    return "imagenet" if published is None or published.has_weights else "none"


if __name__ == "__main__":
    options = parse_arguments()
    run_command("train.py", lambda: main(options), lambda: _stopped(options))
    if options.push_to:
        run_command("train.py", lambda: push(options), lambda: f"stopped; {_not_pushed(options)}.")
