"""Networks from timm: new ones to train, and those of model folders."""

from collections.abc import Iterable
from pathlib import Path

import timm
import torch
from safetensors import SafetensorError, safe_open
from torch import nn

import hub.models.architectures  # noqa: F401 registers them with timm
from hub.errors import InputError, memory_sentence
from hub.models.digests import check_digests
from hub.models.folder import CONFIG, WEIGHTS, read_config
from hub.models.own_names import is_own

DROP_RATE = 0.2  # before the last layer, in training; the small networks underfit even without
# Averages over ImageNet's channels: one mean and one deviation for all.
GREY_STATISTICS = {"mean": (0.449,) * 3, "std": (0.226,) * 3}


def create_model(
    architecture: str, classes: int, weights: str, radiograph: bool, size: int, channels: int | None = None
) -> nn.Module:
    """Return the timm network to train on images of `size` pixels.

    `weights` is "imagenet" (timm downloads them), "none" (random), a safetensors file with the network's
    ImageNet weights, or a model folder. `channels` of the input are by default one for radiographs and three
    for others. Raises InputError for an architecture that timm does not know or that does not end in one
    linear layer, and for weights that are missing or do not fit.
    """
    if not timm.is_model(architecture):
        raise InputError(f"timm knows no architecture {architecture}; timm.list_models() lists them.")
    channels = channels or (1 if radiograph else 3)
    overlay = {
        "input_size": (3 if radiograph else channels, size, size),
        "interpolation": "bicubic",
        "crop_pct": 1.0,
        "crop_mode": "squash",
    }
    if radiograph:
        overlay |= GREY_STATISTICS
    elif is_own(architecture):
        overlay |= {"mean": (0.5,) * channels, "std": (0.5,) * channels}
    if weights not in ("imagenet", "none"):
        overlay |= _weights_overlay(Path(weights))
    try:
        model = timm.create_model(
            architecture,
            pretrained=weights != "none",
            num_classes=classes,
            in_chans=channels,
            drop_rate=0 if is_own(architecture) else DROP_RATE,
            pretrained_cfg_overlay=overlay,
        )
    except Exception as error:
        # timm converts older layouts of weights, and where the tensors are others anything may be raised.
        if "file" in overlay:
            raise InputError(
                f"{weights} is damaged or does not fit {architecture}; give weights of this architecture."
            ) from None
        # Each network that is no classifier fails in its own way.
        if not isinstance(error, RuntimeError | OSError | SafetensorError):
            raise InputError(f"timm makes no classifier of {architecture}; choose another.") from None
        raise InputError(
            f"timm's weights for {architecture} cannot be downloaded; check the network, "
            "or give --weights FILE.safetensors, a model folder, or none."
        ) from None
    if not isinstance(getattr(model, "get_classifier", lambda: None)(), nn.Linear):
        raise InputError(
            f"{architecture} does not end in one linear layer, which is needed here; choose another."
        )
    if "file" in overlay:
        _check_all_loaded(model, overlay["file"])
        _check_finite(model, weights)
    if weights == "none" or overlay.get("num_classes", model.default_cfg["num_classes"]) != classes:
        # timm scales a new classifier by the number of classes: with two of them, the loss would start at 7.
        for tensor in model.get_classifier().parameters():
            nn.init.zeros_(tensor)
    return model


def check_sizes(model: nn.Module, sizes: Iterable[int], channels: int) -> None:
    """Raise InputError for pixels a side that a network cannot take."""
    model.eval()
    for size in sorted(set(sizes)):
        try:
            with torch.no_grad():
                model(torch.zeros(2, channels, size, size))
        except (RuntimeError, AssertionError, ValueError) as error:
            if memory_sentence(error):
                raise
            raise InputError(
                f"{model.pretrained_cfg['architecture']} does not take images of {size} pixels; give another "
                "--size or --small-size."
            ) from None
    model.train()


def base_model(model: nn.Module, weights: str) -> str | None:
    """Return the model on the Hub that the weights are of.

    It is known for "imagenet", timm's own; None for any others.
    """
    return model.pretrained_cfg.get("hf_hub_id") if weights == "imagenet" else None


def _check_all_loaded(model: nn.Module, file: str) -> None:
    """Raise InputError for a weights file that lacks a layer of the network.

    Under a new classifier timm would leave such a layer random.
    """
    with safe_open(file, "pt") as weights:
        stored = set(weights.keys())
    classifier = f"{model.pretrained_cfg['classifier']}."
    needed = {name for name in model.state_dict() if not name.startswith(classifier)}
    missing = sorted(needed - stored - {name for name in needed if name.endswith("num_batches_tracked")})
    if missing:
        raise InputError(f"{file} does not fit: it has no {missing[0]}; give weights of this architecture.")


def _weights_overlay(path: Path) -> dict:
    """Return entries of pretrained_cfg that make timm read a local file.

    Raises InputError where there are no safetensors weights.
    """
    if path.is_dir():
        return {"file": str(_weights_file(path)), "num_classes": read_config(path)["num_classes"]}
    if not path.is_file():
        raise InputError(
            f"There are no weights at {path}; give a .safetensors file, a model folder, or none."
        )
    if path.suffix != ".safetensors":
        raise InputError(
            f"{path} is not a .safetensors file; convert it first, pickled weights can run code."
        )
    return {"file": str(path)}


def load_network(folder: Path) -> nn.Module:
    """Return the network of a model folder, in evaluation mode.

    Raises InputError for a folder without a usable config.json, and where its weights are missing, damaged or
    those of another network.
    """
    config, weights = read_config(folder), _weights_file(Path(folder))
    damaged = InputError(f"The weights in {folder} are damaged or of another network; get them again.")
    try:
        if _stored_shapes(weights) != _expected_shapes(config):
            raise damaged
        model = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
    except InputError:
        raise
    except Exception:  # a folder may name any network of timm, and each has its own way to fail
        raise damaged from None
    _check_finite(model, folder)
    return model


def _weights_file(folder: Path) -> Path:
    """Return the file of a model folder's weights.

    Raises InputError where it is missing or not the one that was saved. timm would look for pickles next.
    """
    check_digests(folder, (CONFIG, WEIGHTS))
    if not (folder / WEIGHTS).is_file():
        raise InputError(f"{folder} is not a model folder: it has no {WEIGHTS}.")
    return folder / WEIGHTS


def _stored_shapes(file: Path) -> dict[str, list[int]]:
    """Return the shape of each tensor of a safetensors file, by its header."""
    with safe_open(file, "pt") as weights:
        return {name: weights.get_slice(name).get_shape() for name in weights.keys()}  # noqa: SIM118


def _expected_shapes(config: dict) -> dict[str, list[int]]:
    """Return the shape of each tensor of the network that config.json names.

    It has no numbers yet, so that a folder that names a huge network takes no memory.
    """
    with torch.device("meta"):
        model = timm.create_model(
            config["architecture"],
            num_classes=config["num_classes"],
            in_chans=config["pretrained_cfg"]["input_size"][0],
            **config.get("model_args") or {},
        )
    return {name: list(tensor.shape) for name, tensor in model.state_dict().items()}


def _check_finite(model: nn.Module, source: object) -> None:
    """Raise InputError for weights that are not numbers."""
    if not all(torch.isfinite(tensor).all() for tensor in model.state_dict().values()):
        raise InputError(f"The weights in {source} are damaged: they are not all numbers; get them again.")
