"""Files that nobody should send: damaged, mislabelled, bombs, and ZIPs of them.

`cases` yields them by number, the same ones for the same seed.
"""

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from itertools import islice

import imagecodecs
import numpy as np
import pydicom.uid as uids
import tifffile
from PIL import Image
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset

NAMES = (
    "film.png", "../../etc/passwd.png", "a\nb.png", "\N{RADIOACTIVE SIGN}\N{LUNGS}.png", "x" * 200 + ".dcm",
    " .jpg", "-rf.png", "$(id).tif", "film.png.zip", "<b>film</b>.png", "%s%n.png", "\u202egnp.exe",
)  # fmt: skip
SIDE = 64  # pixels of the films that are damaged
WALL = 8000  # pixels a side of a bomb


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _tiff(pixels: np.ndarray, **options: object) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, pixels, **options)
    return buffer.getvalue()


def _dicom(pixels: np.ndarray, syntax: str = uids.ExplicitVRLittleEndian, **elements: object) -> bytes:
    image = Dataset()
    image.SOPClassUID, image.Modality = uids.ComputedRadiographyImageStorage, "CR"
    image.Rows, image.Columns = pixels.shape
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    bits = 8 * pixels.dtype.itemsize
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = bits, bits, bits - 1, 0
    image.PixelData = pixels.tobytes()
    image["PixelData"].VR = "OW"
    for name, value in elements.items():
        setattr(image, name, value)
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID, image.file_meta.MediaStorageSOPInstanceUID = syntax, "1.2.3"
    image.file_meta.MediaStorageSOPClassUID = uids.ComputedRadiographyImageStorage
    buffer = io.BytesIO()
    image.save_as(buffer, enforce_file_format=False, implicit_vr=False, little_endian=True)
    return bytes(128) + b"DICM" + buffer.getvalue().removeprefix(bytes(128) + b"DICM")


def zip_of(members: list[tuple[str, bytes]]) -> bytes:
    """Return a ZIP of names and contents."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return buffer.getvalue()


@cache
def films() -> dict[str, bytes]:
    """Return a small film in every format that is read, by its suffix and kind."""
    pixels = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE), dtype=np.uint8)
    grey, deep = Image.fromarray(pixels), pixels.astype(np.uint16) * 200
    colour = Image.merge("RGB", [grey, grey.rotate(90), grey])
    jpeg = _saved(grey, "JPEG")
    return {
        "png": _saved(grey, "PNG"),
        "16-bit.png": _saved(Image.fromarray(deep), "PNG"),
        "alpha.png": _saved(colour.convert("RGBA"), "PNG"),
        "palette.png": _saved(colour.quantize(16), "PNG", transparency=0),
        "jpg": jpeg,
        "progressive.jpg": _saved(colour, "JPEG", progressive=True),
        "12-bit.jpg": imagecodecs.jpeg8_encode(deep // 16, bitspersample=12),
        "lossless.jpg": imagecodecs.jpeg8_encode(deep // 16, bitspersample=12, lossless=True),
        "webp": _saved(colour, "WEBP"),
        "lossless.webp": _saved(colour, "WEBP", lossless=True),
        "gif": _saved(grey, "GIF"),
        "bmp": _saved(grey, "BMP"),
        "jp2": _saved(grey, "JPEG2000"),
        "16-bit.jp2": imagecodecs.jpeg2k_encode(deep, level=0, reversible=True),
        "avif": _saved(colour, "AVIF"),
        "tif": _saved(colour, "TIFF", compression="tiff_lzw"),
        "float.tif": _tiff(pixels.astype(np.float32), compression="zlib"),
        "nan.tif": _tiff(np.full((SIDE, SIDE), np.nan, np.float32)),
        "jpeg.tif": _saved(colour, "TIFF", compression="jpeg"),
        "tiles.tif": _tiff(deep, tile=(16, 16), compression="zlib"),
        "big-endian.tif": _tiff(deep, byteorder=">", compression="lzw", predictor=True, rowsperstrip=20),
        "12-bit.tif": _tiff(deep // 16, bitspersample=12, photometric="minisblack"),
        "runs.tif": _saved(grey, "TIFF", compression="packbits"),
        "palette.tif": _saved(colour.quantize(16), "TIFF"),
        "pgm": _saved(grey, "PPM"),
        "text.pgm": b"P2 64 64 255\n" + b" ".join(b"%d" % value for value in pixels.flat),
        "pfm": b"Pf\n64 64\n-1.0\n" + pixels.astype("<f4").tobytes(),
        "dcm": _dicom(deep),
        "8-bit.dcm": _dicom(pixels),
        "zip": zip_of([("a.png", _saved(grey, "PNG")), ("b.jpg", jpeg)]),
    }


def cases(count: int, seed: int = 0) -> Iterator[tuple[str, str, bytes]]:
    """Yield what is wrong, a file's name and its contents, `count` times."""
    dice, kinds = random.Random(seed), list(films())
    for number in range(count):
        kind = kinds[number % len(kinds)]
        damage = DAMAGES[number // len(kinds) % len(DAMAGES)]
        data = damage(films()[kind], dice)
        name = f"film-{number}.{kind}" if dice.random() < 0.7 else dice.choice(NAMES)
        yield f"{damage.__name__.strip('_')} {kind}", name, data


def _cut(data: bytes, dice: random.Random) -> bytes:
    return data[: dice.randrange(len(data))]


def _flipped(data: bytes, dice: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(dice.choice([1, 2, 8, 64])):
        changed[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    return bytes(changed)


def _header(data: bytes, dice: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(dice.choice([1, 2, 4])):
        changed[dice.randrange(min(300, len(data)))] = dice.choice([0, 1, 127, 128, 255])
    return bytes(changed)


def _length(data: bytes, dice: random.Random) -> bytes:
    """Return the file with a lying number of two or four bytes."""
    place, size = dice.randrange(min(len(data) - 4, 1000)), dice.choice([2, 4])
    value = dice.choice([0, 1, 65_500, 65_535, 2**31 - 1, 2**32 - 1]) % 256**size
    return data[:place] + value.to_bytes(size, dice.choice(["big", "little"])) + data[place + size :]


def _spliced(data: bytes, dice: random.Random) -> bytes:
    other = dice.choice(list(films().values()))
    return data[: dice.randrange(len(data))] + other[dice.randrange(len(other)) :]


def _grown(data: bytes, dice: random.Random) -> bytes:
    place = dice.randrange(len(data))
    return data[:place] + dice.randbytes(dice.choice([1, 4, 500])) + data[place:]


def _mislabelled(data: bytes, dice: random.Random) -> bytes:
    starts = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"GIF89a", b"II*\0", b"BM", b"PK\3\4", b"%PDF-")
    return dice.choice(starts) + data[dice.randrange(16) :]


def _zipped(data: bytes, dice: random.Random) -> bytes:
    inner = zip_of([(name, data) for name in dice.sample(NAMES, dice.choice([1, 3]))])
    inner = inner if dice.random() < 0.5 else zip_of([("inner.zip", inner)])
    return inner if dice.random() < 0.5 else _flipped(inner, dice)


DAMAGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _cut, _flipped, _header, _length, _spliced, _grown, _mislabelled, _zipped,
)  # fmt: skip


def bombs(every: int = 1) -> Iterator[tuple[str, str, bytes]]:
    """Yield small files that would take far more time or memory than a film.

    With `every` they are only every second, third … of them.
    """
    for name, make in islice(BOMBS.items(), 0, None, every):
        yield name, f"{name.split()[0]}.{name.split()[-1]}", make()


def _png(width: int, height: int, bits: int, colour: int, rows: int | None = None) -> bytes:
    row = bytes(1 + width * bits // 8 * {0: 1, 2: 3, 4: 2, 6: 4}[colour])
    packer = zlib.compressobj(1)
    parts = [packer.compress(row) for _ in range(height if rows is None else rows)]
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    made = b"\x89PNG\r\n\x1a\n"
    for name, content in ((b"IHDR", header), (b"IDAT", b"".join([*parts, packer.flush()])), (b"IEND", b"")):
        made += struct.pack(">I", len(content)) + name + content
        made += struct.pack(">I", zlib.crc32(name + content))
    return made


def _scans(count: int) -> bytes:
    whole = _saved(Image.new("L", (WALL, WALL)), "JPEG", progressive=True)
    last = whole.rindex(b"\xff\xda")
    return whole[:last] + whole[last:-2] * count + whole[-2:]


def _overlapping(count: int) -> bytes:
    """Return a ZIP of `count` entries that all lead to the same member."""
    whole = zip_of([("a.png", _png(WALL, WALL, 8, 0))])
    start, end = whole.index(b"PK\1\2"), whole.rindex(b"PK\5\6")
    table = whole[start:end] * count
    tail = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count % 65_536, count % 65_536, len(table), start, 0)
    return whole[:start] + table + tail


def _wall(kind: str, mode: str = "L", **options: object) -> bytes:
    return _saved(Image.new(mode, (WALL, WALL)), kind, **options)


def _parts_png(count: int = 1_000_000) -> bytes:
    """Return a PNG of so many texts that say nothing."""
    png = films()["png"]
    return png[:33] + count * (bytes(4) + b"tEXt" + struct.pack(">I", zlib.crc32(b"tEXt"))) + png[33:]


def _parts_jpeg(count: int = 5_000_000) -> bytes:
    jpeg = films()["jpg"]
    return jpeg[:2] + count * b"\xff\xfe\0\2" + jpeg[2:]


def _parts_dicom(count: int = 2_000_000) -> bytes:
    film = films()["dcm"]
    pixels = film.rindex(b"\xe0\x7f\x10\0")
    return film[:pixels] + count * bytes.fromhex("0900101053480000") + film[pixels:]


def _nested_dicom(depth: int = 100_000) -> bytes:
    """Return a DICOM file of sequences within sequences, none of which ends."""
    film = films()["dcm"]
    pixels = film.rindex(b"\xe0\x7f\x10\0")
    return film[:pixels] + depth * bytes.fromhex("0900101053510000fffffffffeff00e0ffffffff") + film[pixels:]


def _shared_tags(count: int = 1000, size: int = 10_000_000) -> bytes:
    """Return a TIFF of tags that have the same bytes for their values."""
    first = 8 + 2 + 12 * count + 4
    tags = (struct.pack(">HHLL", 40_000 + number, 7, size, first) for number in range(count))
    return b"MM\0*" + struct.pack(">LH", 8, count) + b"".join(tags) + bytes(4 + size)


def _no_rows() -> bytes:
    """Return a TIFF whose strips have 0/0 rows."""
    film = films()["tif"]
    place = film.index(struct.pack("<HH", 278, 3))
    return film[:place] + struct.pack("<HHLL", 278, 5, 1, len(film)) + film[place + 12 :] + bytes(8)


def _jpeg_strip() -> bytes:
    """Return a small TIFF with a JPEG that says it has 65,500 pixels a side."""
    film = films()["jpeg.tif"]
    place = film.index(b"\xff\xc0") + 5
    return film[:place] + struct.pack(">HH", 65_500, 65_500) + film[place + 4 :]


def _text_wall() -> bytes:
    return b"P2 4000 4000 255\n" + b"7 " * 16_000_000


def _floats(size: int = WALL, **options: object) -> bytes:
    return _tiff(np.zeros((size, size), np.float32), compression="zlib", **options)


BOMBS: dict[str, Callable[[], bytes]] = {
    "scans-500 jpg": lambda: _scans(500),
    "scans-3000 jpg": lambda: _scans(3000),
    "grey png": lambda: _png(WALL, WALL, 8, 0),
    "deep png": lambda: _png(WALL, WALL, 16, 0),
    "alpha png": lambda: _png(WALL, WALL, 8, 6),
    "grey-alpha png": lambda: _png(WALL, WALL, 8, 4),
    "deep-alpha png": lambda: _png(WALL, WALL, 16, 6),
    "narrow png": lambda: _png(1, 64_000_000, 8, 0, rows=64),
    "wide png": lambda: _png(65_500, 900, 8, 0),
    "claims png": lambda: _png(2**31 - 1, 2**31 - 1, 8, 0, rows=0),
    "float tif": _floats,
    "float-strips tif": lambda: _floats(rowsperstrip=64),
    "deep tif": lambda: _tiff(np.zeros((WALL, WALL), np.uint16), compression="zlib"),
    "double tif": lambda: _tiff(np.zeros((WALL, WALL // 2)), compression="zlib"),
    "colour tif": lambda: _wall("TIFF", "RGB", compression="tiff_lzw"),
    "lossless webp": lambda: _wall("WEBP", "RGB", lossless=True),
    "jpeg-2000 jp2": lambda: _wall("JPEG2000"),
    "av1 avif": lambda: _wall("AVIF", "RGB", speed=10),
    "long jpg": lambda: _saved(Image.new("L", (65_500, 970)), "JPEG"),
    "colour jpg": lambda: _wall("JPEG", "RGB", progressive=True, subsampling=0),
    "runs gif": lambda: _wall("GIF", "P"),
    "text pgm": _text_wall,
    "deflated dcm": lambda: _dicom(np.zeros((7000, 7000), np.uint16), uids.DeflatedExplicitVRLittleEndian),
    "lying dcm": lambda: _dicom(np.zeros((64, 64), np.uint16), Rows=65_535, Columns=970),
    "parts png": _parts_png,
    "parts jpg": _parts_jpeg,
    "parts dcm": _parts_dicom,
    "nested dcm": _nested_dicom,
    "shared-tags tif": _shared_tags,
    "no-rows tif": _no_rows,
    "jpeg-strip tif": _jpeg_strip,
    "runs tif": lambda: _wall("TIFF", compression="packbits"),
    "big-endian tif": lambda: _tiff(np.zeros((WALL, WALL), ">u2"), compression="lzw", predictor=True),
    "blanks pgm": lambda: b"P2" + b" " * 30_000_000 + b"64 64 255 " + b"7 " * SIDE**2,
    "overlapping-100 zip": lambda: _overlapping(100),
    "overlapping-2000 zip": lambda: _overlapping(2000),
    "table zip": lambda: _overlapping(500_000),
    "floats zip": lambda: zip_of([(f"{number}.tif", _floats()) for number in range(6)]),
    "walls zip": lambda: zip_of([(f"{number}.png", _png(WALL, WALL, 8, 0)) for number in range(60)]),
    "zeros zip": lambda: zip_of([(f"{number}.png", bytes(30_000_000)) for number in range(9)]),
}
