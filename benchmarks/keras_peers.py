"""Run the coursework's exercises in Keras, as its notes did them.

  python -m benchmarks.keras_peers mnist --arrays FILE.npz --result FILE.json
  python -m benchmarks.keras_peers xray --arrays FILE.npz --weights FILE --result FILE.json

`benchmarks.coursework` writes the arrays and runs this in another process: TensorFlow and torch in
one process share neither memory nor threads well. The arrays are train_images, validation_images and
test_images, uint8 [N, height, width, channels], and train_labels, validation_labels and test_labels,
int64 [N]. `fit` watches the validation images; the test images are predicted once, after the last epoch.
Needs benchmarks/requirements.txt.
"""

import argparse
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hub.errors import InputError, run_command
from hub.files import write_json

if TYPE_CHECKING:  # TensorFlow takes seconds to import; --help should not wait
    import keras

# As in the notes: Adam with its defaults, augmentation of radiographs only. 32 is the default of `fit`.
SETTINGS = {
    "mnist": {"epochs": 5, "batch_size": 32},
    "cifar10": {"epochs": 5, "batch_size": 32},
    "xray": {"epochs": 10, "batch_size": 16},
}
SPLITS = ("train", "validation", "test")
# timm's default input: ImageNet's mean and deviation of each channel, in grey values.
MEAN = 255 * np.array([0.485, 0.456, 0.406])
DEVIATION = 255 * np.array([0.229, 0.224, 0.225])
# Blocks in each stage of MobileNetV2 (Sandler et al. 2018, table 2).
STAGES = (1, 2, 3, 4, 3, 3, 1)


def main(arguments: list[str] | None = None) -> None:
    """Train one exercise in Keras and write its figures to the file --result.

    Raises InputError for xray without weights, and for files that do not fit.
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.keras_peers",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("exercise", choices=SETTINGS)
    parser.add_argument("--arrays", required=True, type=Path, metavar="FILE", help="images and labels, .npz")
    parser.add_argument("--weights", type=Path, metavar="FILE", help="ImageNet weights, for xray")
    parser.add_argument("--result", required=True, type=Path, metavar="FILE", help="where the figures go")
    parser.add_argument("--epochs", type=int, help="other than the notes' number")
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    options = parser.parse_args(arguments)
    if options.exercise == "xray" and not options.weights:
        raise InputError("xray starts from ImageNet weights; give --weights FILE.safetensors.")
    arrays = read_arrays(options.arrays)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import keras

    keras.utils.set_random_seed(options.seed)
    settings = dict(SETTINGS[options.exercise])
    settings["epochs"] = options.epochs or settings["epochs"]
    shape, classes = arrays["train"][0].shape[1:], int(arrays["train"][1].max()) + 1
    if options.exercise == "xray":
        model = transfer_network(options.weights, shape[:2], classes)
    else:
        model = small_network(shape, classes)
    write_json(options.result, train(model, arrays, **settings))


def read_arrays(path: Path, splits: tuple[str, ...] = SPLITS) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return images uint8 [N, H, W, C] and labels int64 [N] of each of `splits`.

    Raises InputError where the file is not there or lacks a split.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {split: (stored[f"{split}_images"], stored[f"{split}_labels"]) for split in splits}
    except (OSError, ValueError, KeyError):
        raise InputError(
            f"{path} does not hold {', '.join(splits)}; `python -m benchmarks` writes it."
        ) from None


def small_network(shape: tuple[int, int, int], classes: int) -> "keras.Model":
    """Return the notes' network for images of `shape`: height, width, channels."""
    from keras import Sequential, layers

    return Sequential(
        [
            layers.Input(shape),
            layers.Rescaling(1 / 255),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dense(classes, activation="softmax"),
        ],
        name="small_cnn",
    )


def transfer_network(weights: Path, size: tuple[int, int], classes: int) -> "keras.Model":
    """Return the notes' network for radiographs: frozen MobileNetV2 and a dense head.

    It takes grey images of `size`, height and width. Training images are rotated, zoomed and mirrored.
    """
    from keras import Model, layers

    backbone = imagenet_network(weights, size)
    backbone.trainable = False
    inputs = layers.Input((*size, 1))
    x = layers.RandomRotation(15 / 360)(inputs)
    x = layers.RandomZoom(0.1)(x)
    x = layers.RandomFlip("horizontal")(x)
    x = layers.Concatenate()([x, x, x])
    x = layers.Normalization(mean=MEAN, variance=DEVIATION**2)(x)
    x = layers.GlobalAveragePooling2D()(backbone(x))
    x = layers.Dense(128, activation="relu")(x)
    return Model(inputs, layers.Dense(classes, activation="softmax")(x), name="frozen_mobilenetv2")


def imagenet_network(weights: Path, size: tuple[int, int], include_top: bool = False) -> "keras.Model":
    """Return Keras's MobileNetV2 with the weights of timm's `mobilenetv2_100`.

    `weights` is a safetensors file. The network takes normalised images float32 [N, *size, 3]; with
    `include_top` it ends in ImageNet's classes, without in feature maps. Keras pads below and to the right,
    as TensorFlow does; timm's network with `pad_type="same"` computes the same.

    Raises InputError for a file that does not fit.
    """
    from keras.applications import MobileNetV2
    from keras.layers import BatchNormalization
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        stored = load_file(weights)
    except (OSError, SafetensorError):
        raise InputError(f"{weights} cannot be read as safetensors; give timm's mobilenetv2_100.") from None
    network = MobileNetV2(input_shape=(*size, 3), include_top=include_top, weights=None)
    names = timm_names() | ({"predictions": "classifier"} if include_top else {})
    try:
        for layer_name, name in names.items():
            layer = network.get_layer(layer_name)
            if isinstance(layer, BatchNormalization):
                kinds = ("weight", "bias", "running_mean", "running_var")
                layer.epsilon = 1e-5  # timm's; Keras's own is 1e-3
                layer.set_weights([stored[f"{name}.{kind}"] for kind in kinds])
            elif layer_name == "predictions":
                layer.set_weights([stored[f"{name}.weight"].T, stored[f"{name}.bias"]])
            else:
                # [out, in, height, width] becomes [height, width, in, out]; depthwise, with one channel in,
                # [height, width, out, 1].
                axes = (2, 3, 0, 1) if layer_name.endswith("depthwise") else (2, 3, 1, 0)
                layer.set_weights([stored[f"{name}.weight"].transpose(axes)])
    except (KeyError, ValueError):
        raise InputError(f"{weights} does not fit MobileNetV2; give timm's mobilenetv2_100.") from None
    return network


def timm_names() -> dict[str, str]:
    """Return timm's name of each layer of Keras's MobileNetV2, except the classifier."""
    names = {"Conv1": "conv_stem", "bn_Conv1": "bn1", "Conv_1": "conv_head", "Conv_1_bn": "bn2"}
    places = [(stage, block) for stage, blocks in enumerate(STAGES) for block in range(blocks)]
    for number, (stage, block) in enumerate(places):
        keras_name = f"block_{number}_" if number else "expanded_conv_"
        # The first block has nothing to expand, so timm calls its other convolutions differently.
        convolutions = {"depthwise": "conv_dw", "project": "conv_pw"}
        if number:
            convolutions = {"expand": "conv_pw", "depthwise": "conv_dw", "project": "conv_pwl"}
        for index, (layer, convolution) in enumerate(convolutions.items(), 1):
            names[f"{keras_name}{layer}"] = f"blocks.{stage}.{block}.{convolution}"
            names[f"{keras_name}{layer}_BN"] = f"blocks.{stage}.{block}.bn{index}"
    return names


def train(
    model: "keras.Model", arrays: dict[str, tuple[np.ndarray, np.ndarray]], epochs: int, batch_size: int
) -> dict:
    """Fit `model`, then measure it once on the test images; return the figures.

    `epoch_seconds` hold the validation at each epoch's end, and the first one the tracing of the graph.
    """
    import keras
    import tensorflow as tf

    # Batches as `fit` makes them of arrays, but without tf.data's autotuning: at the end of an epoch it
    # sometimes waits for its next run, which comes 10, 20 or 40 seconds after the start.
    plain = tf.data.Options()
    plain.autotune.enabled = False

    def batches(split: str, shuffled: bool = False) -> tf.data.Dataset:
        images, labels = arrays[split]
        dataset = tf.data.Dataset.from_tensor_slices((images, labels))
        dataset = dataset.shuffle(len(labels)) if shuffled else dataset
        return dataset.batch(batch_size).prefetch(2).with_options(plain)

    seconds, started = [], []
    clock = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: started.append(time.perf_counter()),
        on_epoch_end=lambda epoch, logs: seconds.append(time.perf_counter() - started[-1]),
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(
        batches("train", shuffled=True),
        epochs=epochs,
        validation_data=batches("validation"),
        callbacks=[clock],
        shuffle=False,  # `batches` does
        verbose=2,
    ).history
    labels = arrays["test"][1]
    answers = model.predict(batches("test"), verbose=0).argmax(1)
    return {
        "network": model.name,
        "parameters": model.count_params(),
        "images": {split: len(labels) for split, (_, labels) in arrays.items()},
        "epochs": epochs,
        "batch_size": batch_size,
        "test_accuracy": float((answers == labels).mean()),
        "validation_accuracy": history["val_accuracy"],
        "epoch_seconds": seconds,
        "seconds": sum(seconds),
        "images_per_second": epochs * len(arrays["train"][1]) / sum(seconds),
        "versions": {"tensorflow": tf.__version__, "keras": keras.__version__},
    }


if __name__ == "__main__":
    run_command("python -m benchmarks.keras_peers", main)
