"""Why an image cannot be read, and how large it may be."""

MAX_PIXELS = 64_000_000


class UnreadableError(Exception):
    """Why an image cannot be read: the rest of a sentence that begins with its name."""


class DamagedError(UnreadableError):
    """Data that a decoder cannot read."""

    def __init__(self):
        """Say the same of whatever is damaged."""
        super().__init__("is damaged or cut short; export or download it again.")


def check_size(width: int, height: int) -> None:
    """Raise UnreadableError for no pixels, or more than `MAX_PIXELS`."""
    if width < 1 or height < 1:
        raise DamagedError
    if width * height > MAX_PIXELS:
        raise too_large()


def too_large() -> UnreadableError:
    """Return the exception for more than `MAX_PIXELS`."""
    return UnreadableError(
        f"has more than {MAX_PIXELS // 1_000_000} megapixels; make it smaller and try again."
    )
