"""The splits of one training run, what they share, and their pixels.

Of several processes the first of each machine reads and decodes them, and gives them to the others.
"""

from dataclasses import dataclass

from datasets import DatasetDict
from torch import Tensor

from hub.data import decode_cache
from hub.data.class_names import is_radiograph
from hub.data.image_files import sha256_digests
from hub.data.leakage import leak_report
from hub.data.splits import load_with_notes, small_data
from hub.data.stored_images import StoredImages
from hub.data.streaming import Sizes
from hub.training.distributed import from_first_of_machine


@dataclass(frozen=True)
class TrainingData:
    """Splits as they are stored, digests of their images, and their leak report.

    `digests` are the SHA-256 of the images of each split, `notes` those of `load_with_notes`.
    """

    splits: DatasetDict
    digests: dict[str, list[str]]
    leaks: dict
    notes: list[str]

    @property
    def classes(self) -> list[str]:
        """Names of the labels, in order."""
        return self.splits["train"].features["label"].names

    @property
    def radiograph(self) -> bool:
        """Whether these are chest radiographs, which are read as grey."""
        return is_radiograph(self.classes)


def read_data(
    source: str,
    small: bool = False,
    image_column: str | None = None,
    label_column: str | None = None,
    stream_to: Sizes | None = None,
) -> TrainingData:
    """Return the training data of a source.

    `small` takes only the few training images of the recipe small_data; the other arguments are those of
    `read_source`. Raises InputError for what is not a data set.
    """

    def read() -> TrainingData:
        splits, notes = load_with_notes(
            source, image_column=image_column, label_column=label_column, stream_to=stream_to
        )
        splits = small_data(splits) if small else splits
        digests = {name: sha256_digests(split) for name, split in splits.items()}
        return TrainingData(splits, digests, leak_report(splits, digests), notes)

    return from_first_of_machine(read)


def decode(data: TrainingData, split: str, size: int, channels: int) -> tuple[StoredImages | Tensor, Tensor]:
    """Return images uint8 [N, channels, size, size] and labels int64 [N] of a split.

    The images stay on the disk, but for where they cannot be written to it.

    Raises InputError naming the file that cannot be read.
    """
    return from_first_of_machine(
        lambda: decode_cache.decode_stored(
            data.splits[split], size, channels, data.radiograph, digests=data.digests[split]
        )
    )


def are_grey(data: TrainingData) -> bool:
    """Return whether every training image is stored as grey."""
    return from_first_of_machine(lambda: decode_cache.are_grey(data.splits["train"]))
