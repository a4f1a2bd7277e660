"""Write a model folder that timm, transformers and `Classifier` load."""

import json
from pathlib import Path

import timm
import torch
from safetensors.torch import save_file
from timm.models import save_for_hf
from torch import nn

from hub.errors import InputError
from hub.files import replace_file, write_json
from hub.models.card import write_card
from hub.models.folder import WEIGHTS, read_config, read_metrics, write_metrics
from hub.models.processor import write_processor

# Weights of red, green and blue in grey, by ITU-R BT.601 as in Pillow.
LUMA = torch.tensor([299, 587, 114]).div(1000).view(1, 3, 1, 1)
MOST_CHANGE = 1e-4  # of what the last layer reads, by rounding


def save_folder(
    folder: Path,
    model: nn.Module,
    classes: list[str],
    radiograph: bool,
    metrics: dict,
    calibration: tuple[float, float] = (1.0, 0.0),
    operating_points: dict[str, float] | None = None,
    calibration_covariance: list[list[float]] | None = None,
) -> None:
    """Write a model folder: weights, JSON files and the card.

    The JSON files are config.json, preprocessor_config.json and metrics.json. The layout is timm's, which
    transformers reads too. Because its `pipeline` always feeds three channels, a radiograph network of one
    channel becomes one of three that converts to grey in its first convolution. `calibration`, scale and
    offset, is folded into the classifier, so that every library has it. `operating_points`, thresholds on the
    probability of the second class at even odds, and the covariance of the calibration go into config.json.
    """
    model = _with_rgb_input(model) if radiograph else model
    fold_calibration(model, *calibration)
    save_for_hf(
        model.to(memory_format=torch.contiguous_format),
        str(folder),
        model_config={"label_names": list(classes)},
        safe_serialization=True,
    )
    with replace_file(folder / WEIGHTS) as partial:  # safetensors lets only the owner read it
        (folder / WEIGHTS).rename(partial)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    # transformers passes num_classes itself and fails on a second one in model_args.
    # What timm writes of it is false for a network that takes other sizes too; its positions are of this one.
    fixed = model.pretrained_cfg.get("fixed_input_size")
    config["model_args"] = {"img_size": config["pretrained_cfg"]["input_size"][-1]} if fixed else {}
    config["pretrained_cfg"].pop("tag", None)  # of the weights that training began with
    config["radiograph"] = radiograph
    write_json(folder / "config.json", config)
    save_operating_points(folder, operating_points, calibration_covariance)
    write_processor(folder, config)
    write_metrics(folder, metrics)
    write_card(folder)


def fold_calibration(model: nn.Module, scale: float, offset: float) -> None:
    """Scale the logits and move the log odds by `offset`, in the last layer.

    Softmax sees only the difference between logits, so each of two classes takes half of the offset.
    """
    classifier = model.get_classifier()
    with torch.no_grad():
        for tensor in classifier.parameters():
            tensor *= scale
        if offset:
            classifier.bias += classifier.bias.new_tensor([-offset / 2, offset / 2])


def save_weights(folder: Path, model: nn.Module) -> None:
    """Write the weights of a network into a model folder that has others of it."""
    with replace_file(folder / WEIGHTS) as partial:
        save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, partial)


def save_operating_points(
    folder: Path, points: dict[str, float] | None, covariance: list[list[float]] | None
) -> None:
    """Put operating points and the covariance of the calibration into config.json.

    Empty ones are left out.
    """
    config = read_config(folder)
    for name, value in (("operating_points", points), ("calibration_covariance", covariance)):
        config.pop(name, None)
        if value:
            config[name] = value
    write_json(folder / "config.json", config)


def check_package(model: nn.Module, radiograph: bool, size: int) -> None:
    """Raise InputError for a network that would be another one in a model folder.

    It is asked before training, which takes long and would be lost. `size` is the pixels a side of an image.
    """
    name = model.pretrained_cfg["architecture"]
    tensors = [tensor for tensor in model.state_dict().values() if tensor.numel()]
    if len({tensor.data_ptr() for tensor in tensors}) < len(tensors):
        raise InputError(f"{name} has layers with the same weights, which cannot be saved; choose another.")
    if radiograph and not _is_same_with_rgb_input(model, size):
        raise InputError(f"{name} cannot be made to read grey images in three channels; choose another.")


@torch.no_grad()
def _is_same_with_rgb_input(model: nn.Module, size: int) -> bool:
    """Return whether `_with_rgb_input` changes nothing that the last layer reads.

    It does where the first convolution standardises its weights, or another layer reads the image too.
    """
    grey, read = torch.randn(2, 1, size, size, generator=torch.Generator().manual_seed(0)), []
    try:
        with torch.random.fork_rng([]):  # training goes on with the numbers of its seed
            rgb = _with_rgb_input(model)
        for network, pixels in ((model, grey), (rgb, grey.expand(-1, 3, -1, -1))):
            hook = network.get_classifier().register_forward_pre_hook(lambda _, given: read.append(given[0]))
            network.eval()(pixels)
            hook.remove()
    except RuntimeError:  # of layers that are no convolutions
        return False
    finally:
        model.train()
    before, after = read
    # Random weights may make numbers too large for 32 bits, of which nothing is known.
    return not bool((before - after).abs().max() > MOST_CHANGE * before.abs().max())


def _with_rgb_input(model: nn.Module) -> nn.Module:
    """Return the network with three channels, made grey where it reads the image.

    This is exact because all channels share one mean and deviation (`check_package`).
    """
    rgb = timm.create_model(
        model.pretrained_cfg["architecture"],
        num_classes=model.num_classes,
        pretrained_cfg_overlay=model.pretrained_cfg
        | {"input_size": (3, *model.pretrained_cfg["input_size"][1:])},
    )
    state = model.state_dict()
    for name, tensor in rgb.state_dict().items():
        if tensor.shape != state[name].shape:  # several convolutions side by side in some networks
            state[name] = state[name] * LUMA
    rgb.load_state_dict(state)
    return rgb


def save_metrics(folder: Path, section: str, content: dict) -> None:
    """Write one section of metrics.json of a model folder, and its card."""
    write_metrics(folder, read_metrics(folder) | {section: content})
    write_card(folder)
