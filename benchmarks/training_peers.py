"""Train MobileNetV2 by a plain fine-tune, as documented, or by train.py's recipe.

  python -m benchmarks.training_peers "Keras fit" --arrays FILE.npz --weights FILE --result FILE.npz

`benchmarks.training` writes the arrays and runs each peer in another process. The arrays are train_images,
validation_images and views_images, uint8 [N, height, width, 1], and labels int64 [N] of each. Validation
images are classified after every epoch, views after the last one, and by train.py's network after every one.
The result holds `seconds` at the end of each epoch, `answers`, probabilities [epochs, N, 2] of the validation
images, and `views`, those of the views [1 or epochs, N, 2]. Needs benchmarks/requirements.txt.
"""

import argparse
import copy
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.keras_peers import DEVIATION, MEAN, imagenet_network, read_arrays
from hub.errors import run_command
from hub.files import replace_file

SPLITS = ("train", "validation", "views")
OURS = "train.py"
Arrays = dict[str, tuple[np.ndarray, np.ndarray]]
# Seconds from the first step to the end of each epoch, probabilities of the validation images there, and of
# the views after the last epochs.
Curves = tuple[list[float], list[np.ndarray], list[np.ndarray]]


def main(arguments: list[str] | None = None) -> None:
    """Train one peer and write its curves to the file --result."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.training_peers",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("peer", choices=PEERS)
    add("--arrays", required=True, type=Path, metavar="FILE", help="images and labels, .npz")
    add("--weights", required=True, type=Path, metavar="FILE", help="timm's mobilenetv2_100, .safetensors")
    add("--result", required=True, type=Path, metavar="FILE", help="where the figures go")
    add("--epochs", type=int, default=5, help="of the peers (default: %(default)s)")
    add("--seed", type=int, default=0, help="default: %(default)s")
    options = parser.parse_args(arguments)
    arrays = read_arrays(options.arrays, SPLITS)
    seconds, answers, views = PEERS[options.peer](arrays, options.weights, options.epochs, options.seed)
    with replace_file(options.result) as partial, partial.open("wb") as file:
        np.savez(file, seconds=seconds, answers=answers, views=views)


def keras_fit(arrays: Arrays, weights: Path, epochs: int, seed: int) -> Curves:
    """Train all layers of Keras's MobileNetV2 under a new head.

    Settings are Adam at 1e-4, batches of 32 and mirrored images. Batch norm keeps ImageNet's statistics, as
    in Keras's guide to fine-tuning (https://keras.io/guides/transfer_learning). The guide's way,
    `training=False`, no longer holds within `fit` (keras-team/keras#20285), so those layers are frozen here.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import keras
    from keras import layers

    keras.utils.set_random_seed(seed)
    size = arrays["train"][0].shape[1:3]
    inputs = layers.Input((*size, 1))
    x = layers.RandomFlip("horizontal")(inputs)
    x = layers.Concatenate()([x, x, x])
    x = layers.Normalization(mean=MEAN, variance=DEVIATION**2)(x)
    backbone = imagenet_network(weights, size)
    for layer in backbone.layers:
        layer.trainable = not isinstance(layer, layers.BatchNormalization)
    x = layers.GlobalAveragePooling2D()(backbone(x))
    model = keras.Model(inputs, layers.Dense(2, activation="softmax")(x))
    model.compile(optimizer=keras.optimizers.Adam(1e-4), loss="sparse_categorical_crossentropy")
    seconds, answers, started = [], [], time.perf_counter()

    def classify(split: str) -> np.ndarray:
        return model.predict(arrays[split][0], batch_size=32, verbose=0)

    def at_end(epoch: int, logs: dict) -> None:
        answers.append(classify("validation"))
        seconds.append(time.perf_counter() - started)

    clock = keras.callbacks.LambdaCallback(on_epoch_end=at_end)
    model.fit(*arrays["train"], batch_size=32, epochs=epochs, callbacks=[clock], verbose=2)
    return seconds, answers, [classify("views")]


def trainer(arrays: Arrays, weights: Path, epochs: int, seed: int) -> Curves:
    """Train with transformers' `Trainer` and its defaults.

    They are AdamW at 5e-5, batches of 8 and a linear schedule. Images are cropped at random and mirrored, as
    in the library's run_image_classification.py.
    """
    import torch
    import torchvision.transforms.v2 as transforms
    from safetensors.torch import load_file
    from scipy.special import softmax
    from transformers import (
        TimmWrapperConfig,
        TimmWrapperForImageClassification,
        Trainer,
        TrainerCallback,
        TrainingArguments,
    )

    torch.manual_seed(seed)
    config = TimmWrapperConfig(architecture="mobilenetv2_100", num_labels=2)
    model = TimmWrapperForImageClassification(config)
    stored = {key: value for key, value in load_file(weights).items() if not key.startswith("classifier")}
    model.timm_model.load_state_dict(stored, strict=False)
    size = arrays["train"][0].shape[1:3]
    common = [
        transforms.ToDtype(torch.float32, scale=True),
        transforms.Lambda(lambda image: image.expand(3, -1, -1)),
        transforms.Normalize(MEAN / 255, DEVIATION / 255),
    ]
    augmented = [transforms.RandomResizedCrop(size), transforms.RandomHorizontalFlip(), *common]

    class Radiographs(torch.utils.data.Dataset):
        def __init__(self, split: str, steps: list):
            self.images, self.labels = arrays[split]
            self.transform = transforms.Compose(steps)

        def __len__(self) -> int:
            return len(self.labels)

        def __getitem__(self, row: int) -> dict:
            image = torch.from_numpy(self.images[row]).permute(2, 0, 1)
            return {"pixel_values": self.transform(image), "labels": int(self.labels[row])}

    seconds, answers = [], []

    class Clock(TrainerCallback):
        def on_train_begin(self, *arguments, **keywords) -> None:
            self.started = time.perf_counter()

        def on_evaluate(self, *arguments, **keywords) -> None:
            seconds.append(time.perf_counter() - self.started)

    def keep(prediction) -> dict:
        answers.append(softmax(prediction.predictions, axis=1))
        return {}

    with tempfile.TemporaryDirectory() as folder:
        fit = Trainer(
            model,
            TrainingArguments(
                folder, num_train_epochs=epochs, eval_strategy="epoch", save_strategy="no", seed=seed,
                report_to="none", use_cpu=True,
            ),
            train_dataset=Radiographs("train", augmented),
            eval_dataset=Radiographs("validation", common),
            compute_metrics=keep,
            callbacks=[Clock()],
        )  # fmt: skip
        fit.train()
        fit.compute_metrics = None
        views = fit.predict(Radiographs("views", common)).predictions
    return seconds, answers, [softmax(views, axis=1)]


def ours(arrays: Arrays, weights: Path, epochs: int, seed: int) -> Curves:
    """Train by train.py's recipe for radiographs, its loop and its number of epochs.

    After each epoch the network is measured at that epoch's size.
    """
    from hub.system import keep_memory

    keep_memory()
    import torch

    from hub.models import factory, forward
    from hub.training import loop, recipes

    sets = {
        split: (torch.from_numpy(images).permute(0, 3, 1, 2), torch.from_numpy(labels))
        for split, (images, labels) in arrays.items()
    }
    recipe = recipes.RECIPES["xray"]._replace(size=sets["train"][0].shape[-1])
    torch.manual_seed(seed)
    model = factory.create_model(recipe.architecture, 2, str(weights), True, recipe.size, channels=1)
    average = copy.deepcopy(model).to(memory_format=torch.channels_last)
    seconds, answers, views = [], [], []

    def measure(state: dict) -> None:
        history, weights = state["history"], state["average"].items()
        seconds.append(sum(epoch["seconds"] for epoch in history))
        average.load_state_dict({name.removeprefix("module."): tensor for name, tensor in weights})
        for split, probabilities in (("validation", answers), ("views", views)):
            logits = forward.predict_logits(average, sets[split][0], history[-1]["size"])
            probabilities.append(logits.softmax(1).numpy())

    loop.train(model, sets["train"], sets["validation"], recipe, seed=seed, save=measure)
    return seconds, answers, views


PEERS: dict[str, Callable[..., Curves]] = {
    "Keras fit": keras_fit,
    "transformers Trainer": trainer,
    OURS: ours,
}


if __name__ == "__main__":
    run_command("python -m benchmarks.training_peers", main)
