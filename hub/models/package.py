"""The model folder: what timm, transformers and `Classifier` load."""

import json
import shutil
from pathlib import Path

import timm
import torch
from huggingface_hub import EvalResult, ModelCard, ModelCardData
from safetensors import SafetensorError, safe_open
from timm.models import save_for_hf
from torch import nn

from hub.data.sources import is_hub_id
from hub.errors import InputError
from hub.files import read_config, sha256, write_json, write_text
from hub.inference import input_check
from hub.models import architectures

DROP_RATE = 0.2  # before the last layer, in training; small networks from scratch underfit as it is
TEMPLATE = Path(__file__).parent / "card.md"
# Grey as Pillow and ITU-R BT.601 make it from red, green and blue.
LUMA = torch.tensor([299, 587, 114]).div(1000).view(1, 3, 1, 1)
# One mean and one deviation for all channels: the averages of ImageNet's.
GREY_STATISTICS = {"mean": (0.449,) * 3, "std": (0.226,) * 3}


def create_model(
    architecture: str, classes: int, weights: str, radiograph: bool, size: int, channels: int | None = None
) -> nn.Module:
    """Return the timm network to train; input `channels`, if not given, are one for radiographs, else three.

    `weights` is "imagenet" (timm's own, downloaded), "none" (random), a safetensors file with the
    network's ImageNet weights, or a model folder written here.

    Raises InputError: unknown architecture, weights that are not there or do not fit.
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
        # timm scales a fresh classifier by the number of classes: with two of them the loss starts at 7.
        for tensor in model.get_classifier().parameters():
            nn.init.zeros_(tensor)
    return model


def _check_all_loaded(model: nn.Module, file: str) -> None:
    """Refuse a file that lacks a layer: with a fresh classifier timm would leave that layer random."""
    with safe_open(file, "pt") as weights:
        stored = set(weights.keys())
    fresh = f"{model.pretrained_cfg['classifier']}."
    needed = {name for name in model.state_dict() if not name.startswith(fresh)}
    missing = sorted(needed - stored - {name for name in needed if name.endswith("num_batches_tracked")})
    if missing:
        raise InputError(f"{file} does not fit: it has no {missing[0]}; give weights of this architecture.")


def _weights_overlay(path: Path) -> dict:
    """Return the pretrained_cfg entries that make timm read a local file."""
    if path.is_dir():
        classes = read_config(path)["num_classes"]
        if not (path / "model.safetensors").is_file():
            raise InputError(f"{path} is not a model folder: it has no model.safetensors.")
        return {"file": str(path / "model.safetensors"), "num_classes": classes}
    if not path.is_file():
        raise InputError(
            f"There are no weights at {path}; give a .safetensors file, a model folder, or none."
        )
    if path.suffix != ".safetensors":
        raise InputError(
            f"{path} is not a .safetensors file; convert it first, pickled weights can run code."
        )
    return {"file": str(path)}


def save_package(
    folder: Path,
    model: nn.Module,
    classes: list[str],
    radiograph: bool,
    metrics: dict,
    temperature: float = 1.0,
    operating_points: dict[str, float] | None = None,
) -> None:
    """Write the weights, config.json, preprocessor_config.json, metrics.json and the card into `folder`.

    The layout is timm's, which transformers reads too. A one-channel radiograph network becomes a
    three-channel one that weighs red, green and blue into grey in its first convolution, since
    `pipeline` always feeds three. The classifier is divided by `temperature`, so that every
    reader's softmax is calibrated. `operating_points`, thresholds on the second class's probability, go
    into config.json.
    """
    model = _with_rgb_input(model) if radiograph else model
    with torch.no_grad():
        for tensor in model.get_classifier().parameters():
            tensor /= temperature
    save_for_hf(
        model.to(memory_format=torch.contiguous_format),
        str(folder),
        model_config={"label_names": list(classes)},
        safe_serialization=True,
    )
    (folder / "model.safetensors").chmod(0o644)  # safetensors writes for the owner alone
    config = json.loads((folder / "config.json").read_text())
    # transformers passes num_classes itself and fails on a second one in model_args.
    fixed = config["pretrained_cfg"].get("fixed_input_size")
    config["model_args"] = {"img_size": config["pretrained_cfg"]["input_size"][-1]} if fixed else {}
    config["pretrained_cfg"].pop("tag", None)  # that of the weights training began with
    config["radiograph"] = radiograph
    if operating_points:
        config["operating_points"] = operating_points
    write_json(folder / "config.json", config)
    # A local folder is read without it; of a Hub id, transformers asks for this file first.
    write_json(folder / "preprocessor_config.json", {"image_processor_type": "TimmWrapperImageProcessor"})
    write_json(folder / "metrics.json", metrics)
    write_card(folder)


def _with_rgb_input(model: nn.Module) -> nn.Module:
    """Return the same function of grey pictures, for three channels; colours are weighed into grey.

    Exact because all channels share one mean and deviation.
    """
    rgb = timm.create_model(
        model.pretrained_cfg["architecture"],
        num_classes=model.num_classes,
        pretrained_cfg_overlay=model.pretrained_cfg
        | {"input_size": (3, *model.pretrained_cfg["input_size"][1:])},
    )
    state = model.state_dict()
    stem = model.pretrained_cfg["first_conv"] + ".weight"
    state[stem] = state[stem] * LUMA
    rgb.load_state_dict(state)
    return rgb


def save_metrics(folder: Path, section: str, content: dict) -> None:
    """Put one section into metrics.json of a model folder, in place of an older one, and write its card."""
    record = folder / "metrics.json"
    write_json(record, json.loads(record.read_text()) | {section: content})
    write_card(folder)


def copy_package(folder: Path, copy: Path, repo_id: str) -> None:
    """Copy a model folder into the folder `copy`, with a card for readers of `repo_id` on the Hub.

    Raises InputError: not a model folder, never measured, or its ONNX files or its input check are not of
    its weights.
    """
    from hub.export.onnx import verify

    read_config(folder)
    needed = ("model.safetensors", "metrics.json", "preprocessor_config.json")
    missing = [name for name in needed if not (folder / name).is_file()]
    if missing:
        raise InputError(f"{folder} has no {missing[0]}; give a model folder that train.py made.")
    verify(folder)
    input_check.load(folder, sha256(folder / "model.safetensors"))
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns(".*"), dirs_exist_ok=True)
    write_card(copy, repo_id)


def write_card(folder: Path, repo_id: str | None = None) -> None:
    """Write README.md, the model card, from config.json and metrics.json of the folder.

    Its examples load `repo_id` from the Hub or, without one, a local folder.
    """
    config, metrics = read_config(folder), json.loads((folder / "metrics.json").read_text())
    results = []
    for split in ("validation", "test"):
        names = {
            "accuracy": "Accuracy",
            "auc": "AUC",
            "f1": "F1",
            "sensitivity": "Sensitivity",
            "specificity": "Specificity",
        }
        for key, name in names.items():
            if metrics.get(split, {}).get(key, {}).get("value") is not None:
                results.append(
                    EvalResult(
                        task_type="image-classification",
                        dataset_type="chest-xray-pneumonia" if config["radiograph"] else "image-folder",
                        dataset_name=_public_name(metrics[split]["dataset"]),
                        dataset_split=split,
                        metric_type=key,
                        metric_name=name,
                        metric_value=round(metrics[split][key]["value"], 4),
                    )
                )
    trained_on, own = metrics["training"]["dataset"], architectures.is_own(config["architecture"])
    data = ModelCardData(
        license="apache-2.0",
        datasets=[trained_on] if is_hub_id(trained_on) else None,
        library_name="timm",
        pipeline_tag="image-classification",
        tags=["image-classification", "timm"]
        + ([] if own else ["transformers"])
        + (["chest-x-ray", "medical"] if config["radiograph"] else []),
        model_name=f"{config['architecture']}-{'pneumonia' if config['radiograph'] else 'classifier'}",
        eval_results=results,
    )
    card = ModelCard.from_template(
        data,
        template_path=str(TEMPLATE),
        config=config,
        metrics=metrics,
        repo_id=repo_id,
        own=own,
    )
    write_text(folder / "README.md", str(card))


def _public_name(source: str) -> str:
    """Return a Hub id as it is, and of a path its last part: the rest is nobody's business."""
    return source if is_hub_id(source) else Path(source).name
