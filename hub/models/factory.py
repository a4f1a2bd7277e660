"""Networks from timm: new ones to train, and those of model folders."""

from pathlib import Path

import timm
from safetensors import SafetensorError, safe_open
from torch import nn

from hub.errors import InputError
from hub.models import architectures
from hub.models.folder import WEIGHTS, read_config

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
    elif architectures.is_own(architecture):
        overlay |= {"mean": (0.5,) * channels, "std": (0.5,) * channels}
    if weights not in ("imagenet", "none"):
        overlay |= _weights_overlay(Path(weights))
    try:
        model = timm.create_model(
            architecture,
            pretrained=weights != "none",
            num_classes=classes,
            in_chans=channels,
            drop_rate=0 if architectures.is_own(architecture) else DROP_RATE,
            pretrained_cfg_overlay=overlay,
        )
    except (RuntimeError, OSError, SafetensorError):
        if weights != "imagenet":
            raise InputError(
                f"{weights} is damaged or does not fit {architecture}; give weights of this architecture."
            ) from None
        raise InputError(
            f"timm's weights for {architecture} cannot be downloaded; check the network, "
            "or give --weights FILE.safetensors, a model folder, or none."
        ) from None
    if not isinstance(model.get_classifier(), nn.Linear):
        raise InputError(
            f"{architecture} does not end in one linear layer, which is needed here; choose another."
        )
    if "file" in overlay:
        _check_all_loaded(model, overlay["file"])
    if weights == "none" or overlay.get("num_classes", model.default_cfg["num_classes"]) != classes:
        # timm scales a new classifier by the number of classes: with two of them, the loss would start at 7.
        for tensor in model.get_classifier().parameters():
            nn.init.zeros_(tensor)
    return model


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
        classes = read_config(path)["num_classes"]
        if not (path / WEIGHTS).is_file():
            raise InputError(f"{path} is not a model folder: it has no {WEIGHTS}.")
        return {"file": str(path / WEIGHTS), "num_classes": classes}
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

    Raises InputError where its weights are missing or damaged.
    """
    try:
        return timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
    except (RuntimeError, OSError, SafetensorError):
        raise InputError(f"The weights in {folder} are missing or damaged; get them again.") from None
