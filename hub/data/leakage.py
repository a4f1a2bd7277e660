"""Leakage between splits: patients, patient numbers and images that they share."""

from collections import Counter
from collections.abc import Sequence
from itertools import chain, combinations

import imagehash
import numpy as np
from datasets import Dataset, DatasetDict
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from hub.data.image_files import encoded_images, locate_errors, sha256_digests
from hub.data.patients import group_noun, patient_number
from hub.imaging.read import read_image
from hub.progress import progress
from hub.text import patient_noun

# Of 256 bits. Radiographs of two children (Kermany et al.) differ in 38 or more, copies in 10 at most.
MAX_COPY_DISTANCE = 16


def duplicate_groups(splits: dict[str, Dataset], radiographs: bool) -> list[str]:
    """Return the name of each image's group of copies, in the order of the splits.

    Copies have equal bytes or, with `radiographs`, are near-duplicates: images with nearly the same
    perceptual hash, the signs of 256 low-frequency DCT coefficients (imagehash.phash; Zauner 2010). Raises
    InputError naming an image that cannot be read.
    """
    digests = [digest for dataset in splits.values() for digest in sha256_digests(dataset)]
    if not radiographs:
        return [digest[:16] for digest in digests]
    images = chain.from_iterable(encoded_images(dataset) for dataset in splits.values())
    bar = progress(images, "Looking for near-duplicates", len(digests), unit=" images", leave=False)
    hashes = []
    for index, stored in enumerate(bar):
        with locate_errors(index, stored):
            image = read_image(stored, radiograph=True)
        hashes.append(np.packbits(imagehash.phash(image, hash_size=16).hash))
    hashes = np.stack(hashes)
    pairs = []
    for index, row in enumerate(hashes):
        distance = np.bitwise_count(hashes[index:] ^ row).sum(1)
        pairs += [(index, index + int(j)) for j in np.flatnonzero(distance <= MAX_COPY_DISTANCE)]
    group = first_in_component(len(digests), pairs)
    return [digests[first][:16] for first in group]


def first_in_component(count: int, pairs: list[tuple[int, int]]) -> np.ndarray:
    """Return the first item of each item's connected component, int [count].

    `pairs` are the edges of a graph of `count` items.
    """
    rows, columns = np.array(pairs, dtype=int).reshape(-1, 2).T
    graph = coo_array((np.ones(len(rows)), (rows, columns)), shape=(count, count))
    component = connected_components(graph, directed=False)[1]
    first = np.unique(component, return_index=True)[1]
    return first[component]


def leak_report(splits: DatasetDict, digests: dict[str, list[str]] | None = None) -> dict:
    """Return how many patients and images the splits share.

    Keys: `images` and `patients` per split, `groups` (the `group_noun` of the patients), `patients_known`,
    `identical_groups` (groups of images with the same bytes, in any split), and `shared_patients`,
    `shared_numbers` (bare patient numbers), `shared_images` (the same bytes), each `{"train/validation": n,
    "train/test": n, "validation/test": n}`. Where patients are unknown a "patient" is a group of copies
    (`duplicate_groups`). `digests` are the `sha256_digests` of each split, if the caller has them.
    """
    patients = {name: set(split["patient"][:]) for name, split in splits.items()}
    numbers = {name: {patient_number(p) for p in group} for name, group in patients.items()}
    digests = digests or {name: sha256_digests(split) for name, split in splits.items()}
    repeats = Counter(digest for group in digests.values() for digest in group)
    groups = group_noun(chain.from_iterable(patients.values()))
    return {
        "images": {name: len(split) for name, split in splits.items()},
        "patients": {name: len(group) for name, group in patients.items()},
        "groups": groups,
        "patients_known": groups == "patients",
        "identical_groups": sum(count > 1 for count in repeats.values()),
        "shared_patients": _shared(patients),
        "shared_numbers": _shared(numbers),
        "shared_images": _shared({name: set(group) for name, group in digests.items()}),
    }


def format_report(report: dict, notes: Sequence[str] = ()) -> str:
    """Return the leak report as lines to print, with the notes of `load_with_notes`."""
    kind = patient_noun(report)
    numbered = report["patients_known"] or report["shared_numbers"] != report["shared_patients"]
    lines = [
        f"{split:<11}{count:>6} {'image' if count == 1 else 'images'}"
        + (f" of {report['patients'][split]} {kind}" if kind else "")
        for split, count in report["images"].items()
    ]
    for key, title in (
        ("shared_patients", kind),
        ("shared_numbers", "bare patient numbers" if numbered else ""),
        ("shared_images", "byte-identical images"),
    ):
        if title:
            pairs = ", ".join(f"{pair} {count}" for pair, count in report[key].items())
            lines.append(f"shared {title}: {pairs}")
    lines.append(f"groups of byte-identical images in all: {report['identical_groups']}")
    lines += [f"note: {note}" for note in notes]
    return "\n".join(lines)


def _shared(groups: dict[str, set[str]]) -> dict[str, int]:
    return {f"{a}/{b}": len(groups[a] & groups[b]) for a, b in combinations(groups, 2)}
