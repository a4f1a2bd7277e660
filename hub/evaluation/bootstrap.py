"""The cluster bootstrap over patients (Field and Welsh 2007)."""

from collections.abc import Iterator, Sequence

import numpy as np

from hub.progress import progress


def resamples(patients: Sequence[str], draws: int, title: str, seed: int = 0) -> Iterator[np.ndarray]:
    """Yield the indices of a sample of images, int [M], so many times.

    A sample is of as many patients as there are, drawn with replacement, each with all their images.
    `patients` has one per image; `title` is that of the progress bar.
    """
    cluster = np.unique(np.asarray(patients), return_inverse=True)[1]
    images_of = np.split(np.argsort(cluster, kind="stable"), np.cumsum(np.bincount(cluster))[:-1])
    random = np.random.default_rng(seed)
    for _ in progress(range(draws), title, unit=" draws", leave=False):
        sample = random.integers(len(images_of), size=len(images_of))
        yield np.concatenate([images_of[patient] for patient in sample])
