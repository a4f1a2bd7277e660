"""Memory for decoding, which all threads of a process share.

Small images are decoded side by side, as many as fit. Large ones wait for each other, and no small one waits
for them.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image

# glibc gives what is freed back to the system at once where it is more than 32 MB in one piece. Pillow's
# pieces have 16 MB, of which each thread would keep those of its largest image.
Image.core.set_block_size(1 << 29)

SMALL = 32_000_000  # bytes: a radiograph of 16 megapixels in 16 bits
SHARED = 96_000_000  # bytes that small images take together


class Room:
    """Memory of which several threads take a part."""

    def __init__(self, size: int):
        """Start with `size` bytes, all of them free."""
        self.free, self.changed = size, threading.Condition()

    @contextmanager
    def part(self, size: float) -> Iterator[None]:
        """Wait until so many bytes are free, and keep them for the block."""
        with self.changed:
            self.changed.wait_for(lambda: size <= self.free)
            self.free -= size
        try:
            yield
        finally:
            with self.changed:
                self.free += size
                self.changed.notify_all()


_shared, _one_large = Room(SHARED), threading.Lock()


@contextmanager
def room_for(size: float) -> Iterator[None]:
    """Wait until an image that takes so many bytes may be decoded in the block.

    Within the block, a thread must not ask again.
    """
    with _one_large if size > SMALL else _shared.part(size):
        yield
