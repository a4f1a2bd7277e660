"""Synthetic radiographs, drawn from principal components of real ones.

The components are fitted on the training split and committed, so that a first run, the tests and the examples
of the apps need no download and show no patient. The method is that of eigenfaces (Turk and Pentland 1991):
one orthonormal basis for all images, one Gaussian over its coefficients per class.
"""

from pathlib import Path

import numpy as np
from PIL import Image
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from hub.errors import InputError
from hub.files import replace_file

COMPONENTS = Path(__file__).parent / "synthetic.safetensors"
SIZE = 224
SPREAD = 0.8  # factor on standard deviations: fewer images from the tails, which look unreal


def fit_components(images: np.ndarray, labels: np.ndarray, components: int = 150) -> dict[str, np.ndarray]:
    """Return the tensors that `sample_radiographs` draws from.

    `images` is uint8 [N, 224, 224], `labels` int [N], 0 or 1. Classes are balanced by taking the first images
    of the larger one, so that the basis fits both equally. The tensors are `mean` float16 [224 * 224],
    `basis` int8 [components, 224 * 224] with `scale` float32 [components, 1], and of its coefficients, per
    class, `centre` float32 [2, components] and `spread` float32 [2, components, components] (Cholesky factors
    of the covariance). Raises InputError for too few images of a class, or too much alike.
    """
    from sklearn.utils.extmath import randomized_svd  # takes a second to import, and serving never fits

    smaller = np.bincount(labels, minlength=2).min()
    few = InputError(f"The components need over {components} different images of each class; give more.")
    if smaller <= components:  # the covariance of fewer has no Cholesky factor
        raise few
    chosen = np.concatenate([np.flatnonzero(labels == label)[:smaller] for label in (0, 1)])
    pixels, labels = images[chosen].reshape(len(chosen), -1).astype(np.float32), labels[chosen]
    mean = pixels.mean(0)
    pixels -= mean
    _, _, basis = randomized_svd(pixels, components, random_state=0)
    scale = np.abs(basis).max(1, keepdims=True) / 127
    groups = [pixels[labels == label] @ basis.T for label in (0, 1)]
    try:
        spread = np.stack([np.linalg.cholesky(np.cov(group.T)) for group in groups])
    except np.linalg.LinAlgError:
        raise few from None
    return {
        "mean": mean.astype(np.float16),
        "basis": np.rint(basis / scale).astype(np.int8),
        "scale": scale.astype(np.float32),
        "centre": np.stack([group.mean(0) for group in groups]).astype(np.float32),
        "spread": spread.astype(np.float32),
    }


def save_components(
    tensors: dict[str, np.ndarray], path: Path = COMPONENTS, source: str | None = None
) -> None:
    """Write the components through `replace_file`, with the name of their `source`."""
    with replace_file(path) as partial:
        # safetensors writes memory in its order, and the SVD's result is column-major.
        contents = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
        save_file(contents, partial, {"source": source} if source else None)


def components_source() -> str | None:
    """Return the name of the data set that the components are fitted to.

    It is None for the radiographs of Kermany et al. 2018, those of the bundled components.
    """
    with safe_open(COMPONENTS, "numpy") as file:
        return (file.metadata() or {}).get("source")


def sample_radiographs(count: int, seed: int = 0) -> tuple[list[Image.Image], list[int]]:
    """Return `count` synthetic radiographs, and their labels.

    Images are grey, 224 x 224 pixels; labels are 0 (NORMAL) and 1 (PNEUMONIA) in turn. The same seed gives
    the same images, whatever the count.
    """
    tensors = load_file(COMPONENTS)
    labels = np.arange(count) % 2
    draws = np.random.default_rng(seed).standard_normal((count, len(tensors["basis"])), dtype=np.float32)
    shifts = np.einsum("nij,nj->ni", tensors["spread"][labels], SPREAD * draws)
    coefficients = (tensors["centre"][labels] + shifts) * tensors["scale"].T
    pixels = coefficients @ tensors["basis"].astype(np.float32) + tensors["mean"].astype(np.float32)
    images = np.clip(np.rint(pixels), 0, 255).astype(np.uint8).reshape(count, SIZE, SIZE)
    return [Image.fromarray(image) for image in images], labels.tolist()
