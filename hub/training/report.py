"""The summary that train.py prints."""

import shlex

from hub.evaluation.metrics import format_metrics
from hub.training.settings import Settings


def format_summary(settings: Settings, metrics: dict, seconds: float) -> str:
    """Return the validation metrics, the duration and the next command as text."""
    lines = [format_metrics(metrics["validation"])]
    if "shifted_validation" in metrics:
        lines.append(
            "AUC on these and on shifted and swapped views, {images} images: {auc:.4f}".format(
                **metrics["shifted_validation"]
            )
        )
    lines.append(f"{settings.output} is ready after {seconds:.0f} s")
    if (settings.output / "onnx").is_dir():
        data = ["--dataset", settings.dataset]
        for option in ("image_column", "label_column"):
            if column := getattr(settings, option):
                data += [f"--{option.replace('_', '-')}", column]
        lines.append(f"next: python -m hub evaluate {shlex.join([str(settings.output), *data])}")
    return "\n".join(lines)
