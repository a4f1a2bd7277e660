"""The filters of the first convolution, before training and after."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from hub.errors import InputError
from hub.files import replace_file
from hub.models.digests import check_digests
from hub.models.folder import FILTERS

if TYPE_CHECKING:
    from torch import Tensor, nn


def first_layer_filters(model: "nn.Module", radiograph: bool = False) -> "Tensor":
    """Return the kernels of the first convolution, float32 [filters, channels, k, k].

    `radiograph` is for the network of a model folder of radiographs, which converts red, green and blue to
    grey in this layer (`folder_writer.save_folder`): its channels are added up into one grey kernel. Raises
    InputError where there is no convolution.
    """
    from torch import nn

    first = next((module for module in model.modules() if isinstance(module, nn.Conv2d)), None)
    if first is None:
        raise InputError("This network has no convolution, so there are no filters to see.")
    kernels = first.weight.detach().float()
    return kernels.sum(1, keepdim=True) if radiograph else kernels.clone()


def save_filters(folder: Path, before: "Tensor") -> None:
    """Write the filters from before training into a model folder.

    `before` is float [filters, channels, k, k], and is written as float32.
    """
    with replace_file(Path(folder) / FILTERS) as partial:
        save_file({"before": before.detach().float().contiguous().numpy()}, partial)


def load_filters(folder: Path) -> np.ndarray | None:
    """Return the filters that `save_filters` wrote, None without any.

    They are float32 [filters, channels, k, k]. Raises InputError for a damaged file.
    """
    file = Path(folder) / FILTERS
    check_digests(Path(folder), [FILTERS])
    if not file.is_file():
        return None
    try:
        before = load_file(file)["before"]
    except (SafetensorError, OSError, KeyError, ValueError, TypeError):
        raise InputError(f"{file} is damaged; get it again or delete it.") from None
    if before.ndim != 4 or not before.size or not np.isfinite(before).all():
        raise InputError(f"{file} does not hold kernels; get it again or delete it.")
    return before.astype(np.float32)
