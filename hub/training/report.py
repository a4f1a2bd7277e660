"""The summary that train.py prints."""

import shlex

from hub.evaluation.metrics import format_metrics
from hub.text import counted
from hub.training.settings import Settings


def format_summary(
    settings: Settings, metrics: dict, seconds: float, missing: Exception | None = None
) -> str:
    """Return the validation metrics, the duration and the next command as text.

    `missing` is why the folder has no onnx/, None where it has.
    """
    lines = [format_metrics(metrics["validation"])]
    if "shifted_validation" in metrics:
        lines.append(
            "AUC on these and on shifted and swapped views, {images}: {auc:.4f}".format(
                images=counted(metrics["shifted_validation"]["images"], "image"),
                auc=metrics["shifted_validation"]["auc"],
            )
        )
    lines.append(f"{settings.output} is ready after {seconds:.0f} s")
    if missing:
        lines.append(f"but it has no onnx/, which evaluate, the demos and publish need: {missing}")
    else:
        if metrics.get("onnx", {}).get("int8_kept") is False:
            lines.append("onnx/ has 32 bits only: in 8 the network loses too much on validation data")
        data = ["--dataset", settings.dataset]
        for option in ("image_column", "label_column"):
            if column := getattr(settings, option):
                data += [f"--{option.replace('_', '-')}", column]
        lines.append(f"next: python -m hub evaluate {shlex.join([str(settings.output), *data])}")
    return "\n".join(lines)
