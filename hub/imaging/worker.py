"""Read an image in a separate process, which may crash and must not take long.

GDCM and libheif crash on some damaged files, and everything in the same process ends with them; of other
formats nothing in the file tells how long they take. `python -m hub.imaging.worker` is not a command for
users: `read_apart` runs it.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from hub.errors import InputError
from hub.imaging.unreadable import DamagedError, UnreadableError, check_size, too_much_memory

CPU_SECONDS = 2  # for decoding any image
BYTES_PER_SECOND, MOST_SECONDS = 4_000_000, 6  # a file of many bytes may take longer, up to so long
TIMEOUT = 60  # seconds, on a machine that has more to do
MAX_MEMORY = 350_000_000  # bytes for decoding
STRIP = 1 << 20  # pixels that are handed over at a time
ROOT = Path(__file__).parents[2]  # the folder that holds hub, a checkout or site-packages


def read_apart(data: bytes, name: str, side: int | None) -> Image.Image:
    """Return the image that `read.read_here` makes in another process.

    Raises its UnreadableError or InputError, and UnreadableError where it takes too long or too much memory.
    """
    seconds = min(CPU_SECONDS + len(data) // BYTES_PER_SECOND, MOST_SECONDS)
    try:
        process = subprocess.run(
            [sys.executable, "-m", "hub.imaging.worker"],
            input=json.dumps([name, side, seconds]).encode() + b"\n" + data,
            capture_output=True,
            cwd=ROOT,
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},  # each takes memory, which is limited
            timeout=TIMEOUT,
        )
    except subprocess.TimeoutExpired:
        raise _too_slow() from None
    if process.returncode == -signal.SIGPROF:
        raise _too_slow()
    if process.returncode != 0:
        raise DamagedError
    header, pixels = process.stdout.split(b"\n", 1)
    answer = json.loads(header)
    if "refusal" in answer:
        raise InputError(answer["refusal"])
    if "reason" in answer:
        raise UnreadableError(answer["reason"])
    image = Image.frombytes(answer["mode"], tuple(answer["size"]), pixels)
    image.info = answer["info"]
    return image


def main() -> None:
    """Read an image from standard input; write its pixels to standard output.

    The first line of standard input is JSON: the image's name, the least side and the seconds.
    """
    sys.modules["requests"] = None  # pydicom would spend a fifth of all time on it, to fetch its examples
    from hub.imaging.read import read_here

    name, side, seconds = json.loads(sys.stdin.buffer.readline())
    data = sys.stdin.buffer.read()

    def admit(width: int, height: int, bytes_per_pixel: float, _: bool) -> None:
        check_size(width, height, bytes_per_pixel)
        _limit(seconds)

    try:
        image = read_here(data, name, side, admit)
    except InputError as error:
        answer = {"refusal": str(error)}
    except UnreadableError as error:
        answer = {"reason": str(error)}
    except MemoryError:
        answer = {"reason": str(too_much_memory())}
    else:
        _write(image, sys.stdout.buffer)
        return
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")


def _limit(seconds: float) -> None:
    """Let the system end this process, or refuse it memory, in time.

    The time begins with the first call, before pixels are decoded: on a busy machine it takes seconds to
    import the libraries, however small the image is.
    """
    import resource

    if signal.getitimer(signal.ITIMER_PROF)[0]:
        return
    signal.setitimer(signal.ITIMER_PROF, seconds)  # of this process on a core, whatever else runs there
    status = Path("/proc/self/status")  # of Linux, which alone counts what is limited here
    if status.is_file():
        held = next(line for line in status.read_text("ascii").splitlines() if line.startswith("VmData"))
        most = 1024 * int(held.split()[1]) + MAX_MEMORY
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def _write(image: Image.Image, stream: BinaryIO) -> None:
    header = {"mode": image.mode, "size": image.size, "info": image.info}
    stream.write(json.dumps(header).encode() + b"\n")
    rows = max(1, STRIP // image.width)
    for top in range(0, image.height, rows):
        stream.write(image.crop((0, top, image.width, min(top + rows, image.height))).tobytes())


def _too_slow() -> UnreadableError:
    return UnreadableError("takes too long to decode; save it as PNG or JPEG and try again.")


if __name__ == "__main__":
    main()
