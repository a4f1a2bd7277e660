"""Ways to serve one model folder, by name in PEERS.

Each takes a folder and returns a function from encoded images, bytes, to labels. Each has its own
preprocessing, so that nothing is left out from bytes to label, and imports its libraries when it is called,
since each runs in its own process. Needs benchmarks/requirements.txt for Keras.
"""

import io
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from hub.models.folder import read_config

Classify = Callable[[list[bytes]], list[str]]


def hub_fp32(folder: Path) -> Classify:
    """Load this project's `Classifier`.

    It also checks its input and returns heatmaps.
    """
    return _hub(folder, "fp32")


def hub_int8(folder: Path) -> Classify:
    """Load this project's `Classifier` in 8 bits."""
    return _hub(folder, "int8")


def _hub(folder: Path, precision: str) -> Classify:
    from hub.inference.classifier import Classifier

    classifier = Classifier(folder, precision=precision)
    return lambda images: [prediction.label for prediction in classifier(images)]


def pipeline(folder: Path) -> Classify:
    """Load transformers' `pipeline`, as its documentation does."""
    import transformers

    classify = transformers.pipeline("image-classification", model=str(folder), device="cpu")

    def labels(files: list[bytes]) -> list[str]:
        images = [Image.open(io.BytesIO(file)) for file in files]
        answers = classify(images, batch_size=len(images), top_k=1)
        return [answer[0]["label"] for answer in answers]

    return labels


def timm_eager(folder: Path) -> Classify:
    """Load timm's network and transform, in torch's inference mode."""
    return _timm(folder, compiled=False)


def timm_compiled(folder: Path) -> Classify:
    """Load timm's network and transform under torch.compile, which needs g++."""
    return _timm(folder, compiled=True)


def _timm(folder: Path, compiled: bool) -> Classify:
    import timm
    import torch

    model = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
    transform = timm.data.create_transform(**timm.data.resolve_model_data_config(model))
    network = torch.compile(model) if compiled else model
    classes = read_config(folder)["label_names"]

    @torch.inference_mode()
    def labels(files: list[bytes]) -> list[str]:
        images = [Image.open(io.BytesIO(file)).convert("RGB") for file in files]
        logits = network(torch.stack([transform(image) for image in images]))
        return [classes[row] for row in logits.argmax(1).tolist()]

    return labels


def keras_predict(folder: Path) -> Classify:
    """Load Keras's own MobileNetV2 with the same weights, for `predict`."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from keras import Model, layers
    from safetensors.numpy import load_file

    from benchmarks.keras_peers import imagenet_network

    config, weights = read_config(folder), Path(folder) / "model.safetensors"
    size = config["pretrained_cfg"]["input_size"][-1]
    mean, deviation = (255 * np.float32(config["pretrained_cfg"][key]) for key in ("mean", "std"))
    backbone = imagenet_network(weights, (size, size))
    for layer in backbone.layers:
        if isinstance(layer, layers.ZeroPadding2D):
            layer.padding = ((1, 1), (1, 1))  # as torch pads, where this network was trained
    stored = load_file(weights)
    head = layers.Dense(len(config["label_names"]), activation="softmax")
    model = Model(backbone.input, head(layers.GlobalAveragePooling2D()(backbone.output)))
    head.set_weights([stored["classifier.weight"].T, stored["classifier.bias"]])

    def labels(files: list[bytes]) -> list[str]:
        images = [Image.open(io.BytesIO(file)).convert("RGB").resize((size, size)) for file in files]
        pixels = (np.stack([np.asarray(image, np.float32) for image in images]) - mean) / deviation
        return [config["label_names"][row] for row in model.predict(pixels, verbose=0).argmax(1)]

    return labels


PEERS: dict[str, Callable[[Path], Classify]] = {
    "this project, fp32": hub_fp32,
    "this project, int8": hub_int8,
    "transformers pipeline": pipeline,
    "timm eager": timm_eager,
    "timm compiled": timm_compiled,
    "Keras predict": keras_predict,
}
