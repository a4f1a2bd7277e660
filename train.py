"""Train an image classifier and leave a finished model folder.

  python train.py                                  the Hub's chest X-rays, timm's ImageNet weights
  python train.py --dataset synthetic --epochs 1   a first run: offline, about a minute
  python train.py --dataset ylecun/mnist           digits, with a small network from scratch
  python train.py --dataset uoft-cs/cifar10        ten kinds of things in 32 px photographs
  python train.py --dataset DIR                    your own folder of classes, two or two hundred
  python train.py --teacher FOLDER                 learns what a larger model answers, instead of labels
  python train.py --resume                         the first of these, stopped, from its last finished epoch
  torchrun --nproc-per-node 8 train.py             the first of these, on eight GPUs

The folder that --output names holds the model in timm's layout (timm and transformers load it)
and as ONNX (ONNX Runtime and hub.Classifier do), its metrics on validation data, a training curve
and a model card.
Nothing is written there before everything is done; until then a checkpoint of the last finished epoch
lies beside it, and no other run may write there. The test split is counted, never classified:
`python -m hub evaluate` does that.

Decoded images are kept for the next run, in the folder decoded_images of datasets' cache
($HF_DATASETS_CACHE, or ~/.cache/huggingface/datasets), until none has used them for 30 days.
"""

import time
from contextlib import nullcontext
from functools import partial

from hub.errors import end_on_interrupt

if __name__ == "__main__":
    end_on_interrupt()

from hub.cli.train import parse_settings, run_training
from hub.system import keep_memory
from hub.training import distributed
from hub.training.settings import Settings, check_settings


def main(settings: Settings) -> None:
    """Train with these settings and write the model folder that they name."""
    if not settings.grad_checkpointing:  # which is for little memory
        keep_memory()  # before torch is imported
    if settings.push_to and distributed.is_main():
        from hub.publishing.upload import check_access

        check_access(settings.push_to)  # now, not after half an hour
    check_settings(settings)
    # These take seconds to import; --help and a wrong option should not.
    import torch

    from hub import files
    from hub.data.leakage import format_report
    from hub.evaluation import plots
    from hub.export.answer import write_answer
    from hub.export.onnx import calibration_rows, export
    from hub.imaging.synthetic import components_source
    from hub.models import architectures, digests, factory, filters, folder_writer, forward
    from hub.models.folder import BUNDLED, read_config
    from hub.models.own_names import is_own
    from hub.public_names import command_digest
    from hub.training import checkpoint, distillation, loop, recipes
    from hub.training.calibration import calibrate
    from hub.training.data import are_grey, decode, read_data
    from hub.training.report import format_summary
    from hub.training.tracking import check_tracker, tracked

    check_tracker(settings)
    # Of several processes the first reads, decodes and writes, and all train.
    distributed.join()
    if distributed.from_main(lambda: checkpoint.is_complete(settings)):
        settings.checkpoint.unlink(missing_ok=True)
        print(f"{settings.output} is complete: there is nothing to resume")
        return
    checkpoint.announce_older(settings)
    started = time.perf_counter()
    output = files.new_folder(settings.output, may_replace=read_config if settings.overwrite else None)
    with output if distributed.is_main() else nullcontext() as folder:
        # Read the data, and count what its splits share.
        stream_to = partial(recipes.size_of, settings) if settings.streaming else None
        data = read_data(
            settings.dataset, settings.recipe == "small_data",
            settings.image_column, settings.label_column, stream_to,
        )  # fmt: skip
        print(format_report(data.leaks, data.notes), flush=True)
        classes, radiograph = data.classes, data.radiograph

        # Choose the recipe, and go on from the checkpoint where that is wanted.
        name, recipe = recipes.choose(settings, radiograph)
        weights = settings.weights or recipes.default_weights(recipe.architecture, settings.dataset)
        print(f"{recipe.architecture} from {weights} weights, {len(classes)} classes, by {name}", flush=True)
        own = is_own(recipe.architecture)
        channels = 1 if radiograph or (own and are_grey(data)) else 3
        with distributed.first_of_machine_first():  # what it refuses or downloads, the others need not
            teachers = distillation.load_teachers(settings.teachers, classes, channels)
        run = distributed.from_main(lambda: checkpoint.describe_run(settings, name, recipe, weights, data))
        state = distributed.from_main(
            lambda: checkpoint.load(settings.checkpoint, run) if settings.resume else None
        )
        if state:
            started -= state["seconds"]
            print(f"going on after epoch {len(state['history'])} of {recipe.epochs}", flush=True)
        elif settings.resume:
            print("no epoch was finished before, so the run begins anew", flush=True)

        # Build the network.
        with distributed.first_of_machine_first():
            torch.manual_seed(settings.seed)
            model = factory.create_model(
                recipe.architecture, len(classes), weights, radiograph, recipe.size, channels
            )
            factory.check_sizes(model, [loop.image_size(recipe, 1), recipe.size], channels)
            folder_writer.check_package(model, radiograph, recipe.size)
            checkpoint.check_room(settings.checkpoint, model)
        first_filters = filters.first_layer_filters(model)

        # Decode all images, once.
        train_set = decode(data, "train", recipe.size, channels)
        validation_set = decode(data, "validation", recipe.size, channels)

        # Train.
        training_started = time.perf_counter() - (state["training_seconds"] if state else 0)
        save = checkpoint.saver(settings.checkpoint, run, started, training_started)
        if own and weights == "none" and channels == 3:
            architectures.whiten(model, forward.normalize(train_set[0][:5000].float() / 255, model))
        with tracked(settings, recipe._asdict() | {"seed": settings.seed}) as log:
            history = loop.train(
                model, train_set, validation_set, recipe,
                teachers=teachers, compile=settings.compile, seed=settings.seed,
                grad_checkpointing=settings.grad_checkpointing,
                state=state, save=save, log=log,
            )  # fmt: skip
        training_seconds = time.perf_counter() - training_started
        distributed.leave()
        if not distributed.is_main():
            return

        # Calibrate, choose operating points, and measure, all on validation images.
        split = data.splits["validation"]
        result = calibrate(model, validation_set, split, classes, radiograph, settings.dataset)

        # Package.
        training = {
            "command": settings.command,
            "command_digest": command_digest(settings.command),
            "dataset": settings.dataset,
            "drawn_from": components_source() if settings.dataset == "synthetic" else None,
            "recipe": {"name": name, **recipe._asdict()},
            "weights": "the bundled model's" if weights == str(BUNDLED) else weights,
            "base_model": factory.base_model(model, weights),
            "teachers": [teacher.pretrained_cfg["architecture"] for teacher in teachers],
            "seed": settings.seed,
            "seconds": round(time.perf_counter() - started),
            "training_seconds": round(training_seconds, 2),
            "splits": data.leaks,
            "notes": data.notes,
            "history": history,
        }
        metrics = {"training": training, **result.metrics}
        plots.plot_training(history, folder / "training.png")
        filters.save_filters(folder, first_filters)
        folder_writer.save_folder(
            folder, model, classes, radiograph, metrics,
            result.calibration, result.operating_points, result.covariance,
        )  # fmt: skip

        # Export.
        images = train_set[0][calibration_rows(len(train_set[0]))]
        missing = None
        try:
            metrics["onnx"] = export(folder, images, validation_set)
            folder_writer.save_metrics(folder, "onnx", metrics["onnx"])
            write_answer(folder)
        except OSError:
            raise  # of a full disk, say: the checkpoint is kept, and --resume exports again
        except Exception as error:
            missing = error  # whatever it is, timm and transformers can load the model
        digests.write_digests(folder)
    settings.checkpoint.unlink(missing_ok=True)
    print(format_summary(settings, metrics, time.perf_counter() - started, missing))


if __name__ == "__main__":
    run_training(main, parse_settings(__doc__))
