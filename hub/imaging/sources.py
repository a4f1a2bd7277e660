"""What an image can be given as, from a path to a tensor."""

import io
import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from hub.errors import InputError
from hub.imaging import decoders

# Also a torch tensor, [C, H, W] or [H, W], and whatever else has `__array__` or a `path`.
Source = str | os.PathLike | bytes | bytearray | memoryview | BinaryIO | Mapping | Image.Image | np.ndarray
LARGEST = 500_000_000  # bytes of a file; the largest images that are read have 64 megapixels
STREAM_ERRORS = (
    OSError,
    ValueError,
    EOFError,
    zlib.error,
)  # the last two of one that unpacks what is damaged
ALLOWED = "a path, bytes, a file opened in binary mode, an upload, a PIL image, an array or a tensor"


def image_name(source: Source) -> str:
    """Return the name of the source's file, "The image" where it has none."""
    is_path = isinstance(source, str | os.PathLike)
    path = source if is_path else _path(source) or getattr(source, "name", None)
    return Path(os.fsdecode(path)).name if isinstance(path, str | os.PathLike) else "The image"


def read_source(source: Source) -> bytes | Image.Image | np.ndarray:
    """Return encoded bytes, a PIL image, or an array whose channels come last.

    An open file is read from its beginning, and stays where it was. Raises InputError for a file that cannot
    be read, and TypeError for a source of another type.
    """
    if isinstance(source, str | os.PathLike):
        return read_file(source)
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source)
    if isinstance(source, Mapping) and isinstance(source.get("bytes"), bytes):
        return source["bytes"]  # of a row of `datasets`, whose path may be a name alone
    if isinstance(source, Image.Image):
        return _read_deep(source) if decoders.is_deep(source) else source
    if isinstance(source, np.ndarray):
        return _read_array(source)
    if hasattr(source, "read"):
        return _read_stream(source)
    if hasattr(source, "detach"):
        return _read_tensor(source)
    if hasattr(source, "__array__"):
        return _read_array(source)
    if path := _path(source):
        return read_file(path)
    raise _wrong_type(source)


def read_file(path: str | os.PathLike) -> bytes:
    """Return the contents of a file.

    Raises InputError where it cannot be read, and for one that is larger than any image.
    """
    path = os.fsdecode(path)
    try:
        with Path(path).open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            check_bytes(size, path)
            data = file.read() if size else read_all(file)  # devices, pipes and /proc state none
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"There is no file {path}; check the path.") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder; give the image files inside it.") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {reason(error)}.") from None
    check_bytes(len(data), path)
    return data


def read_all(stream: BinaryIO) -> bytes:
    """Return the rest of a stream, or one byte more than `LARGEST`.

    It may have no end.
    """
    parts, left = [], LARGEST + 1
    while left > 0 and (part := stream.read(left)):
        parts.append(part)
        left -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def check_bytes(count: int, name: str) -> None:
    """Raise InputError for a file of more bytes than any image has."""
    if count > LARGEST:
        raise InputError(f"{name} has more than {LARGEST // 1_000_000} MB; make it smaller.")


def _read_stream(stream: BinaryIO) -> bytes:
    if isinstance(stream, io.TextIOBase):
        raise _wrong_type(stream)
    try:
        if not stream.seekable():
            data = read_all(stream)
        else:
            position = stream.tell()
            stream.seek(0)
            data = read_all(stream)
            stream.seek(position)
    except (UnicodeDecodeError, TypeError):  # of a wrapper around a file in text mode
        raise _wrong_type(stream) from None
    except STREAM_ERRORS as error:
        raise InputError(f"{image_name(stream)} cannot be read: {reason(error)}.") from None
    if not isinstance(data, bytes | bytearray | memoryview):
        raise _wrong_type(stream)
    check_bytes(len(data), image_name(stream))
    return bytes(data)


def _read_deep(image: Image.Image) -> bytes | Image.Image:
    """Return the file of an image whose colours Pillow would cut down to 8 bits.

    Raises InputError for another page of it than the first, which is the one that is read of a file.
    """
    if image.tell():
        raise InputError(
            "The image is a further page of a file with more than 8 bits a colour; save that page alone."
        )
    return _read_stream(image.fp) if image.fp else image


def _read_array(source: object) -> np.ndarray:
    """Return an array of no subclass.

    A matrix would have two dimensions whatever is done to it. Raises InputError for one with a mask, under
    which there may be any values.
    """
    if np.ma.is_masked(source):
        raise InputError("The image is an array with masked values; fill them, by array.filled(0) say.")
    return np.asarray(source)


def _read_tensor(tensor: object) -> np.ndarray:
    """Return a torch tensor as an array whose channels come last.

    Raises TypeError for one of which NumPy makes no array: it is sparse, quantized or has no numbers.
    """
    try:
        tensor = tensor.detach().cpu().resolve_conj().resolve_neg()
        # NumPy has no bfloat16.
        pixels = (tensor.float() if tensor.is_floating_point() else tensor).numpy()
    except (NotImplementedError, TypeError):
        raise _wrong_type(tensor) from None
    return np.moveaxis(pixels, 0, -1) if pixels.ndim == 3 and pixels.shape[0] in (1, 3, 4) else pixels


def _path(source: object) -> object:
    """Return the path of an upload of Gradio, None for anything else."""
    path = source.get("path") if isinstance(source, Mapping) else getattr(source, "path", None)
    return path if isinstance(path, str | os.PathLike) else None


def reason(error: Exception) -> str:
    """Return why a file cannot be read, without a full stop."""
    return str(getattr(error, "strerror", None) or error).rstrip(".")


def _wrong_type(source: object) -> TypeError:
    unreadable = {"read": "a file opened as text", "detach": "a tensor that NumPy cannot read"}
    kind = next((unreadable[name] for name in unreadable if hasattr(source, name)), type(source).__name__)
    return TypeError(f"An image is {ALLOWED}, not {kind}.")
