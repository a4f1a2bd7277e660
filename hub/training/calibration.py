"""Calibrate a trained network on validation images, and measure it on them."""

from dataclasses import dataclass
from itertools import chain

import numpy as np
import torch
from datasets import Dataset
from scipy.special import softmax
from torch import Tensor, nn

from hub.data.stored_images import StoredImages
from hub.evaluation import shifts
from hub.evaluation.calibration import Calibration, apply, choose_operating_points, covariance, fit
from hub.evaluation.metrics import auc, measure
from hub.models import forward


@dataclass(frozen=True)
class Calibrated:
    """What a model folder says of its calibration.

    `operating_points` and `covariance` are empty for more classes than two. `metrics` are the sections
    "calibration", "validation" and, of radiographs, "shifted_validation" of metrics.json.
    """

    calibration: Calibration
    operating_points: dict[str, float]
    covariance: list[list[float]]
    metrics: dict[str, dict]


def calibrate(
    network: nn.Module,
    validation_set: tuple[StoredImages | Tensor, Tensor],
    rows: Dataset,
    classes: list[str],
    radiograph: bool,
    dataset: str,
) -> Calibrated:
    """Fit calibration and operating points of a network, and measure both.

    `validation_set` is images, uint8 [N, C, H, W], and labels, int64 [N], `rows` the split that they were
    decoded from. Radiographs are joined by shifted and swapped views of them, as
    `python -m hub.analysis calibration` chose.
    """
    images, labels = validation_set
    index = torch.arange(len(labels))
    if radiograph:
        images, index = shifts.iterate_views(images, labels), shifts.view_rows(len(labels))
        images = chain.from_iterable(images)
    logits = forward.predict_logits(network, images, total=len(index)).numpy()
    labels, index = labels[index].numpy(), index.numpy()
    bias = getattr(network.get_classifier(), "bias", None) is not None
    calibration = fit(logits, labels, offset=bias)
    logits = apply(calibration, logits)
    probabilities = softmax(logits, axis=1)
    binary, patients = len(classes) == 2, np.array(rows["patient"][:])
    points = choose_operating_points(probabilities, labels) if binary else {}
    count = len(rows)  # the images as they are come first
    validation = measure(
        probabilities[:count],
        labels[:count],
        patients,
        classes,
        subtypes=rows["subtype"][:],
        operating_points=points,
    )
    metrics = {
        "calibration": {**calibration._asdict(), "images": len(labels)},
        "validation": validation | {"dataset": dataset, "split": "validation"},
    }
    if radiograph:
        metrics["shifted_validation"] = {"images": len(labels), "auc": auc(probabilities, labels)}
    uncertainty = covariance(logits, labels, patients[index]) if binary else []
    return Calibrated(calibration, points, uncertainty, metrics)
