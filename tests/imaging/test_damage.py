"""Whatever bytes are changed, cut off or added: an image is read, or refused in one sentence.

Files are decoded in this process, as a worker would hide what a decoder raises. An exception of another kind
is either one that a library raises for damage and that pillow.ERRORS lacks, or a mistake of ours.
"""

import contextlib
import io
import random

import imagecodecs
import numpy as np
import pytest
from encoded_images import encoded, exif, png, tiff
from PIL import Image

from hub.errors import InputError
from hub.imaging.read import read_here
from hub.imaging.unreadable import UnreadableError

ROUNDS = 300
NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 47, 3), dtype=np.uint8))
DEEP = np.random.default_rng(1).integers(0, 4_096, (40, 47, 3), dtype=np.uint16)
GREY = np.ascontiguousarray(DEEP[..., 0])
FRAMES = {"save_all": True, "append_images": [NOISE.rotate(90)]}
FILES = {
    "PNG": encoded(NOISE, "PNG", exif=exif(6)),
    "PNG of a palette": encoded(NOISE.convert("P"), "PNG"),
    "16-bit PNG": png(DEEP),
    "JPEG": encoded(NOISE, "JPEG", exif=exif(6)),
    "progressive JPEG": encoded(NOISE, "JPEG", progressive=True),
    "CMYK JPEG": encoded(NOISE.convert("CMYK"), "JPEG"),
    "12-bit JPEG": imagecodecs.jpeg8_encode(GREY, bitspersample=12),
    "lossless JPEG": imagecodecs.jpeg8_encode(GREY, bitspersample=12, lossless=True),
    "WebP": encoded(NOISE, "WEBP", lossless=False, exif=exif(6)),
    "animated WebP": encoded(NOISE, "WEBP", **FRAMES),
    "GIF": encoded(NOISE, "GIF", **FRAMES),
    "AVIF": encoded(NOISE, "AVIF", exif=exif(6)),
    "JPEG 2000": encoded(NOISE, "JPEG2000"),
    "codestream": encoded(NOISE, "JPEG2000", no_jp2=True),
    "16-bit JPEG 2000": imagecodecs.jpeg2k_encode(DEEP, level=0, reversible=True),
    "TIFF": encoded(NOISE, "TIFF", exif=exif(6)),
    "LZW TIFF": encoded(NOISE, "TIFF", compression="tiff_lzw"),
    "JPEG TIFF": encoded(NOISE, "TIFF", compression="jpeg"),
    "16-bit TIFF": tiff(DEEP, photometric="rgb", compression="zlib", predictor=True),
    "float TIFF": tiff(GREY.astype(np.float16)),
    "BigTIFF": tiff(GREY, bigtiff=True, tile=(16, 16)),
    "LERC TIFF": tiff(GREY, compression="lerc"),
    "BMP": encoded(NOISE, "BMP"),
    "32-bit BMP": encoded(NOISE.convert("RGBA"), "BMP"),
    "PPM": encoded(NOISE, "PPM"),
    "16-bit PPM": b"P6 47 40 4095\n" + DEEP.astype(">u2").tobytes(),
    "text PPM": b"P3\n47 40\n255\n" + b" ".join(b"%d" % value for value in np.asarray(NOISE).flat),
    "PFM": b"PF\n47 40\n-1.0\n" + DEEP.astype("<f4").tobytes(),
}


def damaged(data, dice):
    """The bytes with some changed, and sometimes some cut off, left out or added."""
    data = bytearray(data)
    for _ in range(dice.choice([0, 1, 1, 2, 4, 16])):
        near = dice.choice([30, 200, len(data)])  # most of what can go wrong is in the header
        data[dice.randrange(min(near, len(data)))] = dice.choice([0, 1, 255, dice.randrange(256)])
    place, count = dice.randrange(len(data)), dice.choice([1, 2, 4, 50])
    match dice.randrange(6):
        case 0:
            del data[place:]
        case 1:
            del data[place : place + count]
        case 2:
            data[place:place] = dice.randbytes(count)
    return bytes(data)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("data", FILES.values(), ids=FILES)
def test_a_damaged_file_is_an_image_or_refused_and_never_anything_else(data):
    dice, read, refused = random.Random(0), 0, 0
    slow = data is FILES["animated WebP"]  # whose canvas is large at times
    for _ in range(ROUNDS // 3 if slow else ROUNDS):
        try:
            assert isinstance(read_here(damaged(data, dice), "The image", None), Image.Image)
            read += 1
        except (InputError, UnreadableError) as error:
            assert ". " not in str(error) and str(error).endswith(".")
            refused += 1
    assert read > 10 and refused > 10


def test_of_a_damaged_fax_nothing_is_written_beside_the_log(capfd):
    stream = io.BytesIO()
    Image.effect_noise((200, 200), 50).convert("1").save(stream, "TIFF", compression="group4")
    fax = bytearray(stream.getvalue())
    fax[1000:1100] = random.Random(0).randbytes(100)
    with contextlib.suppress(InputError, UnreadableError):
        read_here(bytes(fax), "The image", None)
    assert capfd.readouterr().err == ""
