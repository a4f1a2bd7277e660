"""Export the network of a model folder to ONNX, for inference without torch.

`onnx/model.onnx` has one input, `pixel_values` float32 [batch, channels, size, size], normalised. Its outputs
are `logits` [batch, classes]; `heatmap` [batch, classes, h, w], the class activation maps, if the network
ends in average pooling, perhaps a layer norm, and one linear layer; and `statistics` [batch, channels, 2],
mean and deviation over positions of each channel of every stage. `onnx/model_int8.onnx` is the same in 8
bits, kept only if it is as good. Both contain the SHA-256 of the weights that they were exported from.
"""

import logging
import shlex
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
import torch
from onnxruntime import InferenceSession
from torch import Tensor, nn

from hub import files
from hub.batching import batches
from hub.errors import InputError
from hub.evaluation.metrics import auc
from hub.export import quantization
from hub.inference.session import session_options
from hub.models import forward
from hub.models.factory import load_network
from hub.models.folder import DIGEST, WEIGHTS, read_metrics
from hub.models.onnx_program import save_program
from hub.system import usable_cores
from hub.text import number

TOLERANCE = 1e-4  # between torch and ONNX Runtime, relative for values above 1
AUC_LOSS, ACCURACY_LOSS = 0.002, 0.003  # the most that 8 bits may lose on validation data
CALIBRATION_IMAGES = 200


def export(folder: Path, images: Tensor, validation: tuple[Tensor, Tensor]) -> dict:
    """Write `onnx/` of a model folder, and return the section for metrics.json.

    `images`, uint8 [N, C, H, W], are training images that calibrate the ranges of 8 bits. `validation`, such
    images and labels int64 [N], decides whether 8 bits are good enough. Raises InputError where ONNX cannot
    express the network or its outputs differ.
    """
    model = load_network(folder)
    with files.replace_folder(folder / "onnx") as partial:
        full, small = partial / "model.onnx", partial / "model_int8.onnx"
        write_onnx(model, full)
        difference = largest_difference(model, full)
        if not difference <= TOLERANCE:  # NaN too
            raise InputError(f"ONNX Runtime and torch differ by {difference:.1e}; choose another network.")
        with quiet():
            quantization.write_int8(full, small, to_input(images, model))
        for file in (full, small):
            sign(file, folder)
        section = {"difference": difference, "calibration_images": len(images)}
        section |= {"fp32": score(model, full, *validation), "int8": score(model, small, *validation)}
        section["int8_kept"] = as_good(section["int8"], section["fp32"])
        if not section["int8_kept"]:
            small.unlink()
        section["sha256"] = {file.name: files.sha256(file) for file in sorted(partial.iterdir())}
    return section


def as_good(int8: dict[str, float], fp32: dict[str, float]) -> bool:
    """Return whether 8 bits lose little enough to be kept.

    `int8` and `fp32` are what `score` returns for each.
    """
    return fp32["auc"] - int8["auc"] <= AUC_LOSS and fp32["accuracy"] - int8["accuracy"] <= ACCURACY_LOSS


def calibration_rows(count: int) -> np.ndarray:
    """Return the indices of the training images that calibrate 8 bits.

    `count` is the number of training images. The indices are int [CALIBRATION_IMAGES at most], always the
    same.
    """
    return np.random.default_rng(0).permutation(count)[:CALIBRATION_IMAGES]


def format_export(section: dict) -> str:
    """Return the section of `export` as lines to print."""
    lines = []
    for name in ("fp32", "int8"):
        scores = section[name]
        lines.append(
            f"{name}: {number(scores['bytes'] / 1e6, 1)} MB, "
            f"validation AUC {number(scores['auc'])}, accuracy {number(scores['accuracy'])}"
        )
    kept = "int8 is kept" if section["int8_kept"] else "int8 loses too much and was left out"
    return "\n".join([*lines, f"fp32 differs from torch by {section['difference']:.1e} at most; {kept}"])


def verify(folder: Path) -> None:
    """Raise InputError where `onnx/` of a model folder does not fit its weights.

    `onnx/model.onnx` must exist, and all files must be those that `export` measured, exported from these
    weights; the 32-bit file is run as well.
    """
    advice = f"run python -m hub export {shlex.quote(str(folder))} --dataset SOURCE"
    section = read_metrics(folder).get("onnx")
    measured = section.get("sha256") if isinstance(section, dict) else None
    digests = {file.name: files.sha256(file) for file in sorted((folder / "onnx").glob("model*.onnx"))}
    if "model.onnx" not in digests:
        raise InputError(f"{folder} has no onnx/model.onnx; {advice}.")
    if digests != measured:
        raise InputError(f"The files in {folder / 'onnx'} are not those that were measured; {advice}.")
    weights = files.sha256(folder / WEIGHTS)
    for name in digests:
        properties = {entry.key: entry.value for entry in onnx.load(folder / "onnx" / name).metadata_props}
        if properties.get(DIGEST) != weights:
            raise InputError(f"{name} was not made from the model.safetensors beside it; {advice}.")
    model = load_network(folder)
    difference = largest_difference(model, folder / "onnx" / "model.onnx")
    if not difference <= TOLERANCE:
        raise InputError(f"onnx/model.onnx differs from model.safetensors by {difference:.1e}; {advice}.")


class Served(nn.Module):
    """A timm network that returns all outputs of the ONNX file from one forward pass."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model
        self.outputs = ["logits", "heatmap", "statistics"] if has_heatmap(model) else ["logits", "statistics"]

    def forward(self, pixel_values: Tensor) -> tuple[Tensor, ...]:
        features, stages = self.model.forward_intermediates(pixel_values)
        moments = [torch.std_mean(stage, (2, 3), correction=0) for stage in stages]
        values = {
            "logits": self.model.forward_head(features),
            "statistics": torch.cat([torch.stack((mean, std), 2) for std, mean in moments], 1),
        }
        if "heatmap" in self.outputs:
            values["heatmap"] = class_activation_maps(self.model, features)
        return tuple(values[name] for name in self.outputs)


def class_activation_maps(model: nn.Module, features: Tensor) -> Tensor:
    """Return class activation maps (Zhou et al. 2016), float [B, classes, h, w].

    They are rows of the classifier times `features`, the last feature map, float [B, channels, h, w]. Where
    the pooled features are normalised first (ConvNeXt), each position is divided by their deviation.
    """
    weight = model.get_classifier().weight
    norm = getattr(getattr(model, "head", None), "norm", None)
    if not isinstance(norm, nn.LayerNorm):
        return torch.einsum("kc,bchw->bkhw", weight, features)
    variance = features.mean((2, 3), keepdim=True).var(1, correction=0, keepdim=True)
    normalised = (features - features.mean(1, keepdim=True)) / (variance + norm.eps).sqrt()
    maps = torch.einsum("kc,bchw->bkhw", weight * norm.weight, normalised)
    return maps + (weight @ norm.bias).view(-1, 1, 1)


@torch.inference_mode()
def has_heatmap(model: nn.Module) -> bool:
    """Return whether class activation maps are exact.

    They are if their mean plus the classifier's bias is the logit.
    """
    features, head = model.forward_features(noise(model)), model.get_classifier()
    if features.ndim != 4 or features.shape[1] != head.in_features:
        return False
    means = class_activation_maps(model, features).mean((2, 3))
    return torch.allclose(means + head.bias, model.forward_head(features), atol=1e-3)


def noise(model: nn.Module, count: int = 2) -> Tensor:
    """Return noise for the input, always the same.

    It is Gaussian, float32 [count, channels, size, size].
    """
    return torch.randn(count, *model.pretrained_cfg["input_size"], generator=torch.Generator().manual_seed(0))


def to_input(images: Tensor, model: nn.Module) -> np.ndarray:
    """Return images as the network's input, float32 [N, channels, H, W].

    `images` is uint8 [N, 1 or channels, H, W].
    """
    channels = model.pretrained_cfg["input_size"][0]
    return forward.normalize(images.expand(-1, channels, -1, -1) / 255, model).numpy()


def write_onnx(model: nn.Module, file: Path) -> None:
    """Write the network as `Served` to an ONNX file, for any batch size.

    Raises InputError where ONNX cannot express it.
    """
    served = Served(model).eval()
    for module in served.modules():
        if getattr(module, "inplace", False):
            module.inplace = False  # what works in place takes the exporter twice the time
    try:
        with quiet():
            program = torch.onnx.export(
                served,
                (noise(model),),
                dynamo=True,
                dynamic_shapes={"pixel_values": {0: torch.export.Dim("batch")}},
                input_names=["pixel_values"],
                output_names=served.outputs,
                verbose=False,
            )
    except (torch.onnx.OnnxExporterError, AttributeError):
        raise InputError("This network cannot be written as ONNX; choose another architecture.") from None
    save_program(program, file)


@torch.inference_mode()
def largest_difference(model: nn.Module, file: Path) -> float:
    """Return the largest difference of ONNX Runtime from torch.

    It is relative for values above 1.
    """
    inputs, served = noise(model), Served(model).eval()
    answers = InferenceSession(file).run(served.outputs, {"pixel_values": inputs.numpy()})
    pairs = zip(served(inputs), answers, strict=True)
    return max(float(((a - torch.from_numpy(b)).abs() / a.abs().clamp(min=1)).max()) for a, b in pairs)


def score(model: nn.Module, file: Path, images: Tensor, labels: Tensor) -> dict[str, float]:
    """Return `auc`, `accuracy` and `bytes` of an ONNX file.

    `images` is uint8 [N, C, H, W], `labels` int64 [N].
    """
    session = InferenceSession(file, session_options(usable_cores()))
    logits = [
        session.run(["logits"], {"pixel_values": to_input(torch.stack(chunk), model)})[0]
        for chunk in batches(images, 32, f"Validating {file.name}")
    ]
    probabilities = torch.from_numpy(np.concatenate(logits)).softmax(1).numpy()
    return {
        "auc": auc(probabilities, labels.numpy()),
        "accuracy": float((probabilities.argmax(1) == labels.numpy()).mean()),
        "bytes": file.stat().st_size,
    }


def sign(file: Path, folder: Path) -> None:
    """Write the SHA-256 of the folder's weights into an ONNX file."""
    network = onnx.load(file)
    onnx.helper.set_model_props(network, {DIGEST: files.sha256(folder / WEIGHTS)})
    onnx.save(network, file)


@contextmanager
def quiet() -> Iterator[None]:
    """Silence the exporters' logs and warnings, which address their developers."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
