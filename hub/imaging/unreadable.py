"""Why an image cannot be read, and how large it may be."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Part = TypeVar("Part")
MAX_PIXELS = 64_000_000
MAX_SIDE = 65_535  # pixels; JPEG and DICOM know no longer ones, and each row costs memory of its own
MAX_MEMORY = 350_000_000  # bytes at once, from the pixels as they are stored to 8 bits
MAX_PARTS = 200_000  # chunks, segments or boxes of a file; an image of 64 megapixels may have 30,000
MAX_QUICK = 1_000_000  # bytes, or samples of JPEG 2000, that even a slow decoder reads in a second
# Called with width, height, bytes of memory per pixel and whether a decoder may crash or take long, before
# pixels are decoded; it raises where they must not be. `check_size` is one.
Admit = Callable[[int, int, float, bool], None]


class UnreadableError(Exception):
    """Why an image cannot be read: the rest of a sentence that begins with its name."""


class DamagedError(UnreadableError):
    """Data that a decoder cannot read."""

    def __init__(self):
        """Say the same of whatever is damaged."""
        super().__init__("is damaged or cut short; export or download it again.")


def check_size(width: int, height: int, bytes_per_pixel: float = 1, apart: bool = False) -> None:
    """Raise UnreadableError for no pixels, or for too many of them.

    There are at most `MAX_PIXELS`, `MAX_SIDE` on a side, and they take no more than `MAX_MEMORY`. A file
    may state numbers that are NaN: they do not fit either.
    """
    if not (width >= 1 and height >= 1):
        raise DamagedError
    if width * height > MAX_PIXELS:
        raise too_large()
    if max(width, height) > MAX_SIDE:
        raise UnreadableError(f"is {width} x {height} pixels; give at most {MAX_SIDE:,} on each side.")
    if not width * height * bytes_per_pixel <= MAX_MEMORY:
        raise too_much_memory()


def few(parts: Iterable[Part]) -> Iterator[Part]:
    """Yield the parts of a file; raise DamagedError after `MAX_PARTS`.

    A file may consist of millions of empty ones, each of which takes time and memory.
    """
    for number, part in enumerate(parts):
        if number == MAX_PARTS:
            raise DamagedError
        yield part


def too_large() -> UnreadableError:
    """Return the exception for more than `MAX_PIXELS`."""
    return UnreadableError(
        f"has more than {MAX_PIXELS // 1_000_000} megapixels; make it smaller and try again."
    )


def too_much_memory() -> UnreadableError:
    """Return the exception for more than `MAX_MEMORY`."""
    return UnreadableError("takes too much memory to decode; make it smaller, or save it with 8 bits.")


def other_colours() -> UnreadableError:
    """Return the exception for colours that are not read."""
    return UnreadableError("has colours that are neither grey nor RGB; save it as grey or RGB.")
