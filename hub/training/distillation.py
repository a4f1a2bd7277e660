"""Distillation: a network learns what larger ones answer.

The method is that of Hinton et al. 2015 (arXiv 1503.02531).
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hub.errors import InputError
from hub.evaluation.calibration import Calibration, folded
from hub.files import sha256
from hub.models.factory import load_network
from hub.models.folder import METRICS, WEIGHTS, read_config, read_metrics
from hub.models.folder_writer import fold_calibration
from hub.models.forward import normalize


def load_teachers(folders: Sequence[Path], classes: list[str], channels: int) -> list[nn.Module]:
    """Return the networks of model folders, to teach images of so many channels.

    They answer as they were trained, without their calibration: the student gets its own. Raises InputError
    for a folder that is no model, and for one of other classes or of fewer channels.
    """
    return [_load_teacher(Path(folder), classes, channels) for folder in folders]


def _load_teacher(folder: Path, classes: list[str], channels: int) -> nn.Module:
    theirs = read_config(folder).get("label_names")
    if theirs != classes:
        names = f"the classes {', '.join(map(str, theirs))}" if theirs else "no class names"
        raise InputError(
            f"The teacher {folder} has {names} in its config.json, and the images have "
            f"{', '.join(classes)}; give one that has the same, in this order."
        )
    network = load_network(folder)
    if channels not in (1, network.pretrained_cfg["input_size"][0]):
        raise InputError(f"The teacher {folder} reads grey images, and these are coloured; give another.")
    scale, offset = folded(read_metrics(folder)) if (folder / METRICS).is_file() else Calibration()
    fold_calibration(network, 1, -offset)
    fold_calibration(network, 1 / scale, 0)
    return network


def describe_teacher(folder: Path) -> str:
    """Return a digest of what a teacher's answers come from: 16 hexadecimal digits."""
    calibration = folded(read_metrics(folder)) if (folder / METRICS).is_file() else Calibration()
    parts = sha256(folder / WEIGHTS), sha256(folder / "config.json"), *map(str, calibration)
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:16]


def loss(logits: Tensor, teachers: Sequence[nn.Module], images: Tensor, weights: Tensor) -> Tensor:
    """Return the cross-entropy of a student's logits to its teachers' answers.

    `logits` is float32 [B, classes], `images` as for `soft_targets`, and `weights`, float [B], says how much
    each image counts.
    """
    losses = F.cross_entropy(logits, soft_targets(teachers, images), reduction="none")
    return (weights * losses).sum() / weights.sum()


@torch.no_grad()
def soft_targets(teachers: Sequence[nn.Module], images: Tensor) -> Tensor:
    """Return the mean of the teachers' probabilities, float32 [B, classes].

    `images` is float [B, C, H, W], 0 to 1: the very views that the student sees, since a teacher is good when
    it is consistent (Beyer et al. 2022, arXiv 2106.05237). Each teacher sees them at its own size.
    """
    probabilities = [_predict(teacher, images) for teacher in teachers]
    return torch.stack(probabilities).mean(0)


def _predict(teacher: nn.Module, images: Tensor) -> Tensor:
    channels, *size = teacher.pretrained_cfg["input_size"]
    if images.shape[-2:] != tuple(size):
        images = F.interpolate(images, size, mode="bilinear", align_corners=False)
    pixels = normalize(images.expand(-1, channels, -1, -1), teacher)
    # In bf16 a GPU answers far sooner, and a CPU that has it in half the time.
    with torch.autocast(images.device.type, torch.bfloat16, enabled=_has_bf16(images.device)):
        return teacher(pixels).float().softmax(1)


def _has_bf16(device: torch.device) -> bool:
    return device.type == "cuda" or torch.cpu._is_avx512_bf16_supported()
