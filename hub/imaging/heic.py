"""Decode HEIC in a separate process.

pi-heif crashes on some damaged files, and everything in the same process ends with it.
`python -m hub.imaging.heic` is not a command for users: `decode` runs it, HEIC on standard input, pixels on
standard output.
"""

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from hub.imaging.unreadable import DamagedError, UnreadableError, check_size, too_large

TIMEOUT = 60  # seconds
MAX_MEMORY = 4 << 30  # bytes of address space, of which less is used
TOO_LARGE = 3  # exit code


def decode(data: bytes) -> Image.Image:
    """Return the primary image, which libheif has turned upright already.

    Raises UnreadableError for a file that is damaged or too large.
    """
    try:
        process = subprocess.run(
            [sys.executable, "-m", "hub.imaging.heic"],
            input=data,
            capture_output=True,
            cwd=Path(__file__).parents[2],  # the folder that holds hub, a checkout or site-packages
            timeout=TIMEOUT,
        )
    except subprocess.TimeoutExpired:
        raise DamagedError from None
    if process.returncode == TOO_LARGE:
        raise too_large()
    if process.returncode != 0:
        raise DamagedError
    return Image.fromarray(np.load(io.BytesIO(process.stdout)))


def main() -> int:
    """Decode HEIC from standard input; write pixels to standard output as .npy."""
    import resource

    import pi_heif

    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    file = pi_heif.open_heif(sys.stdin.buffer.read())
    try:
        check_size(*file.size)
    except UnreadableError:
        return TOO_LARGE
    # Not by to_pillow, which reads the EXIF too.
    image = Image.frombytes(file.mode, file.size, file.data, "raw", file.mode, file.stride)
    pixels = io.BytesIO()
    np.save(pixels, np.asarray(image.convert(image.mode.upper())))  # no premultiplied alpha
    sys.stdout.buffer.write(pixels.getvalue())
    return 0


if __name__ == "__main__":
    sys.exit(main())
